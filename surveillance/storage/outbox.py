"""The actions on record, for the dispatcher. A state is on the disk before the next line runs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import Engine, bindparam, select, update
from sqlalchemy.exc import SQLAlchemyError

from surveillance.domain.errors import NotFound, RecordFailed
from surveillance.domain.values import Action
from surveillance.storage.database import ChangeWatch, reading, writing
from surveillance.storage.rows import action_of
from surveillance.storage.tables import outbox

OPEN = ("pending", "attempting")
_MARK = (
    update(outbox)
    .where(outbox.c.id == bindparam("of"))
    .values({name: bindparam(name) for name in ("state", "attempts", "changed_at")})
)


class SqlOutbox:
    """Implements the Outbox port. `due` belongs to one thread, the rest to any."""

    def __init__(self, engine: Engine, limit: int = 1000) -> None:
        self._engine = engine
        self._watch = ChangeWatch(engine, outbox.name)
        self._any_open = False
        self._open_ones = (
            select(outbox)
            .where(outbox.c.state.in_(OPEN))
            .order_by(outbox.c.kind, outbox.c.id)  # door.open sorts before notify
            .limit(limit)
        )

    def due(self, now: datetime) -> Sequence[Action]:
        """Every action without an outcome, oldest first and doors before notifications, those past their deadline
        and those found `attempting` included: the dispatcher settles them too. Costs next to nothing when all is
        quiet. Raises RecordFailed."""
        try:
            if not self._watch.changed() and not self._any_open:
                return []
            self._any_open = True  # until they are read
            with reading(self._engine) as connection:
                found = [action_of(row._mapping) for row in connection.execute(self._open_ones)]
        except SQLAlchemyError as error:
            raise RecordFailed("the outbox cannot be read") from error
        self._any_open = bool(found)
        return found

    def mark(self, action: Action) -> None:
        """Puts the action's state and attempts on disk.

        Raises NotFound for one that was never on record, RecordFailed when the database cannot be written.
        """
        change = {"of": action.id, "state": action.state, "attempts": action.attempts, "changed_at": datetime.now(UTC)}
        try:
            with writing(self._engine, touches=(outbox.name,)) as connection:
                done = connection.execute(_MARK, change)
        except SQLAlchemyError as error:
            raise RecordFailed(f"action {action.id} could not be marked {action.state}") from error
        if done.rowcount != 1:
            raise NotFound(f"no action {action.id} is on record")
