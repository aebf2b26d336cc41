"""From frames to observations through the real steps; only the model is a stand-in that knows blocks from ground."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from drawn import watch
from moving import GROUND, block, picture

from surveillance.domain.geometry import Box
from surveillance.domain.values import Gray

ONE_VISIT = [("appeared", "unknown"), ("changed", "person"), ("left", "person")]


def visitor(now_s: float, stays_s: float) -> list[Box]:
    """Comes at 5 s from the left, stands in the middle for so long, and leaves to the right."""
    walked = np.clip((now_s - 5.0) / 4.0, 0, 1) * 0.45 + np.clip((now_s - 9.0 - stays_s) / 4.0, 0, 1) * 0.75
    x1, x2 = max(walked - 0.08, 0.0), min(walked, 1.0)
    return [Box(x1, 0.4, x2, 0.7)] if x2 - x1 > 0.01 else []


def test_a_person_who_stands_still_stays_tracked() -> None:
    told = watch(90.0, lambda now_s: picture(visitor(now_s, 60.0)))

    changes = Counter(observation.change for observation in told)
    assert [(o.change, o.label) for o in told if o.change != "heartbeat"] == ONE_VISIT
    assert changes["heartbeat"] >= 62
    assert told[-1].track_s >= 66.0
    assert {observation.track for observation in told} == {told[0].track}


@pytest.mark.parametrize("gain", [0.45, 1.9])
def test_a_standing_person_survives_a_switched_lamp(gain: float) -> None:
    def draw(now_s: float) -> Gray:
        light = gain if now_s >= 20.0 else 1.0
        return np.clip(picture(visitor(now_s, 30.0)) * 0.55 * light, 0, 255).astype(np.uint8)

    told = watch(35.0, draw)

    assert [(o.change, o.label) for o in told if o.change != "heartbeat"] == ONE_VISIT
    assert told[-1].track_s >= 25.0


def test_two_visits_are_two_tracks() -> None:
    told = watch(50.0, lambda now_s: picture(visitor(now_s, 5.0) + visitor(now_s - 22.0, 5.0)))

    assert [(o.change, o.label) for o in told if o.change != "heartbeat"] == ONE_VISIT * 2


def test_an_empty_scene_tells_nothing() -> None:
    rng = np.random.default_rng(5)

    def noisy(now_s: float) -> Gray:
        return np.clip(GROUND + rng.normal(0, 4, GROUND.shape), 0, 255).astype(np.uint8)

    assert watch(30.0, noisy) == []


def test_something_put_down_stays_in_doubt() -> None:
    told = watch(15.0, lambda now_s: picture([block(0.4)] if now_s > 5.0 else []))

    assert {observation.label for observation in told} == {"unknown"}


def test_the_same_pictures_tell_the_same() -> None:
    runs = [
        [(o.at, o.change, o.track, o.label, o.box) for o in watch(20.0, lambda now_s: picture(visitor(now_s, 3.0)))]
        for _ in range(2)
    ]

    assert runs[0] == runs[1]
