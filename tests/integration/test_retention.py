"""Retention of media: by days, by a budget and by the disk; the oldest first, and every event says why."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event

import pytest
from ledger_samples import BOX, NOON, Desk, decision, observation, open_desk
from sqlalchemy import insert, select

from surveillance.domain.values import Shot
from surveillance.storage.database import reading, writing
from surveillance.storage.queries import Events
from surveillance.storage.recordings import Recordings
from surveillance.storage.retention import GB, Purged, Removal, Retention, disk_free, disk_of
from surveillance.storage.settings import StorageSettings
from surveillance.storage.tables import garbage, recording

DAY = timedelta(days=1)
KB = 1000


class Shop:
    """A ledger with a picture of 100 KB and a recording of 1 MB for each of the given days of age."""

    def __init__(self, directory: Path, url: str, ages: tuple[int, ...]) -> None:
        self.desk: Desk = open_desk(directory, url=url)
        self.directory = directory
        self.recordings = Recordings(self.desk.engine, directory / "media")
        self.events = {age: self._sell(age) for age in ages}

    def retention(
        self, free: Callable[[Path], int] = lambda path: 100 * GB, stopping: Event | None = None, **settings: float
    ) -> Retention:
        given = StorageSettings.model_validate({"evidence_days": 300, "recording_days": 300, **settings})
        desk = self.desk
        return Retention(desk.engine, desk.evidence, self.recordings, given, free, stopping)

    def pictures(self) -> list[int]:
        """The ages whose picture is there."""
        return [age for age, name in self.events.items() if self.desk.evidence.path(f"{name}.jpg").is_file()]

    def clips(self) -> list[int]:
        with reading(self.desk.engine) as connection:
            kept = set(connection.scalars(select(recording.c.event).where(recording.c.state == "kept")))
        return [age for age, name in self.events.items() if name in kept]

    def gone(self, age: int) -> str | None:
        event = Events(self.desk.engine).one(self.events[age])
        assert event is not None
        why: str | None = event["evidence_gone"]
        return why

    def _sell(self, age: int) -> str:
        at = NOON - age * DAY
        made = decision(at=at, track=age)
        settings = StorageSettings(evidence_max_kb=200)
        ledger = type(self.desk.ledger)(self.desk.engine, self.desk.evidence, lambda decision: (), settings)
        ledger([(observation(at=at, track=age, shot=Shot(bytes(100 * KB), BOX, at)), (made,))])
        row = {
            "name": f"{made.id}-clip.mp4",
            "event": made.id,
            "kind": "clip",
            "camera": "front",
            "at": at,
            "from_at": at,
            "to_at": at,
            "state": "kept",
            "asked": 1,
            "size_bytes": 1000 * KB,
            "sha256": "0" * 64,
        }
        with writing(self.desk.engine) as connection:
            connection.execute(insert(recording), [row])
        return made.id


@pytest.fixture
def shop(tmp_path: Path, database: str) -> Shop:
    return Shop(tmp_path, database, (9, 7, 5, 3, 1))


def pictures(count: int, why: str) -> Removal:
    return Removal("picture", why, count, count * 100 * KB)


def recordings(count: int, why: str) -> Removal:
    return Removal("recording", why, count, count * 1000 * KB)


NO_ROWS = {"event": 0, "observation": 0, "input": 0, "inbox": 0, "shadow_vote": 0}


def media_of(purged: Purged) -> list[Removal]:
    assert purged.rows == NO_ROWS
    return sorted(purged.media, key=lambda removal: removal.noun)


def test_media_go_by_their_own_days_and_their_events_say_why(shop: Shop) -> None:
    retention = shop.retention(evidence_days=4, recording_days=2)
    purged = retention(NOON)
    by_days = ["older than 4 days (storage.evidence_days)", "older than 2 days (storage.recording_days)"]
    assert media_of(purged) == [pictures(3, by_days[0]), recordings(4, by_days[1])]
    assert str(purged) == (
        "deleted 3 pictures (300 kB): older than 4 days (storage.evidence_days); "
        "4 recordings (4.0 MB): older than 2 days (storage.recording_days)"
    )
    assert (shop.pictures(), shop.clips()) == ([3, 1], [1])
    assert [shop.gone(age) for age in (9, 3)] == [by_days[0], None]
    event = Events(shop.desk.engine).one(shop.events[9])
    assert event is not None
    assert [(item["state"], item["reason"]) for item in event["recordings"]] == [("missing", by_days[1])]
    assert event["evidence"] == f"{shop.events[9]}.jpg", "the record itself is never changed"
    again = retention(NOON)
    assert (again.is_empty, str(again)) == (True, "nothing was due")
    assert shop.desk.evidence.reconcile(shop.desk.engine) == {"deleted": 0, "orphans": 0, "missing": 0}


def test_a_budget_takes_the_oldest_of_all_kinds(shop: Shop) -> None:
    purged = shop.retention(media_max_gb=0.003)(NOON)
    why = "to stay within 0.003 GB (storage.media_max_gb)"
    assert media_of(purged) == [pictures(3, why), recordings(3, why)]
    assert (shop.pictures(), shop.clips()) == ([3, 1], [3, 1])
    assert shop.retention(media_max_gb=0.003)(NOON).is_empty


def test_a_full_disk_frees_what_lacks_and_no_more(shop: Shop) -> None:
    purged = shop.retention(free=lambda path: GB - 1500 * KB, disk_min_free_gb=1)(NOON)
    why = "to keep 1 GB of the disk free (storage.disk_min_free_gb)"
    assert media_of(purged) == [pictures(2, why), recordings(2, why)]
    assert (shop.pictures(), shop.clips()) == ([5, 3, 1], [5, 3, 1])
    assert shop.gone(9) == why


def test_a_disk_that_others_fill_costs_all_media_at_most(shop: Shop) -> None:
    purged = shop.retention(free=lambda path: 0, disk_min_free_gb=50)(NOON)
    assert [(removal.noun, removal.count) for removal in media_of(purged)] == [("picture", 5), ("recording", 5)]
    assert shop.retention(free=lambda path: 0, disk_min_free_gb=50)(NOON).is_empty


def test_only_what_lies_on_a_full_disk_makes_room_there(shop: Shop, tmp_path: Path) -> None:
    """Recordings on a disk of their own, and memory is one."""
    with TemporaryDirectory(dir="/dev/shm") as elsewhere:
        shop.recordings = Recordings(shop.desk.engine, Path(elsewhere) / "media")
        assert disk_of(Path(elsewhere)) != disk_of(shop.desk.evidence.directory)

        def full(disk: str) -> Callable[[Path], int]:
            return lambda path: GB - KB if str(path).startswith(disk) else 100 * GB

        [gone] = media_of(shop.retention(free=full(elsewhere), disk_min_free_gb=1)(NOON))
        assert (gone.noun, gone.count) == ("recording", 1)
        [gone] = media_of(shop.retention(free=full(str(shop.directory)), disk_min_free_gb=1)(NOON))
        assert (gone.noun, gone.count) == ("picture", 1)


def test_an_event_takes_its_media_along(shop: Shop) -> None:
    purged = shop.retention(event_days=6, observation_days=4)(NOON)
    assert purged.rows == {"event": 2, "observation": 3, "input": 0, "inbox": 0, "shadow_vote": 0}
    assert str(purged) == "deleted 2 events, 3 observations"
    assert (shop.pictures(), shop.clips()) == ([5, 3, 1], [5, 3, 1])
    with reading(shop.desk.engine) as connection:
        assert connection.execute(select(garbage)).all() == []
        assert len(connection.execute(select(recording)).all()) == 3


def test_it_ends_after_its_step_when_told_to(shop: Shop) -> None:
    stopping = Event()
    stopping.set()
    purged = shop.retention(stopping=stopping, event_days=1, media_max_gb=0.0001)(NOON + DAY / 2)
    assert purged.rows["event"] == 5, "one step"
    assert shop.retention(stopping=stopping, media_max_gb=0.0001)(NOON).is_empty


def test_the_free_space_of_a_directory_to_be(tmp_path: Path) -> None:
    assert disk_free(tmp_path / "not" / "yet") > 0
