"""Rows that no link stands for: what somebody put into a table past the program."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, RowMapping, func, select

from surveillance.storage.chained import KEYS, ROWS, table_of
from surveillance.storage.tables import chain, event

STEP = 2000


@dataclass(frozen=True, slots=True)
class Stray:
    """A row, and what is wrong with it."""

    link: int | None
    kind: str
    ref: str
    words: str


def strays(connection: Connection, seen: Mapping[str, int], floor: int, last: int, older: int) -> Iterator[Stray]:
    """Of every chained table. `older` is the number of the last event from before the chain, `floor` where it is cut.

    `seen` are the rows that links stand for: where there are no more, nothing needs to be looked for.
    """
    for kind in ROWS:
        counted = select(func.count()).select_from(table_of(kind))
        if connection.execute(counted).scalar_one() == seen.get(kind, 0):
            continue
        for rows in _in_steps(connection, kind):
            found = _links(connection, [row["link"] for row in rows if isinstance(row["link"], int)])
            excused = _older(connection, kind, [row for row in rows if row["link"] is None], older)
            for row in rows:
                name, link = row[KEYS[kind]], row["link"]
                if link is None and name not in excused:
                    yield Stray(None, kind, name, "it was inserted: no link stands for it")
                elif link is not None and not (_is_within(link, floor, last) and found.get(link) == (kind, name)):
                    yield Stray(link, kind, name, "it was inserted or moved: its link stands for something else")


def _in_steps(connection: Connection, kind: str) -> Iterator[Sequence[RowMapping]]:
    table, name = table_of(kind), table_of(kind).c[KEYS[kind]]
    place = {"event": event.c.seq}.get(kind, name)
    columns = [column for column in table.c if column.name in ("seq", "event", "link", KEYS[kind])]
    after: Any = None
    while True:
        query = select(*columns).order_by(place).limit(STEP)
        rows = connection.execute(query if after is None else query.where(place > after)).mappings().all()
        yield rows
        if len(rows) < STEP:
            return
        after = rows[-1][place.name]


def _links(connection: Connection, numbers: Sequence[int]) -> dict[int, tuple[str, str]]:
    found: dict[int, tuple[str, str]] = {}
    for start in range(0, len(numbers), 500):
        chunk = numbers[start : start + 500]
        rows = connection.execute(select(chain.c.seq, chain.c.kind, chain.c.ref).where(chain.c.seq.in_(chunk)))
        found |= {row.seq: (row.kind, row.ref) for row in rows}
    return found


def _is_within(link: object, floor: int, last: int) -> bool:
    return isinstance(link, int) and floor < link <= last


def _older(connection: Connection, kind: str, rows: Sequence[RowMapping], older: int) -> set[str]:
    """Which of these may lack a link: events from before the chain, and what is about such an event."""
    if kind == "event":
        return {row["id"] for row in rows if row["seq"] <= older}
    excused: set[str] = set()
    for start in range(0, len(rows) if older else 0, 500):
        chunk = rows[start : start + 500]
        before = select(event.c.id).where(event.c.id.in_({row["event"] for row in chunk}), event.c.seq <= older)
        events = set(connection.scalars(before))
        excused |= {row[KEYS[kind]] for row in chunk if row["event"] in events}
    return excused
