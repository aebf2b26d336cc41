"""Edits of access levels, each a Site in and a Site out, and who may pass where by them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from surveillance.domain.errors import NotFound, SettingsError
from surveillance.domain.levels import AccessLevel
from surveillance.domain.site import Person, Site
from surveillance.domain.suggest import no_such


def level_of(site: Site, name: str) -> AccessLevel:
    """Raises NotFound."""
    for level in site.access_levels:
        if level.name == name:
            return level
    raise NotFound(no_such("access level", name, (level.name for level in site.access_levels)))


def with_level(site: Site, level: AccessLevel, is_new: bool = False) -> Site:
    """The site with the level in the place of the one of its name, or at the end. Raises SettingsError."""
    names = [known.name for known in site.access_levels]
    if level.name not in names:
        return replace(site, access_levels=(*site.access_levels, level))
    if is_new:
        raise SettingsError(f"name: there is an access level {level.name!r} already; choose another name")
    kept = tuple(level if known.name == level.name else known for known in site.access_levels)
    return replace(site, access_levels=kept)


def without_level(site: Site, name: str) -> Site:
    """Raises NotFound."""
    level_of(site, name)
    return replace(site, access_levels=tuple(known for known in site.access_levels if known.name != name))


def levels_of(site: Site, person: Person) -> tuple[AccessLevel, ...]:
    """Those that name a group of that person."""
    return tuple(level for level in site.access_levels if not level.groups.isdisjoint(person.groups))


def level_document(level: AccessLevel) -> dict[str, Any]:
    """As JSON and site files have it."""
    return {
        "name": level.name,
        "groups": sorted(level.groups),
        "doors": sorted(level.doors),
        "schedule": level.schedule,
        "two_persons": level.two_persons,
        "opened_by": level.opened_by,
    }


def changed_document(level: AccessLevel, given: Mapping[str, Any]) -> dict[str, Any]:
    """The level's document with what was given in its place."""
    return {**level_document(level), **given}
