"""A verdict on record, as short as whoever compares it with another needs it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Was:
    """At which input, of which rule (None: the default), and which event tells it."""

    number: int
    event: str
    at: datetime
    trigger: str
    rule: str | None
    verdict: str
    is_shadow: bool
    camera: str | None = None
    door: str | None = None
