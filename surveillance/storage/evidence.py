"""Pictures kept with events, as files. A name in the database means that the whole file is on the disk."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Engine, delete, insert, select, update

from surveillance.domain.errors import NotFound
from surveillance.storage.chain import link_removal
from surveillance.storage.database import in_chunks, reading, writing
from surveillance.storage.durable import sync_directory
from surveillance.storage.tables import evidence, garbage

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{6,90}\.jpg")
_SHELF = 6  # first characters of an id that share a folder; of a UUIDv7 these are four hours and a half
OF_ITS_EVENT = "its event is deleted"
_ORPHAN_AGE_S = 3600.0  # a younger file without a row may belong to a commit under way


class EvidenceStore:
    """A directory of JPEG files named after their events."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    @property
    def directory(self) -> Path:
        return self._directory

    def write(self, event_id: str, jpeg: bytes) -> str:
        """Writes the picture so that it is whole or absent after a power cut; returns its name.

        Raises OSError when it cannot be kept, ValueError for an id that cannot name a file.
        """
        name = f"{event_id}.jpg"
        path = self.path(name)
        self._make_shelf(path.parent)
        draft = path.with_name(f".{name}.{os.getpid()}")
        try:
            with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                file.write(jpeg)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(path)
        except OSError:
            draft.unlink(missing_ok=True)
            raise
        sync_directory(path.parent)
        return name

    def path(self, name: str) -> Path:
        """Where that picture lies. Raises ValueError for a name that this store never gives."""
        if not _NAME.fullmatch(name):
            raise ValueError(f"{name!r} is not the name of a picture")
        return self._directory / name[:_SHELF] / name

    def read(self, name: str) -> bytes:
        """The JPEG. Raises NotFound when there is none of that name."""
        try:
            return self.path(name).read_bytes()
        except (ValueError, FileNotFoundError) as error:
            raise NotFound(f"no picture is called {name!r}") from error

    def remove(self, engine: Engine, names: Iterable[str], why: str | None = None) -> None:
        """Deletes pictures: first on record, then on disk, so that a crash in between leaves work, not lies.

        With `why` their rows stay and say it, for the events that go on; without, the rows go too.
        """
        now = datetime.now(UTC)
        for doomed in in_chunks(names):
            with writing(engine) as connection:
                known = set(connection.scalars(select(garbage.c.name).where(garbage.c.name.in_(doomed))))
                fresh = [{"name": name, "at": now} for name in doomed if name not in known]
                if fresh:
                    connection.execute(insert(garbage), fresh)
                rows = evidence.c.name.in_(doomed)
                links = connection.scalars(select(evidence.c.link).where(rows)).all()
                link_removal(connection, "files" if why else "rows", links, why or OF_ITS_EVENT)
                if why is None:
                    connection.execute(delete(evidence).where(rows))
                else:
                    connection.execute(update(evidence).where(rows).values(gone=why))
        self._empty_garbage(engine)

    def reconcile(self, engine: Engine) -> dict[str, int]:
        """At start-up: finishes deletions, drops files that no commit names, marks rows whose file is gone.

        Returns how many there were, by `deleted`, `orphans` and `missing`.
        """
        deleted = self._empty_garbage(engine)
        with reading(engine) as connection:
            named = set(connection.scalars(select(evidence.c.name).where(evidence.c.gone.is_(None))))
        found, orphans = set(), 0
        for path in self.files():
            if path.name in named:
                found.add(path.name)
            elif time.time() - path.stat().st_mtime > _ORPHAN_AGE_S:
                path.unlink(missing_ok=True)
                orphans += 1
        missing = named - found
        if missing:
            with writing(engine) as connection:
                for name in missing:
                    connection.execute(update(evidence).where(evidence.c.name == name).values(missing=True))
        return {"deleted": deleted, "orphans": orphans, "missing": len(missing)}

    def _make_shelf(self, shelf: Path) -> None:
        if not shelf.is_dir():
            self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            shelf.mkdir(exist_ok=True, mode=0o700)
            sync_directory(self._directory)

    def _empty_garbage(self, engine: Engine) -> int:
        with reading(engine) as connection:
            doomed = list(connection.scalars(select(garbage.c.name)))
        for name in doomed:
            self.path(name).unlink(missing_ok=True)
        for chunk in in_chunks(doomed):
            with writing(engine) as connection:
                connection.execute(delete(garbage).where(garbage.c.name.in_(chunk)))
        return len(doomed)

    def files(self) -> Iterator[Path]:
        """Every file of the store, whether a row names it or not."""
        if self._directory.is_dir():
            yield from (path for path in self._directory.glob("*/*") if path.is_file())
