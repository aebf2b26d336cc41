"""Where people are: what the judge remembers of who went through which door, and whether a door is out of turn.

A function of what was granted and forgiven alone, so it is rebuilt from the record after a restart. Bounded.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from surveillance.domain.areas import OUTSIDE, Forgiveness, Passage
from surveillance.domain.site import Door, Site

MAX_PLACES = 10_000  # whoever has been where they are for longest is forgotten first


@dataclass(frozen=True, slots=True)
class Place:
    """Where somebody went, when and by which door. `by` names the input that moved them."""

    area: str
    since: datetime
    door: str = ""
    by: str = ""


class Places:
    """Persons and where they are. Who was forgiven, or is older than `forgive_after_h`, is nowhere known."""

    def __init__(self, forgive_after_h: float) -> None:
        self._forgive_after = timedelta(hours=forgive_after_h)
        self._known: dict[str, Place] = {}
        self._undo: dict[str, dict[str, Place | None]] = {}  # the last inputs that moved somebody -> where they were

    def of(self, person: str | None, now: datetime) -> Place | None:
        """Where that person is; None where nobody knows."""
        place = self._known.get(person) if person is not None else None
        return None if place is None or now - place.since > self._forgive_after else place

    def area(self, person: str | None, now: datetime) -> str:
        """The name of it; empty for outside, and where nobody knows."""
        place = self.of(person, now)
        return OUTSIDE if place is None else place.area

    def listed(self, now: datetime) -> dict[str, Place]:
        """Everybody of whom it is known, outside too."""
        return {person: place for person in self._known if (place := self.of(person, now)) is not None}

    def occupancy(self, area: str, now: datetime) -> int:
        """Persons who are in that area."""
        return sum(place.area == area and now - place.since <= self._forgive_after for place in self._known.values())

    def move(self, person: str, place: Place) -> None:
        self._remember(place.by, {person: self._known.pop(person, None)})
        self._known[person] = place
        while len(self._known) > MAX_PLACES:
            del self._known[next(iter(self._known))]

    def forgive(self, order: Forgiveness) -> None:
        names = list(self._known) if order.person is None else [order.person]
        self._remember(order.id, {name: self._known.pop(name, None) for name in names})

    def take_back(self, by: str) -> None:
        """That input is not on record, so it moved nobody."""
        for person, place in self._undo.pop(by, {}).items():
            self._known.pop(person, None)
            if place is not None:
                self._known[person] = place

    def recall(self, passages: Iterable[Passage]) -> None:
        """Takes what the record says, in its order, in place of all that was known."""
        self._known.clear()
        self._undo.clear()
        for passage in passages:
            if passage.person is None:
                self._known.clear()
            elif passage.area is None:
                self._known.pop(passage.person, None)
            else:
                self.move(passage.person, Place(passage.area, passage.at, passage.door))

    def keep_only(self, people: set[str]) -> None:
        self._known = {person: place for person, place in self._known.items() if person in people}

    def _remember(self, by: str, before: dict[str, Place | None]) -> None:
        if by:
            self._undo[by] = before
        while len(self._undo) > 1000:  # far more than wait for one commit
            del self._undo[next(iter(self._undo))]


def by_area(
    site: Site, passages: Iterable[Passage], now: datetime, forgive_after_h: float
) -> dict[str, dict[str, Place]]:
    """Each area of the site with the persons who are in it by the record, whoever came last at the end."""
    places = Places(forgive_after_h)
    places.recall(passages)
    places.keep_only({person.name for person in site.people})
    known = places.listed(now)
    return {area: {person: place for person, place in known.items() if place.area == area} for area in site.areas}


def out_of_turn(place: Place | None, door: Door) -> str:
    """Why somebody in that place cannot rightly come through that door; empty where they can."""
    if place is None or door.antipassback == "off" or place.area == door.from_area:
        return ""
    since, there = f"{place.since:%Y-%m-%d %H:%M}Z", door.from_area or "outside"
    if place.area == OUTSIDE:
        return f"by record this person is outside since {since}, and door {door.name} leads from {there}"
    return f"by record this person is in {place.area} since {since}, and door {door.name} leads from {there}"
