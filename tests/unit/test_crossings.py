"""Who went through a door after a grant: by the persons that crossed its line, or unknown with a reason."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from fakes import observation
from hypothesis import given, settings
from hypothesis import strategies as some
from judging import after, decide, judge, report, request, rule

from surveillance.domain.errors import SettingsError
from surveillance.domain.geometry import Line
from surveillance.domain.site import Camera, Door, Person, Site
from surveillance.domain.values import DoorOrder, Input, Tick
from surveillance.rules.crossings import line_hints
from surveillance.storage.site_file import parse_site

PORCH = Camera("porch", "synthetic://porch", lines=(Line("sill", (0, 0.5), (1, 0.5)),), proposer="detector")
SITE = Site(
    version=7,
    cameras=(PORCH,),
    doors=(Door("front", "porch", line="sill", to_area="hall", antipassback="hard", pulse_s=3),),
    people=tuple(Person(name, frozenset({"staff"})) for name in ("Ada", "Grace")),
)
FREE = replace(SITE.doors[0], antipassback="off")
STAFF = rule("staff", "access", "authorize", '"badge" in factors')


def ask(second: float, person: str | None = "Ada") -> Input:
    return replace(request(second, "back"), id=f"r-{second:g}", door="front", camera="porch", person=person)


def cross(second: float, track: int = 1, way: str = "in", label: str = "person") -> Input:
    crossed = frozenset({f"sill:{way}"})
    more = {"id": f"seen-{track}-{second:g}", "started_at": after(-5), "crossed": crossed}
    return observation(track, label, after(second), camera="porch", **more)


def told(inputs: Iterable[Input], site: Site = SITE, until: int = 20, camera: str = "live") -> list[Any]:
    """What comes of them, while the camera reports each second."""
    beats: list[Input] = []
    for second in range(-5, until):
        state = camera if second > 3 else "live"
        beats += [report(second, "porch", state, changed=state != "live" and second == 4), Tick(after(second + 0.5))]
    made = decide(judge(STAFF, site=site), sorted([*beats, *inputs], key=lambda entry: entry.at))
    shown = [one for one in made if one.kind.partition(".")[0] in ("access", "tailgating", "antipassback")]
    return [(one.kind, one.identity, one.reasons if one.verdict is None else ()) for one in shown]


GRANTED = ("access.granted", "Ada", ())
TAKEN = ("access.taken", "Ada", ())


def test_one_who_was_let_in_and_went_through_has_taken_it() -> None:
    assert told([ask(1), cross(2)]) == [GRANTED, TAKEN]
    assert told([ask(1), cross(8.9)]) == [GRANTED, TAKEN], "within the pulse and some seconds"


def test_one_who_was_let_in_and_did_not_go_through_has_not() -> None:
    untaken = [GRANTED, ("access.not_taken", "Ada", ())]
    assert told([ask(1)]) == untaken
    assert told([ask(1), cross(2, way="out")]) == untaken, "somebody came out"
    assert told([ask(1), cross(2, label="animal")]) == untaken
    assert told([ask(1), cross(0.5), cross(9.5, 2)]) == untaken, "before the grant, and after the time"


def test_more_than_were_let_in_is_tailgating_with_the_picture_of_whoever_came_behind() -> None:
    inputs = [ask(1), cross(2), cross(3, 2), cross(4, 3)]
    assert told(inputs) == [GRANTED, TAKEN, ("tailgating.detected", None, ("2 went through, 1 let in",))]
    made = decide(judge(STAFF, site=SITE), [report(0, "porch"), *inputs])[-1]
    assert (made.kind, made.door, made.camera, made.track, made.subject) == (
        "tailgating.detected", "front", "porch", 2, "seen-2-3",
    )  # fmt: skip
    assert told([ask(1), cross(2), cross(2.5)]) == [GRANTED, TAKEN], "the same person to and fro is one"


def test_a_grant_that_comes_after_the_time_is_another_one() -> None:
    """Though the end of the first is told later, since cameras may tell late."""
    inputs = [ask(1), cross(2), cross(3, 2), ask(9.5, "Grace")]
    assert told(inputs, replace(SITE, doors=(FREE,)), until=30)[3:] == [
        ("access.granted", "Grace", ()), ("access.not_taken", "Grace", ()),
    ]  # fmt: skip


def test_two_who_were_let_in_may_go_through_together() -> None:
    pair = [ask(1), ask(1.5, "Grace"), cross(3), cross(3.5, 2)]
    both = [GRANTED, ("access.granted", "Grace", ())]
    assert told(pair) == [*both, TAKEN, ("access.taken", "Grace", ())]
    doubt = ("1 went through, 2 let in",)
    unknown = [("access.taken_unknown", "Ada", doubt), ("access.taken_unknown", "Grace", doubt)]
    assert told(pair[:3]) == [*both, *unknown], "nobody knows which of them"
    assert told([ask(1), ask(1.5), cross(3), cross(3.5, 2)])[-1][0] == "tailgating.detected", "one badge, twice"


@pytest.mark.parametrize(
    ("inputs", "camera", "doubt"),
    [
        ([ask(1)], "blinded", "camera porch is blinded"),
        ([ask(1)], "lost", "camera porch is lost"),
        ([ask(1), cross(2, label="unknown")], "live",
         "camera porch saw something go through that it cannot tell from a person"),
    ],
)  # fmt: skip
def test_what_the_camera_could_not_see_is_unknown_with_a_reason(
    inputs: Sequence[Input], camera: str, doubt: str
) -> None:
    assert told(inputs, camera=camera) == [GRANTED, ("access.taken_unknown", "Ada", (doubt,))]


def test_a_camera_that_was_away_in_between_saw_not_all() -> None:
    inputs = [report(second, "porch") for second in (-3, -2, -1, 0, 1, 2, 8, 9, 10, 11, 12)]
    made = decide(judge(STAFF, site=SITE), sorted([*inputs, ask(1), Tick(after(12))], key=lambda entry: entry.at))
    assert made[-1].kind == "access.taken_unknown"
    assert made[-1].reasons == ("camera porch did not see all the while",)


def test_whoever_opens_by_hand_may_let_in_many() -> None:
    order = DoorOrder("o", after(1), "front", "open", "grace", "a delivery", after(3))
    kinds = [kind for kind, _, _ in told([order, cross(2), cross(2.5, 2)])]
    assert kinds == ["access.granted", "access.taken"]


def test_motion_counts_no_heads_so_nothing_is_claimed_and_that_is_said() -> None:
    blind = replace(SITE, cameras=(replace(PORCH, proposer="motion"),))
    assert told([ask(1), cross(2), cross(3, 2)], blind) == [GRANTED]
    [hint] = line_hints(blind)
    assert hint.startswith("door front: camera porch looks by motion, which counts no heads")
    assert line_hints(SITE) == []


def test_only_whoever_went_through_is_in_the_area() -> None:
    assert told([ask(1), ask(15)], until=30) == [GRANTED, ("access.not_taken", "Ada", ())] * 2
    inside = told([ask(1), cross(2), ask(15)], until=30)
    assert [kind for kind, _, _ in inside] == ["access.granted", "access.taken", "access.denied"]
    unknown = told([ask(1), cross(2, label="unknown"), ask(15)], until=30)
    assert [kind for kind, _, _ in unknown] == ["access.granted", "access.taken_unknown", "access.denied"]


def test_a_grant_that_did_not_come_on_record_is_waited_for_no_more() -> None:
    judged_by = judge(STAFF, site=SITE)
    first = ask(1)
    decide(judged_by, [report(0, "porch"), first])
    judged_by.take_back(first)
    assert [made.kind for made in decide(judged_by, [Tick(after(30))])] == ["health.degraded"]


def test_a_watch_that_nobody_ended_tells_nothing_after_a_long_while() -> None:
    """Such as after a restart, from what was let in before it."""
    judged_by = judge(STAFF, site=SITE)
    judged_by.recall([report(0, "porch"), ask(1)])
    assert [made.kind for made in decide(judged_by, [Tick(after(3600))])] == ["health.degraded"]


STEPS = some.lists(
    some.tuples(
        some.sampled_from(("ask", "in", "out")), some.integers(1, 4), some.sampled_from(("Ada", "Grace", None))
    ),
    max_size=15,
)  # fmt: skip


@given(STEPS)
@settings(max_examples=200, deadline=None)
def test_each_grant_comes_to_one_end_and_tailgating_is_more_than_let_in(steps: Sequence[Any]) -> None:
    site = replace(SITE, doors=(FREE,))
    inputs = [
        ask(second, person) if what == "ask" else cross(second, track, what)
        for second, (what, track, person) in enumerate(steps, 1)
    ]
    made = told(inputs, site, until=40)
    ends = [kind for kind, _, _ in made if kind in ("access.taken", "access.not_taken", "access.taken_unknown")]
    grants = sum(kind == "access.granted" for kind, _, _ in made)
    assert len(ends) <= grants
    assert (len(ends) > 0) is (grants > 0)
    people = {track for what, track, _ in steps if what == "in"}
    assert sum(kind == "tailgating.detected" for kind, _, _ in made) <= max(len(people) - 1, 0) if grants else True


@pytest.mark.parametrize(
    ("door", "fault"),
    [
        ("{name: a, line: sill}", "doors[0].line: is a line of its camera, and this door has none"),
        ("{name: a, camera: porch, line: sil}", "doors[0].line: camera porch has no line 'sil'"),
    ],
)
def test_a_line_that_is_not_there_is_told(door: str, fault: str) -> None:
    cameras = "cameras:\n  - {name: porch, url: 'a.mp4', lines: [{name: sill, start: [0, 0], end: [1, 1]}]}\n"
    with pytest.raises(SettingsError) as caught:
        parse_site(f"{cameras}doors:\n  - {door}\n", "s.yaml")
    assert fault in str(caught.value)
