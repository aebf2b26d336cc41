"""What people and programs ask of the ledger. Pages are keyset by (at, id), so the last is as quick as the first."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, func, select

from surveillance.domain.areas import Passage
from surveillance.domain.company import LetIn
from surveillance.domain.permissions import WHOLE, Reach
from surveillance.domain.values import DoorReport, Input, ModeReport, Observation, rfc3339
from surveillance.storage import moments, replay, tables
from surveillance.storage.database import reading
from surveillance.storage.event_filter import Cursor, EventFilter, Unindexed, as_recorded, conditions
from surveillance.storage.event_search import Budget, Page, Search, listed
from surveillance.storage.recordings import recordings_json
from surveillance.storage.replay import NOBODY, Replay, Wanted
from surveillance.storage.rows import Row, event_json, input_of

__all__ = ["Budget", "Cursor", "EventFilter", "Events", "Page"]

_BUDGET = Budget()


class Events:
    """Reads the ledger. Safe to share between threads."""

    def __init__(self, engine: Engine, budget: Budget | None = _BUDGET) -> None:
        self._engine = engine
        self._budget = budget  # of `find`

    def page(
        self, wanted: EventFilter | None = None, before: Cursor | str | None = None, limit: int = 50
    ) -> tuple[list[Row], str | None]:
        """Newest first, with the contract's keys; and where the next page starts, None on the last. Takes its time."""
        page = self._search(wanted, before, limit, False, None)
        return page.rows, page.next

    def find(
        self,
        wanted: EventFilter | None = None,
        before: Cursor | str | None = None,
        limit: int = 50,
        newer: bool = False,
    ) -> Page:
        """The next page of what can be found within the budget: newest first, or `newer`, the oldest after `before`."""
        return self._search(wanted, before, limit, newer, self._budget)

    def _search(
        self,
        wanted: EventFilter | None,
        before: Cursor | str | None,
        limit: int,
        newer: bool,
        budget: Budget | None,
    ) -> Page:
        place = Cursor.parse(before) if isinstance(before, str) else before
        with reading(self._engine) as connection:
            return Search(connection, wanted or EventFilter(), newer).page(place, limit, budget)

    def count(self, wanted: EventFilter, most: int = 1000) -> int:
        """How many there are; `most` also stands for more."""
        with reading(self._engine) as connection:
            return Search(connection, wanted).count(most)

    def incident_sizes(self, incidents: Collection[str], wanted: EventFilter) -> dict[str, int]:
        """How many events of each of these incidents fit the filter."""
        event = tables.event
        query = select(event.c.incident, func.count()).where(event.c.incident.in_(incidents))
        with reading(self._engine) as connection:
            rest = conditions(Unindexed(event), as_recorded(connection, wanted))
            rows = connection.execute(query.where(*rest).group_by(event.c.incident)) if incidents else ()
            return {row[0]: row[1] for row in rows}

    def those(self, ids: Collection[str], reach: Reach = WHOLE) -> list[Row]:
        """The events of these ids within reach, newest first."""
        event = tables.event
        query = listed().where(event.c.id.in_(ids), *conditions(event, EventFilter(reach=reach)))
        with reading(self._engine) as connection:
            rows = connection.execute(query.order_by(event.c.at.desc(), event.c.id.desc()))
            return [event_json(row._mapping) for row in rows]

    def after(self, seq: int, limit: int = 100, wanted: EventFilter | None = None) -> list[Row]:
        """What was recorded after event number `seq`, oldest first."""
        wanted, event = wanted or EventFilter(), tables.event
        with reading(self._engine) as connection:
            rest = conditions(event, as_recorded(connection, wanted))
            query = listed().where(event.c.seq > seq, *rest).order_by(event.c.seq).limit(limit)
            return [event_json(row._mapping) for row in connection.execute(query)]

    def one(self, event_id: str, reach: Reach = WHOLE) -> Row | None:
        """An event within reach with its explanation: judged, facts, rulebook_version, trigger, subject, actions,
        recordings, and `evidence_gone`: why its picture was deleted before it, None otherwise."""
        event = tables.event
        with reading(self._engine) as connection:
            wanted = conditions(event, EventFilter(reach=reach))
            row = connection.execute(listed().where(event.c.id == event_id, *wanted)).one_or_none()
            if row is None:
                return None
            return event_json(row._mapping, explained=True) | {
                "actions": _actions(connection, event_id),
                "recordings": recordings_json(connection, event_id),
                "evidence_gone": _evidence_gone(connection, event_id),
            }

    def last_seq(self) -> int:
        """The number of the newest event; 0 before the first."""
        with reading(self._engine) as connection:
            newest: int | None = connection.execute(select(func.max(tables.event.c.seq))).scalar_one()
        return newest or 0

    def observations(
        self, camera: str, track: int, around: datetime | str, within_s: float = 600.0, limit: int = 2000
    ) -> list[Row]:
        """The path of a track, oldest first: at, media_s, box, zones, label, confidence, change, track_s.

        Only what was seen near that time, since track numbers begin again when a camera is started again.
        """
        seen, span = tables.observation, timedelta(seconds=within_s)
        around = datetime.fromisoformat(around) if isinstance(around, str) else around
        query = (
            select(seen)
            .where(seen.c.camera == camera, seen.c.at >= around - span, seen.c.at <= around + span)
            .where(seen.c.track == track)
            .order_by(seen.c.number)
            .limit(limit)
        )
        with reading(self._engine) as connection:
            return [_path_json(row) for row in connection.execute(query)]

    def model_of(self, camera: str, track: int, at: datetime | str, within_s: float = 600.0) -> str:
        """The model that labeled the track then; empty where none is on record."""
        seen, span = tables.observation, timedelta(seconds=within_s)
        at = datetime.fromisoformat(at) if isinstance(at, str) else at
        query = (
            select(seen.c.model)
            .where(seen.c.camera == camera, seen.c.at >= at - span, seen.c.at <= at)
            .where(seen.c.track == track)
            .order_by(seen.c.number.desc())
            .limit(1)
        )
        with reading(self._engine) as connection:
            return connection.scalar(query) or ""

    def inputs_since(self, at: datetime, limit: int = 200_000) -> Iterator[Input]:
        """The inputs of core since then, as it met them; when there are more than `limit`, the newest ones.

        Observations come without their pictures. Reads in small steps, so that no transaction stays open.
        """
        with reading(self._engine) as connection:
            first, last = replay.numbers_between(connection, at)
        if first is not None:
            for _, entry in replay.numbered_inputs(self._engine, max(first, last - limit + 1), last):
                yield entry

    def replay(self, since: datetime, until: datetime, warm_up: timedelta, wanted: Wanted = NOBODY) -> Replay:
        """What core met in that span and in `warm_up` before it, and the verdicts on the span."""
        return replay.replay(self._engine, since, until, warm_up, wanted)

    def places(self, doors: Collection[str], at: datetime, kept: timedelta) -> list[Passage]:
        """Where people went through those doors, and who was forgiven, by then and no older than `kept`."""
        with reading(self._engine) as connection:
            return moments.places(connection, doors, at, kept)

    def let_in(self, since: datetime, until: datetime) -> list[LetIn]:
        """Who was let in at doors in that time."""
        with reading(self._engine) as connection:
            return moments.let_in(connection, since, until)

    def inputs_until(self, number: int, span_s: float = 60.0) -> list[Input]:
        """What core met in those seconds up to input `number`, which comes last; empty where it is no longer kept."""
        with reading(self._engine) as connection:
            return moments.inputs_until(connection, number, span_s)

    def number_of_observation(self, observation_id: str) -> int | None:
        """Its place among the inputs of core; None where it is not on record."""
        with reading(self._engine) as connection:
            return moments.number_of_observation(connection, observation_id)

    def latest_tracks(self, camera: str, limit: int = 20) -> list[Observation]:
        """The newest observation of each of that camera's last tracks, newest first, also of those without events."""
        with reading(self._engine) as connection:
            return moments.latest_tracks(connection, camera, limit)

    def last_mode(self, within: int = 200_000) -> list[ModeReport]:
        """The newest report of the arming mode among the last `within` inputs, if there is one."""
        table, head = tables.input_, tables.head
        last = select(head.c.value - within).where(head.c.name == "input").scalar_subquery()
        query = select(table).where(table.c.kind == "mode", table.c.number > last)
        with reading(self._engine) as connection:
            rows = connection.execute(query.order_by(table.c.number.desc()).limit(1)).all()
        found = [input_of(row._mapping) for row in rows]
        return [entry for entry in found if isinstance(entry, ModeReport)]

    def last_threat(self) -> list[Input]:
        """The threat level that was last set, if ever; told again as it was."""
        with reading(self._engine) as connection:
            return moments.threat_before(connection)

    def door_modes(self) -> list[DoorReport]:
        """The last report of each door but for momentary accesses, of whatever age, in the order of the record."""
        table = tables.door_mode
        with reading(self._engine) as connection:
            rows = connection.execute(select(table).order_by(table.c.number)).all()
        return [DoorReport(row.door, row.at, row.mode, **json.loads(row.payload)) for row in rows]


def _actions(connection: Connection, event_id: str) -> list[Row]:
    outbox = tables.outbox
    rows = connection.execute(select(outbox).where(outbox.c.event == event_id).order_by(outbox.c.id))
    return [
        {
            "id": row.id,
            "kind": row.kind,
            "target": row.target,
            "state": row.state,
            "attempts": row.attempts,
            "deadline": rfc3339(row.deadline),
            "changed_at": rfc3339(row.changed_at),
        }
        for row in rows
    ]


def _evidence_gone(connection: Connection, event_id: str) -> str | None:
    evidence = tables.evidence
    query = select(evidence.c.gone).where(evidence.c.event == event_id)
    return connection.execute(query).scalars().first()


def _path_json(row: Any) -> Row:
    return {
        "at": rfc3339(row.at),
        "media_s": row.media_s,
        "box": [round(edge, 4) for edge in (row.x1, row.y1, row.x2, row.y2)],
        "zones": row.zones,
        "label": row.label,
        "confidence": round(row.confidence, 4),
        "change": row.change,
        "track_s": row.track_s,
    }
