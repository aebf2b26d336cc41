"""Doors whose camera asks by itself: plates and badges that it reads in, access requests out, each once per visit.

A visit is a confirmed track that is told. What is told late opens nothing: whoever stood there may be gone.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from uuid import NAMESPACE_OID, uuid5

from surveillance.access.badges import is_code
from surveillance.access.plates import MATCH, PLATE
from surveillance.access.seen_factors import FRESH, Visit
from surveillance.domain.ports import SiteReader
from surveillance.domain.site import ASKING, Door
from surveillance.domain.values import AccessRequest, CodeSeen, Factor, Observation, Presented

WITHIN = timedelta(seconds=5)  # of a request: after that its door is not opened any more
MOST_ASKED = 8  # different things that one visit asks with
MOST_VISITS = 1000


@dataclass(slots=True)
class Asking:
    """One visit: the zones that it stands in, the code that it shows, and what it has asked with at which door."""

    zones: frozenset[str]
    code: CodeSeen | None = None
    asked: set[tuple[str, str]] = field(default_factory=set)


class CameraDesk:
    """Safe to share between threads. `put` hands core a request, which it drops where it knows it already."""

    def __init__(
        self,
        site: SiteReader,
        desk: Callable[[Presented], AccessRequest],
        put: Callable[[AccessRequest], None],
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._site = site
        self._desk = desk
        self._put = put
        self._clock = clock
        self._lock = threading.Lock()
        self._visits: dict[Visit, Asking] = {}
        self._early: dict[Visit, CodeSeen] = {}  # read before their track was told

    def hear(self, seen: Observation) -> None:
        """An observation after it was identified."""
        visit = (seen.camera, seen.track, seen.started_at)
        with self._lock:
            if seen.change == "left":
                self._visits.pop(visit, None)
                return
            asking = self._visits.setdefault(visit, Asking(seen.zones, self._early.pop(visit, None)))
            asking.zones = seen.zones
            while len(self._visits) > MOST_VISITS:
                del self._visits[next(iter(self._visits))]
            plate = seen.attributes.get(PLATE)
            if isinstance(plate, str) and plate and self._is_now(seen.at):
                counts = seen.attributes.get(MATCH) == "exact"
                self._ask("plates", visit, asking, plate, Factor(PLATE, plate) if counts else None, plate)
            self._show_code(visit, asking)

    def read(self, code: CodeSeen) -> None:
        """A code beside a track; until core knows the track it waits."""
        if not is_code(code.text):  # any code in the world is held before a camera
            return
        visit = (code.camera, code.track, code.started_at)
        with self._lock:
            asking = self._visits.get(visit)
            if asking is None:
                self._early[visit] = code
                while len(self._early) > MOST_VISITS:
                    del self._early[next(iter(self._early))]
                return
            asking.code = code
            self._show_code(visit, asking)

    def _show_code(self, visit: Visit, asking: Asking) -> None:
        code = asking.code
        if code is not None and self._is_now(code.at):
            what = hashlib.sha256(code.text.encode()).hexdigest()
            self._ask("badges", visit, asking, what, Factor("badge", code.text))

    def _ask(
        self, task: str, visit: Visit, asking: Asking, what: str, factor: Factor | None, plate: str | None = None
    ) -> None:
        for door in self._site().doors:
            new = (door.name, what) not in asking.asked and len(asking.asked) < MOST_ASKED
            if new and _asks(door, task, visit[0], asking.zones):
                asking.asked.add((door.name, what))
                self._put(self._request(door, visit, what, factor, plate))

    def _request(self, door: Door, visit: Visit, what: str, factor: Factor | None, plate: str | None) -> AccessRequest:
        """Known by the visit and what it asks with, so that core started anew does not judge it twice."""
        camera, track, started_at = visit
        id = uuid5(NAMESPACE_OID, f"{door.name}\0{camera}\0{track}\0{started_at.isoformat()}\0{what}")
        now = self._clock()
        request = self._desk(Presented(str(id), now, door.name, (factor,) if factor else (), now + WITHIN))
        return replace(request, by_camera=True, plate=request.plate if plate is None else plate)

    def _is_now(self, at: datetime) -> bool:
        return abs(self._clock() - at) <= FRESH


def _asks(door: Door, task: str, camera: str, zones: frozenset[str]) -> bool:
    """Whether that door's camera presents this by itself, and there."""
    return door.camera == camera and task in ASKING[door.camera_asks] and door.camera_zone in (None, *zones)
