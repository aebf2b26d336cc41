"""Core's answers to the wish for a test: an event on record that is told like an alert, to all targets or to one.

It is marked as a test, and opens nothing. Of one target the answer is what became of it.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from surveillance.domain.errors import RecordFailed, SurveillanceError
from surveillance.domain.ports import Asked, Deed, SiteReader
from surveillance.domain.values import Action, Decision, Event, new_id, system_decision

QUESTION = "rule.test"  # kind of the question by which the dashboard asks for it
KIND = "rule.tested"
TARGET_QUESTION = "notify.test"
REASON = "a test that a person asked for: nothing happened"

log = logging.getLogger(__name__)


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


class TargetTest:
    """Tells one target once, from a thread of its own, and then the asker: {"event", "state": done | failed, "reason"}.

    `tell` puts on record that it was asked for; `answer` is the inbox's.
    """

    def __init__(
        self,
        notifier: Callable[[str], Deed],
        tell: Callable[[Decision], None],
        answer: Callable[[str, Mapping[str, Any]], bool],
    ) -> None:
        self._notifier = notifier
        self._tell = tell
        self._answer = answer

    def ask(self, asked: Asked) -> None:
        """The answer follows."""
        details = {key: str(asked.payload.get(key, "")) for key in ("actor", "from", "target")}
        told = system_decision(KIND, datetime.now(UTC), (REASON,), asked.id, details=details)
        self._tell(told)
        action = Action(
            id=new_id(),
            event=told.id,
            kind="notify",
            target=details["target"],
            deadline=asked.deadline,
            key=told.id,
            payload=Event(seq=0, decision=replace(told, verdict="alert")).as_json(),
        )
        threading.Thread(target=self._send, args=(asked.id, action), name=TARGET_QUESTION, daemon=True).start()

    def _send(self, question: str, action: Action) -> None:
        state, reason = "done", ""
        try:
            self._notifier(action.target)(action)
        except SurveillanceError as error:
            state, reason = "failed", str(error)
        try:
            self._answer(question, {"event": action.event, "state": state, "reason": reason})
        except RecordFailed:  # whoever asked has given up by then
            log.warning("test not answered: the database is away", extra={"target": action.target})
