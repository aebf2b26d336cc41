"""A filter into a page of events, along the index that leads past the fewest of them, within a budget.

What one index tells is answered whole, however many events there are. For the rest, events are looked at in their
order until the page is full or the budget is spent; the page then says how far the search came and where it goes on.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, func, select, union_all

from surveillance.storage import tables
from surveillance.storage.columns import EPOCH
from surveillance.storage.event_filter import (
    Cursor,
    EventFilter,
    as_recorded,
    beyond,
    conditions,
    newest_of_its_incident,
    says,
    waiting,
)
from surveillance.storage.rows import Row, event_json

INDEXED = ("incident", "identity", "actor", "rule", "door", "label", "camera", "verdict")
FIRST, MOST = 400, 4000  # events looked at in one step: few at first, since most pages are full soon
PROBE = 1000  # how many events tell how crowded a way is

Conditions = tuple[ColumnElement[bool], ...]


@dataclass(frozen=True, slots=True)
class Budget:
    """How much is looked at for one page, at most."""

    rows: int = 20_000
    seconds: float = 0.05


@dataclass(frozen=True, slots=True)
class Page:
    """Events in order, where the next page starts (None: there is none), and how far the search came when its budget
    ended it (None: it did not).
    """

    rows: list[Row]
    next: str | None = None
    searched_to: datetime | None = None


@dataclass(frozen=True, slots=True)
class Way:
    """A way through events in the order of their time, as indexes give it: `arms` are the conditions of each index
    range (a family of kinds has one a kind), `met` the parts of a filter that hold for all on it.
    """

    arms: tuple[Conditions, ...]
    met: frozenset[str]


@dataclass(frozen=True, slots=True)
class Stretch:
    """The part of a way after `place` and within times, in one direction."""

    place: Cursor | None = None
    since: datetime | None = None
    until: datetime | None = None  # exclusive
    newer: bool = False

    def bounds(self) -> Conditions:
        """At most one on each side, since an index takes no more."""
        at, place, since, until = tables.event.c.at, self.place, self.since, self.until
        found: list[ColumnElement[bool]] = []
        if place is not None and self.newer and (since is None or since <= place.at):
            found, since = [beyond(tables.event, place, newer=True)], None
        if place is not None and not self.newer and (until is None or until > place.at):
            found, until = [beyond(tables.event, place, newer=False)], None
        found += [at >= since] if since is not None else []
        found += [at < until] if until is not None else []
        return tuple(found)

    def ending_at(self, end: datetime | None) -> Stretch:
        """No further than that moment, which belongs to it."""
        if end is None:
            return self
        return replace(self, until=end + EPOCH.resolution) if self.newer else replace(self, since=end)

    def behind(self, end: datetime) -> Stretch:
        """What comes after that moment."""
        return replace(self, place=Cursor(end + EPOCH.resolution if self.newer else end, ""))


class Search:
    """One filter in one direction, on one connection."""

    def __init__(self, connection: Connection, wanted: EventFilter, newer: bool = False) -> None:
        self._connection = connection
        self._wanted = wanted = as_recorded(connection, wanted)
        self._stretch = Stretch(None, wanted.since, wanted.until, newer)
        self._way = self._shortest(list(_ways(connection, wanted)))
        met = self._way.met | {"since", "until"}
        self._rest = conditions(tables.event, wanted, met)
        if wanted.grouped:
            self._rest.append(newest_of_its_incident(tables.event, wanted))

    def page(self, before: Cursor | None, limit: int, budget: Budget | None) -> Page:
        """The next events after that place; without a budget, however long it takes."""
        rows: list[Row] = []
        stretch = replace(self._stretch, place=before)
        looked, step, began_s = 0, FIRST, time.monotonic()
        while True:
            end = self._end(self._way, stretch, step) if self._rest else None
            asked = limit + 1 - len(rows)
            found = [event_json(row._mapping) for row in self._connection.execute(self._select(stretch, end, asked))]
            rows += [row for row in found if not self._wanted.words or says(row, self._wanted.words)]
            if len(rows) > limit:
                return Page(rows[:limit], rows[limit - 1]["cursor"])
            if len(found) == asked:
                stretch = replace(stretch, place=Cursor.parse(found[-1]["cursor"]))
            elif end is None:
                return Page(rows)
            else:
                stretch, looked, step = stretch.behind(end), looked + step, min(3 * step, MOST)
            if budget is not None and (looked >= budget.rows or time.monotonic() - began_s >= budget.seconds):
                return self._unfinished(rows, stretch)

    def count(self, most: int) -> int:
        """How many there are, counted up to `most`, among the first events that a budget would look at."""
        end = self._end(self._way, self._stretch, Budget().rows) if self._rest else None
        query = self._select(self._stretch, end, most, select(tables.event.c.at, tables.event.c.id))
        return int(self._connection.execute(select(func.count()).select_from(query.subquery())).scalar_one())

    def _unfinished(self, rows: list[Row], stretch: Stretch) -> Page:
        place = stretch.place
        assert place is not None
        return Page(rows, str(place), place.at)

    def _select(
        self, stretch: Stretch, end: datetime | None, limit: int, what: Select[Any] | None = None
    ) -> Select[Any]:
        what = listed() if what is None else what
        bounds = stretch.ending_at(end).bounds()
        parts = [what.where(*arm, *bounds, *self._rest) for arm in self._way.arms]
        return _in_order(parts, stretch.newer, limit)

    def _end(self, way: Way, stretch: Stretch, count: int) -> datetime | None:
        """When that many events on are; None where there are fewer."""
        event = tables.event
        parts = [select(event.c.at, event.c.id).where(*arm, *stretch.bounds()) for arm in way.arms]
        query = _in_order(parts, stretch.newer, count).offset(count - 1).limit(1)
        found: datetime | None = self._connection.execute(query).scalars().first()
        return found

    def _shortest(self, ways: Sequence[Way]) -> Way:
        """The way on which the next thousand events reach farthest."""
        if len(ways) == 1:
            return ways[0]
        reach: list[tuple[datetime, Way]] = []
        for way in ways:
            end = self._end(way, self._stretch, PROBE)
            if end is None:
                return way
            reach.append((end, way))
        farthest = max if self._stretch.newer else min
        return farthest(reach, key=lambda pair: pair[0])[1]


def listed() -> Select[Any]:
    """The columns of which `event_json` makes a row."""
    names = ("at", "id", "payload", "attention", "incident", "reviewed_at", "reviewed_by", "review", "corrected")
    return select(*(tables.event.c[name] for name in names))


def _in_order(parts: Sequence[Select[Any]], newer: bool, limit: int) -> Select[Any]:
    """The first events of all parts together; each part is read from its index no further than that."""
    cut = [_sorted(part, tables.event.c, newer).limit(limit) for part in parts]
    if len(cut) == 1:
        return cut[0]
    together = union_all(*(part.subquery().select() for part in cut)).subquery()
    return _sorted(select(together), together.c, newer).limit(limit)


def _sorted(query: Select[Any], columns: Any, newer: bool) -> Select[Any]:
    if newer:
        return query.order_by(columns.at, columns.id)
    return query.order_by(columns.at.desc(), columns.id.desc())


def _ways(connection: Connection, wanted: EventFilter) -> Iterator[Way]:
    """Every index that could lead; at least one."""
    event = tables.event
    given = [name for name in INDEXED if getattr(wanted, name) is not None]
    for name in given:
        yield _way(wanted, name, (event.c[name] == getattr(wanted, name),))
    if wanted.kind is not None:
        kinds = _kinds_of(connection, wanted.kind) if wanted.kind.endswith(".") else [wanted.kind]
        yield _way(wanted, "kind", *((event.c.kind == kind,) for kind in kinds))
    elif wanted.audit and not given:
        yield Way(((event.c.actor.is_not(None),),), frozenset({"audit"}))
    elif wanted.waiting:
        yield Way(((waiting(event),),), frozenset({"waiting", "listed"}))
    elif not given:
        is_listed = wanted.listed
        yield Way(((event.c.attention.is_not(None),) if is_listed else (),), frozenset({"listed"} if is_listed else ()))


def _way(wanted: EventFilter, name: str, *arms: Conditions) -> Way:
    """By the inbox's own index of that column, where there is one."""
    if wanted.waiting and name in tables.WAITING_BY:
        return Way(tuple((waiting(tables.event), *arm) for arm in arms), frozenset({name, "waiting", "listed"}))
    return Way(arms, frozenset({name}))


def _kinds_of(connection: Connection, family: str) -> list[str]:
    """The kinds of a family that are on record, each found by one step into the index; the family where none is."""
    kind, last = tables.event.c.kind, family
    found: list[str] = []
    while True:
        query = select(func.min(kind)).where(kind > last)  # one bound: with two, SQLite steps over all in between
        last = connection.execute(query).scalar_one()
        if last is None or not last.startswith(family):
            return found or [family]
        found.append(last)
