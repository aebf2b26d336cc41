"""The inputs up to a moment on record, as core met them."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from ledger_samples import NOON, Desk, decision, observation, open_desk

from surveillance.domain.doors import DoorSensed
from surveillance.domain.threats import ThreatOrder
from surveillance.domain.values import CameraReport, Decision, DoorReport, Input, ModeReport, Tick
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


def moved(second: int, person: str | None, kind: str, door: str | None, to: str = "") -> Decision:
    details = {"moved": {"from": "", "to": to}} if door else {}
    return decision(kind=kind, at=NOON + seconds(second), identity=person, door=door, details=details, camera=None)


def test_where_people_went_is_known_of_any_moment(desk: Desk) -> None:
    made = [
        moved(1, "Ada", "access.granted", "front", "hall"),
        moved(2, "Grace", "access.granted", "front", "hall"),
        moved(3, "Ada", "access.taken", "back"),
        moved(4, None, "area.forgiven", None),
        moved(5, "Ada", "access.granted", "front", "hall"),
        moved(6, "Ada", "access.granted", "shed", "shed"),
    ]
    desk.ledger([(Tick(one.at), (one,)) for one in made])
    events, day, late = Events(desk.engine), timedelta(days=1), NOON + seconds(9)
    found = events.places({"front", "back"}, late, day)
    assert [(one.person, one.area, one.door) for one in found] == [
        ("Grace", "hall", "front"), ("Ada", "", "back"), (None, None, ""), ("Ada", "hall", "front"),
    ]  # fmt: skip
    assert [one.person for one in events.places({"front"}, NOON + seconds(2), day)] == ["Ada", "Grace"]
    assert [one.person for one in events.places({"front"}, late, seconds(6))] == [None, "Ada"]
    assert events.places((), late, day) == []


def test_the_threat_level_is_found_among_the_events(desk: Desk) -> None:
    told = ThreatOrder("t", NOON, "lockdown", "grace", "a drill")
    made = decision(kind="threat.changed", at=NOON, subject="t", details={"level": "lockdown"}, camera=None)
    assert Events(desk.engine).last_threat() == []
    desk.ledger([(told, (made,))])
    assert Events(desk.engine).last_threat() == [ThreatOrder("t", NOON, "lockdown", "", "")]
