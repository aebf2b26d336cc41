"""Deletes what has been kept for long enough, in small commits that hold up nobody, and says what it deleted."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Engine, delete, select
from sqlalchemy.sql.schema import Table

from surveillance.storage import tables
from surveillance.storage.database import reading, writing
from surveillance.storage.evidence import EvidenceStore
from surveillance.storage.settings import StorageSettings

_STEP = 2000  # rows in one commit


def purge(engine: Engine, pictures: EvidenceStore, settings: StorageSettings, now: datetime) -> dict[str, int]:
    """How many rows went, by table. Events take their actions and pictures along."""
    seen_before = now - timedelta(days=settings.observation_days)
    return {
        "event": _purge_events(engine, pictures, now - timedelta(days=settings.event_days)),
        "observation": _purge(engine, tables.observation, "number", "at", seen_before),
        "input": _purge(engine, tables.input_, "number", "at", seen_before),
        "inbox": _purge(engine, tables.inbox, "id", "asked_at", now - timedelta(days=settings.inbox_days)),
    }


def _purge(engine: Engine, table: Table, key: str, time: str, before: datetime) -> int:
    gone = 0
    while True:
        oldest = select(table.c[key]).where(table.c[time] < before).limit(_STEP)
        with writing(engine) as connection:
            step = connection.execute(delete(table).where(table.c[key].in_(oldest))).rowcount
        gone += step
        if step < _STEP:
            return gone


def _purge_events(engine: Engine, pictures: EvidenceStore, before: datetime) -> int:
    gone = 0
    event, outbox = tables.event, tables.outbox
    while True:
        oldest = select(event.c.id, event.c.evidence).where(event.c.at < before).order_by(event.c.at).limit(400)
        with reading(engine) as connection:
            rows = connection.execute(oldest).all()
        if not rows:
            return gone
        pictures.remove(engine, [row.evidence for row in rows if row.evidence is not None])
        names = [row.id for row in rows]
        with writing(engine) as connection:
            connection.execute(delete(outbox).where(outbox.c.event.in_(names)))
            gone += connection.execute(delete(event).where(event.c.id.in_(names))).rowcount
