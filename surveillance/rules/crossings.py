"""Who went through a door after a grant: persons that crossed the door's line while it could be opened, counted.

A watch runs from a grant until some seconds after its pulse. A function of the inputs alone, and bounded.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from surveillance.domain.site import Door, Site
from surveillance.domain.values import REJECTED, Observation

LATE = timedelta(seconds=2)  # what a camera sees may be told so much later
TOO_OLD = timedelta(seconds=60)  # a watch that nobody ended, such as of a service that stood still, tells nothing
MAX_CROSSED = 1000  # of one watch


@dataclass(frozen=True, slots=True)
class LetThrough:
    """Somebody who was let in; `person` None for whoever it was."""

    request: str
    person: str | None
    at: datetime


@dataclass(slots=True)
class Watch:
    """What is known of a door since its first grant. `pending` are those of whom it is not told yet."""

    since: datetime
    until: datetime
    let_in: dict[str, LetThrough] = field(default_factory=dict)  # by person, or by request where nobody is named
    pending: dict[str, LetThrough] = field(default_factory=dict)
    crossed: set[tuple[int, datetime]] = field(default_factory=set)  # tracks
    is_open_to_all: bool = False  # somebody opened by hand, for as many as they like
    is_told: bool = False  # of more than were let in
    doubt: str = ""

    @property
    def is_too_many(self) -> bool:
        return not self.is_open_to_all and len(self.crossed) > len(self.let_in)


class Crossings:
    """The watches that are under way."""

    def __init__(self, taken_within_s: float) -> None:
        self._within = timedelta(seconds=taken_within_s)
        self._watches: dict[str, list[Watch]] = {}  # by door; one that is over waits for what is told late

    def __bool__(self) -> bool:
        return bool(self._watches)

    def let_in(self, door: Door, one: LetThrough, for_all: bool = False) -> None:
        """Begins a watch, or goes on with the one under way."""
        until = one.at + timedelta(seconds=door.pulse_s) + self._within
        watches = self._watches.setdefault(door.name, [])
        if not watches or one.at > watches[-1].until:
            watches.append(Watch(one.at, until))
        watch = watches[-1]
        watch.until = max(watch.until, until)
        watch.is_open_to_all |= for_all
        key = one.person or one.request
        if key not in watch.let_in:  # who asks again has not gone through for two
            watch.let_in[key] = one
        watch.pending.setdefault(key, one)

    def take_back(self, request: str) -> None:
        """That request did not come on record, so nobody was let in by it."""
        for watches in self._watches.values():
            for people in (people for watch in watches for people in (watch.let_in, watch.pending)):
                for key in [key for key, one in people.items() if one.request == request]:
                    del people[key]
        self._keep(lambda watch: bool(watch.let_in))

    def see(self, door: Door, seen: Observation) -> Watch | None:
        """A watch in which that observation counts: a person has crossed the door's line on their way in."""
        if f"{door.line}:in" not in seen.crossed:
            return None
        watches = self._watches.get(door.name, ())
        watch = next((watch for watch in watches if watch.since <= seen.at <= watch.until), None)
        if watch is None:
            return None
        if seen.label == REJECTED:
            watch.doubt = f"camera {seen.camera} saw something go through that it cannot tell from a person"
        if seen.label != "person" or len(watch.crossed) >= MAX_CROSSED:
            return None
        watch.crossed.add((seen.track, seen.started_at))
        return watch

    def ended(self, now: datetime) -> list[tuple[str, Watch]]:
        """The watches that are over, by door; each once. What is too old is dropped."""
        every = [(name, watch) for name, watches in self._watches.items() for watch in watches]
        over = [(name, watch) for name, watch in every if now > watch.until + LATE]
        self._keep(lambda watch: now <= watch.until + LATE)
        return [(name, watch) for name, watch in over if now - watch.until <= TOO_OLD]

    def keep_only(self, doors: set[str]) -> None:
        self._watches = {name: watches for name, watches in self._watches.items() if name in doors}

    def _keep(self, is_kept: Callable[[Watch], bool]) -> None:
        left = {name: [watch for watch in watches if is_kept(watch)] for name, watches in self._watches.items()}
        self._watches = {name: watches for name, watches in left.items() if watches}


def tells_taken(door: Door, site: Site) -> bool:
    """Whether its camera can tell who went through: by a line, and by a detector, since motion counts no heads."""
    camera = site.camera(door.camera) if door.camera else None
    return door.line is not None and camera is not None and camera.proposer == "detector"


def line_hints(site: Site) -> list[str]:
    """What keeps doors that name a line from telling who went through, a sentence each."""
    return [
        f"door {door.name}: camera {door.camera} looks by motion, which counts no heads: whether somebody went through "
        "stays unknown; let it look by a detector"
        for door in site.doors
        if door.line is not None and not tells_taken(door, site)
    ]
