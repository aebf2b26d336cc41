"""Which events want a picture at full size and a clip, and what became of the wish: a row each, and a file once kept.

A wish is committed with its event. A file stands in for its row's word `kept` only: at start-up files without such a
row are removed, and rows without a file are told to be missing.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, bindparam, delete, func, select, update
from sqlalchemy.exc import SQLAlchemyError

from surveillance.domain.errors import NotFound, RecordFailed
from surveillance.domain.kept import Keep, Kept
from surveillance.domain.ports import SiteReader
from surveillance.domain.values import Decision, rfc3339
from surveillance.places import recording_place
from surveillance.storage.chain import link_removal, relink
from surveillance.storage.database import Remembered, in_chunks, reading, writing
from surveillance.storage.evidence import OF_ITS_EVENT
from surveillance.storage.rows import Row
from surveillance.storage.settings import StorageSettings
from surveillance.storage.tables import recording

Wish = Callable[[Decision], Keep | None]

LOST = "its file was not there when the service was started"
SUFFIXES = {"picture": "jpg", "clip": "mp4"}

AT_ONCE = 200  # wishes that are looked at
_DRAFT_AGE_S = 60.0  # a worker that outlived core may still write a younger one

_WANTED = select(recording.c.event).where(recording.c.state == "wanted").order_by(recording.c.at).limit(2 * AT_ONCE)
_OF_EVENTS = select(recording).where(recording.c.event.in_(bindparam("of", expanding=True)))
_STATES = select(recording.c.name, recording.c.state).where(recording.c.event == bindparam("of"))
_ASK = (
    update(recording)
    .where(recording.c.event.in_(bindparam("of", expanding=True)), recording.c.state == "wanted")
    .values(asked=recording.c.asked + 1)
)
_KEEP = (
    update(recording)
    .where(recording.c.name == bindparam("file"), recording.c.event == bindparam("of"), recording.c.sha256.is_(None))
    .values({name: bindparam(name) for name in ("state", "reason", "from_at", "to_at", "size_bytes", "sha256")})
)

_log = logging.getLogger(__name__)


class Wishes:
    """Decision in, what to keep of it out: None for most, and always for one of a camera's own state or a shadow's."""

    def __init__(self, site: SiteReader, settings: StorageSettings) -> None:
        self._site = site
        self._settings = settings

    def __call__(self, decision: Decision) -> Keep | None:
        camera = self._camera_of(decision)
        if decision.verdict not in self._settings.media_verdicts or decision.shadow or camera is None:
            return None
        before, after = (timedelta(seconds=s) for s in (self._settings.clip_before_s, self._settings.clip_after_s))
        return Keep(decision.id, camera, decision.at, decision.at - before, decision.at + after)

    def _camera_of(self, decision: Decision) -> str | None:
        """The decision's camera, else its door's. A camera that is lost or blinded shows nothing of its own event."""
        if decision.trigger == "camera" and not decision.kind.startswith("scene."):
            return None
        door = self._site().door(decision.door) if decision.camera is None and decision.door else None
        return door.camera if door is not None else decision.camera


@dataclass(frozen=True, slots=True)
class Wanted:
    """A wish that is still open, and how often a camera's worker was asked."""

    keep: Keep
    asked: int


@dataclass(frozen=True, slots=True)
class HeldFile:
    """A file that is kept."""

    at: datetime
    name: str
    size_bytes: int


def wish_rows(keep: Keep | None) -> list[Row]:
    """The rows of `recording` that ask for this; committed with the event."""
    if keep is None:
        return []
    spans = {"picture": (keep.at, keep.at)}
    if keep.ends_at > keep.starts_at:
        spans["clip"] = keep.starts_at, keep.ends_at
    return [
        {
            "name": f"{keep.event}-{kind}.{SUFFIXES[kind]}",
            "event": keep.event,
            "kind": kind,
            "camera": keep.camera,
            "at": keep.at,
            "from_at": starts_at,
            "to_at": ends_at,
            "state": "wanted",
            "reason": None,
            "asked": 0,
            "size_bytes": None,
            "sha256": None,
        }
        for kind, (starts_at, ends_at) in spans.items()
    ]


def recordings_json(connection: Connection, event_id: str) -> list[Row]:
    """What is kept with an event, or why it is not: the picture, then the clip."""
    rows = connection.execute(select(recording).where(recording.c.event == event_id).order_by(recording.c.kind.desc()))
    return [
        {
            "kind": row.kind,
            "name": row.name,
            "camera": row.camera,
            "from": rfc3339(row.from_at),
            "to": rfc3339(row.to_at),
            "size_bytes": row.size_bytes,
            "sha256": row.sha256,
            "state": row.state,
            "reason": row.reason,
        }
        for row in rows
    ]


class Recordings:
    """The files under a media directory, and their rows. Safe to share between threads.

    What writes raises RecordFailed while the database is away.
    """

    def __init__(self, engine: Engine, directory: Path) -> None:
        self._engine = engine
        self._directory = directory
        self._wanted = Remembered(engine, recording.name, self._read_wanted)

    @property
    def directory(self) -> Path:
        return self._directory

    def wanted(self) -> list[Wanted]:
        """The wishes still open, oldest first, `AT_ONCE` at most. Belongs to one thread. Raises RecordFailed.

        Costs next to nothing while none comes and none is settled.
        """
        return self._wanted()

    def _read_wanted(self) -> list[Wanted]:
        try:
            with reading(self._engine) as connection:
                names = list(dict.fromkeys(connection.scalars(_WANTED)))[:AT_ONCE]
                found = [
                    row
                    for chunk in in_chunks(names)
                    for row in connection.execute(_OF_EVENTS, {"of": chunk})
                    if row.state == "wanted"
                ]
        except SQLAlchemyError as error:
            raise RecordFailed("the wanted recordings could not be read") from error
        return [_wanted([row for row in found if row.event == name]) for name in names]

    def ask(self, events: Collection[str]) -> None:
        """On record before anybody is asked, so that after a crash it is known how often that was."""
        with self._committing() as connection:
            for chunk in in_chunks(events):
                connection.execute(_ASK, {"of": chunk})

    def settle(self, kept: Kept) -> None:
        """What became of a wish. A file whose event is gone by now goes too."""
        table = recording
        strays: list[str] = []
        with self._committing() as connection:
            unsettled = {row.name: row.state for row in _rows_of(connection, kept.event)}
            for file in kept.files:
                found = {"from_at": file.starts_at, "to_at": file.ends_at, "size_bytes": file.size_bytes}
                found |= {"sha256": file.sha256, "state": "kept", "reason": None}
                done = connection.execute(_KEEP, {"file": file.name, "of": kept.event, **found})
                if done.rowcount == 0 and not _is_kept(connection, file.name):
                    strays.append(file.name)
            for kind, why in kept.missing.items():
                connection.execute(
                    update(table)
                    .where(table.c.event == kept.event, table.c.kind == kind, table.c.state == "wanted")
                    .values(state="missing", reason=why)
                )
            settled = [row.name for row in _rows_of(connection, kept.event) if row.state != unsettled[row.name]]
            relink(connection, "recording", settled)
        self._unlink(strays)

    def give_up(self, event: str, why: str) -> None:
        """Nobody will be asked again."""
        self.settle(Kept(event, "", missing=dict.fromkeys(SUFFIXES, why)))

    def place(self, name: str) -> Path:
        """Where a file of that name lies, if it is there. Raises ValueError for a name that is none of ours."""
        return recording_place(self._directory, name)

    def path(self, name: str) -> Path:
        """Where that file lies. Raises NotFound for a name that is none of ours, or whose file is not kept."""
        try:
            place = recording_place(self._directory, name)
        except ValueError as error:
            raise NotFound(str(error)) from error
        with reading(self._engine) as connection:
            kept = _is_kept(connection, name)
        if not kept or not place.is_file():
            raise NotFound(f"the recording {name!r} is not kept")
        return place

    def of_camera(self, camera: str, since: datetime, until: datetime) -> list[Path]:
        """The files that are kept of a camera's events between two moments, oldest first."""
        table = recording
        query = select(table.c.name).where(
            table.c.state == "kept", table.c.camera == camera, table.c.at >= since, table.c.at <= until
        )
        with reading(self._engine) as connection:
            names = connection.execute(query.order_by(table.c.at, table.c.name)).scalars()
            return [place for name in names if (place := self.place(name)).is_file()]

    # --- retention -------------------------------------------------------------------------------------------------

    def kept_bytes(self) -> int:
        """How much room the kept files take."""
        with reading(self._engine) as connection:
            query = select(func.sum(recording.c.size_bytes)).where(recording.c.state == "kept")
            return int(connection.execute(query).scalar_one() or 0)

    def oldest(self, limit: int, before: datetime | None = None) -> Sequence[HeldFile]:
        """The kept files that go first."""
        table = recording
        query = select(table.c.at, table.c.name, table.c.size_bytes).where(table.c.state == "kept")
        if before is not None:
            query = query.where(table.c.at < before)
        with reading(self._engine) as connection:
            rows = connection.execute(query.order_by(table.c.at, table.c.name).limit(limit))
            return [HeldFile(row.at, row.name, row.size_bytes) for row in rows]

    def remove(self, names: Collection[str], why: str) -> None:
        """Deletes files whose rows stay and say why; first on record, so that a crash in between leaves work only."""
        table = recording
        with self._committing() as connection:
            for chunk in in_chunks(names):
                doomed = table.c.name.in_(chunk) & (table.c.state == "kept")
                links = connection.scalars(select(table.c.link).where(doomed)).all()
                link_removal(connection, "files", links, why)
                connection.execute(update(table).where(doomed).values(state="missing", reason=why))
        self._unlink(names)

    def forget(self, events: Collection[str]) -> None:
        """Deletes rows and files of events that go."""
        table = recording
        names: list[str] = []
        with self._committing() as connection:
            for chunk in in_chunks(events):
                doomed = connection.execute(select(table.c.name, table.c.link).where(table.c.event.in_(chunk))).all()
                names += [row.name for row in doomed]
                link_removal(connection, "rows", [row.link for row in doomed], OF_ITS_EVENT)
                connection.execute(delete(table).where(table.c.event.in_(chunk)))
        self._unlink(names)

    def reconcile(self) -> dict[str, int]:
        """At start-up: how many files no row names (removed), and rows whose file is gone (told to be missing)."""
        table = recording
        with reading(self._engine) as connection:
            rows = connection.execute(select(table.c.name, table.c.state).where(table.c.state.in_(("kept", "wanted"))))
            states = {row.name: row.state for row in rows}
        kept, orphans = {name for name, state in states.items() if state == "kept"}, 0
        for path in self._files():
            if path.name in states:
                kept.discard(path.name)
            elif not path.name.startswith(".") or _age_s(path) > _DRAFT_AGE_S:
                path.unlink(missing_ok=True)
                orphans += 1
        with self._committing() as connection:
            for chunk in in_chunks(kept):
                lost = update(table).where(table.c.name.in_(chunk), table.c.state == "kept")
                connection.execute(lost.values(state="missing", reason=LOST))
        return {"orphans": orphans, "missing": len(kept)}

    @contextmanager
    def _committing(self) -> Iterator[Connection]:
        try:
            with writing(self._engine, touches=(recording.name,)) as connection:
                yield connection
        except SQLAlchemyError as error:
            raise RecordFailed("what became of recordings could not be written") from error

    def _unlink(self, names: Iterable[str]) -> None:
        for name in names:
            try:
                recording_place(self._directory, name).unlink(missing_ok=True)
            except (OSError, ValueError) as error:  # it is removed at the next start
                _log.error("recording could not be deleted", extra={"recording": name, "reason": str(error)})

    def _files(self) -> Iterator[Path]:
        if self._directory.is_dir():
            yield from (path for path in self._directory.glob("*/*") if path.is_file())


def _wanted(rows: Sequence[Any]) -> Wanted:
    """The wish of an event whose open rows these are; where its clip is settled, the picture alone."""
    first = rows[0]
    starts_at, ends_at = next(((row.from_at, row.to_at) for row in rows if row.kind == "clip"), (first.at, first.at))
    keep = Keep(first.event, first.camera, first.at, starts_at, ends_at)
    return Wanted(keep, max(row.asked for row in rows))


def _age_s(path: Path) -> float:
    try:
        return time.time() - path.stat().st_mtime
    except FileNotFoundError:  # it has just been given its name
        return 0.0


def _rows_of(connection: Connection, event: str) -> Sequence[Any]:
    return connection.execute(_STATES, {"of": event}).all()


def _is_kept(connection: Connection, name: str) -> bool:
    query = select(recording.c.name).where(recording.c.name == name, recording.c.state == "kept")
    return connection.execute(query).first() is not None
