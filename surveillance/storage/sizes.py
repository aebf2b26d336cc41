"""How much of everything there is: the figures of the site's operator that lie in the database and on the disk."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from sqlalchemy import Engine, func, select, text

from surveillance.storage import tables
from surveillance.storage.database import reading
from surveillance.storage.outbox import OPEN


def database_bytes(engine: Engine) -> int:
    """What the database takes on its disk, its write-ahead log included."""
    if engine.dialect.name == "sqlite":
        file = Path(str(engine.url.database))
        parts = (file, Path(f"{file}-wal"))
        return sum(part.stat().st_size for part in parts if part.exists())
    with reading(engine) as connection:
        return int(connection.execute(text("SELECT pg_database_size(current_database())")).scalar_one())


def evidence_bytes(engine: Engine) -> int:
    """The best shots that are kept with events."""
    table = tables.evidence
    query = select(func.sum(table.c.size_bytes)).where(table.c.gone.is_(None), table.c.missing.is_(False))
    with reading(engine) as connection:
        return int(connection.execute(query).scalar_one() or 0)


def open_actions(engine: Engine) -> dict[tuple[str, str], int]:
    """How many deeds have no outcome yet, by kind and state."""
    table = tables.outbox
    query = select(table.c.kind, table.c.state, func.count()).where(table.c.state.in_(OPEN))
    with reading(engine) as connection:
        rows = connection.execute(query.group_by(table.c.kind, table.c.state)).all()
    return {(kind, state): count for kind, state, count in rows}


def newest_event_at(engine: Engine) -> datetime | None:
    """When the newest event happened, by the clock of its time."""
    with reading(engine) as connection:
        found: datetime | None = connection.execute(select(func.max(tables.event.c.at))).scalar_one()
    return found


def configuration_version(engine: Engine) -> int:
    """The newest version on record; 0 before anything was configured."""
    with reading(engine) as connection:
        return int(connection.execute(select(func.max(tables.configuration.c.version))).scalar_one() or 0)
