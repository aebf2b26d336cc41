"""The inputs up to a moment on record, as core met them."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from ledger_samples import NOON, Desk, decision, observation, open_desk

from surveillance.domain.doors import DoorSensed
from surveillance.domain.values import CameraReport, DoorReport, Input, ModeReport
from surveillance.storage.queries import Events


@pytest.fixture
def desk(tmp_path: Path, database: str) -> Desk:
    return open_desk(tmp_path, url=database)


def seconds(count: float) -> timedelta:
    return timedelta(seconds=count)


def test_a_moment_comes_with_what_core_met_before_it(desk: Desk) -> None:
    door = DoorReport("front", NOON - seconds(900), "locked_down", "normal")
    mode = ModeReport(NOON - seconds(800), "disarmed")
    old = CameraReport("front", NOON - seconds(700), "live")
    near = CameraReport("front", NOON - seconds(30), "live")
    seen = observation(at=NOON, started_at=NOON - seconds(5))
    later = observation(at=NOON + seconds(1), started_at=NOON - seconds(5))
    sensed = DoorSensed("front", NOON - seconds(850), "closed", "locked")
    entries: list[Input] = [door, sensed, mode, old, near, seen, later]
    made = decision(subject=seen.id)
    desk.ledger([(entry, (made,) if entry is seen else ()) for entry in entries])
    events = Events(desk.engine)
    number = events.one(made.id)["input"]  # type: ignore[index]
    assert events.inputs_until(number) == [door, sensed, mode, near, seen]
    assert events.inputs_until(number, span_s=10) == [door, sensed, mode, seen]
    assert events.number_of_observation(seen.id) == number
    assert events.number_of_observation("nothing") is None
    assert events.inputs_until(999) == []


def test_the_latest_tracks_of_a_camera_are_told_once_each(desk: Desk) -> None:
    began = NOON - seconds(5)
    path = [observation(track=1, at=NOON + seconds(second), started_at=began) for second in range(3)]
    other = observation(track=2, at=NOON + seconds(1.5), started_at=began)
    again = observation(track=1, at=NOON + seconds(60), started_at=NOON + seconds(59))
    elsewhere = observation(track=3, camera="gate", at=NOON, started_at=began)
    desk.ledger([(entry, ()) for entry in (*path, other, again, elsewhere)])
    events = Events(desk.engine)
    assert [seen.id for seen in events.latest_tracks("front")] == [again.id, path[2].id, other.id]
    assert [seen.id for seen in events.latest_tracks("front", limit=1)] == [again.id]
    assert events.latest_tracks("nowhere") == []
