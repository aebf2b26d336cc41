"""The task `objects` on painted pictures: what somebody puts down or takes away is told once, and only that."""

from __future__ import annotations

from collections.abc import Callable
from itertools import groupby

import numpy as np
import pytest
from drawn import watch
from judging import judge, rule
from moving import picture

from surveillance.domain.geometry import Box, Zone
from surveillance.domain.site import Camera, Site
from surveillance.domain.values import OBJECT_LABELS, Gray, Observation
from surveillance.perception.objects import ObjectTask, ObjectTracker
from surveillance.perception.settings import ObjectSettings
from surveillance.perception.track import VoteTracker

BAG = Box(0.47, 0.62, 0.52, 0.7)
EVERYWHERE = Zone("yard", ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)), restricted=True)
SITE = Site(cameras=(Camera("yard", "file:drawn", tasks=("objects",), zones=(EVERYWHERE,)),))
Boxes = Callable[[float], list[Box]]


def visitor(now_s: float, comes_s: float = 15.0, stays_s: float = 5.0) -> list[Box]:
    """Comes from the left, stands in the middle for so long and leaves to the right."""
    x = min(0.02 + (now_s - comes_s) * 0.1, 0.45) + max(now_s - comes_s - 4.3 - stays_s, 0.0) * 0.1
    return [Box(x, 0.4, min(x + 0.08, 1.0), 0.7)] if now_s >= comes_s and x < 0.97 else []


def watched(seconds: float, draw: Callable[[float], Gray], **how: float) -> list[Observation]:
    tracker = ObjectTracker("yard", VoteTracker("yard"), ObjectSettings(**how))
    return watch(seconds, draw, [ObjectTask()], tracker)


def objects(told: list[Observation]) -> list[tuple[str, str, list[str]]]:
    """Each object's label and word, and what was told of it, without repetitions."""
    stories: dict[int, list[Observation]] = {}
    for seen in told:
        if seen.label in OBJECT_LABELS:
            stories.setdefault(seen.track, []).append(seen)
    return [
        (story[0].label, str(story[0].attributes["object"]), [change for change, _ in groupby(s.change for s in story)])
        for story in stories.values()
    ]


def bag_from(puts_s: float, takes_s: float = 1e9) -> Callable[[float], Gray]:
    """Somebody comes, and a bag lies there from then to then."""

    def draw(now_s: float) -> Gray:
        return picture(visitor(now_s) + visitor(now_s, 60.0) + ([BAG] if puts_s <= now_s < takes_s else []))

    return draw


def test_a_bag_that_was_left_fires_once_and_says_how_long_it_lay() -> None:
    told = watched(58.0, bag_from(21.0))
    judged_by = judge(rule("bag", "sighting", "alert", 'object == "left" and track_s >= 20'), site=SITE)

    decisions = [decision for seen in told for decision in judged_by(seen)]

    (alert,) = [decision for decision in decisions if decision.kind == "sighting.alerted"]
    assert alert.label == "left object"
    assert alert.reasons[0] == 'object = "left"'
    assert 20 <= float(alert.reasons[1].removeprefix("track_s = ")) <= 31  # where nothing moves, every ten seconds
    assert objects(told) == [("left object", "left", ["appeared", "heartbeat", "left"])]
    asked = {decision.label for decision in decisions if decision.kind == "presence.denied"}
    assert "left object" not in asked  # what lies in a restricted zone asks for nothing


def test_a_bag_that_is_fetched_again_ends_and_is_no_theft() -> None:
    (bag,) = objects(watched(90.0, bag_from(21.0, takes_s=66.0)))

    assert bag == ("left object", "left", ["appeared", "heartbeat", "left"])


def test_what_was_always_there_and_is_gone_was_removed() -> None:
    assert objects(watched(58.0, bag_from(0.0, takes_s=21.0))) == [
        ("removed object", "removed", ["appeared", "heartbeat", "left"])
    ]


def test_what_lies_for_long_belongs_there() -> None:
    told = [seen for seen in watched(58.0, bag_from(21.0), forget_s=15.0) if seen.label in OBJECT_LABELS]

    assert [seen.change for seen in told].count("left") == 1
    assert told[-1].track_s < 30


@pytest.mark.parametrize(
    "boxes",
    [
        visitor,
        lambda now_s: visitor(now_s, stays_s=25.0),  # who stands is nothing left
        lambda now_s: visitor(max(now_s, 20.0)),  # who stood there at first has left
        lambda now_s: [BAG] if now_s >= 20.0 else [],  # nobody was there: light, or something blown
    ],
)
def test_people_and_light_are_no_objects(boxes: Boxes) -> None:
    assert objects(watched(50.0, lambda now_s: picture(boxes(now_s)))) == []


def test_a_thing_outlives_a_slow_change_of_light() -> None:
    def draw(now_s: float) -> Gray:
        light = 1.0 - 0.012 * max(now_s - 32.0, 0.0)
        return np.clip(bag_from(21.0)(now_s) * light, 0, 255).astype(np.uint8)

    assert objects(watched(58.0, draw)) == [("left object", "left", ["appeared", "heartbeat", "left"])]


def test_a_lamp_that_is_switched_is_no_object() -> None:
    def draw(now_s: float) -> Gray:
        light = 1.0 if now_s < 30.0 else 1.7
        return np.clip(picture(visitor(now_s)) * 0.55 * light, 0, 255).astype(np.uint8)

    assert objects(watched(50.0, draw)) == []
