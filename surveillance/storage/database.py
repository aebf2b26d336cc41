"""An address into an engine whose commits survive a power cut; the only place that knows which database it is.

SQLite runs in WAL mode with synchronous=FULL: a commit that returned is on the disk, and readers never wait for the
one writer. Everything outside this module is portable SQL.
"""

from __future__ import annotations

import os
import weakref
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DatabaseError, NoSuchModuleError

from surveillance import places
from surveillance.domain.errors import DatabaseTooNew, SettingsError

WRITES = "surveillance_writes"  # the execution option of a connection that is about to write


def open_database(url: str, lock_timeout_ms: int = 2000) -> Engine:
    """An engine on that database; it waits at most `lock_timeout_ms` for another writer.

    Raises SettingsError, in one line, for an address that cannot be used.
    """
    address = _parse_url(url)
    try:
        if address.get_backend_name() == "sqlite":
            engine = _open_sqlite(address, lock_timeout_ms)
        else:
            engine = _open_server(address, lock_timeout_ms)
    except (ModuleNotFoundError, NoSuchModuleError) as error:
        raise SettingsError(f"storage.url {_shown(address)}: no driver is installed for it ({error})") from error
    try:
        with engine.connect() as connection:
            connection.execute(text("SELECT 1"))
    except DatabaseError as error:
        engine.dispose()
        raise SettingsError(f"storage.url {_shown(address)} cannot be opened: {_first_line(error)}") from error
    weakref.finalize(engine, engine.pool.dispose)
    return engine


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A transaction that may write, one at a time for the whole database; commits at the end, else rolls back."""
    with engine.connect().execution_options(**{WRITES: True}) as connection, connection.begin():
        yield connection


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A transaction that sees one state of the database throughout and blocks nobody."""
    with engine.connect() as connection, connection.begin():
        yield connection


def in_chunks(names: Iterable[str], size: int = 500) -> Iterator[list[str]]:
    """The distinct names, in lists short enough for one `IN`."""
    rest = list(dict.fromkeys(names))
    for start in range(0, len(rest), size):
        yield rest[start : start + size]


class ChangeWatch:
    """Tells cheaply whether anybody committed since it was last asked. Belongs to one thread."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._connection: Any = None  # the driver's own, so that no transaction freezes what it sees
        self._seen: int | None = None

    def changed(self) -> bool:
        """True the first time, and whenever there may be something new."""
        if self._engine.dialect.name != "sqlite":
            return True
        if self._connection is None:
            connection = self._engine.raw_connection()
            connection.detach()  # it is this watch's own, and closed with it
            self._connection = connection
            weakref.finalize(self, connection.close)
        seen = int(self._connection.cursor().execute("PRAGMA data_version").fetchone()[0])
        changed, self._seen = seen != self._seen, seen
        return changed


def upgrade(engine: Engine) -> None:
    """Brings the schema to this version. Raises DatabaseTooNew when a newer one wrote it."""
    config = _alembic()
    with writing(engine) as connection:
        _refuse_newer(connection, ScriptDirectory.from_config(config))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def check_version(engine: Engine) -> None:
    """Raises DatabaseTooNew, or SettingsError when the schema is older than this version needs."""
    script = ScriptDirectory.from_config(_alembic())
    with reading(engine) as connection:
        found = _refuse_newer(connection, script)
    if found != set(script.get_heads()):
        raise SettingsError(f"the database {_shown(engine.url)} is empty or old: run `surveillance db upgrade`")


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
            f"the database {_shown(connection.engine.url)} is at {', '.join(sorted(unknown))}, which this version "
            "does not know: install the newer version that wrote it, or restore a backup"
        )
    return found


# --- SQLite --------------------------------------------------------------------------------------------------------


def _open_sqlite(address: URL, lock_timeout_ms: int) -> Engine:
    if address.database in (None, "", ":memory:"):
        raise SettingsError("storage.url: a database in memory keeps nothing; give a file, such as sqlite:///site.db")
    _make_private(Path(str(address.database)))
    engine = create_engine(
        address, hide_parameters=True, max_overflow=40, connect_args={"timeout": lock_timeout_ms / 1000}
    )

    @event.listens_for(engine, "connect")
    def configure(connection: Any, _record: Any) -> None:
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
        writes = connection.get_execution_options().get(WRITES)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _make_private(path: Path) -> None:
    """Creates the file, readable by its owner only, before SQLite would create it readable by all."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError as error:
        raise SettingsError(f"storage.url: cannot write {path}: {error.strerror}") from error


# --- servers -------------------------------------------------------------------------------------------------------


def _open_server(address: URL, lock_timeout_ms: int) -> Engine:
    engine = create_engine(address, hide_parameters=True, max_overflow=40, pool_pre_ping=True)

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        if connection.get_execution_options().get(WRITES) and engine.dialect.name == "postgresql":
            connection.exec_driver_sql(f"SET LOCAL lock_timeout = {int(lock_timeout_ms)}")

    return engine


# --- words ---------------------------------------------------------------------------------------------------------


def _parse_url(url: str) -> URL:
    try:
        return make_url(url)
    except ArgumentError as error:
        raise SettingsError("storage.url is not a database address; write sqlite:////path/to/site.db") from error


def _shown(address: URL) -> str:
    return address.render_as_string(hide_password=True)


def _first_line(error: DatabaseError) -> str:
    return str(error.orig or error).strip().partition("\n")[0]
