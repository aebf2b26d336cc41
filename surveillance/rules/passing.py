"""What follows from a grant: who is where now, who comes out of turn, who went through the door, and how many more.

Each function gives the fields of the decisions to make of it.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from surveillance.domain.site import Door, Site
from surveillance.domain.values import AccessRequest, DoorOrder, Observation
from surveillance.rules.crossings import LetThrough, Watch, tells_taken
from surveillance.rules.memory import Memory
from surveillance.rules.places import Place, out_of_turn
from surveillance.rules.telling import about_seen

Fields = dict[str, Any]


def granted(
    request: AccessRequest, site: Site, memory: Memory, now: datetime, second: str | None
) -> tuple[Fields, list[Fields]]:
    """Details of the grant itself, and what else is told. `second` is who was let in with that person."""
    door = site.door(request.door)
    if door is None:
        return {}, []
    memory.hear_release(door, request.id, request.at)
    about = {"at": request.at, "subject": request.id, "camera": request.camera, "door": door.name}
    people = [person for person in (request.person, second) if person is not None]
    wrong = {person: out_of_turn(memory.places.of(person, now), door) for person in people} if door.leads else {}
    told = [
        {**about, "trigger": "system", "kind": "antipassback.violated", "identity": person, "reasons": (words,)}
        for person, words in wrong.items()
        if words
    ]
    if tells_taken(door, site):
        stands_open = memory.door(door.name).mode in ("unlocked", "locked_open")
        for one in [LetThrough(request.id, person, request.at) for person in people or (None,)]:
            memory.crossings.let_in(door, one, stands_open)
        return {}, told
    moved = {person: _moved(door, person, request.at, request.id, memory) for person in people}
    if second is not None and moved[second]:
        told.append(
            {**about, "trigger": "system", "kind": "area.entered", "identity": second, "details": moved[second]}
        )
    return moved.get(request.person or "", {}), told


def ordered(order: DoorOrder, site: Site, memory: Memory) -> None:
    """Somebody opens by hand: for one or for many."""
    door = site.door(order.door)
    if door is None or order.command not in ("open", "unlock"):
        return
    memory.hear_release(door, order.id, order.at)
    if order.command == "open" and tells_taken(door, site):
        memory.crossings.let_in(door, LetThrough(order.id, None, order.at), for_all=True)


def seen_crossing(seen: Observation, site: Site, memory: Memory) -> list[Fields]:
    """Somebody has crossed a line: whoever was let in went through, or more did."""
    told: list[Fields] = []
    for door in site.doors:
        watch = memory.crossings.see(door, seen) if door.camera == seen.camera else None
        if watch is None:
            continue
        if watch.pending and (len(watch.crossed) >= len(watch.let_in) or watch.is_open_to_all):
            told += [_outcome("access.taken", door, watch, one, seen, memory) for one in watch.pending.values()]
            watch.pending.clear()
        if watch.is_too_many and not watch.is_told:
            watch.is_told = True
            counts = _counts(watch)
            reason = f"{counts['crossed']} went through, {counts['let_in']} let in"
            told.append(
                {**about_seen(seen), "trigger": "access", "kind": "tailgating.detected", "door": door.name,
                 "reasons": (reason,), "details": counts}
            )  # fmt: skip
    return told


def ended(now: datetime, site: Site, memory: Memory) -> list[Fields]:
    """Watches that are over: who did not go through, and of whom nobody knows."""
    told: list[Fields] = []
    for name, watch in memory.crossings.ended(now):
        door = site.door(name)
        if door is None or not tells_taken(door, site):
            continue
        doubt = watch.doubt or memory.unwatched(door.camera or "", watch.since, now)
        if not doubt and watch.crossed:
            counts = _counts(watch)
            doubt = f"{counts['crossed']} went through, {counts['let_in']} let in"
        kind = "access.taken_unknown" if doubt else "access.not_taken"
        told += [_outcome(kind, door, watch, one, now, memory, doubt) for one in watch.pending.values()]
    return told


def _outcome(
    kind: str, door: Door, watch: Watch, one: LetThrough, when: Observation | datetime, memory: Memory, doubt: str = ""
) -> Fields:
    """Of one who was let in. Where nobody knows, the grant counts: they are taken to be in."""
    at, track = (when, None) if isinstance(when, datetime) else (when.at, when.track)
    details = _counts(watch)
    if kind != "access.not_taken" and one.person is not None:
        details |= _moved(door, one.person, at, one.request, memory)
    fields: Fields = {"kind": kind, "at": at, "trigger": "access", "subject": one.request, "identity": one.person}
    return {**fields, "camera": door.camera, "door": door.name, "track": track, "details": details,
            "reasons": (doubt,) if doubt else ()}  # fmt: skip


def _counts(watch: Watch) -> Fields:
    return {"crossed": len(watch.crossed), "let_in": len(watch.let_in)}


def _moved(door: Door, person: str, at: datetime, by: str, memory: Memory) -> Fields:
    """The person is in the next area from now on."""
    if not door.leads:
        return {}
    memory.places.move(person, Place(door.to_area, at, door.name, by))
    return {"moved": {"from": door.from_area, "to": door.to_area}}
