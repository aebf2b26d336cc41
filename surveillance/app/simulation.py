"""Would this person be let in at that door, and why: the judge asked about a request that nobody made. Nothing acts.

Asked about a moment that has passed, the rules are those that were in force then, and doors, cameras and the mode are
as they were; people and schedules are those of today.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from surveillance.access.credentials import DENIALS, faults_of
from surveillance.app.backtesting import wanted_places
from surveillance.app.company import let_in_before
from surveillance.app.rulebook import rule_documents
from surveillance.app.store import Store, open_store
from surveillance.domain.errors import NotFound, UserMistake
from surveillance.domain.geometry import Box
from surveillance.domain.site import Door, Person, Site
from surveillance.domain.suggest import no_such
from surveillance.domain.values import (
    AccessRequest,
    CameraReport,
    Decision,
    Event,
    Input,
    Observation,
    Tick,
    new_id,
)
from surveillance.rules.book import Rulebook, parse_rulebook
from surveillance.rules.judge import RuleJudge
from surveillance.rules.needed import needed_of
from surveillance.rules.vocabulary import FACTORS
from surveillance.settings import Settings
from surveillance.storage.replay import Replay

LOOK_BACK = timedelta(hours=1)  # of inputs, so that tracks, doors and the mode are known
SEEN_S = 10  # how long a camera that is assumed to see has been seeing
SEEN_BOX = Box(0.4, 0.2, 0.6, 0.9)


@dataclass(frozen=True, slots=True)
class Asked:
    """What is assumed. `factors` None: whatever the person holds; `people` None: what the door's camera saw then."""

    person: str
    door: str
    at: datetime
    factors: frozenset[str] | None = None
    people: int | None = None


def simulate(settings: Settings, asked: Sequence[Asked]) -> Iterator[tuple[Asked, dict[str, Any]]]:
    """Each with its decision as an event on record reads, explanation and `needed` included.

    Raises NotFound for a person or door that the site does not have, UserMistake for a factor that there is not.
    """
    store = open_store(settings)
    site = store.site.read()
    books: dict[datetime, Rulebook] = {}
    for one in asked:
        person, door = _person(site, one.person), _door(site, one.door)
        if one.at not in books:
            books[one.at] = book_at(settings, store, site, one.at)
        judge = RuleJudge(books[one.at], site, settings.rules)
        kept = store.events.replay(one.at - LOOK_BACK, one.at, LOOK_BACK, wanted_places(settings, site))
        judge.recall_places(kept.places)
        judge.recall(_known_then(kept, door, one))
        judge.recall_company(let_in_before(store, site, one.at))
        request = request_of(person, door, one)
        decision = next(made for made in judge(request) if made.kind.startswith("access."))
        yield one, told(decision)


def book_at(settings: Settings, store: Store, site: Site, at: datetime) -> Rulebook:
    """The rules that were in force then; names in them that are gone by now stay as they are."""
    version = store.site.version_at(at)
    if version == site.version or at >= datetime.now(UTC):
        return parse_rulebook(rule_documents(settings, site), site, site.version)
    text = "".join(text for _, text in store.site.rules_at(version))
    return parse_rulebook(rule_documents(settings, replace(site, rules=text)), None, version)


def request_of(person: Person, door: Door, asked: Asked) -> AccessRequest:
    """The request as the desk would have made it of what that person holds."""
    held = {credential.kind for credential in person.credentials}
    kinds = held - {"pin"} if asked.factors is None else asked.factors
    for kind in kinds - FACTORS - held:
        raise UserMistake(no_such("factor", kind, FACTORS))
    verified: set[str] = set()
    denials: set[str] = set()
    for kind in kinds:
        faults = [faults_of(each, asked.at) for each in person.credentials if each.kind == kind]
        best: set[str] = min(faults, key=len, default=set() if kind == "face" else {"unauthorized"})
        denials |= best
        verified |= set() if best else {"badge" if kind in ("qr", "phone") else kind, kind}
    ordered = tuple(word for word in DENIALS if word in denials)
    return AccessRequest(
        id=new_id(),
        at=asked.at,
        door=door.name,
        camera=door.camera,
        factors=frozenset(verified),
        person=person.name if kinds else None,
        groups=person.groups if kinds else frozenset(),
        credential=ordered[0] if ordered else "valid" if kinds else "none",
        deadline=asked.at + timedelta(seconds=2),
        denials=ordered,
    )


def told(decision: Decision) -> dict[str, Any]:
    """The decision as `events explain` tells one."""
    event = Event(0, decision).as_json() | {
        "judged": [judged.as_json() for judged in decision.judged],
        "facts": dict(decision.facts),
        "rulebook_version": decision.rulebook_version,
        "trigger": decision.trigger,
        "recordings": [],
    }
    needed = needed_of(event)
    return event if needed is None else event | {"needed": needed.as_json()}


def _known_then(kept: Replay, door: Door, asked: Asked) -> Iterable[Input]:
    """What core had met by then; of the door's camera, what is assumed of it."""
    before = [*kept.before, *(entry for _, entry in kept.inputs if entry.at <= asked.at)]
    if asked.people is None or door.camera is None:
        return before
    camera = door.camera
    return [*(entry for entry in before if getattr(entry, "camera", None) != camera), *_seen(camera, asked)]


def _seen(camera: str, asked: Asked) -> Iterator[Input]:
    """A camera that has been live for a while and sees so many people."""
    began = asked.at - timedelta(seconds=SEEN_S)
    for second in range(SEEN_S + 1):
        at = began + timedelta(seconds=second)
        yield Tick(at)
        yield CameraReport(camera, at, "live")
        for number in range(asked.people or 0):
            yield Observation(
                id=new_id(),
                camera=camera,
                at=at,
                media_s=None,
                change="heartbeat",
                track=number,
                label="person",
                confidence=1.0,
                box=SEEN_BOX,
                zones=frozenset(),
                zones_version=0,
                dwell_s={},
                track_s=float(second),
                started_at=began,
            )


def _person(site: Site, name: str) -> Person:
    for person in site.people:
        if person.name == name:
            return person
    raise NotFound(no_such("person", name, (person.name for person in site.people)))


def _door(site: Site, name: str) -> Door:
    door = site.door(name)
    if door is None:
        raise NotFound(no_such("door", name, (door.name for door in site.doors)))
    return door


def questions(settings: Settings, person: str | None, door: str | None, assumed: Mapping[str, Any]) -> list[Asked]:
    """One for each person and door that is not said. Raises NotFound for a name that there is not."""
    site = open_store(settings).site.read()
    people = [_person(site, person).name] if person else [each.name for each in site.people]
    doors = [_door(site, door).name] if door else [each.name for each in site.doors]
    return [Asked(name, place, **assumed) for name in people for place in doors]
