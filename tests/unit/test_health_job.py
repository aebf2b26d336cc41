"""The health job: a cause is told when it appears, once an hour while it lasts, and when it is over."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from surveillance.domain.errors import RecordFailed
from surveillance.domain.site import Camera, Site
from surveillance.domain.values import Decision
from surveillance.jobs.health import (
    Cause,
    Health,
    cameras_check,
    disk_check,
    keys_check,
    memory_check,
    outbox_check,
)

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
GB = 1_000_000_000


class Shared:
    """Small values that outlive a restart, in memory."""

    def __init__(self) -> None:
        self.values: dict[str, dict[str, Any]] = {}
        self.away = False

    def put(self, name: str, value: Mapping[str, Any]) -> None:
        if self.away:
            raise RecordFailed("away")
        self.values[name] = dict(value)

    def get_dated(self, name: str) -> tuple[dict[str, Any], datetime] | None:
        if self.away:
            raise RecordFailed("away")
        return (self.values[name], NOON) if name in self.values else None


class Patient:
    """A health job whose causes and clock a test sets."""

    def __init__(self, shared: Shared | None = None) -> None:
        self.shared = shared or Shared()
        self.causes: dict[str, str] = {}
        self.now = NOON
        self.told: list[Decision] = []
        self.health = Health([self.look], self.shared, self.told.append, 3600, lambda: self.now)

    def look(self, now: datetime) -> Iterable[Cause]:
        return [Cause(name, words) for name, words in self.causes.items()]

    def after(self, minutes: float) -> str:
        self.now = NOON + timedelta(minutes=minutes)
        return self.health().words

    def kinds(self) -> list[tuple[str, str]]:
        return [(decision.kind, decision.details["cause"]) for decision in self.told]


def test_a_cause_is_told_once_and_its_end_too() -> None:
    patient = Patient()
    assert patient.after(0) == "all is well"
    patient.causes["disk"] = "the disk is full"
    assert patient.after(1) == "the disk is full"
    patient.after(2)
    patient.causes["key sealing"] = "the key is gone"
    assert patient.after(3) == "the disk is full; the key is gone"
    patient.causes.clear()
    assert patient.after(4) == "all is well"
    assert patient.kinds() == [
        ("health.degraded", "disk"),
        ("health.degraded", "key sealing"),
        ("health.restored", "disk"),
        ("health.restored", "key sealing"),
    ]
    assert patient.told[2].reasons == ("over: the disk is full",)
    assert patient.told[2].details["since"] == "2026-11-21T12:01:00.000Z"


def test_what_lasts_is_told_again_after_an_hour_also_over_a_restart() -> None:
    patient = Patient()
    patient.causes["disk"] = "the disk is full"
    patient.after(0)
    again = Patient(patient.shared)
    again.causes["disk"] = "the disk is full"
    again.after(30)
    assert again.kinds() == []
    again.after(60)
    assert again.kinds() == [("health.degraded", "disk")]
    gone = Patient(patient.shared)
    gone.after(61)
    assert gone.kinds() == [("health.restored", "disk")]


def test_a_database_that_is_away_shows_and_is_left_to_core_to_tell() -> None:
    patient = Patient()

    def fail(now: datetime) -> Iterator[Cause]:
        raise RecordFailed("the database cannot be read: disk I/O error")
        yield

    health = Health([patient.look, fail], patient.shared, patient.told.append, 3600, lambda: patient.now)
    patient.shared.away = True
    patient.causes["disk"] = "the disk is full"
    assert health().words == "the disk is full; the database cannot be read: disk I/O error"
    assert health().words == "the disk is full; the database cannot be read: disk I/O error"
    assert patient.kinds() == [("health.degraded", "disk")]


def test_a_disk_that_fills_asks_for_room() -> None:
    data, media = Path("/srv"), Path("/srv/media")
    free, asked = {data: 2 * GB, media: 2 * GB}, []
    check = disk_check((data, media), 1.0, free.__getitem__, lambda: asked.append("room"))
    assert list(check(NOON)) == []
    for full in (media, data):
        free[full] = GB // 2
        [cause] = check(NOON)
        assert cause.name == "disk"
        assert cause.words.startswith(f"less than 1 GB are free in {full} (storage.disk_min_free_gb)")
    assert asked == ["room", "room"]


def test_memory_that_fills_is_a_cause() -> None:
    free = [GB]
    check = memory_check(lambda: Path("/dev/shm/site"), lambda path: free[0])
    assert list(check(NOON)) == []
    free[0] = 0
    [cause] = check(NOON)
    assert cause.words.startswith("/dev/shm/site is full")


def test_a_deed_that_stays_undone_is_a_cause() -> None:
    waits: list[datetime | None] = [None]
    check = outbox_check(lambda: waits[0], late_s=300)
    assert list(check(NOON)) == []
    waits[0] = NOON - timedelta(seconds=299)
    assert list(check(NOON)) == []
    waits[0] = NOON - timedelta(seconds=301)
    assert [cause.name for cause in check(NOON)] == ["outbox"]


def test_a_camera_that_never_came_is_a_cause_until_it_comes() -> None:
    cameras = tuple(Camera(name, "synthetic://yard", enabled=name != "off") for name in ("yard", "gate", "off"))
    heard = {"yard"}
    check = cameras_check(lambda: Site(cameras=cameras), lambda: heard, silent_s=30)
    assert list(check(NOON)) == []
    assert [cause.name for cause in check(NOON + timedelta(seconds=30))] == ["camera gate"]
    heard.add("gate")
    assert list(check(NOON + timedelta(seconds=60))) == []


def test_a_lost_key_is_a_cause() -> None:
    check = keys_check(lambda: [Path("/srv/keys/sealing.key")])
    words = "the key /srv/keys/sealing.key is gone: put its copy back before the next start"
    assert list(check(NOON)) == [Cause("key sealing", words)]
