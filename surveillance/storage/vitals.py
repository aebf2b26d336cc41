"""What tells whether the database and what it holds fare well. Raises RecordFailed while it is away."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Engine, func, select
from sqlalchemy.exc import SQLAlchemyError

from surveillance.domain.errors import RecordFailed
from surveillance.storage import tables
from surveillance.storage.database import reading
from surveillance.storage.outbox import OPEN


def oldest_open_action(engine: Engine) -> datetime | None:
    """When the event was whose action has waited longest; None when nothing waits."""
    outbox, event = tables.outbox, tables.event
    waiting = select(func.min(event.c.at)).join(outbox, outbox.c.event == event.c.id).where(outbox.c.state.in_(OPEN))
    try:
        with reading(engine) as connection:
            found: datetime | None = connection.execute(waiting).scalar_one()
    except SQLAlchemyError as error:
        reason = str(getattr(error, "orig", None) or error).partition("\n")[0]
        raise RecordFailed(f"the database cannot be read: {reason}") from error
    return found
