"""What core had met up to a moment on record, as far as it is still kept: enough to judge that moment again."""

from __future__ import annotations

import json
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, func, or_, select

from surveillance.domain.areas import FORGIVEN, MOVING, Passage, passage_of
from surveillance.domain.company import LetIn
from surveillance.domain.doors import DoorSensed
from surveillance.domain.threats import CHANGED, ThreatOrder
from surveillance.domain.values import DoorReport, Input, ModeReport, Observation
from surveillance.storage.rows import input_of, observation_of
from surveillance.storage.tables import event, input_, observation

MOST_INPUTS = 20_000  # how far back a window reaches at most
MOST_LET_IN = 20_000
STATES_WITHIN = 200_000  # inputs in which the last word of doors and of the arming mode is looked for


def inputs_until(connection: Connection, number: int, span_s: float) -> list[Input]:
    """The inputs of that many seconds up to input `number`, which comes last; before them what doors and the arming
    mode were then. Empty where that input is no longer kept.
    """
    found: dict[int, Input] = {}
    at = time_of(connection, number)
    if at is None:
        return []
    since = at - timedelta(seconds=span_s)
    for table, read in ((observation, observation_of), (input_, input_of)):
        rows = connection.execute(
            select(table)
            .where(table.c.number <= number, table.c.number > number - MOST_INPUTS, table.c.at >= since)
            .order_by(table.c.number)
        )
        found |= {row.number: read(row._mapping) for row in rows}
    return [*states_before(connection, min(found)), *(found[key] for key in sorted(found))]


def places(
    connection: Connection, doors: Collection[str], until: datetime, kept: timedelta, before: int | None = None
) -> list[Passage]:
    """Where people went through those doors, and who was forgiven: the newest of each, in the order of the record.

    Up to input `before`, or up to that time; no older than `kept`.
    """
    if not doors:
        return []
    end = event.c.at <= until if before is None else event.c.input < before
    span = (event.c.at >= until - kept, end)
    newest = (
        select(func.max(event.c.seq))
        .where(event.c.kind.in_(MOVING), event.c.door.in_(doors), event.c.identity.is_not(None), *span)
        .group_by(event.c.identity, event.c.kind, event.c.door)
    )
    forgiven = select(event.c.seq).where(event.c.kind == FORGIVEN, *span)
    rows = connection.execute(
        select(event.c.kind, event.c.at, event.c.identity, event.c.door, event.c.payload)
        .where(or_(event.c.seq.in_(newest), event.c.seq.in_(forgiven)))
        .order_by(event.c.seq)
    )
    found = (passage_of(*row[:4], json.loads(row.payload)["details"]) for row in rows)
    return [passage for passage in found if passage is not None]


def let_in(connection: Connection, since: datetime, until: datetime) -> list[LetIn]:
    """Grants to people in that time, oldest first; the newest of too many."""
    rows = connection.execute(
        select(event.c.door, event.c.identity, event.c.at, event.c.payload)
        .where(event.c.kind == "access.granted", event.c.at >= since, event.c.at < until)
        .where(event.c.door.is_not(None), event.c.identity.is_not(None), event.c.shadow.is_(False))
        .order_by(event.c.at.desc())
        .limit(MOST_LET_IN)
    )
    return [
        LetIn(row.door, row.identity, frozenset(json.loads(row.payload)["facts"].get("groups") or ()), row.at)
        for row in reversed(rows.all())
    ]


def number_of_observation(connection: Connection, observation_id: str) -> int | None:
    """Its place among the inputs of core."""
    query = select(observation.c.number).where(observation.c.id == observation_id)
    number: int | None = connection.execute(query).scalar_one_or_none()
    return number


def latest_tracks(connection: Connection, camera: str, limit: int) -> list[Observation]:
    """The newest observation of each of that camera's last tracks, newest first."""
    rows = connection.execute(
        select(observation).where(observation.c.camera == camera).order_by(observation.c.at.desc()).limit(50 * limit)
    )
    newest: dict[tuple[int, Any], Observation] = {}
    for row in rows:
        newest.setdefault((row.track, row.started_at), observation_of(row._mapping))
    return list(newest.values())[:limit]


def time_of(connection: Connection, number: int) -> Any:
    for table in (observation, input_):
        at = connection.execute(select(table.c.at).where(table.c.number == number)).scalar_one_or_none()
        if at is not None:
            return at
    return None


def states_before(connection: Connection, number: int) -> list[Input]:
    """The last word of each door, of the arming mode and of the threat level before input `number`."""
    rows = connection.execute(
        select(input_)
        .where(input_.c.number < number, input_.c.number > number - STATES_WITHIN)
        .where(input_.c.kind.in_(("door", "sensed", "mode")))
        .order_by(input_.c.number)
    )
    last: dict[str, Input] = {}
    for row in rows:
        entry = input_of(row._mapping)
        if isinstance(entry, DoorReport):
            last[f"door {entry.door}"] = entry
        elif isinstance(entry, DoorSensed):
            last[f"sensed {entry.door}"] = entry
        elif isinstance(entry, ModeReport):
            last["mode"] = entry
    return [*threat_before(connection, number), *last.values()]


def threat_before(connection: Connection, number: int | None = None) -> list[Input]:
    """The threat level before input `number`, or now: seldom set, so it is looked for among the events."""
    row = connection.execute(
        select(event.c.at, event.c.payload)
        .where(event.c.kind == CHANGED, *(() if number is None else (event.c.input < number,)))
        .order_by(event.c.at.desc())
        .limit(1)
    ).one_or_none()
    if row is None:
        return []
    told = json.loads(row.payload)
    return [ThreatOrder(told["subject"], row.at, told["details"]["level"], "", "")]
