"""PostgreSQL behind the same engine as SQLite: one writer at a time, readers that see one state, waits that end.

A transaction that writes first takes the writers' lock of its database, as SQLite's `BEGIN IMMEDIATE` does. A server
that is gone, hung or out of reach is an error in time, and the next transaction connects anew.
"""

from __future__ import annotations

import time
import weakref
from collections.abc import Callable, Generator
from math import ceil
from typing import Any, TypeVar

import psycopg
from psycopg.abc import PQGen
from sqlalchemy import URL, Connection, Engine, create_engine, event, text

from surveillance.domain.errors import RecordFailed, SettingsError

WRITERS_LOCK = 0x5375727665696C  # any number will do, as long as every version of this program takes the same
GRACE_S = 1.0  # what a statement may take beyond the time for which it may wait for a lock
READ_S = 10.0  # a longer answer than this is no answer: the server hangs

Result = TypeVar("Result")


class ImpatientConnection(psycopg.Connection[Any]):
    """Gives up a statement that the server does not answer in `patience_s`, since libpq would wait for ever."""

    patience_s: float | None = READ_S

    def wait(self, gen: PQGen[Result], *args: Any, **named: Any) -> Result:
        """Overrides what every statement passes through. Raises psycopg.OperationalError, the connection closed."""
        if self.patience_s is None:
            return super().wait(gen, *args, **named)
        try:
            return super().wait(_ended_by(gen, time.monotonic() + self.patience_s), *args, **named)
        except _NoAnswer:
            self.pgconn.finish()  # an answer may still come, and must not be taken for that of the next statement
            raise psycopg.OperationalError(f"the server did not answer within {self.patience_s:g} s") from None


def open_postgresql(address: URL, lock_timeout_ms: int, writes: str, patient: str, lock_ms: str) -> Engine:
    """An engine that waits at most `lock_timeout_ms` for another writer.

    `writes` and `patient` name the execution options of connections that will write, or may take as long as it takes;
    `lock_ms` that of a time of its own to wait for another writer.
    """
    engine = create_engine(
        address.set(drivername="postgresql+psycopg"),
        hide_parameters=True,
        pool_size=4,
        max_overflow=20,
        pool_timeout=max(1.0, lock_timeout_ms / 1000),
        pool_pre_ping=True,
        use_native_hstore=False,  # spares a question at every connect
        connect_args=_connect_args(address, lock_timeout_ms),
    )

    @event.listens_for(engine, "do_connect")
    def connect(_dialect: Any, _record: Any, words: Any, named: Any) -> ImpatientConnection:
        connection = ImpatientConnection.connect(*words, **named)
        connection.patience_s = lock_timeout_ms / 1000 + GRACE_S
        return connection

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        options = connection.get_execution_options()
        driver: Any = connection.connection.dbapi_connection
        if driver.autocommit:
            return
        driver.read_only = not options.get(writes)
        driver.isolation_level = None if options.get(writes) else psycopg.IsolationLevel.REPEATABLE_READ
        wait_ms = options.get(lock_ms) or lock_timeout_ms
        driver.patience_s = wait_ms / 1000 + GRACE_S if options.get(writes) else READ_S
        if options.get(patient):
            driver.patience_s = None
        if options.get(writes):
            connection.execute(_LOCK, {"ms": str(wait_ms), "key": WRITERS_LOCK})

    @event.listens_for(engine.pool, "checkin")
    def be_impatient_again(driver: Any, _record: Any) -> None:
        if driver is not None:
            driver.patience_s = lock_timeout_ms / 1000 + GRACE_S

    return engine


def check_encoding(connection: Connection) -> None:
    """Raises SettingsError for a database that cannot hold every name."""
    found = connection.exec_driver_sql("SHOW server_encoding").scalar_one()
    if found != "UTF8":
        name = connection.engine.url.database
        raise SettingsError(
            f"storage.url: the database {name} is encoded in {found}; make one with "
            f"`createdb --encoding UTF8 --template template0 {name}`"
        )


class SnapshotWatch:
    """Tells by the server's snapshot whether any transaction that wrote has ended since it was last asked.

    Never misses a commit; may say yes for another database of the same server. Costs one round trip.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._connection: Any = None
        self._close: Callable[[], object] = lambda: None
        self._seen: str | None = None

    def changed(self) -> bool:
        """Raises RecordFailed while the server is away; connects anew the next time."""
        try:
            connection = self._connection or self._connect()
            [seen] = connection.cursor().execute("SELECT CAST(pg_current_snapshot() AS text)").fetchone()
        except psycopg.Error as error:
            self._connection = None
            self._close()
            raise RecordFailed(f"the database could not be used: {str(error).partition(chr(10))[0]}") from error
        before, self._seen = self._seen, str(seen)
        return before != self._seen

    def _connect(self) -> Any:
        connection: Any = self._engine.raw_connection()
        connection.detach()  # it is this watch's own, and closed with it
        self._close = finalizer = weakref.finalize(self, _end, connection)
        finalizer.atexit = False  # what closes those of an engine knows when it may
        connection.dbapi_connection.autocommit = True
        self._connection = connection
        return connection


def _end(connection: Any) -> None:
    connection.dbapi_connection.close()  # whatever state it is in: unlike the pool's way, this needs no answer
    connection.invalidate()


_LOCK = text("SELECT set_config('lock_timeout', :ms, true), pg_advisory_xact_lock(:key)")


class _NoAnswer(Exception):  # noqa: N818
    """Never leaves this module."""


def _ended_by(gen: PQGen[Result], ends_at_s: float) -> Generator[Any, Any, Result]:
    """The same steps, as long as they end in time; the driver looks in every tenth of a second."""
    try:
        wanted = next(gen)
        while True:
            ready = yield wanted
            if not ready and time.monotonic() > ends_at_s:
                raise _NoAnswer
            wanted = gen.send(ready)
    except StopIteration as end:
        result: Result = end.value
        return result


def _connect_args(address: URL, lock_timeout_ms: int) -> dict[str, Any]:
    """What the address leaves open, so that no wait for the network has no end."""
    wanted = {
        "connect_timeout": max(2, ceil(lock_timeout_ms / 1000)),
        "tcp_user_timeout": lock_timeout_ms + int(GRACE_S * 1000),
        "keepalives_idle": 10,
        "keepalives_interval": 5,
        "keepalives_count": 3,
        "application_name": "surveillance",
    }
    return {name: value for name, value in wanted.items() if name not in address.query}
