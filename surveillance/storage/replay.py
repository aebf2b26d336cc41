"""What core met and what was decided of it, in order, for whoever judges it once more.

Rows are read as they lie, and the few texts that come again and again, such as zones, are parsed once. Nothing is held
but a step of each.
"""

from __future__ import annotations

import heapq
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from itertools import chain
from typing import Any

from sqlalchemy import BigInteger, Column, Connection, Engine, Select, Table, Text, func, select, type_coerce
from sqlalchemy.types import TypeEngine

from surveillance.domain.areas import Passage
from surveillance.domain.geometry import Box
from surveillance.domain.values import TRIGGERS, CameraReport, Input, Observation, Tick
from surveillance.domain.verdicts import Was
from surveillance.storage import moments, tables
from surveillance.storage.columns import EPOCH, NAMES, Json, Moment
from surveillance.storage.database import reading
from surveillance.storage.rows import attributes_of, input_of

CHUNK = 2000  # rows of one step, so that no transaction stays open
LATE = 4000  # verdicts among which one that was put on record late finds its place
Numbered = Iterator[tuple[int, Input]]
_SEEN = (
    "number", "id", "camera", "at", "media_s", "change", "track", "label", "confidence", "x1", "y1", "x2", "y2",
    "zones", "zones_version", "dwell_s", "track_s", "started_at", "crossed", "identity", "model", "attributes",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Replay:
    """A span of the record. `before` are the inputs just before it, after what was known of doors and the mode.

    `places` say where people were before those.
    """

    count: int  # inputs, at most
    began: datetime  # of the first of them that is kept, no earlier than the span
    before: Iterator[Input]
    inputs: Numbered
    verdicts: Iterator[Was]
    places: tuple[Passage, ...] = ()


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a replay shall know from before its inputs: where people went through these doors, within that time."""

    doors: frozenset[str] = frozenset()
    kept: timedelta = timedelta(0)


NOBODY = Wanted()
_read_json = json.JSONDecoder().raw_decode  # json.loads looks for blanks around it, for as long as it reads


def replay(engine: Engine, since: datetime, until: datetime, warm_up: timedelta, wanted: Wanted = NOBODY) -> Replay:
    """The inputs and verdicts of that span, by number, and the inputs of `warm_up` before it."""
    with reading(engine) as connection:
        first, last = numbers_between(connection, since, until)
        if first is None or first > last:
            places = moments.places(connection, wanted.doors, until, wanted.kept)
            return Replay(0, since, iter(()), iter(()), iter(()), tuple(places))
        warm = min(numbers_between(connection, since - warm_up)[0] or first, first)
        states = moments.states_before(connection, warm)
        places = moments.places(connection, wanted.doors, since, wanted.kept, warm)
        began = max(moments.time_of(connection, first) or since, since)
        seq: int | None = connection.execute(
            select(func.min(tables.event.c.seq)).where(tables.event.c.at >= since)
        ).scalar_one()
    verdicts = _in_order(_verdicts(engine, seq or 1, first, last))
    before = chain(states, (entry for _, entry in numbered_inputs(engine, warm, first - 1)))
    return Replay(last - first + 1, began, before, numbered_inputs(engine, first, last), verdicts, tuple(places))


def numbers_between(connection: Connection, since: datetime, until: datetime | None = None) -> tuple[int | None, int]:
    """The numbers of the first input since then, None where there is none, and of the last one until then."""
    firsts = []
    for table in (tables.observation, tables.input_):  # inputs may be out of order by a little: the lowest of many
        earliest = select(table.c.number).where(table.c.at >= since).order_by(table.c.at).limit(1000).subquery()
        firsts.append(connection.execute(select(func.min(earliest.c.number))).scalar_one())
    first = min((number for number in firsts if number is not None), default=None)
    lasts = []
    for table in (tables.observation, tables.input_) if until is not None else ():
        latest = select(table.c.number).where(table.c.at <= until).order_by(table.c.at.desc()).limit(1000).subquery()
        lasts.append(connection.execute(select(func.max(latest.c.number))).scalar_one() or 0)
    newest: int = connection.execute(select(tables.head.c.value).where(tables.head.c.name == "input")).scalar_one()
    return first, max(lasts, default=newest)


def numbered_inputs(engine: Engine, first: int, last: int) -> Numbered:
    """Both tables of inputs as one, by number. Observations come without their pictures."""
    return _merged(_observations(engine, first, last), _others(engine, first, last))


def _merged(one: Numbered, other: Numbered) -> Numbered:
    """By number: heapq.merge asks a key of each, and takes twice as long."""
    left, right = next(one, None), next(other, None)
    while left is not None and right is not None:
        if left[0] < right[0]:
            yield left
            left = next(one, None)
        else:
            yield right
            right = next(other, None)
    if left is not None:
        yield left
        yield from one
    if right is not None:
        yield right
        yield from other


# --- rows as they lie ----------------------------------------------------------------------------------------------


def _steps(engine: Engine, query: Select[Any], table: Table, first: int, last: int) -> Iterator[Any]:
    """The query's rows by number, which is their first column, in steps."""
    number = first - 1
    while True:
        step = query.where(table.c.number > number, table.c.number <= last).order_by(table.c.number).limit(CHUNK)
        with reading(engine) as connection:
            rows = connection.execute(step).cursor.fetchall()  # as they lie: the library's own cost as much again
        yield from rows
        if len(rows) < CHUNK:
            return
        number = rows[-1][0]


def _columns(table: Table, names: Iterable[str]) -> Select[Any]:
    """These columns, times as microseconds and JSON as text."""
    columns = (table.c[name] for name in names)
    return select(*(type_coerce(column, _raw(column)).label(column.name) for column in columns))


def _raw(column: Column[Any]) -> TypeEngine[Any]:
    return BigInteger() if isinstance(column.type, Moment) else Text() if isinstance(column.type, Json) else column.type


def _observations(engine: Engine, first: int, last: int) -> Numbered:
    query, names = _columns(tables.observation, _SEEN), NAMES.get(engine.dialect)
    for row in _steps(engine, query, tables.observation, first, last):
        number, id_, camera, at, media_s, change, track, label, confidence, x1, y1, x2, y2, *rest = row
        zones, zones_version, dwell_s, track_s, started_at, crossed, identity, model, attributes = rest
        if names is not None:
            identity = identity and names.name_of(identity)
            attributes = attributes and names.opened(attributes.encode()).decode()
        yield (
            number,
            Observation(
                id_,
                camera,
                EPOCH + timedelta(microseconds=at),
                media_s,
                change,
                track,
                label,
                confidence,
                Box(x1, y1, x2, y2),
                _names(zones),
                zones_version,
                _read_json(dwell_s)[0] if len(dwell_s) > 2 else {},
                track_s,
                EPOCH + timedelta(microseconds=started_at),
                _names(crossed),
                identity,
                model,
                None,
                attributes_of(json.loads(attributes)) if attributes else {},
            ),
        )


@lru_cache(maxsize=10_000)
def _names(text: str) -> frozenset[str]:
    """A JSON list of names."""
    return frozenset(json.loads(text))


def _others(engine: Engine, first: int, last: int) -> Numbered:
    table, names = tables.input_, NAMES.get(engine.dialect)
    query = _columns(table, ("number", "kind", "at", "subject", "state", "payload", "id"))
    for number, kind, moment, subject, state, payload, id_ in _steps(engine, query, table, first, last):
        at = EPOCH + timedelta(microseconds=moment)
        if kind == "tick":
            yield number, Tick(at)
        elif kind == "camera" and payload is None:
            yield number, CameraReport(subject, at, state)
        else:
            payload = payload if names is None or payload is None else names.opened(payload)
            row = {"kind": kind, "at": at, "subject": subject, "state": state, "payload": payload, "id": id_}
            yield number, input_of(row)


def _verdicts(engine: Engine, seq: int, first: int, last: int) -> Iterator[Was]:
    """In the order in which they were put on record."""
    event = tables.event
    query = select(
        event.c.seq, event.c.input, event.c.id, event.c.at, event.c.kind, event.c.rule, event.c.verdict,
        event.c.shadow, event.c.camera, event.c.door,
    ).where(event.c.verdict.is_not(None), event.c.input >= first, event.c.input <= last)  # fmt: skip
    while True:
        with reading(engine) as connection:
            rows = connection.execute(query.where(event.c.seq >= seq).order_by(event.c.seq).limit(CHUNK)).all()
        for row in rows:
            trigger = row.kind.partition(".")[0]
            if trigger in TRIGGERS:
                yield Was(row.input, row.id, row.at, trigger, row.rule, row.verdict, row.shadow, row.camera, row.door)
        if len(rows) < CHUNK:
            return
        seq = rows[-1].seq + 1


def _in_order(verdicts: Iterator[Was]) -> Iterator[Was]:
    """By number, where none is more than LATE places late."""
    waiting: list[tuple[int, int, Was]] = []
    for place, was in enumerate(verdicts):
        heapq.heappush(waiting, (was.number, place, was))
        if len(waiting) > LATE:
            yield heapq.heappop(waiting)[2]
    while waiting:
        yield heapq.heappop(waiting)[2]
