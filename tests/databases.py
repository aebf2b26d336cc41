"""The databases that storage must work on, each fresh for every test that asks for `database` or `empty_database`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from postgres_server import PostgresServer, running_postgres

from surveillance.storage.database import open_database, upgrade

KINDS = ("sqlite", "postgresql")


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """One server for the whole session, with a migrated database to copy from."""
    with running_postgres() as server:
        engine = open_database(server.url(server.create()))
        upgrade(engine)
        engine.dispose()
        yield server


@pytest.fixture(params=KINDS)
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of a database of this version, without a site."""
    if request.param == "sqlite":
        engine = open_database(f"sqlite:///{tmp_path / 'site.db'}")
        upgrade(engine)
        engine.dispose()
        yield f"sqlite:///{tmp_path / 'site.db'}"
    else:
        server = request.getfixturevalue("postgres")
        name = server.create("site_1")
        yield server.url(name)
        server.drop(name)


@pytest.fixture(params=KINDS)
def empty_database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of a database without a table."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'empty' / 'site.db'}"
    else:
        server = request.getfixturevalue("postgres")
        name = server.create()
        yield server.url(name)
        server.drop(name)
