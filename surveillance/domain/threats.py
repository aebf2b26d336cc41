"""Threat levels: how grave things are at the whole site, as a person says. The last one may lock all doors down."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

LOCKDOWN = "lockdown"  # the level that locks down every door that is not exempt
LEVELS = ("normal", "elevated", LOCKDOWN)  # of a site that names none itself; the first is the usual one
CHANGED = "threat.changed"


@dataclass(frozen=True, slots=True)
class ThreatOrder:
    """A person sets the threat level of the site, from then on."""

    id: str
    at: datetime
    level: str
    by: str  # who, such as an account's name
    reason: str
    address: str = ""  # from where


@dataclass(frozen=True, slots=True)
class Threat:
    """The level in force, and in which modes the doors were that its lockdown holds."""

    level: str
    by: str = ""
    reason: str = ""
    at: datetime | None = None
    held: Mapping[str, str] = field(default_factory=dict)  # door -> its mode before
