"""An address into an engine whose commits survive a power cut; the only place that knows which database it is.

SQLite runs in WAL mode with synchronous=FULL: a commit that returned is on the disk, and readers never wait for the
one writer. PostgreSQL keeps the same promises in `postgresql.py`. What else storage does is portable SQL.
"""

from __future__ import annotations

import atexit
import os
import sqlite3
import threading
import time
import weakref
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import (
    ArgumentError,
    DatabaseError,
    DBAPIError,
    DisconnectionError,
    InterfaceError,
    NoSuchModuleError,
    OperationalError,
)
from sqlalchemy.exc import TimeoutError as NoConnectionFree

from surveillance import places
from surveillance.domain.errors import DatabaseDamaged, DatabaseTooNew, RecordFailed, SettingsError
from surveillance.domain.site import hide_password

WRITES = "surveillance_writes"  # the execution option of a connection that is about to write
PATIENT = "surveillance_patient"  # of one whose statements may take as long as it takes
LOCK_MS = "surveillance_lock_ms"  # how long one that writes waits for others; the engine's own time where it is not set
EDIT_MS = 10_000  # for edits by people, who rather wait than be told to come again

_TURNS: weakref.WeakKeyDictionary[Engine, _Turn] = weakref.WeakKeyDictionary()
_OPENED: weakref.WeakKeyDictionary[Engine, set[Any]] = weakref.WeakKeyDictionary()  # the driver's own connections


def open_database(url: str, lock_timeout_ms: int = 2000, existing: bool = False) -> Engine:
    """An engine on that database; it waits at most `lock_timeout_ms` for another writer.

    A SQLite file is made where there is none, unless it must be `existing`. Raises SettingsError, in one line, for an
    address that cannot be used, and DatabaseDamaged.
    """
    address = _parse_url(url)
    if existing and address.get_backend_name() == "sqlite" and not Path(address.database or "").is_file():
        raise SettingsError(f"there is no database {address.database}")
    try:
        if address.get_backend_name() == "sqlite":
            engine = _open_sqlite(address, lock_timeout_ms)
        elif address.get_backend_name() == "postgresql":
            engine = _open_postgresql(address, lock_timeout_ms)
        else:
            raise SettingsError(f"storage.url {shown(address)}: write sqlite:////path/to/site.db or postgresql://...")
    except (ModuleNotFoundError, NoSuchModuleError) as error:
        raise SettingsError(f"storage.url {shown(address)}: no driver is installed for it ({error})") from error
    _close_with(engine)
    try:
        with engine.connect() as connection:
            connection.execute(text("SELECT 1"))
            if engine.dialect.name == "postgresql":
                _check_encoding(connection)
    except DatabaseError as error:
        if _is_damage(error):
            raise DatabaseDamaged(
                f"{shown(engine.url)} is damaged ({_first_line(error)}): stop the service, then "
                "`surveillance db restore BACKUP`, which keeps the damaged file"
            ) from error
        raise SettingsError(f"storage.url {shown(address)} cannot be opened: {_first_line(error)}") from error
    return engine


def open_file(file: Path) -> Engine:
    """A SQLite file to read from; reading changes nothing, not even beside it."""
    address = URL.create("sqlite", database=f"file:{quote(str(file.resolve()))}", query={"mode": "ro", "uri": "true"})
    engine = create_engine(address, hide_parameters=True)
    _close_with(engine)
    return engine


@contextmanager
def writing(engine: Engine, patient: bool = False, lock_ms: int | None = None) -> Iterator[Connection]:
    """A transaction that may write, one at a time for the whole database; commits at the end, else rolls back.

    Raises RecordFailed when the database is away, or others hold it for longer than `lock_ms` (by default what the
    engine was opened with). `patient` is for work on everything at once, whose statements may take minutes.
    """
    options = {WRITES: True, PATIENT: patient, LOCK_MS: lock_ms}
    with (
        _taking_turns(engine, options),
        _telling(),
        engine.connect().execution_options(**options) as connection,
        connection.begin(),
    ):
        yield connection
        file = connection.info.get("file")
    if file is not None and file != _identity(_TURNS[engine].file):  # what another file's log holds is on no record
        raise RecordFailed("the database could not be used: another file has taken its place")


@contextmanager
def reading(engine: Engine, patient: bool = False) -> Iterator[Connection]:
    """A transaction that sees one state of the database throughout and blocks nobody. Raises RecordFailed."""
    with _telling(), engine.connect().execution_options(**{PATIENT: patient}) as connection, connection.begin():
        yield connection


def _close_with(engine: Engine) -> None:
    """Its connections are closed when nobody has the engine any more. Its pool knows the engine, so the pool must not
    be what is kept for that: neither would ever go.
    """
    opened = _OPENED[engine] = set()
    event.listen(engine, "connect", lambda connection, record: opened.add(connection))
    event.listen(engine, "close", lambda connection, record: opened.discard(connection))
    event.listen(engine, "close_detached", opened.discard)
    weakref.finalize(engine, _close_all, opened, _faults_of(engine)).atexit = False  # see _close_at_exit


def _faults_of(engine: Engine) -> type[Exception]:
    faults: type[Exception] = engine.dialect.dbapi.Error  # type: ignore[union-attr]
    return faults


def _close_all(opened: set[Any], faults: type[Exception]) -> None:
    for connection in tuple(opened):
        with suppress(faults):
            connection.close()


@atexit.register
def _close_at_exit() -> None:
    """Where no other thread is left. One that is may be amid a statement, and both drivers crash when its connection
    is closed under it; the interpreter stops such threads first, and then closes what is left.
    """
    if threading.active_count() == 1:
        for engine, opened in tuple(_OPENED.items()):
            _close_all(opened, _faults_of(engine))


@dataclass(frozen=True, slots=True)
class _Turn:
    """Whose turn it is to write among the threads of this process."""

    lock: threading.Lock
    wait_ms: int
    file: Path


@contextmanager
def _taking_turns(engine: Engine, options: dict[str, Any]) -> Iterator[None]:
    """Lets one thread of this process at a time ask SQLite for its lock, and leaves in `options` what time is left.

    SQLite wakes nobody: who waits looks again after pauses of up to 100 ms, and on a busy machine finds another thread
    there each time until its time is up. A server keeps its own queue.
    """
    turn = _TURNS.get(engine)
    if turn is None:
        yield
        return
    wait_ms, began = options[LOCK_MS] or turn.wait_ms, time.monotonic()
    if not turn.lock.acquire(timeout=wait_ms / 1000):
        raise RecordFailed("the database could not be used: database is locked")
    try:
        options[LOCK_MS] = max(1, wait_ms - round((time.monotonic() - began) * 1000))
        yield
    finally:
        turn.lock.release()


@contextmanager
def _telling() -> Iterator[None]:
    """What the database does not do, in the house's words; the caller's own mistakes stay what they are."""
    try:
        yield
    except (OperationalError, InterfaceError, NoConnectionFree) as error:
        raise RecordFailed(f"the database could not be used: {_first_line(error)}") from error
    except DatabaseError as error:
        if not _is_damage(error):
            raise
        raise RecordFailed(f"the database is damaged: {_first_line(error)}") from error


def _is_damage(error: DatabaseError) -> bool:
    code = getattr(error.orig, "sqlite_errorcode", None)
    return code is not None and code & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def in_chunks(names: Iterable[str], size: int = 500) -> Iterator[list[str]]:
    """The distinct names, in lists short enough for one `IN`."""
    rest = list(dict.fromkeys(names))
    for start in range(0, len(rest), size):
        yield rest[start : start + size]


class ChangeWatch:
    """Tells cheaply whether anybody committed since it was last asked. Belongs to one thread."""

    def __init__(self, engine: Engine) -> None:
        self._watch = _DataVersionWatch(engine) if engine.dialect.name == "sqlite" else _snapshot_watch(engine)

    def changed(self) -> bool:
        """True the first time, and whenever there may be something new. Raises RecordFailed."""
        with _telling():
            return self._watch.changed()


def upgrade(engine: Engine, revision: str = "head") -> tuple[str | None, str | None]:
    """Brings the schema to this version, whole or not at all; returns the revisions before and after.

    Raises DatabaseTooNew when a newer one wrote it.
    """
    sqlite = engine.dialect.name == "sqlite"
    with _telling(), engine.connect().execution_options(**{WRITES: True, PATIENT: True}) as connection:
        driver: Any = connection.connection.dbapi_connection
        if sqlite:  # a table that is built anew is dropped, which would take along the rows that name its rows
            driver.execute("PRAGMA foreign_keys=OFF")
        try:
            with connection.begin():
                before, strays = revision_of(connection), _strays(connection)
                migrate(connection, revision)
                if _strays(connection) > strays:
                    raise RecordFailed("the upgrade would leave rows that belong to nothing; nothing was changed")
                return before, revision_of(connection)
        except DBAPIError as error:
            raise RecordFailed(f"the upgrade failed and changed nothing: {_first_line(error)}") from error
        finally:
            if sqlite:
                driver.execute("PRAGMA foreign_keys=ON")


def _strays(connection: Connection) -> int:
    """Rows that name others which are not there; a server never lets them come about."""
    sqlite = connection.dialect.name == "sqlite"
    return len(connection.exec_driver_sql("PRAGMA foreign_key_check").all()) if sqlite else 0


def migrate(connection: Connection, revision: str = "head") -> None:
    """Runs the migrations up to that revision within this transaction. Raises DatabaseTooNew."""
    config = _alembic()
    _refuse_newer(connection, ScriptDirectory.from_config(config))
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


def revision_of(connection: Connection) -> str | None:
    """The migration at which the database is; None when it has no table yet."""
    return MigrationContext.configure(connection).get_current_revision()


def revisions() -> tuple[str, ...]:
    """The migrations that this version knows, oldest first."""
    script = ScriptDirectory.from_config(_alembic())
    return tuple(revision.revision for revision in script.walk_revisions())[::-1]


def scour(engine: Engine) -> None:
    """Writes the whole database anew, so that nothing is left of rows that were changed or deleted.

    Takes as long as it takes; whoever writes meanwhile waits. Raises RecordFailed.
    """
    with _telling(), engine.connect() as connection:
        driver: Any = connection.connection.dbapi_connection
        if engine.dialect.name == "sqlite":
            for statement in ("PRAGMA wal_checkpoint(TRUNCATE)", "VACUUM", "PRAGMA wal_checkpoint(TRUNCATE)"):
                driver.execute(statement)
            return
        driver.patience_s, driver.autocommit = None, True
        driver.execute("VACUUM FULL")
        driver.autocommit = False


def check_version(engine: Engine) -> None:
    """Raises DatabaseTooNew, or SettingsError when the schema is older than this version needs."""
    script = ScriptDirectory.from_config(_alembic())
    with reading(engine) as connection:
        found = _refuse_newer(connection, script)
    if found != set(script.get_heads()):
        raise SettingsError(f"the database {shown(engine.url)} is empty or old: run `surveillance db upgrade`")


def _alembic() -> Config:
    config = Config()
    config.set_main_option("script_location", str(places.shipped("migrations")).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def _refuse_newer(connection: Connection, script: ScriptDirectory) -> set[str]:
    found = set(MigrationContext.configure(connection).get_current_heads())
    unknown = found - {revision.revision for revision in script.walk_revisions()}
    if unknown:
        raise DatabaseTooNew(
            f"the database {shown(connection.engine.url)} is at {', '.join(sorted(unknown))}, which this version "
            "does not know: install the newer version that wrote it, or restore a backup"
        )
    return found


# --- SQLite --------------------------------------------------------------------------------------------------------


def _open_sqlite(address: URL, lock_timeout_ms: int) -> Engine:
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
            "cache_size=-16000",
            "journal_size_limit=67108864",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # a writer takes the write lock at once, since a reader cannot become one while another writes
        options = connection.get_execution_options()
        if options.get(WRITES):
            connection.exec_driver_sql(f"PRAGMA busy_timeout={options.get(LOCK_MS) or lock_timeout_ms}")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if options.get(WRITES) else "BEGIN")

    _TURNS[engine] = _Turn(threading.Lock(), lock_timeout_ms, file)
    return engine


def _identity(file: Path) -> tuple[int, int]:
    """Which file that is. Raises RecordFailed where there is none.

    SQLite itself goes on writing to a file that was moved away or deleted, and says that all is well.
    """
    try:
        told = file.stat()
    except OSError as error:
        raise RecordFailed(f"the database could not be used: {file}: {error.strerror}") from error
    return told.st_dev, told.st_ino


class _DataVersionWatch:
    """Asks a connection of its own, outside of transactions, since one would freeze what it sees."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._connection: Any = None
        self._file: tuple[int, int] | None = None
        self._seen: int | None = None

    def changed(self) -> bool:
        file = _identity(_TURNS[self._engine].file)
        if self._connection is None or file != self._file:
            connection = self._engine.raw_connection()
            connection.detach()  # it is this watch's own, and closed with it
            self._connection, self._file, self._seen = connection, file, None
            weakref.finalize(self, connection.close).atexit = False  # that of its engine knows when it may
        seen = int(self._connection.cursor().execute("PRAGMA data_version").fetchone()[0])
        changed, self._seen = seen != self._seen, seen
        return changed


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


# --- PostgreSQL: its driver is loaded only where it is used ----------------------------------------------------------


def _open_postgresql(address: URL, lock_timeout_ms: int) -> Engine:
    from surveillance.storage.postgresql import open_postgresql

    if "@" in (address.host or ""):
        raise SettingsError("storage.url: write the @ in its password as %40")
    return open_postgresql(address, lock_timeout_ms, WRITES, PATIENT, LOCK_MS)


def _check_encoding(connection: Connection) -> None:
    from surveillance.storage.postgresql import check_encoding

    check_encoding(connection)


def _snapshot_watch(engine: Engine) -> Any:
    from surveillance.storage.postgresql import SnapshotWatch

    return SnapshotWatch(engine)


# --- words ---------------------------------------------------------------------------------------------------------


def _parse_url(url: str) -> URL:
    """Also takes `postgres://`, as some services write it."""
    if url.startswith("postgres://"):
        url = "postgresql" + url.removeprefix("postgres")
    try:
        return make_url(url)
    except (ArgumentError, ValueError) as error:
        raise SettingsError("storage.url is not a database address; write sqlite:////path/to/site.db") from error


def shown(address: URL) -> str:
    """The address without what is secret in it."""
    return hide_password(address.render_as_string(hide_password=False))


def _first_line(error: Exception) -> str:
    return str(getattr(error, "orig", None) or error).strip().partition("\n")[0]
