"""SQLite as the house opens it: WAL, every commit on the disk, and one thread of a process at a time that writes.

What else storage does is portable SQL, by way of `database.py`.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
import weakref
from collections import Counter
from collections.abc import Collection, Hashable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, DisconnectionError, SQLAlchemyError

from surveillance.domain.errors import RecordFailed, SettingsError

WRITES = "surveillance_writes"  # the execution option of a connection that is about to write
LOCK_MS = "surveillance_lock_ms"  # how long one that writes waits for others; the engine's own time where it is not set
EVERYTHING = ("*",)  # what a commit touches of which nothing else is said

_TURNS: weakref.WeakKeyDictionary[Engine, weakref.ref[Turn]] = weakref.WeakKeyDictionary()


def open_sqlite(address: URL, lock_timeout_ms: int) -> Engine:
    """An engine on that file, which is made where there is none. Raises SettingsError."""
    if address.database in (None, "", ":memory:"):
        raise SettingsError("storage.url: a database in memory keeps nothing; give a file, such as sqlite:///site.db")
    file = Path(str(address.database)).absolute()
    _make_private(file)
    engine = create_engine(
        address, hide_parameters=True, max_overflow=40, connect_args={"timeout": lock_timeout_ms / 1000}
    )

    @event.listens_for(engine, "do_connect")
    def open_existing(_dialect: Any, _record: Any, arguments: list[Any], options: dict[str, Any]) -> None:
        arguments[0], options["uri"] = f"file:{quote(str(file))}?mode=rw", True  # one that went is not made anew

    @event.listens_for(engine, "checkout")
    def is_still_it(_connection: Any, record: Any, _proxy: Any) -> None:
        if record.info["file"] != _identity(file):
            raise DisconnectionError("another file has taken its place")

    @event.listens_for(engine, "connect")
    def configure(connection: Any, record: Any) -> None:
        record.info["file"] = _identity(file)
        connection.isolation_level = None  # the driver must not start transactions of its own
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
            "cache_size=-4000",
            "journal_size_limit=67108864",
        ):
            connection.execute(f"PRAGMA {pragma}")

    turn = Turn(file, lock_timeout_ms)  # is kept by its engine, whose ends it must not outlive
    event.listen(engine, "begin", turn.begin)
    event.listen(engine, "engine_disposed", turn.disposed)
    _TURNS[engine] = weakref.ref(turn)
    return engine


def turn_of(engine: Engine) -> Turn | None:
    """None where the database is a server, which keeps its own queue."""
    known = _TURNS.get(engine)
    return None if known is None else known()


def _identity(file: Path) -> tuple[int, int]:
    """Which file that is. Raises RecordFailed where there is none.

    SQLite itself goes on writing to a file that was moved away or deleted, and says that all is well.
    """
    try:
        told = file.stat()
    except OSError as error:
        raise RecordFailed(f"the database could not be used: {file}: {error.strerror}") from error
    return told.st_dev, told.st_ino


@dataclass(slots=True, weakref_slot=True, eq=False)
class Turn:
    """Lets one thread of this process at a time write, all by the same connection.

    SQLite wakes nobody: who waits looks again after pauses of up to 100 ms, and on a busy machine finds another thread
    there each time until its time is up. By one connection what was read of the database stays good from one commit to
    the next, and PRAGMA data_version tells of what others committed alone.
    """

    file: Path
    wait_ms: int
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _connection: Connection | None = None
    _identity: tuple[int, int] | None = None
    _busy_ms: int = -1  # that the connection was told
    _connections: int = 0
    _touched: Counter[str] = field(default_factory=Counter)

    @contextmanager
    def taken(self, options: dict[str, Any]) -> Iterator[None]:
        """Leaves in `options` what time is left to wait for other processes."""
        wait_ms, began = options[LOCK_MS] or self.wait_ms, time.monotonic()
        if not self._lock.acquire(timeout=wait_ms / 1000):
            raise RecordFailed("the database could not be used: database is locked")
        try:
            options[LOCK_MS] = max(1, wait_ms - round((time.monotonic() - began) * 1000))
            yield
        finally:
            self._lock.release()

    def connected(self, engine: Engine) -> Connection:
        identity = _identity(self.file)
        if self._connection is None or identity != self._identity:
            self.hang_up()
            self._connection = engine.connect()
            self._connection.detach()  # closed with the engine, not kept by its pool
            self._identity, self._busy_ms = identity, -1
            self._connections += 1
        return self._connection

    def hang_up(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(SQLAlchemyError, sqlite3.Error):
                connection.close()

    def begin(self, connection: Connection) -> None:
        """Every transaction. A writer takes the write lock at once: a reader cannot become one while another writes."""
        options = connection.get_execution_options()
        driver: Any = connection.connection.dbapi_connection
        try:  # by the driver itself, since SQLAlchemy's way costs more than most statements
            if not options.get(WRITES):
                driver.execute("BEGIN")
                return
            busy_ms = options.get(LOCK_MS) or self.wait_ms
            if connection is not self._connection or busy_ms != self._busy_ms:
                driver.execute(f"PRAGMA busy_timeout={busy_ms}")
                self._busy_ms = busy_ms if connection is self._connection else -1
            driver.execute("BEGIN IMMEDIATE")
        except sqlite3.Error as error:
            raise DBAPIError.instance("BEGIN", None, error, sqlite3.Error, hide_parameters=True) from error

    def committed(self, touches: Collection[str] | None) -> None:
        self._touched.update(EVERYTHING if touches is None else touches)
        if self._identity != _identity(self.file):  # what another file's log holds is on no record
            raise RecordFailed("the database could not be used: another file has taken its place")

    def disposed(self, _engine: Engine) -> None:
        with self._lock:
            self.hang_up()

    def seen(self, engine: Engine, tables: Sequence[str]) -> Hashable:
        """Another value whenever somebody may have committed; None while a thread of this process writes."""
        if not self._lock.acquire(blocking=False):
            return None
        try:
            driver: Any = self.connected(engine).connection.dbapi_connection
            version = driver.execute("PRAGMA data_version").fetchone()[0]
        except sqlite3.Error as error:
            self.hang_up()
            raise RecordFailed(f"the database could not be used: {error}") from error
        finally:
            self._lock.release()
        own = sum(self._touched[table] for table in (*EVERYTHING, *tables)) if tables else self._touched.total()
        return self._connections, version, own


class DataVersionWatch:
    """Asks outside of transactions, since one would freeze what is seen."""

    def __init__(self, engine: Engine, turn: Turn, tables: Sequence[str]) -> None:
        self._engine = engine
        self._turn = turn
        self._tables = tables
        self._seen: Hashable = None

    def changed(self) -> bool:
        before, self._seen = self._seen, self._turn.seen(self._engine, self._tables)
        return self._seen is None or self._seen != before


def _make_private(path: Path) -> None:
    """Creates the file, readable by its owner only, before SQLite would create it readable by all.

    A file that is there is never opened: closing it would let go of every lock that this process holds on it (POSIX),
    and the next program to close the database would remove the log under those that still write to it.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileExistsError):
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
            return
    except OSError as error:
        raise SettingsError(f"storage.url: cannot write {path}: {error.strerror}") from error
    if not os.access(path, os.R_OK | os.W_OK):
        raise SettingsError(f"storage.url: cannot write {path}: permission denied")
