"""The task `behavior` on painted figures: a rule fires once for who runs, falls or stays, and says why."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from drawn import watch
from judging import judge, rule
from moving import block, frame_at, picture, track_of

from surveillance.domain.errors import RuleError
from surveillance.domain.geometry import Box
from surveillance.domain.site import Camera, Site
from surveillance.domain.values import Doubt
from surveillance.perception.behavior import BehaviorTask
from surveillance.rules.book import RuleDocument, parse_rulebook

HEIGHT = 0.3  # of a painted person; the picture is 16:9
SITE = Site(cameras=(Camera("yard", "file:drawn", tasks=("behavior",)),))
Boxes = Callable[[float], list[Box]]


def fired(seconds: float, boxes: Boxes, when: str) -> list[tuple[str, ...]]:
    """The reasons of each alert by a rule over what is drawn."""
    told = watch(seconds, lambda now_s: picture(boxes(now_s)), [BehaviorTask()])
    judged_by = judge(rule("told", "sighting", "alert", when), site=SITE)
    return [decision.reasons for seen in told for decision in judged_by(seen) if decision.kind == "sighting.alerted"]


def crossing(heights_per_s: float) -> Boxes:
    """Somebody upright who crosses the picture from left to right at that speed."""

    def boxes(now_s: float) -> list[Box]:
        x = 0.02 + (now_s - 5.0) * heights_per_s * HEIGHT * 9 / 16
        return [block(x, width=0.06)] if 0.02 <= x <= 0.9 else []

    return boxes


def falling(now_s: float) -> list[Box]:
    """Walks in, stands, and lies within a second."""
    if now_s < 5.0:
        return []
    x = min(0.02 + (now_s - 5.0) * 0.1, 0.4)
    down = min(max(now_s - 12.0, 0.0), 1.0)
    width, height = 0.06 + 0.12 * down, HEIGHT - 0.2 * down
    return [Box(x, 0.7 - height, x + width, 0.7)]


def crouching(now_s: float) -> list[Box]:
    """The same, but only ducks."""
    return [Box(box.x1, box.y1 + 0.12 * (now_s >= 12.0), box.x2, box.y2) for box in falling(min(now_s, 12.0))]


def wandering(now_s: float) -> list[Box]:
    """Walks to and fro within one of its heights."""
    if now_s < 5.0:
        return []
    return [block(min(0.02 + (now_s - 5.0) * 0.1, 0.5) + 0.05 * (now_s % 4 - 2) / 2, width=0.06)]


def test_who_runs_is_told_once_and_who_walks_is_not() -> None:
    (reasons,) = fired(12.0, crossing(2.5), 'label == "person" and running')

    assert reasons == ('label = "person"', "running = true")
    assert fired(20.0, crossing(0.8), 'label == "person" and running') == []


def test_a_speed_can_be_asked_for() -> None:
    (reasons,) = fired(20.0, crossing(0.8), "speed >= 0.6")

    assert 0.6 <= float(reasons[0].removeprefix("speed = ")) <= 1.0
    assert fired(20.0, crossing(0.8), "speed >= 1.2") == []


def test_who_fell_is_told_once_and_who_ducks_is_not() -> None:
    assert fired(20.0, falling, "fallen") == [("fallen = true",)]
    assert fired(20.0, crouching, "fallen") == []


def test_who_stays_about_one_place_is_told_how_long() -> None:
    (reasons,) = fired(45.0, wandering, "loiter_s >= 25")

    assert 25 <= float(reasons[0].removeprefix("loiter_s = ")) <= 27
    assert fired(40.0, crossing(0.15), "loiter_s >= 25") == []


def test_who_falls_and_rises_has_fallen_no_more() -> None:
    task, lying = BehaviorTask(), Box(0.4, 0.6, 0.6, 0.7)
    stances = [block(0.4)] * 10 + [lying] * 15 + [block(0.4)] * 15

    told = [task(frame_at(step * 0.2), [track_of(box, step * 0.2)])[1]["fallen"] for step, box in enumerate(stances)]

    assert [told[9], told[24], told[-1]] == [False, True, False]


def test_an_animal_that_runs_is_no_runner_and_what_ended_is_forgotten() -> None:
    task = BehaviorTask()
    for step in range(8):
        here = track_of(block(0.1 + 0.09 * step), step * 0.2, label="animal")
        told = task(frame_at(step * 0.2), [here])[1]

    assert told["speed"] > 2
    assert told["running"] is False
    assert task(frame_at(1.6), [track_of(block(0.8), 1.6, ended=True)]) == {}


def test_from_straight_above_nobody_can_be_seen_to_fall() -> None:
    told = BehaviorTask(view="top")(frame_at(0.0), [track_of(block(0.4))])[1]

    assert told["fallen"] == Doubt("a camera that looks straight down cannot tell who fell")


@pytest.mark.parametrize("word", ["running", "fallen"])
@pytest.mark.parametrize(("on", "verdict"), [("presence", "authorize"), ("access", "deny")])
def test_a_hint_never_decides_who_may_pass(word: str, on: str, verdict: str) -> None:
    with pytest.raises(RuleError) as refused:
        parse_rulebook([RuleDocument(rule("door", on, verdict, word), "rules.yaml")], SITE, 1)

    assert f"{word} is experimental: it may alert and log, and never decides who may pass" in str(refused.value)
