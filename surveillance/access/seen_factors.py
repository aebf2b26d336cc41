"""What the doors' cameras see now of those who ask there: observations in, factors of a known person out.

A factor that is seen only confirms the person whom a badge, card or PIN names; it names nobody at a reader.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import datetime, timedelta

from surveillance.access.plates import MATCH, PLATE
from surveillance.domain.values import Observation

FRESH = timedelta(seconds=3)  # tracks are told once a second; what is older may have left
MOST = 1000  # tracks of all cameras
Visit = tuple[str, int, datetime]  # camera, track, when the track began


@dataclass(frozen=True, slots=True)
class SeenPlate:
    """A plate that a camera reads now; its person only where it counts."""

    plate: str
    person: str | None
    at: datetime


class SeenFactors:
    """Safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._plates: dict[Visit, SeenPlate] = {}

    def hear(self, seen: Observation) -> None:
        """An observation after it was identified."""
        visit = (seen.camera, seen.track, seen.started_at)
        plate = seen.attributes.get(PLATE)
        with self._lock:
            self._plates.pop(visit, None)
            if isinstance(plate, str) and seen.change != "left":
                person = seen.identity if seen.attributes.get(MATCH) == "exact" else None
                self._plates[visit] = SeenPlate(plate, person, seen.at)
            while len(self._plates) > MOST:
                del self._plates[next(iter(self._plates))]

    def of(self, person: str, camera: str | None, at: datetime) -> frozenset[str]:
        """The factors of that person that this camera sees at that time."""
        has_plate = any(seen.person == person for seen in self._fresh(camera, at))
        return frozenset({"plate"}) if has_plate else frozenset()

    def plate(self, camera: str | None, at: datetime) -> str | None:
        """The plate that this camera reads; empty for none or several, None where it reads no plates."""
        fresh = self._fresh(camera, at)
        read = {seen.plate for seen in fresh if seen.plate}
        if not fresh:
            return None
        return read.pop() if len(read) == 1 else ""

    def _fresh(self, camera: str | None, at: datetime) -> list[SeenPlate]:
        with self._lock:
            plates = list(self._plates.items())
        return [seen for (where, _, _), seen in plates if where == camera and abs(at - seen.at) <= FRESH]
