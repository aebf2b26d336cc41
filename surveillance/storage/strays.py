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
            linked = [row["link"] for row in rows if isinstance(row["link"], int)]
            found = _links(connection, linked)
            for row in rows:
                words = _fault_of(connection, kind, row, found, (floor, last, older))
                if words:
                    yield Stray(row["link"], kind, row[KEYS[kind]], words)


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


def _fault_of(
    connection: Connection,
    kind: str,
    row: RowMapping,
    found: Mapping[int, tuple[str, str]],
    ends: tuple[int, int, int],
) -> str | None:
    floor, last, older = ends
    link = row["link"]
    if link is None:
        return None if _may_lack_link(connection, kind, row, older) else "it was inserted: no link stands for it"
    if not isinstance(link, int) or not floor < link <= last or found.get(link) != (kind, row[KEYS[kind]]):
        return "it was inserted or moved: its link stands for something else"
    return None


def _may_lack_link(connection: Connection, kind: str, row: RowMapping, older: int) -> bool:
    """What is older than the chain has none, nor what is about such an event."""
    if kind == "event":
        return bool(row["seq"] <= older)
    if older == 0:
        return False
    seq = connection.execute(select(event.c.seq).where(event.c.id == row["event"])).scalar_one_or_none()
    return seq is not None and seq <= older
