"""The arming mode that a person set by hand: held until it is set back, or until its time is over."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Engine, delete, insert, select
from sqlalchemy.exc import SQLAlchemyError

from surveillance.domain.errors import RecordFailed
from surveillance.domain.site import ModeOrder
from surveillance.domain.values import rfc3339
from surveillance.storage.database import Remembered, reading, writing
from surveillance.storage.ledger import note
from surveillance.storage.tables import setting

_NAME = "mode"  # of its row


class ModeOrders:
    """One order at a time. Every one is on record with who gave it."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def read(self) -> ModeOrder | None:
        """The order in force or just over; None when the schedules decide. Raises RecordFailed."""
        try:
            with reading(self._engine) as connection:
                value = connection.execute(select(setting.c.value).where(setting.c.name == _NAME)).scalar_one_or_none()
        except SQLAlchemyError as error:
            raise RecordFailed("the arming mode cannot be read") from error
        if not value:
            return None
        until = value["until"]
        return ModeOrder(
            mode=value["mode"],
            by=value["by"],
            at=datetime.fromisoformat(value["at"]),
            until=None if until is None else datetime.fromisoformat(until),
        )

    def remembered(self) -> Callable[[], ModeOrder | None]:
        """As `read`, for one thread at a time, and next to nothing while nobody changes it."""
        return Remembered(self._engine, setting.name, self.read)

    def give(self, order: ModeOrder) -> None:
        """Sets the mode by hand."""
        until = None if order.until is None else rfc3339(order.until)
        value = {"mode": order.mode, "by": order.by, "at": rfc3339(order.at), "until": until}
        told = {"mode": order.mode} | ({"until": until} if until else {})
        self._put(value, "configuration.mode_set", told, order.by)

    def take_back(self, by: str) -> None:
        """Lets the schedules decide again."""
        self._put(None, "configuration.mode_set", {"mode": "auto"}, by)

    def _put(self, value: dict[str, Any] | None, kind: str, told: dict[str, Any], by: str) -> None:
        with writing(self._engine) as connection:
            connection.execute(delete(setting).where(setting.c.name == _NAME))
            if value is not None:
                row = {"name": _NAME, "value": value, "changed_at": datetime.now(UTC)}
                connection.execute(insert(setting), [row])
            note(connection, kind, told, by)
