"""An address into an engine whose commits survive a power cut; the only place that knows which database it is.

SQLite runs in WAL mode with synchronous=FULL: a commit that returned is on the disk, and readers never wait for the
one writer. PostgreSQL keeps the same promises in `postgresql.py`. What else storage does is portable SQL.
"""

from __future__ import annotations

import atexit
import sqlite3
import threading
import weakref
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Generic, TypeVar
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
    InterfaceError,
    NoSuchModuleError,
    OperationalError,
)
from sqlalchemy.exc import TimeoutError as NoConnectionFree

from surveillance import places
from surveillance.domain.errors import DatabaseDamaged, DatabaseTooNew, RecordFailed, SettingsError
from surveillance.domain.site import hide_password
from surveillance.storage.sqlite import LOCK_MS, WRITES, DataVersionWatch, open_sqlite, turn_of

PATIENT = "surveillance_patient"  # of one whose statements may take as long as it takes
T = TypeVar("T")
EDIT_MS = 10_000  # for edits by people, who rather wait than be told to come again

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
            engine = open_sqlite(address, lock_timeout_ms)
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
def writing(
    engine: Engine, patient: bool = False, lock_ms: int | None = None, touches: Collection[str] | None = None
) -> Iterator[Connection]:
    """A transaction that may write, one at a time for the whole database; commits at the end, else rolls back.

    Raises RecordFailed when the database is away, or others hold it for longer than `lock_ms` (by default what the
    engine was opened with). `patient` is for work on everything at once, whose statements may take minutes. Threads of
    this process that watch other tables than those it `touches` need not hear of it: see ChangeWatch.
    """
    turn, options = turn_of(engine), {WRITES: True, PATIENT: patient, LOCK_MS: lock_ms}
    if turn is None:
        with _telling(), engine.connect().execution_options(**options) as connection, connection.begin():
            yield connection
        return
    with turn.taken(options), _telling():
        try:
            connection = turn.connected(engine).execution_options(**options)
            with connection.begin():
                yield connection
        except BaseException:
            turn.hang_up()  # whatever state it is in
            raise
        turn.committed(touches)


@contextmanager
def reading(engine: Engine, patient: bool = False) -> Iterator[Connection]:
    """A transaction that sees one state of the database throughout and blocks nobody. Raises RecordFailed."""
    with _telling(), engine.connect() as connection:
        if patient:
            connection.execution_options(**{PATIENT: True})
        with connection.begin():
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
    """Tells cheaply whether anybody committed since it was last asked. Belongs to one thread.

    It need not hear of what this process commits by the same engine to other than these tables, which may be what most
    commits are: signs of life, once a second.
    """

    def __init__(self, engine: Engine, *tables: str) -> None:
        turn = turn_of(engine)
        self._watch = _snapshot_watch(engine) if turn is None else DataVersionWatch(engine, turn, tables)

    def changed(self) -> bool:
        """True the first time, and whenever there may be something new. Raises RecordFailed."""
        with _telling():
            return self._watch.changed()


class Remembered(Generic[T]):
    """Calls `read`, and again only when somebody may have committed to that table. Belongs to one thread at a time.

    A server is asked each time, which costs it no more than to be asked for news.
    """

    def __init__(self, engine: Engine, table: str, read: Callable[[], T]) -> None:
        self._watch = None if turn_of(engine) is None else ChangeWatch(engine, table)
        self._read = read
        self._kept: list[T] = []

    def __call__(self) -> T:
        if self._watch is None:
            return self._read()
        if self._watch.changed():
            self._kept.clear()
        if not self._kept:  # or it could not be read the last time
            self._kept.append(self._read())
        return self._kept[0]


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
