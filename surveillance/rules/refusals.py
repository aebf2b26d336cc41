"""What denies a request whatever the rules say: its credential, its deadline, how the door and its camera stand."""

from __future__ import annotations

from datetime import datetime

from surveillance.domain.interlock import in_the_way
from surveillance.domain.site import Door, Site
from surveillance.domain.values import AccessRequest
from surveillance.rules.memory import Memory
from surveillance.rules.permission import Refusal
from surveillance.rules.places import out_of_turn
from surveillance.rules.vocabulary import DENIALS

_CLOSED_MODES = {
    "locked_down": "the door is locked down",
    "blocked": "the door is blocked",
    "unknown": "nobody knows how the door stands",
}


def refusals_of(request: AccessRequest, memory: Memory, site: Site, now: datetime) -> list[Refusal]:
    """All that apply. A code that counts once is used up by asking."""
    refusals = _of_credential(request)
    if now > request.deadline:
        refusals.append(Refusal("other", "the request is past its deadline"))
    if request.once and not memory.uses(request.door, request.once, request.at):
        refusals.append(Refusal("other", "this code was presented here before, and each counts once"))
    door = site.door(request.door)
    if door is None:
        return [*refusals, Refusal("other", f"door {request.door} is not configured")]
    return refusals + _of_person(request, door, memory, now) + _of_door(request, door, site, memory, now)


def _of_credential(request: AccessRequest) -> list[Refusal]:
    refusals = [Refusal(word) if word in DENIALS else Refusal("other", word) for word in request.denials]
    if request.credential not in ("valid", "none", *request.denials):
        word = request.credential
        refusals.append(Refusal(word) if word in DENIALS else Refusal("other", f"credential: {word}"))
    return refusals


def _of_person(request: AccessRequest, door: Door, memory: Memory, now: datetime) -> list[Refusal]:
    """Where they are by record."""
    wrong = out_of_turn(memory.places.of(request.person, now), door)
    return [Refusal("antipassback_violation", wrong)] if wrong and door.antipassback == "hard" else []


def _of_door(request: AccessRequest, door: Door, site: Site, memory: Memory, now: datetime) -> list[Refusal]:
    refusals = []
    state = memory.doors.get(request.door)
    if state is not None and state.mode in _CLOSED_MODES:
        refusals.append(Refusal("other", _CLOSED_MODES[state.mode]))
    refusals += [Refusal("other", words) for words in in_the_way(door, site, lambda name: memory.ajar(name, now))]
    if request.camera is not None and door.on_camera_stale != "badge_only":
        doubt = memory.doubt(request.camera, now)
        if doubt:
            refusals.append(Refusal("other", f"{doubt}, and door {door.name} says on_camera_stale: deny"))
    return refusals
