"""Everything that is held of one person, found by pseudonym: to be handed over, or taken away."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, Text, func, select, type_coerce

from surveillance.domain.errors import NotFound
from surveillance.domain.labels import subject_of
from surveillance.domain.suggest import no_such
from surveillance.domain.values import rfc3339
from surveillance.storage.chain import link_state
from surveillance.storage.database import in_chunks, reading, writing
from surveillance.storage.event_filter import TextOf
from surveillance.storage.evidence import EvidenceStore
from surveillance.storage.faces import forget_faces
from surveillance.storage.keys import KeyStore
from surveillance.storage.names import PSEUDONYM, key_of, names_of
from surveillance.storage.recordings import Recordings
from surveillance.storage.rows import event_json, input_of
from surveillance.storage.rule_rows import live_rules
from surveillance.storage.tables import (
    configuration,
    credential,
    crop,
    event,
    evidence,
    face_template,
    input_,
    observation,
    recording,
    review,
    rule,
)

ERASED = "erased on request"
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Held:
    """What there is of a person. Pictures and clips are those of events that show them."""

    pseudonym: str
    name: str
    credentials: int
    faces: int
    events: tuple[str, ...]
    observations: int
    pictures: tuple[str, ...]
    clips: tuple[str, ...]
    crops: tuple[str, ...]

    @property
    def files(self) -> int:
        return len(self.pictures) + len(self.clips) + len(self.crops)


def find_person(engine: Engine, given: str) -> tuple[str, str]:
    """Pseudonym and name of whom a name or pseudonym means, also of somebody who was removed. Raises NotFound."""
    names = names_of(engine)
    assert names is not None, "keep_names comes first"
    pseudonym = names.pseudonym_of(given)
    if PSEUDONYM.fullmatch(pseudonym):
        name = names.name_of(pseudonym)
        if names.pseudonym_of(name) == pseudonym:
            return pseudonym, name
    raise NotFound(no_such("person", given, names.everybody()))


def held_of(engine: Engine, pseudonym: str) -> Held:
    """All of it, without changing anything."""
    names = names_of(engine)
    assert names is not None
    name = names.name_of(pseudonym)
    with reading(engine, patient=True) as connection:
        events = _events_of(connection, name)
        return Held(
            pseudonym,
            name,
            _count(connection, credential.c.person == name),
            _count(connection, face_template.c.person == name),
            events,
            _count(connection, observation.c.identity == name),
            _files(connection, evidence.c.name, evidence.c.event, events, evidence.c.gone.is_(None)),
            _files(connection, recording.c.name, recording.c.event, events, recording.c.state != "missing"),
            _crops_of(connection, name, events),
        )


def take_away(engine: Engine, keys: KeyStore, held: Held, pictures: EvidenceStore, clips: Recordings) -> None:
    """Takes away what shows the person and what opens doors for them; with the key goes the name, for good.

    Everything may be done once more, as after a crash, or with what a restored backup brought back.
    """
    pictures.remove(engine, held.pictures, ERASED)
    clips.remove(held.clips, ERASED)
    for owner in _owners(engine, held.clips):
        clips.give_up(owner, ERASED)  # what a worker still was to keep
    with writing(engine) as connection:
        doomed = forget_faces(connection, [held.name])
        gone = connection.execute(credential.delete().where(credential.c.person == held.name)).rowcount
        if doomed or gone:
            link_state(connection, "site")
        for key in doomed:
            keys.people.erase(key)
    keys.people.erase(key_of(held.pseudonym), for_good=True)


def told_of(engine: Engine, held: Held) -> Iterator[tuple[str, list[Row]]]:
    """What a person may ask for, part by part, as JSON: the rows that name them, in the order of time."""
    with reading(engine, patient=True) as connection:
        named = _naming(event.c.payload, held.pseudonym)
        found = connection.execute(select(event).where(named).order_by(event.c.at, event.c.id))
        yield "events", [event_json(row._mapping, explained=True) for row in found]
        named = (input_.c.subject == held.name) | _naming(input_.c.payload, held.pseudonym)
        found = connection.execute(select(input_).where(named).order_by(input_.c.at))
        yield "requests", [_plain(input_of(row._mapping)) for row in found]
        seen = select(observation).where(observation.c.identity == held.name).order_by(observation.c.number)
        yield "observations", [_plain(row._mapping) for row in connection.execute(seen)]
        for part, table, column, order in (
            ("edits", configuration, configuration.c.change, configuration.c.version),
            ("reviews", review, review.c.comment, review.c.at),
            ("rules", rule, rule.c.text, rule.c.version),
        ):
            wanted = type_coerce(column, Text).contains(held.pseudonym, autoescape=True)
            rows = connection.execute(select(table).where(wanted).order_by(order))
            yield part, [_plain(row._mapping) for row in rows]


def rules_naming(engine: Engine, pseudonym: str) -> list[str]:
    """Names of the live rules that name the person."""
    with reading(engine) as connection:
        live = {(row.name, row.version) for row in live_rules(connection)}
        wanted = type_coerce(rule.c.text, Text).contains(pseudonym, autoescape=True)
        found = connection.execute(select(rule.c.name, rule.c.version).where(wanted))
        return sorted(row.name for row in found if tuple(row) in live)


# --- what shows them -----------------------------------------------------------------------------------------------


def _events_of(connection: Connection, name: str) -> tuple[str, ...]:
    """Those about them, and those of the same tracks from before it was known whose they are."""
    columns = (event.c.id, event.c.incident, event.c.camera, event.c.track)
    own = connection.execute(select(*columns).where(event.c.identity == name).order_by(event.c.at, event.c.id)).all()
    tracks = {(row.incident, row.camera, row.track) for row in own if row.incident and row.track is not None}
    ids = dict.fromkeys(row.id for row in own)
    for chunk in in_chunks(sorted({incident for incident, _, _ in tracks})):
        for row in connection.execute(select(*columns).where(event.c.incident.in_(chunk))):
            if (row.incident, row.camera, row.track) in tracks:
                ids[row.id] = None
    return tuple(ids)


def _crops_of(connection: Connection, name: str, events: Sequence[str]) -> tuple[str, ...]:
    tracks = select(observation.c.camera, observation.c.track, observation.c.started_at).distinct()
    rows = connection.execute(tracks.where(observation.c.identity == name))
    subjects = [subject_of(row.camera, row.track, row.started_at) for row in rows]
    found: dict[str, None] = {}
    for column, wanted in ((crop.c.event, events), (crop.c.subject, subjects)):
        for chunk in in_chunks(wanted):
            found |= dict.fromkeys(connection.scalars(select(crop.c.id).where(column.in_(chunk)).order_by(crop.c.id)))
    return tuple(found)


def _files(
    connection: Connection, name: Any, owner: Any, events: Sequence[str], there: ColumnElement[bool]
) -> tuple[str, ...]:
    found: list[str] = []
    for chunk in in_chunks(events):
        found += connection.scalars(select(name).where(owner.in_(chunk), there).order_by(name))
    return tuple(found)


def _owners(engine: Engine, clips: Sequence[str]) -> list[str]:
    owners: dict[str, None] = {}
    with reading(engine) as connection:
        for chunk in in_chunks(clips):
            wanted = recording.c.name.in_(chunk) & (recording.c.state == "wanted")
            owners |= dict.fromkeys(connection.scalars(select(recording.c.event).where(wanted)))
    return list(owners)


def _count(connection: Connection, wanted: ColumnElement[bool]) -> int:
    return int(connection.execute(select(func.count()).where(wanted)).scalar_one())


# --- what names them -----------------------------------------------------------------------------------------------


def _naming(payload: Any, pseudonym: str) -> ColumnElement[bool]:
    """Whether the payload says the pseudonym anywhere."""
    return TextOf(payload).contains(pseudonym, autoescape=True)


def _plain(value: Any) -> Any:
    """As JSON can say it."""
    if is_dataclass(value) and not isinstance(value, type):
        return {each.name: _plain(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, Mapping):
        return {str(name): _plain(part) for name, part in value.items()}
    if isinstance(value, datetime):
        return rfc3339(value)
    if isinstance(value, set | frozenset):
        return sorted(value)
    return [_plain(part) for part in value] if isinstance(value, list | tuple) else value
