"""Access levels: which groups may pass which doors, and when. What is wrong with them at a site, in words."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from surveillance.domain.suggest import no_such


@dataclass(frozen=True, slots=True)
class AccessLevel:
    """People of any of these groups may pass any of these doors while the schedule is open; without one, always."""

    name: str
    groups: frozenset[str]
    doors: frozenset[str]
    schedule: str | None = None
    two_persons: bool = False  # two different ones have to present themselves within seconds
    opened_by: str | None = None  # a group of which somebody must have been let in at the door in the present window

    def names(self, groups: Collection[str], door: str) -> bool:
        """Whether it lets somebody of these groups through that door at some time."""
        return door in self.doors and not self.groups.isdisjoint(groups)


def level_faults(
    levels: Sequence[AccessLevel], doors: Collection[str], schedules: Collection[str]
) -> Iterator[tuple[int, str, str]]:
    """Place in the list, field and fault: doors and schedules that levels name and that are not there, or lack."""
    for number, level in enumerate(levels):
        for door in sorted(level.doors):
            if door not in doors:
                yield number, "doors", no_such("door", door, doors)
        if level.schedule is not None and level.schedule not in schedules:
            yield number, "schedule", no_such("schedule", level.schedule, schedules)
        if level.schedule is None and level.opened_by is not None:
            yield number, "schedule", "a level that somebody opens needs a schedule: it is opened anew in each window"


def empty_groups(levels: Sequence[AccessLevel], known: Collection[str]) -> Iterator[tuple[str, str]]:
    """Level and group: groups that levels name and that nobody is in. No fault, since people come and go."""
    for level in levels:
        named = level.groups | ({level.opened_by} if level.opened_by else set())
        for group in sorted(named - set(known)):
            yield level.name, group
