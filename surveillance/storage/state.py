"""Small values that one process leaves for the others, such as what core has applied and how its cameras fare."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Engine, bindparam, insert, select, update

from surveillance.storage.database import reading, writing
from surveillance.storage.tables import setting

_CHANGE = (  # built once: at rest this is most of what is written
    update(setting)
    .where(setting.c.name == bindparam("of"))
    .values(value=bindparam("value"), changed_at=bindparam("changed_at"))
)


class SharedState:
    """JSON objects by name, the last one written wins."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def put(self, name: str, value: Mapping[str, Any]) -> None:
        self.put_all({name: value})

    def put_all(self, told: Mapping[str, Mapping[str, Any]], touches: Collection[str] | None = None) -> None:
        """Several at once, in one commit; no `touches` where no thread of this process waits for them."""
        now = datetime.now(UTC)
        rows = [{"name": name, "value": dict(value), "changed_at": now} for name, value in told.items()]
        with writing(self._engine, touches=touches) as connection:
            changes = [{"of": row["name"], "value": row["value"], "changed_at": now} for row in rows]
            if connection.execute(_CHANGE, changes).rowcount < len(rows):  # the first time
                names = select(setting.c.name).where(setting.c.name.in_(told))
                known = set(connection.scalars(names))
                connection.execute(insert(setting), [row for row in rows if row["name"] not in known])

    def get_dated(self, name: str) -> tuple[dict[str, Any], datetime] | None:
        """What was put under that name with the time of its writing, so that a stale one shows; or None."""
        with reading(self._engine) as connection:
            row = connection.execute(select(setting).where(setting.c.name == name)).one_or_none()
        return None if row is None else (row.value, row.changed_at)
