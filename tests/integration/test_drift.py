"""A camera whose model becomes unsure is told of once, and once more when that is over."""

from __future__ import annotations

from datetime import timedelta

from ledger_samples import NOON, Desk, observation, open_desk

from surveillance.app.drift import DriftWatch
from surveillance.jobs.settings import DriftSettings


def record(desk: Desk, day: int, sure: float, count: int = 60, camera: str = "front") -> None:
    """A day's tracks, each as sure as that, give or take a little."""
    start = NOON + timedelta(days=day - 1)
    ended = [
        observation(
            change="left",
            camera=camera,
            track=number,
            at=start + timedelta(minutes=number + 1),
            confidence=sure - 0.05 + 0.1 * (number % 10) / 10,
        )
        for number in range(count)
    ]
    desk.ledger([(entry, ()) for entry in ended])


def test_a_darkened_camera_drifts_once_and_settles(tmp_path) -> None:
    desk, told, today = open_desk(tmp_path), [], [NOON]
    card = {"confidence": [0] * 18 + [100, 0], "classes": {"person": 100}}
    how = DriftSettings(settle_days=4)
    watch = DriftWatch(desk.engine, how, lambda model: card, told.append, lambda: today[0])

    def after(day: int) -> str:
        today[0] = NOON + timedelta(days=day)
        return watch().words

    for day in range(1, 6):
        record(desk, day, 0.92)
        record(desk, day, 0.92, camera="back")
        assert after(day) == "no model has drifted"
    record(desk, 6, 0.62)
    record(desk, 6, 0.92, camera="back")
    words = after(6)
    assert "embedded on camera front: how sure it is has shifted against its first weeks (PSI" in words
    assert "embedded on camera front: 62% sure on average, 92% in its validation" in words
    assert "back" not in words
    assert [(event.kind, event.camera) for event in told] == [("model.drifted", "front")] * 2
    record(desk, 7, 0.62)
    after(7)
    assert len(told) == 2, "once for each cause"
    after(8)
    assert len(told) == 2, "a day without tracks says nothing"
    record(desk, 9, 0.92)
    assert after(9) == "no model has drifted"
    assert [event.kind for event in told[2:]] == ["model.settled"] * 2
    assert told[2].reasons[0].startswith("over: embedded on camera front")
