"""Wrong passwords and codes, counted by the name that was tried, whether or not there is such a user.

From the fifth on the name is locked: a minute, then twice as long each time. What was tried is kept as a keyed hash
only, since people type passwords where their name belongs, and for a day.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, delete, insert, select, update

from surveillance.storage.keys import KeyStore
from surveillance.storage.tables import sign_in_try

FREE_TRIES = 5
LOCK_MAX = timedelta(minutes=15)
KEPT = timedelta(days=1)


class Tries:
    """Counts within the transaction of whoever checks, so that each try costs the same for any name."""

    def __init__(self, keys: KeyStore) -> None:
        self._keys = keys

    def locked_until(self, connection: Connection, name: str) -> datetime | None:
        """Until when the name is refused, whatever it presents; None when it is not."""
        table = sign_in_try
        until: datetime | None = connection.scalar(
            select(table.c.locked_until).where(table.c.name == self._hashed(name))
        )
        return until if until is not None and until > datetime.now(UTC) else None

    def count(self, connection: Connection, name: str) -> int | None:
        """One more wrong try; how many there are by now where that locks the name, else None."""
        now, key, table = datetime.now(UTC), self._hashed(name), sign_in_try
        connection.execute(delete(table).where(table.c.at < now - KEPT))
        failed = (connection.scalar(select(table.c.failed).where(table.c.name == key)) or 0) + 1
        row = {"failed": failed, "locked_until": _locked_until(failed, now), "at": now}
        if failed == 1:
            connection.execute(insert(table), [{"name": key, **row}])
        else:
            connection.execute(update(table).where(table.c.name == key).values(**row))
        return failed if failed >= FREE_TRIES else None

    def forget(self, connection: Connection, name: str) -> None:
        """The name starts anew, after it came in or an administrator unlocked it."""
        connection.execute(delete(sign_in_try).where(sign_in_try.c.name == self._hashed(name)))

    def locked_among(self, connection: Connection, names: Iterable[str]) -> dict[str, datetime]:
        """Those of the names that are locked, with the end of it."""
        table = sign_in_try
        rows = connection.execute(select(table).where(table.c.locked_until > datetime.now(UTC))).all()
        until = {row.name: row.locked_until for row in rows}
        return {name: until[self._hashed(name)] for name in names if self._hashed(name) in until}

    def _hashed(self, name: str) -> str:
        return self._keys.hash_text("names", name)


def _locked_until(failed: int, now: datetime) -> datetime | None:
    if failed < FREE_TRIES:
        return None
    return now + min(timedelta(minutes=2 ** min(failed - FREE_TRIES, 10)), LOCK_MAX)
