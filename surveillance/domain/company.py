"""Somebody was let in at a door: what counts there for whoever comes after them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class LetIn:
    """A grant to a person that is on record. `id` is that of the request."""

    door: str
    person: str
    groups: frozenset[str]
    at: datetime
    id: str = ""
