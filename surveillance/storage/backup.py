"""A database into one file and back: a SQLite file at the same revision, whichever database it came from.

A backup is one state, taken while others write; it is whole or absent. It holds no key and no picture.
"""

from __future__ import annotations

import math
import os
import re
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Engine, delete, inspect, make_url

from surveillance.domain.errors import DatabaseTooNew, RecordFailed, SettingsError, UserMistake
from surveillance.storage.copy import Progress, copy_database, is_empty
from surveillance.storage.database import open_database, open_file, reading, revision_of, revisions, shown, writing
from surveillance.storage.durable import sync_directory
from surveillance.storage.tables import web_session

KEEP = 5  # automatic backups of one database
ROOM = 1.2  # free space that a backup needs, in sizes of the database
BUSY_S = 10.0  # how long a restore waits for whoever still writes


@dataclass(frozen=True, slots=True)
class Backup:
    """A file that holds a database at that revision."""

    file: Path
    revision: str
    size_bytes: int


def worth_keeping(engine: Engine) -> bool:
    """True for a database that has rows of its own."""
    with reading(engine) as connection:
        return not is_empty(connection)


def backup_name(address: URL | str, revision: str | None, now: datetime) -> str:
    """NAME-REVISION-TIME.db; sorts by time where name and revision are the same."""
    name = Path(make_url(address).database or "site").stem
    return f"{name}-{revision or 'unknown'}-{now:%Y%m%dT%H%M%S%fZ}.db"


def back_up(engine: Engine, file: Path, progress: Progress = lambda *_: None) -> Backup:
    """Writes the database into that file, readable by its owner only.

    Raises UserMistake for a file that is there already or for which there is no room, RecordFailed.
    """
    if file.exists():
        raise UserMistake(f"{file} is there already: give another name")
    with reading(engine) as connection:
        if revision_of(connection) is None:
            raise UserMistake(f"{shown(engine.url)} holds no site: there is nothing to back up")
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    _refuse_without_room(_bytes_of(engine), file.parent)
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    os.close(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    try:
        if engine.dialect.name == "sqlite":
            _copy_sqlite(engine, draft)
        else:
            _copy_server(engine, draft, progress)
        made = inspect_backup(draft, checked=False)
        _sync(draft)
        draft.rename(file)
    except sqlite3.Error as error:
        raise RecordFailed(f"the backup {file} could not be written: {error}") from error
    finally:
        for rest in (draft, *(draft.with_name(draft.name + end) for end in ("-wal", "-shm", "-journal"))):
            rest.unlink(missing_ok=True)
    sync_directory(file.parent)
    return Backup(file, made.revision, made.size_bytes)


def prune(directory: Path, address: URL | str, spare: Path | None = None, keep: int = KEEP) -> list[Path]:
    """Deletes all but the newest automatic backups of that database, and never `spare`; returns what went."""
    name = re.escape(Path(make_url(address).database or "site").stem)
    mine = re.compile(rf"{name}-[^-]+-(\d{{8}}T\d{{12}}Z)\.db")
    found = sorted((match[1], file) for file in directory.glob("*.db") if (match := mine.fullmatch(file.name)))
    doomed = [file for _, file in found[:-keep] if spare is None or file.resolve() != spare.resolve()]
    for file in doomed:
        file.unlink()
    return doomed


def inspect_backup(file: Path, checked: bool = True) -> Backup:
    """What a backup file holds. Raises UserMistake for a file that is none, DatabaseTooNew (unless not `checked`)."""
    if not file.is_file():
        raise SettingsError(f"there is no backup {file}")
    try:
        with closing(sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True)) as connection:
            sound = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
            row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    except sqlite3.Error as error:
        raise UserMistake(f"{file} is no backup of a site: {error}") from error
    if sound != "ok":
        raise UserMistake(f"{file} is damaged: {sound}")
    if row is None:
        raise UserMistake(f"{file} is no backup of a site: it says no revision")
    if checked and row[0] not in revisions():
        raise DatabaseTooNew(f"{file} is at {row[0]}, which this version does not know: restore it with the newer one")
    return Backup(file, row[0], file.stat().st_size)


def restore(engine: Engine, file: Path, progress: Progress = lambda *_: None, patience_s: float = BUSY_S) -> Backup:
    """Makes the database what the backup says, in one transaction. A server's database must be empty before.

    Raises UserMistake, DatabaseTooNew, RecordFailed; the database is then as it was.
    """
    held = inspect_backup(file)
    if engine.dialect.name == "sqlite":
        try:
            _replace_sqlite(engine, file, patience_s)
        except sqlite3.Error as error:
            raise RecordFailed(f"{file} could not be restored: {error}") from error
    else:
        copy_database(open_file(file), engine, progress)
    _end_sessions(engine)
    return held


def _end_sessions(engine: Engine) -> None:
    """Ones that were open when the backup was made, and ended since, do not come back with it."""
    with writing(engine) as connection:
        if inspect(connection).has_table(web_session.name):
            connection.execute(delete(web_session))


# --- SQLite --------------------------------------------------------------------------------------------------------


def _copy_sqlite(engine: Engine, file: Path) -> None:
    """By SQLite's own online backup, in one step, so that it is one state; writers go on meanwhile."""
    with _driver(engine) as source, closing(sqlite3.connect(file)) as target:
        source.backup(target)
        target.execute("PRAGMA journal_mode=DELETE")  # one file that needs no other beside it


def _replace_sqlite(engine: Engine, file: Path, patience_s: float) -> None:
    ends_at_s = time.monotonic() + patience_s

    def give_up(status: int, _left: int, _total: int) -> None:
        if status in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED) and time.monotonic() > ends_at_s:
            raise sqlite3.OperationalError("somebody else writes: stop what uses the database")

    with closing(sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True)) as source, _driver(engine) as target:
        source.backup(target, progress=give_up)
        target.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def is_sound(engine: Engine) -> bool:
    """False for a SQLite file with damage in it; servers look after theirs."""
    if engine.dialect.name != "sqlite":
        return True
    with _driver(engine) as connection:
        try:
            return bool(connection.execute("PRAGMA quick_check(1)").fetchone()[0] == "ok")
        except sqlite3.DatabaseError:
            return False


def set_aside(address: URL | str, directory: Path, now: datetime) -> Backup:
    """Moves a damaged SQLite file, with the log beside it, into that directory, where no upgrade deletes it."""
    file = Path(str(make_url(address).database))
    aside = directory / f"{file.stem}-{now:%Y%m%dT%H%M%S%fZ}-damaged.db"
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    for end in ("-wal", "-shm", ""):  # the file last: one without its log would look whole
        if (part := file.with_name(file.name + end)).exists():
            shutil.move(part, aside.with_name(aside.name + end))
    return Backup(aside, "unknown", aside.stat().st_size)


@contextmanager
def _driver(engine: Engine) -> Iterator[Any]:
    """SQLite's own connection."""
    connection = engine.raw_connection()
    try:
        yield connection.driver_connection
    finally:
        connection.close()


# --- servers -------------------------------------------------------------------------------------------------------


def _copy_server(engine: Engine, file: Path, progress: Progress) -> None:
    target = open_database(f"sqlite:///{file}")
    copy_database(engine, target, progress)
    with _driver(target) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    target.dispose()
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA journal_mode=DELETE")


# --- files ---------------------------------------------------------------------------------------------------------


def _bytes_of(engine: Engine) -> int:
    """The size of a database; an estimate of its backup's."""
    with reading(engine) as connection:
        if engine.dialect.name == "sqlite":
            return math.prod(connection.exec_driver_sql(f"PRAGMA {name}").scalar_one() for name in _SIZE)
        return int(connection.exec_driver_sql("SELECT pg_database_size(current_database())").scalar_one())


_SIZE = ("page_count", "page_size")


def _refuse_without_room(size_bytes: int, directory: Path) -> None:
    needed, free = size_bytes * ROOM, shutil.disk_usage(directory).free
    if free < needed:
        raise UserMistake(
            f"a backup needs {needed / 1e6:.0f} MB in {directory}, where {free / 1e6:.0f} are free: make room, or "
            "write one elsewhere with `surveillance db backup FILE`, then `surveillance db upgrade --no-backup`"
        )


def _sync(file: Path) -> None:
    descriptor = os.open(file, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
