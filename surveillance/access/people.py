"""Edits of the people of a site: who is in which groups, with which credentials. Pure; values come hashed.

Each returns the whole site as it would be. Raises NotFound for somebody who is not there, SettingsError for a clash.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from surveillance.access.credentials import PINS
from surveillance.access.duress import UNUSABLE, is_unusable
from surveillance.access.roster import mark_of
from surveillance.domain.errors import NotFound, SettingsError
from surveillance.domain.site import Credential, Person, Site
from surveillance.domain.suggest import no_such


def person_of(site: Site, name: str) -> Person:
    person = next((person for person in site.people if person.name == name), None)
    if person is None:
        raise NotFound(no_such("person", name, (known.name for known in site.people)))
    return person


def added(site: Site, person: Person) -> Site:
    if any(known.name == person.name for known in site.people):
        raise SettingsError(f"name: there is a person {person.name!r} already; add something that tells them apart")
    return _checked(replace(site, people=(*site.people, person)), person.name)


def removed(site: Site, name: str) -> Site:
    person_of(site, name)
    return replace(site, people=tuple(person for person in site.people if person.name != name))


def changed(site: Site, name: str, change: Callable[[Person], Person]) -> Site:
    """The site with another person of that name."""
    after = change(person_of(site, name))
    return _checked(replace(site, people=tuple(after if known.name == name else known for known in site.people)), name)


def with_credential(person: Person, credential: Credential) -> Person:
    return replace(person, credentials=(*person.credentials, credential))


def with_changed(person: Person, kind: str, mark: str, change: Callable[[Credential], Credential | None]) -> Person:
    """The person with that credential changed, or without it where `change` gives None."""
    if not any(is_it(item, kind, mark) for item in person.credentials):
        raise NotFound(f"{person.name} has no {kind} with the mark {mark} any more: look at the page again")
    after = (change(item) if is_it(item, kind, mark) else item for item in person.credentials)
    return replace(person, credentials=tuple(item for item in after if item is not None))


def is_it(item: Credential, kind: str, mark: str) -> bool:
    return item.kind == kind and mark_of(item.value) == mark


def switched(person: Person, enabled: bool) -> Person:
    """All credentials of a person switched on or off."""
    return replace(person, credentials=tuple(replace(item, enabled=enabled) for item in person.credentials))


def matching(people: Iterable[Person], words: str) -> list[Person]:
    """Those whose name or groups hold each of the words, whatever their case."""
    wanted = words.casefold().split()
    return [
        person
        for person in people
        if all(word in " ".join((person.name, *person.groups)).casefold() for word in wanted)
    ]


def _checked(site: Site, name: str) -> Site:
    """Raises SettingsError where a token of that person is somebody's already. A PIN is no identity."""
    owners: dict[tuple[str, str], str] = {}
    if any(is_unusable(person.credentials) for person in site.people if person.name == name):
        raise SettingsError(f"value: {UNUSABLE}")
    for person in site.people:
        for item in person.credentials:
            key = (item.kind, item.value) if item.kind not in PINS else (person.name, item.kind + item.value)
            owner = owners.setdefault(key, person.name)
            if owner != person.name or _count(person, item) > 1:
                other = person.name if owner == name else owner
                raise SettingsError(f"value: this {item.kind} belongs to {other} already; one credential, one person")
    return site


def _count(person: Person, item: Credential) -> int:
    return sum((known.kind, known.value) == (item.kind, item.value) for known in person.credentials)
