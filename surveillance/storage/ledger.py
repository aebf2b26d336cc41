"""Inputs and the decisions on them into one commit, with the actions they ask for: record before act.

Events get sequence numbers without gaps, since one writer at a time holds the head row. Writing the same decision
twice writes it once. Nothing is returned before it would survive a power cut.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Engine, Table, bindparam, insert, select, update
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, SQLAlchemyError, StatementError

from surveillance.domain.errors import RecordFailed, Unrecordable
from surveillance.domain.geometry import Box
from surveillance.domain.inputs import identity_of
from surveillance.domain.values import (
    Action,
    CameraReport,
    Decision,
    Event,
    Input,
    Observation,
    SceneReport,
    Tick,
    system_decision,
)
from surveillance.storage import tables
from surveillance.storage.chain import link_rows, link_state
from surveillance.storage.chained import ACCOUNT_EDITS
from surveillance.storage.database import in_chunks, reading, writing
from surveillance.storage.evidence import EvidenceStore
from surveillance.storage.incidents import Incidents
from surveillance.storage.recordings import Wish, wish_rows
from surveillance.storage.rows import Row, action_row, box_row, event_row, input_row, observation_row
from surveillance.storage.settings import StorageSettings
from surveillance.storage.shots import Shots

Judged = Sequence[tuple[Input, tuple[Decision, ...]]]
Intend = Callable[[Decision], Sequence[Action]]
ASKED_IN = (tables.outbox.name, tables.recording.name)  # where others look for what a decision asks of them


@dataclass(frozen=True, slots=True)
class Asks:
    """What goes on record with a decision: the actions it asks for, and what is to be kept of its camera."""

    intend: Intend
    wish: Wish


@dataclass(frozen=True, slots=True)
class Note:
    """What is told of a camera in the transaction of an edit, beside the edit itself."""

    kind: str
    camera: str
    details: Mapping[str, Any]


_INSERTS = {  # statements are built once: that takes longer than most of them do
    table: insert(table)
    for table in (tables.observation, tables.input_, tables.event, tables.evidence, tables.outbox, tables.recording)
}
_LAST = select(tables.head.c.value).where(tables.head.c.name == bindparam("of")).with_for_update()
_ADVANCE = update(tables.head).where(tables.head.c.name == bindparam("of")).values(value=bindparam("last"))

acting_from: ContextVar[str] = ContextVar("acting_from", default="")  # the address of whoever acts in this context
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Kept:
    """A picture on the disk that waits for its event."""

    name: str
    camera: str
    at: datetime
    box: Box
    size_bytes: int
    sha256: str


class SqlLedger:
    """The Record step of core. Belongs to one thread; other processes may append at the same time."""

    def __init__(
        self,
        engine: Engine,
        evidence: EvidenceStore,
        intend: Intend,
        settings: StorageSettings | None = None,
        wish: Wish = lambda decision: None,
    ) -> None:
        self._engine = engine
        self._evidence = evidence
        self._asks = Asks(intend, wish)
        self._settings = settings or StorageSettings()
        self._shots = Shots(self._settings.shots_max)

    def __call__(self, judged: Judged) -> tuple[Event, ...]:
        """The events of these decisions, in order, committed.

        Raises RecordFailed when nothing was, Unrecordable when that will never change.
        """
        kept = self._keep_pictures(judged)
        touches = ASKED_IN if any(decisions for _, decisions in judged) else ()
        try:
            try:
                with writing(self._engine, touches=touches) as connection:
                    return _append(connection, judged, kept, self._asks)
            except IntegrityError:  # something here was written before: find out what, and write the rest
                with writing(self._engine, touches=touches) as connection:
                    return _append_new(connection, judged, kept, self._asks)
        except SQLAlchemyError as error:
            failure = Unrecordable if _is_of_the_values(error) else RecordFailed
            raise failure(f"the ledger could not be written: {_reason(error)}") from error
        except (ValueError, TypeError, OverflowError) as error:  # NaN, or a text that is no Unicode
            raise Unrecordable(f"a value cannot be recorded: {error}") from error

    def known(self, entries: Sequence[Input]) -> set[str]:
        """The identities of those that are on record. Raises RecordFailed when that cannot be told."""
        try:
            with reading(self._engine) as connection:
                return set(_known_inputs(connection, entries))
        except SQLAlchemyError as error:
            raise RecordFailed(f"the ledger could not be read: {_reason(error)}") from error

    def _keep_pictures(self, judged: Judged) -> dict[str, Kept]:
        """Pictures of the decisions, by decision id, written before the rows that name them."""
        kept: dict[str, Kept] = {}
        for entry, decisions in judged:
            if isinstance(entry, Observation):
                self._shots.remember(entry)
            elif isinstance(entry, SceneReport):
                self._shots.remember_scene(entry)
            for decision in decisions:
                picture = self._keep(decision)
                if picture is not None:
                    kept[decision.id] = picture
        return kept

    def _keep(self, decision: Decision) -> Kept | None:
        shot = self._shots.of(decision)
        if shot is None or decision.camera is None:
            return None
        if len(shot.jpeg) > self._settings.evidence_max_kb * 1024:
            _log.warning("picture not kept", extra={"id": decision.id, "reason": "larger than evidence_max_kb"})
            return None
        try:
            name = self._evidence.write(decision.id, shot.jpeg)
        except OSError as error:  # a full disk must not cost the event itself
            _log.error("picture could not be kept", extra={"id": decision.id, "reason": error.strerror})
            return None
        digest = hashlib.sha256(shot.jpeg).hexdigest()
        return Kept(name, decision.camera, shot.at, shot.box, len(shot.jpeg), digest)


def _is_of_the_values(error: SQLAlchemyError) -> bool:
    """Whether the database refused what was to be written, rather than to write."""
    is_of_the_driver = isinstance(error, DBAPIError)
    return isinstance(error, IntegrityError | DataError if is_of_the_driver else StatementError)


def _reason(error: SQLAlchemyError) -> str:
    return str(getattr(error, "orig", None) or error).partition("\n")[0]


def note(connection: Connection, kind: str, details: Mapping[str, Any], actor: str, camera: str | None = None) -> Event:
    """An event that no rule judged (`user.*`, `configuration.*`), in the transaction of the change that it tells of."""
    address = acting_from.get()
    who = {"actor": actor, "from": address} if address else {"actor": actor}
    decision = system_decision(kind, datetime.now(UTC), (), actor, details={**who, **details}, camera=camera)
    event = Event(_take(connection, "event", 1), decision)
    _insert(connection, tables.event, [event_row(event, None, None)])
    if kind in ACCOUNT_EDITS:
        link_state(connection, "accounts")
    return event


# --- inside the transaction ----------------------------------------------------------------------------------------


def _append(connection: Connection, judged: Judged, kept: Mapping[str, Kept], asks: Asks) -> tuple[Event, ...]:
    number = _take(connection, "input", len(judged))
    count = sum(len(decisions) for _, decisions in judged)
    seq = _take(connection, "event", count) if count else 0
    rows: dict[Table, list[Row]] = {table: [] for table in _INSERTS}
    events: list[Event] = []
    incidents = Incidents(connection)
    now = datetime.now(UTC)
    for entry, decisions in judged:
        if isinstance(entry, Observation):
            rows[tables.observation].append(observation_row(entry, number))
        else:
            rows[tables.input_].append(input_row(entry, number))
        for decision in decisions:
            picture = kept.get(decision.id)
            event = _event(seq, decision, picture)
            sha256 = picture.sha256 if picture else None
            rows[tables.event].append(event_row(event, number, sha256, incidents.of(decision)))
            if picture is not None:
                rows[tables.evidence].append(_evidence_row(decision.id, picture))
            rows[tables.outbox] += [action_row(action, now) for action in asks.intend(decision)]
            rows[tables.recording] += wish_rows(asks.wish(decision))
            events.append(event)
            seq += 1
        number += 1
    for table, values in rows.items():
        _insert(connection, table, values)
    _leave_doors(connection, rows[tables.input_])
    return tuple(events)


def _insert(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Writes them, with their links where they have some."""
    if table in (tables.event, tables.evidence, tables.recording):
        link_rows(connection, table.name, rows)
    if rows:
        connection.execute(_INSERTS[table], rows)


def _leave_doors(connection: Connection, inputs: Sequence[Row]) -> None:
    """The mode in which each door is left, kept for good: its reports go with the other inputs in time."""
    left = {row["subject"]: row for row in inputs if row["kind"] == "door" and row["state"] != "accessed"}
    table = tables.door_mode
    for door, row in left.items():
        values = {"number": row["number"], "mode": row["state"], "at": row["at"], "payload": row["payload"]}
        if connection.execute(update(table).where(table.c.door == door).values(**values)).rowcount == 0:
            connection.execute(insert(table), [{"door": door, **values}])


def _append_new(connection: Connection, judged: Judged, kept: Mapping[str, Kept], asks: Asks) -> tuple[Event, ...]:
    """As `_append`, leaving out what is on record; the events already there are returned as they were written."""
    known = _known_events(connection, [decision for _, decisions in judged for decision in decisions])
    inputs = _known_inputs(connection, [entry for entry, _ in judged])
    fresh: list[tuple[Input, tuple[Decision, ...]]] = []
    late: list[tuple[Decision, int]] = []
    for entry, decisions in _once(judged):
        number = inputs.get(identity_of(entry) or "")
        rest = tuple(decision for decision in decisions if decision.id not in known)
        if number is None:
            if rest or not (decisions and isinstance(entry, Tick)):  # a known Tick has nothing else to know it by
                fresh.append((entry, rest))
        else:
            late += [(decision, number) for decision in rest]
    written = {event.decision.id: event for event in _append(connection, fresh, kept, asks)}
    for decision, number in late:
        written[decision.id] = _append_late(connection, decision, number, kept.get(decision.id), asks)
    written |= known
    return tuple(written[decision.id] for _, decisions in judged for decision in decisions)


def _once(judged: Judged) -> Judged:
    """The same without repetitions: each input and each decision where it first appears."""
    seen: set[str] = set()
    entries: dict[object, tuple[Input, list[Decision]]] = {}
    for place, (entry, decisions) in enumerate(judged):
        _, kept = entries.setdefault(identity_of(entry) or place, (entry, []))
        for decision in decisions:
            if decision.id not in seen:
                seen.add(decision.id)
                kept.append(decision)
    return [(entry, tuple(decisions)) for entry, decisions in entries.values()]


def _append_late(connection: Connection, decision: Decision, number: int, picture: Kept | None, asks: Asks) -> Event:
    """A new decision on an input that is on record already."""
    event = _event(_take(connection, "event", 1), decision, picture)
    incident = Incidents(connection).of(decision)
    _insert(connection, tables.event, [event_row(event, number, picture.sha256 if picture else None, incident)])
    if picture is not None:
        _insert(connection, tables.evidence, [_evidence_row(decision.id, picture)])
    actions = [action_row(action, datetime.now(UTC)) for action in asks.intend(decision)]
    if actions:
        connection.execute(insert(tables.outbox), actions)
    _insert(connection, tables.recording, wish_rows(asks.wish(decision)))
    return event


def _take(connection: Connection, name: str, count: int) -> int:
    """The first of `count` new numbers. Whoever reads the head row holds it until the commit."""
    last: int = connection.execute(_LAST, {"of": name}).scalar_one()
    if count:
        connection.execute(_ADVANCE, {"of": name, "last": last + count})
    return last + 1


def _event(seq: int, decision: Decision, picture: Kept | None) -> Event:
    if picture is None:
        return Event(seq, decision)
    return Event(seq, decision, evidence=picture.name, evidence_box=picture.box)


def _evidence_row(event_id: str, picture: Kept) -> Row:
    return {
        "name": picture.name,
        "event": event_id,
        "camera": picture.camera,
        "at": picture.at,
        **box_row(picture.box),
        "size_bytes": picture.size_bytes,
        "sha256": picture.sha256,
        "missing": False,
    }


def _known_inputs(connection: Connection, entries: Sequence[Input]) -> dict[str, int]:
    """Their numbers, by identity."""
    identities = [identity for entry in entries if (identity := identity_of(entry)) is not None]
    known: dict[str, int] = {}
    for chunk in in_chunks(identities):
        for table in (tables.observation, tables.input_):
            found = connection.execute(select(table.c.id, table.c.number).where(table.c.id.in_(chunk)))
            known |= {row.id: row.number for row in found}
    return known | _known_beats(connection, entries)


def _known_beats(connection: Connection, entries: Sequence[Input]) -> dict[str, int]:
    """Of the unchanged camera reports, which are stored without an id: there is one a second and camera."""
    beats = [entry for entry in entries if isinstance(entry, CameraReport) and not entry.changed]
    identities = {(entry.at, entry.camera): str(identity_of(entry)) for entry in beats}
    table = tables.input_
    known: dict[str, int] = {}
    times = sorted({entry.at for entry in beats})
    for start in range(0, len(times), 500):
        found = connection.execute(
            select(table.c.at, table.c.subject, table.c.number)
            .where(table.c.at.in_(times[start : start + 500]))
            .where(table.c.kind == "camera", table.c.id.is_(None))
        )
        for row in found:
            identity = identities.get((row.at, row.subject))
            if identity is not None:
                known[identity] = row.number
    return known


def _known_events(connection: Connection, decisions: Sequence[Decision]) -> dict[str, Event]:
    by_id = {decision.id: decision for decision in decisions}
    event, evidence = tables.event, tables.evidence
    known: dict[str, Event] = {}
    for chunk in in_chunks(by_id):
        rows = connection.execute(
            select(
                event.c.id, event.c.seq, event.c.evidence, evidence.c.x1, evidence.c.y1, evidence.c.x2, evidence.c.y2
            )
            .outerjoin(evidence, evidence.c.name == event.c.evidence)
            .where(event.c.id.in_(chunk))
        )
        for row in rows:
            box = None if row.x1 is None else Box(row.x1, row.y1, row.x2, row.y2)
            known[row.id] = Event(row.seq, by_id[row.id], row.evidence, box)
    return known
