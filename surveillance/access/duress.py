"""PINs for duress among what people hold: left out for whoever may not know, and kept when these edit people."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from surveillance.domain.duress import KIND
from surveillance.domain.site import Credential, Person

UNUSABLE = "this PIN cannot be used; choose another"  # which does not tell why


def without_duress(person: Person) -> Person:
    kept = tuple(item for item in person.credentials if item.kind != KIND)
    return person if kept == person.credentials else replace(person, credentials=kept)


def with_duress_of(people: Iterable[Person], before: Iterable[Person]) -> tuple[Person, ...]:
    """The people as edited by somebody who saw them without, each with what they had."""
    had = {person.name: tuple(item for item in person.credentials if item.kind == KIND) for person in before}
    return tuple(replace(one, credentials=(*one.credentials, *had.get(one.name, ()))) for one in people)


def is_unusable(credentials: Iterable[Credential]) -> bool:
    """Whether the PIN for duress is the PIN, so that nobody could tell them apart."""
    held = {(item.kind, item.value) for item in credentials}
    return any(("pin", value) in held for kind, value in held if kind == KIND)
