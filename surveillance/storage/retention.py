"""Deletes what has been kept for long enough or does not fit, in small commits that hold up nobody; says what went.

Rows go by days. Pictures go by days too, and the oldest go first when they exceed their budget or the disk is nearly
full; their events stay and say why the picture went.
"""

from __future__ import annotations

import heapq
import logging
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from threading import Event
from typing import Protocol

from sqlalchemy import Engine, delete, select
from sqlalchemy.sql.schema import Table

from surveillance.storage import tables
from surveillance.storage.chain import link_removal
from surveillance.storage.database import reading, writing
from surveillance.storage.evidence import EvidenceStore
from surveillance.storage.recordings import HeldFile, Recordings
from surveillance.storage.settings import StorageSettings
from surveillance.storage.sizes import evidence_bytes

GB = 1_000_000_000
_STEP = 2000  # rows in one commit
_EVENTS = 400  # events in one commit
_FILES = 200  # files in one step
_PAUSE_S = 0.02  # between commits, so that whoever waits for the database gets it

_log = logging.getLogger(__name__)


class MediaStore(Protocol):
    """Files that may have to go; `Recordings` is one, `EvidenceFiles` another."""

    @property
    def directory(self) -> Path: ...
    def kept_bytes(self) -> int: ...
    def oldest(self, limit: int, before: datetime | None = None) -> Sequence[HeldFile]: ...
    def remove(self, names: Sequence[str], why: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Shelf:
    """One kind of files with the days that they are kept, and the setting that says so."""

    noun: str
    days: int
    setting: str
    files: MediaStore


class EvidenceFiles:
    """The pictures of events as files that may have to go."""

    def __init__(self, engine: Engine, pictures: EvidenceStore) -> None:
        self._engine = engine
        self._pictures = pictures
        self.directory = pictures.directory

    def kept_bytes(self) -> int:
        """How much room they take."""
        return evidence_bytes(self._engine)

    def oldest(self, limit: int, before: datetime | None = None) -> Sequence[HeldFile]:
        """The ones that go first."""
        table = tables.evidence
        query = select(table.c.at, table.c.name, table.c.size_bytes)
        query = query.where(table.c.gone.is_(None), table.c.missing.is_(False))
        if before is not None:
            query = query.where(table.c.at < before)
        with reading(self._engine) as connection:
            rows = connection.execute(query.order_by(table.c.at, table.c.name).limit(limit))
            return [HeldFile(row.at, row.name, row.size_bytes) for row in rows]

    def remove(self, names: Sequence[str], why: str) -> None:
        """Deletes pictures whose events stay and say why."""
        self._pictures.remove(self._engine, names, why)


@dataclass(frozen=True, slots=True)
class Removal:
    """Files of one kind that went for one reason."""

    noun: str
    why: str
    count: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Purged:
    """What went: rows by table, then files."""

    rows: Mapping[str, int]
    media: tuple[Removal, ...] = ()

    @property
    def is_empty(self) -> bool:
        return not self.media and not any(self.rows.values())

    def __str__(self) -> str:
        """In words: `deleted 2 events; 3 pictures (96 kB): older than 90 days (storage.evidence_days)`."""
        if self.is_empty:
            return "nothing was due"
        rows = ", ".join(_counted(count, name) for name, count in self.rows.items() if count)
        files = [f"{_counted(gone.count, gone.noun)} ({_size(gone.size_bytes)}): {gone.why}" for gone in self.media]
        return "deleted " + "; ".join([*([rows] if rows else []), *files])


class Retention:
    """Everything that is kept for a time. One call is one round; once `stopping` is set it ends after its step."""

    def __init__(
        self,
        engine: Engine,
        pictures: EvidenceStore,
        recordings: Recordings,
        settings: StorageSettings,
        free_bytes: Callable[[Path], int] | None = None,
        stopping: Event | None = None,
        more: Sequence[Shelf] = (),
    ) -> None:
        self._engine = engine
        self._pictures = pictures
        self._recordings = recordings
        self._settings = settings
        self._free_bytes = free_bytes or disk_free
        self._stopping = stopping or Event()
        files = EvidenceFiles(engine, pictures)
        self._shelves = (
            Shelf("picture", settings.evidence_days, "storage.evidence_days", files),
            Shelf("recording", settings.recording_days, "storage.recording_days", recordings),
            *more,
        )

    def __call__(self, now: datetime) -> Purged:
        """Deletes what is due. Files by days first, then by bytes, so that none goes that need not."""
        rows = purge(self._engine, self._pictures, self._settings, now, self._recordings.forget, self._stopping)
        media = [*self._by_days(now), *self._by_budget(), *self._by_disk()]
        purged = Purged(rows, tuple(media))
        if not purged.is_empty:
            _log.info("retention", extra={"result": str(purged)})
        return purged

    def _by_days(self, now: datetime) -> Iterator[Removal]:
        for shelf in self._shelves:
            why = f"older than {shelf.days} days ({shelf.setting})"
            before = now - timedelta(days=shelf.days)
            count = size = 0
            while files := shelf.files.oldest(_FILES, before):
                shelf.files.remove([file.name for file in files], why)
                count, size = count + len(files), size + sum(file.size_bytes for file in files)
                if self._stopping.wait(_PAUSE_S):
                    break
            if count:
                yield Removal(shelf.noun, why, count, size)

    def _by_budget(self) -> list[Removal]:
        most_gb = self._settings.media_max_gb
        if most_gb is None:
            return []
        over = sum(shelf.files.kept_bytes() for shelf in self._shelves) - int(most_gb * GB)
        return self._free(over, f"to stay within {most_gb:g} GB (storage.media_max_gb)", self._shelves)

    def _by_disk(self) -> Iterator[Removal]:
        """Frees what lacks, once: a disk that something else fills must not cost every picture.

        Kinds of files may lie on disks of their own, and only what lies on a full one makes room there.
        """
        least_gb = self._settings.disk_min_free_gb
        why = f"to keep {least_gb:g} GB of the disk free (storage.disk_min_free_gb)"
        by_disk: dict[int, list[Shelf]] = {}
        for shelf in self._shelves:
            by_disk.setdefault(disk_of(shelf.files.directory), []).append(shelf)
        for shelves in by_disk.values():
            lacking = int(least_gb * GB) - self._free_bytes(shelves[0].files.directory)
            yield from self._free(lacking, why, shelves)

    def _free(self, wanted_bytes: int, why: str, shelves: Sequence[Shelf]) -> list[Removal]:
        """Removes the oldest of these files until so many bytes are free, or nothing is left."""
        gone: dict[str, tuple[int, int]] = {}
        while wanted_bytes > 0 and not self._stopping.is_set():
            round_: dict[Shelf, list[HeldFile]] = {}
            for shelf, file in _oldest_of(shelves):
                if wanted_bytes <= 0:
                    break
                round_.setdefault(shelf, []).append(file)
                wanted_bytes -= file.size_bytes
            if not round_:
                break
            for shelf, files in round_.items():
                shelf.files.remove([file.name for file in files], why)
                count, size = gone.get(shelf.noun, (0, 0))
                gone[shelf.noun] = count + len(files), size + sum(file.size_bytes for file in files)
            self._stopping.wait(_PAUSE_S)
        return [Removal(noun, why, count, size) for noun, (count, size) in gone.items()]


def _oldest_of(shelves: Sequence[Shelf]) -> list[tuple[Shelf, HeldFile]]:
    files = [[(shelf, file) for file in shelf.files.oldest(_FILES)] for shelf in shelves]
    return list(heapq.merge(*files, key=lambda pair: pair[1].at))[:_FILES]


def purge(
    engine: Engine,
    pictures: EvidenceStore,
    settings: StorageSettings,
    now: datetime,
    forget: Callable[[Sequence[str]], None] = lambda events: None,
    stopping: Event | None = None,
) -> dict[str, int]:
    """How many rows went by their days, by table. Events take their actions, pictures and reviews along.

    `forget` takes the recordings of those events away.
    """
    stopping = stopping or Event()
    seen_before = now - timedelta(days=settings.observation_days)
    asked_before = now - timedelta(days=settings.inbox_days)
    event_steps = _purge_events(engine, pictures, forget, now, settings.event_days)
    return {
        "event": _in_steps(event_steps, stopping),
        "observation": _in_steps(_purge(engine, tables.observation, "number", "at", seen_before), stopping),
        "input": _in_steps(_purge(engine, tables.input_, "number", "at", seen_before), stopping),
        "shadow_vote": _in_steps(_purge(engine, tables.shadow_vote, "id", "at", seen_before), stopping),
        "inbox": _in_steps(_purge(engine, tables.inbox, "id", "asked_at", asked_before), stopping),
    }


def disk_free(directory: Path) -> int:
    """Free bytes for a program like this one, where that directory is or will be."""
    return shutil.disk_usage(_there(directory)).free


def disk_of(directory: Path) -> int:
    """The number of the file system where that directory is or will be."""
    return _there(directory).stat().st_dev


def _there(directory: Path) -> Path:
    """The directory, or what there is of the way to it."""
    while not directory.exists():
        directory = directory.parent
    return directory


def _in_steps(steps: Iterator[int], stopping: Event) -> int:
    """The sum of the steps, with a pause between two."""
    gone = 0
    for step in steps:
        gone += step
        if stopping.wait(_PAUSE_S):
            break
    return gone


def _purge(engine: Engine, table: Table, key: str, at: str, before: datetime) -> Iterator[int]:
    step = _STEP
    while step >= _STEP:
        oldest = select(table.c[key]).where(table.c[at] < before).limit(_STEP)
        with writing(engine) as connection:
            step = connection.execute(delete(table).where(table.c[key].in_(oldest))).rowcount
        yield step


def _purge_events(
    engine: Engine, pictures: EvidenceStore, forget: Callable[[Sequence[str]], None], now: datetime, days: int
) -> Iterator[int]:
    event, outbox, review = tables.event, tables.outbox, tables.review
    before, why = now - timedelta(days=days), f"older than {days} days (storage.event_days)"
    oldest = select(event.c.id, event.c.evidence).where(event.c.at < before).order_by(event.c.at).limit(_EVENTS)
    while True:
        with reading(engine) as connection:
            rows = connection.execute(oldest).all()
        if not rows:
            return
        pictures.remove(engine, [row.evidence for row in rows if row.evidence is not None])
        names = [row.id for row in rows]
        forget(names)
        with writing(engine) as connection:
            connection.execute(delete(outbox).where(outbox.c.event.in_(names)))
            links = [link for table, column in ((event, event.c.id), (review, review.c.event))
                     for link in connection.scalars(select(table.c.link).where(column.in_(names)))]  # fmt: skip
            link_removal(connection, "rows", links, why)
            connection.execute(delete(review).where(review.c.event.in_(names)))
            gone = connection.execute(delete(event).where(event.c.id.in_(names))).rowcount
        yield gone


def _counted(count: int, noun: str) -> str:
    singular = {"inbox": "question", "shadow_vote": "shadow vote"}.get(noun, noun)
    plural = f"{singular}s"
    return f"{count:,} {singular if count == 1 else plural}"


def _size(size_bytes: int) -> str:
    for unit, size in (("GB", GB), ("MB", 1_000_000)):
        if size_bytes >= size:
            return f"{size_bytes / size:.1f} {unit}"
    return f"{size_bytes / 1000:.0f} kB"
