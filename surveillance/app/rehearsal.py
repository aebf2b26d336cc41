"""Core's answer to the wish for a test event: one on record and told like an alert, marked as a test. Opens nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from surveillance.domain.ports import Asked, SiteReader
from surveillance.domain.values import Decision, system_decision

QUESTION = "rule.test"  # kind of the question by which the dashboard asks for it
KIND = "rule.tested"
REASON = "a test that a person asked for: nothing happened"


class Rehearsal:
    """`tell` puts a decision on record. Every notification target hears of it."""

    def __init__(self, site: SiteReader, tell: Callable[[Decision], None]) -> None:
        self._site = site
        self._tell = tell

    def ask(self, asked: Asked) -> Mapping[str, Any]:
        """{"event": its id}; it is on record a moment later, with its notifications."""
        details = {key: str(asked.payload.get(key, "")) for key in ("actor", "from")}
        told = system_decision(KIND, datetime.now(UTC), (REASON,), asked.id, details=details)
        targets = tuple(target.name for target in self._site().notify)
        self._tell(replace(told, verdict="alert", notify=targets))
        return {"event": told.id}
