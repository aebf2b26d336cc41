"""Random changes to a SQLite database past the program, by plain SQL: edit, delete, insert or swap of chained rows."""

from __future__ import annotations

import random
import sqlite3
from typing import Any

from surveillance.storage.chained import ROWS, STATES

Row = dict[str, Any]

COVERED = {name: columns for tables in STATES.values() for name, columns in tables.items()}  # None: all of them
UNTOLD = {"recording": {"asked"}}  # proves nothing, so no link covers it


class Tamperer:
    """Draws changes. Each is told in words."""

    def __init__(self, seed: int) -> None:
        self._dice = random.Random(seed)

    def __call__(self, database: sqlite3.Connection) -> str:
        """Changes something. What the database itself refuses is drawn again."""
        database.row_factory = sqlite3.Row
        while True:
            table = self._dice.choice((*ROWS, *ROWS, "chain", "chain", *COVERED))
            if database.execute(f'SELECT count(*) FROM "{table}"').fetchone()[0] == 0:
                continue
            act = self._dice.choice((self._edit, self._delete, self._insert, self._swap))
            try:
                with database:
                    told = act(database, table)
            except sqlite3.IntegrityError:
                continue
            if told is not None:
                return told

    def _edit(self, database: sqlite3.Connection, table: str) -> str | None:
        row = self._row(database, table)
        column = self._dice.choice(self._columns(database, table))
        value = self._other(row[column])
        if value == row[column]:
            return None
        self._set(database, table, row, {column: value})
        return f"{table}: {column} of {self._key(database, table, row)} from {row[column]!r:.60} to {value!r:.60}"

    def _delete(self, database: sqlite3.Connection, table: str) -> str:
        row = self._row(database, table)
        names = list(self._key(database, table, row))
        where = " AND ".join(f'"{name}" = ?' for name in names)
        database.execute(f'DELETE FROM "{table}" WHERE {where}', [row[name] for name in names])
        return f"{table}: {self._key(database, table, row)} deleted"

    def _insert(self, database: sqlite3.Connection, table: str) -> str:
        row = self._row(database, table)
        fresh = row | {name: self._fresh(value) for name, value in self._key(database, table, row).items()}
        for name in ("id", "name"):
            if name in fresh and fresh[name] == row[name]:
                fresh[name] = self._fresh(row[name])
        names = ", ".join(f'"{name}"' for name in fresh)
        marks = ", ".join("?" for _ in fresh)
        database.execute(f'INSERT INTO "{table}" ({names}) VALUES ({marks})', list(fresh.values()))
        return f"{table}: {self._key(database, table, row)} again as {self._key(database, table, fresh)}"

    def _swap(self, database: sqlite3.Connection, table: str) -> str | None:
        one, other = self._row(database, table), self._row(database, table)
        key = list(self._key(database, table, one))
        columns = [name for name in self._columns(database, table) if name not in key and one[name] != other[name]]
        if not columns:
            return None
        some = self._dice.sample(columns, self._dice.randint(1, len(columns)))
        self._set(database, table, one, {name: other[name] for name in some})
        self._set(database, table, other, {name: one[name] for name in some})
        keys = [self._key(database, table, row) for row in (one, other)]
        return f"{table}: {', '.join(sorted(some))} of {keys[0]} and {keys[1]} swapped"

    # --- rows and values

    def _row(self, database: sqlite3.Connection, table: str) -> Row:
        rows = database.execute(f'SELECT * FROM "{table}"').fetchall()
        return dict(self._dice.choice(rows))

    def _columns(self, database: sqlite3.Connection, table: str) -> list[str]:
        known = [row["name"] for row in database.execute(f'PRAGMA table_info("{table}")')]
        covered = COVERED.get(table) or known
        return [name for name in known if name in covered and name not in UNTOLD.get(table, ())]

    @staticmethod
    def _key(database: sqlite3.Connection, table: str, row: Row) -> Row:
        return {
            info["name"]: row[info["name"]] for info in database.execute(f'PRAGMA table_info("{table}")') if info["pk"]
        }

    def _set(self, database: sqlite3.Connection, table: str, row: Row, values: Row) -> None:
        key = self._key(database, table, row)
        setting = ", ".join(f'"{name}" = ?' for name in values)
        where = " AND ".join(f'"{name}" = ?' for name in key)
        database.execute(f'UPDATE "{table}" SET {setting} WHERE {where}', [*values.values(), *key.values()])

    def _other(self, value: Any) -> Any:
        if value is None:
            return self._dice.choice((1, "x", b"x"))
        if isinstance(value, bytes):
            place = self._dice.randrange(len(value))
            return value[:place] + bytes([value[place] ^ 1 << self._dice.randrange(8)]) + value[place + 1 :]
        if isinstance(value, str):
            return self._dice.choice((f"{value}x", value[1:] or "y", None, "[]" if value != "[]" else "{}", b"x"))
        return self._dice.choice((value + 1, value - 1, 3 - value, None, "x"))

    def _fresh(self, value: Any) -> Any:
        return value + self._dice.randint(1, 100) if isinstance(value, int) else f"{value}-{self._dice.random()}"
