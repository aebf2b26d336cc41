"""Areas: who is where by record, who comes out of turn, and who is forgiven; the same after a restart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from judging import after, book, decide, judge, request, rule, told

from surveillance.domain.areas import Forgiveness, Passage, passage_of
from surveillance.domain.errors import RuleError, SettingsError
from surveillance.domain.levels import AccessLevel
from surveillance.domain.site import Door, Person, Site
from surveillance.domain.values import Decision, Input
from surveillance.rules.judge import RuleJudge
from surveillance.rules.settings import RuleSettings
from surveillance.storage.site_document import site_yaml
from surveillance.storage.site_file import parse_site

PEOPLE = tuple(Person(name, frozenset({"staff"})) for name in ("Ada", "Grace", "Mary"))
HARD = Site(
    version=7,
    doors=(
        Door("in", to_area="hall", antipassback="hard"),
        Door("out", from_area="hall", antipassback="hard"),
        Door("vault", from_area="hall", to_area="vault", antipassback="soft"),
        Door("back", from_area="vault", to_area="hall"),
        Door("shed"),
    ),
    people=PEOPLE,
)
STAFF = rule("staff", "access", "authorize", '"staff" in groups and "badge" in factors')


def ask(second: float, door: str, person: str | None = "Ada", **more: Any) -> Input:
    return replace(request(second, "back", **more), id=f"r-{second:g}", door=door, camera=None, person=person)


def forgive(second: float, person: str | None) -> Forgiveness:
    return Forgiveness(f"f-{second:g}", after(second), person, "grace", "a drill")


def verdicts(inputs: Sequence[Input], *rules: str, site: Site = HARD, **more: Any) -> list[str]:
    made = decide(judge(*(rules or (STAFF,)), site=site, **more), inputs)
    return [decision.kind.partition(".")[2] for decision in made]


def test_a_badge_that_went_in_does_not_go_in_again_until_it_went_out() -> None:
    assert verdicts([ask(1, "in"), ask(2, "in"), ask(3, "out"), ask(4, "in")]) == [
        "granted", "denied", "granted", "granted",
    ]  # fmt: skip


def test_a_denial_out_of_turn_says_where_one_is_by_record_whatever_the_rules_say() -> None:
    judged_by = judge(STAFF, site=HARD)
    granted, denied = decide(judged_by, [ask(1, "in"), ask(2, "in")])
    assert granted.details["moved"] == {"from": "", "to": "hall"}
    assert (denied.verdict, denied.reasons) == (
        "deny",
        (
            "antipassback_violation",
            "by record this person is in hall since 2026-11-20 12:00Z, and door in leads from outside",
        ),
    )


def test_a_soft_door_lets_in_and_tells_of_it() -> None:
    made = decide(judge(STAFF, site=HARD), [ask(1, "vault"), ask(2, "vault")])
    assert told(made) == [("access.granted", "staff"), ("access.granted", "staff"), ("antipassback.violated", None)]
    assert (made[2].identity, made[2].door) == ("Ada", "vault")
    assert made[2].reasons == (
        "by record this person is in vault since 2026-11-20 12:00Z, and door vault leads from hall",
    )


def test_of_whom_nothing_is_known_any_door_is_right() -> None:
    assert verdicts([ask(1, "out"), ask(2, "in", "Grace"), ask(3, "in", None)]) == ["granted"] * 3
    assert verdicts([ask(1, "in", None), ask(2, "in", None)]) == ["granted"] * 2, "nobody is nowhere"


def test_who_is_forgiven_or_forgotten_may_use_any_door() -> None:
    entered = [ask(1, "in"), ask(1.5, "in", "Grace")]
    assert verdicts([*entered, forgive(2, "Ada"), ask(3, "in"), ask(4, "in", "Grace")])[2:] == [
        "forgiven", "granted", "denied",
    ]  # fmt: skip
    assert verdicts([*entered, forgive(2, None), ask(3, "in"), ask(4, "in", "Grace")])[2:] == [
        "forgiven", "granted", "granted",
    ]  # fmt: skip
    assert verdicts([ask(1, "in"), ask(3500, "in"), ask(3602, "in")], forgive_after_h=1) == [
        "granted", "denied", "granted",
    ]  # fmt: skip
    [made] = decide(judge(STAFF, site=HARD), [forgive(1, "Ada")])
    assert (made.kind, made.identity, made.reasons, made.details) == (
        "area.forgiven", "Ada", ("a drill",), {"actor": "grace"},
    )  # fmt: skip


def test_a_grant_that_did_not_come_on_record_moved_nobody() -> None:
    judged_by = judge(STAFF, site=HARD)
    entered = ask(1, "in")
    judged_by(entered)
    judged_by.take_back(entered)
    assert told(judged_by(ask(2, "in"))) == [("access.granted", "staff")]
    forgiven = forgive(3, None)
    judged_by(forgiven)
    judged_by.take_back(forgiven)
    assert told(judged_by(ask(4, "in"))) == [("access.denied", None)], "nobody was forgiven either"


def test_rules_ask_where_one_is_and_how_many_are_there() -> None:
    rules = (
        rule(
            "from the hall",
            "access",
            "authorize",
            '"badge" in factors and door == "vault" and area == "hall" and occupancy("vault") < 1',
        ),
        rule("in", "access", "authorize", '"badge" in factors and door in {"in", "back", "shed"}'),
        rule("too many", "access", "deny", 'door == "in" and occupancy("hall") >= 2'),
    )
    steps = [ask(1, "vault"), ask(2, "in"), ask(3, "vault"), ask(4, "in", "Grace"), ask(5, "vault", "Grace")]
    assert verdicts(steps, *rules) == ["denied", "granted", "granted", "granted", "denied"]
    assert verdicts([*steps, ask(6, "back"), ask(7, "in", "Mary"), ask(8, "shed", "Mary")], *rules)[5:] == [
        "granted", "denied", "granted",
    ]  # fmt: skip
    with pytest.raises(RuleError, match="no area is called 'hal'; did you mean 'hall'"):
        book(rule("x", "access", "deny", 'occupancy("hal") > 1'), HARD)


def test_two_who_are_let_in_together_are_both_inside() -> None:
    """And both are on record, each by an event of their own."""
    level = AccessLevel("pairs", frozenset({"staff"}), frozenset({"in"}), two_persons=True)
    site = replace(HARD, access_levels=(level,))
    pair = rule("pair", "access", "authorize", 'permitted and "badge" in factors')
    made = decide(judge(pair, site=site), [ask(1, "in"), ask(2, "in", "Grace"), ask(3, "in")])
    assert [(one.kind, one.identity) for one in made] == [
        ("access.denied", "Ada"), ("access.granted", "Grace"), ("area.entered", "Ada"), ("access.denied", "Ada"),
    ]  # fmt: skip
    assert [(passage.person, passage.area) for passage in passages(made)] == [("Grace", "hall"), ("Ada", "hall")]


def test_whoever_leaves_the_site_leaves_its_areas() -> None:
    judged_by = judge(STAFF, site=HARD)
    judged_by(ask(1, "in"))
    judged_by.swap(book(STAFF, HARD), replace(HARD, people=PEOPLE[1:]))
    judged_by.swap(book(STAFF, HARD), HARD)
    assert told(judged_by(ask(2, "in"))) == [("access.granted", "staff")]


STEPS = some.lists(
    some.tuples(
        some.sampled_from([door.name for door in HARD.doors] + ["forgive"]),
        some.sampled_from(("Ada", "Grace", "Mary", None)),
        some.booleans(),
    ),
    max_size=30,
)
CHANGING = (STAFF, rule("few", "access", "deny", 'occupancy("hall") > 1'))


def inputs_of(steps: Sequence[tuple[str, str | None, bool]]) -> list[Input]:
    return [
        forgive(second, person)
        if what == "forgive"
        else ask(second, what, person, factors=frozenset({"badge"} if has_badge else ()))
        for second, (what, person, has_badge) in enumerate(steps, 1)
    ]


def passages(made: Sequence[Decision]) -> list[Passage]:
    found = (passage_of(one.kind, one.at, one.identity, one.door, one.details) for one in made)
    return [passage for passage in found if passage is not None]


@given(STEPS, some.integers(0, 30))
@settings(max_examples=300, deadline=None)
def test_a_judge_that_was_killed_goes_on_with_the_same_answers(steps: Any, cut: int) -> None:
    """Even though the rules were others when the record was made."""
    inputs = inputs_of(steps)
    whole = judge(*CHANGING, site=HARD)
    before = decide(whole, inputs[:cut])
    again = RuleJudge(book(STAFF, HARD), HARD, RuleSettings())
    again.recall(inputs[:cut])
    again.recall_places(passages(before))
    again.swap(book("".join(CHANGING), HARD), HARD)
    assert [made.kind for made in decide(whole, inputs[cut:])] == [made.kind for made in decide(again, inputs[cut:])]


@given(STEPS)
@settings(max_examples=300, deadline=None)
def test_antipassback_never_grants_what_was_denied_and_hard_never_lets_in_twice(steps: Any) -> None:
    """Whoever went in by a hard door comes in again only after going out, or after being forgiven."""
    inputs = inputs_of(steps)
    inside: set[str | None] = set()
    for made in decide(judge(*CHANGING, site=HARD), inputs):
        if made.kind == "area.forgiven":
            inside = set() if made.identity is None else inside - {made.identity}
        if made.kind != "access.granted" or made.identity is None:
            continue
        if made.door == "in":
            assert made.identity not in inside
            inside.add(made.identity)
        elif made.door == "out":
            inside.discard(made.identity)
        elif made.door in ("vault", "back"):
            inside.add(made.identity)


def test_a_site_file_says_where_doors_lead() -> None:
    text = """
doors:
  - {name: in, to: hall, antipassback: hard}
  - {name: out, from: hall, antipassback: soft}
  - {name: inner, from: hall, to: vault, antipassback: off}
"""
    site = parse_site(text, "site.yaml")
    assert site.doors == (
        Door("in", to_area="hall", antipassback="hard"),
        Door("out", from_area="hall", antipassback="soft"),
        Door("inner", from_area="hall", to_area="vault"),
    )
    assert site.areas == ("hall", "vault")
    assert parse_site(site_yaml(site), "again").doors == site.doors


@pytest.mark.parametrize(
    ("door", "fault"),
    [
        ("{name: a, antipassback: hard}", "doors[0].antipassback: says hard, but the door leads nowhere"),
        ("{name: a, from: hall, to: hall}", "doors[0].to: is 'hall' like `from`"),
        ("{name: a, frm: hall}", "doors[0].frm: unknown key; did you mean 'from'"),
        ("{name: a, to: '*'}", "doors[0].to: '*' is no name"),
    ],
)
def test_a_door_that_leads_nowhere_is_told(door: str, fault: str) -> None:
    with pytest.raises(SettingsError) as caught:
        parse_site(f"doors:\n  - {door}\n", "s.yaml")
    assert fault in str(caught.value)


def test_places_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("surveillance.rules.places.MAX_PLACES", 2)
    people = tuple(Person(f"p{number}", frozenset({"staff"})) for number in range(3))
    steps = [ask(1, "in", "p0"), ask(2, "in", "p1"), ask(3, "in", "p2"), ask(4, "in", "p0"), ask(5, "in", "p2")]
    assert verdicts(steps, site=replace(HARD, people=people)) == ["granted"] * 4 + ["denied"]
