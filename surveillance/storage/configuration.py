"""The version of the configuration: every edit takes the next one, in its own transaction, and a note tells of it."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import Connection, func, insert, select

from surveillance.storage.chain import link_state
from surveillance.storage.ledger import note
from surveillance.storage.tables import configuration


def version_of(connection: Connection) -> int:
    """0 before anything was configured."""
    version: int | None = connection.execute(select(func.max(configuration.c.version))).scalar_one()
    return version or 0


def stamp(connection: Connection, author: str, change: str) -> int:
    """The next version, made by this transaction, in which everything else was written before."""
    version = version_of(connection) + 1
    row = {"version": version, "at": datetime.now(UTC), "author": author, "change": change}
    connection.execute(insert(configuration), [row])
    note(connection, "configuration.changed", {"version": version, "change": change}, author)
    link_state(connection, "site")
    return version
