"""Where people are by record: areas that doors lead between, and what on record moves somebody from one to another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

OUTSIDE = ""  # what is no area
ANTIPASSBACK = ("off", "soft", "hard")
FORGIVEN = "area.forgiven"
MOVING = (
    "access.granted",
    "access.taken",
    "access.taken_unknown",
    "area.entered",
)  # kinds of events by which somebody may have moved


@dataclass(frozen=True, slots=True)
class Forgiveness:
    """A person declares that nobody knows where somebody is, or (`person` None) where anybody is.

    Whichever door they use next is the right one.
    """

    id: str
    at: datetime
    person: str | None
    by: str  # who declares it, such as an account's name
    reason: str
    address: str = ""  # from where


@dataclass(frozen=True, slots=True)
class Passage:
    """Somebody went into an area, by that door; `area` None: it is not known any more. `person` None: of everybody."""

    at: datetime
    person: str | None
    area: str | None
    door: str = ""


def passage_of(
    kind: str, at: datetime, person: str | None, door: str | None, details: Mapping[str, Any]
) -> Passage | None:
    """What an event says of where somebody is; None where it moves nobody."""
    if kind == FORGIVEN:
        return Passage(at, person, None)
    moved = details.get("moved")
    if kind not in MOVING or person is None or moved is None:
        return None
    return Passage(at, person, moved["to"], door or "")
