"""What a site's access levels say of somebody at a door: whether they may pass now; if not, when, and by which level.

Unknown only where a schedule cannot be told; people of no group, and doors that no level names, are simply not let in.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

from surveillance.domain.levels import AccessLevel, empty_groups, level_faults
from surveillance.domain.site import Schedule, Site
from surveillance.domain.values import AccessRequest
from surveillance.rules.schedules import edges, is_open, window_began

SOON, AHEAD = timedelta(days=8), timedelta(days=370)  # holidays may lie a year ahead
IsOpen = Callable[[str], bool | None]  # a schedule's name -> None where it cannot be told


class LetInBefore(Protocol):
    """Who was let in at doors before."""

    def was_let_in(self, door: str, group: str, since: datetime, until: datetime) -> str: ...


class Levels:
    """The levels that name the person's groups and the door. `holds`: whether one is open; None is unknown."""

    __slots__ = ("_at", "_closed", "_open", "_schedules", "_waiting", "holds")

    def __init__(self, site: Site, request: AccessRequest, at: datetime, is_open: IsOpen, before: LetInBefore) -> None:
        self._at = at
        self._schedules = site.schedules
        levels = [level for level in site.access_levels if level.names(request.groups, request.door)]
        told = [(level, True if level.schedule is None else is_open(level.schedule)) for level in levels]
        inside = [level for level, holds in told if holds]
        self._closed = [level for level, holds in told if not holds]
        self._open = [level for level in inside if self._is_opened(level, request, before)]
        self._waiting = [level for level in inside if level not in self._open]  # for whoever opens them
        doubtful = any(holds is None for _, holds in told)
        self.holds: bool | None = True if self._open else None if doubtful else False

    @property
    def name_them(self) -> bool:
        """Whether any level names person and door, be it at another time."""
        return bool(self._open or self._waiting or self._closed)

    @property
    def takes_two(self) -> bool:
        """Whether they are permitted only by levels that ask for two persons."""
        return bool(self._open) and all(level.two_persons for level in self._open)

    def words(self) -> str:
        """By which level; or why by none, with the next time at which one opens."""
        if self._open:
            return f"access level {_names(self._open)}"
        if self._waiting:
            first = min(self._waiting, key=lambda level: level.name)
            return f"access level {first.name} waits until somebody of {first.opened_by} was let in at this door"
        if not self._closed:
            return "no access level names their groups and this door"
        openings = {level: self._opens(level) for level in self._closed}
        known = {level: at for level, at in openings.items() if at is not None}
        if not known:
            return f"access level {_names(self._closed)} does not open within a year"
        soonest = min(known, key=lambda level: (known[level], level.name))
        return f"access level {soonest.name} opens at {_local(known[soonest], self._schedule(soonest))}"

    def _is_opened(self, level: AccessLevel, request: AccessRequest, before: LetInBefore) -> bool:
        """Whether somebody opened it in the present window of its schedule, or does so now."""
        if level.opened_by is None or level.opened_by in request.groups:
            return True
        schedule = self._schedule(level)
        began = None if schedule is None else window_began(schedule, self._at)
        return began is not None and bool(before.was_let_in(request.door, level.opened_by, began, self._at))

    def _opens(self, level: AccessLevel) -> datetime | None:
        schedule = self._schedule(level)
        return None if schedule is None else next_opening(schedule, self._at)

    def _schedule(self, level: AccessLevel) -> Schedule | None:
        return next((known for known in self._schedules if known.name == level.schedule), None)


def next_opening(schedule: Schedule, at: datetime) -> datetime | None:
    """When a schedule that is closed at `at` opens next; None for not within a year."""
    for span in (SOON, AHEAD):
        moments = sorted(edges(schedule, at, at + span))
        found = next((moment for moment in moments if is_open(schedule, moment)), None)
        if found is not None:
            return found
    return None


def hints(site: Site) -> list[str]:
    """What is odd about the site's access levels, or wrong with them, a sentence each."""
    if not site.access_levels:
        return ["there is no access level, so nobody is permitted"]
    doors, schedules = [door.name for door in site.doors], [schedule.name for schedule in site.schedules]
    held = {group for person in site.people for group in person.groups}
    wrong = level_faults(site.access_levels, doors, schedules)
    empty = empty_groups(site.access_levels, held)
    return [
        *(f"access level {site.access_levels[number].name}: {words}" for number, _, words in wrong),
        *(f"nobody is in group {group}, which access level {level} names" for level, group in empty),
    ]


def _local(at: datetime, schedule: Schedule | None) -> str:
    """`2026-11-23 08:00 (Europe/Berlin)`"""
    zone = schedule.time_zone if schedule is not None else "UTC"
    return f"{at.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M} ({zone})"


def _names(levels: Sequence[AccessLevel]) -> str:
    return ", ".join(sorted(level.name for level in levels))
