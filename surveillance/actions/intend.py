"""Turns a decision into the actions it asks for: the same decision asks for the same actions, by the same ids.

A decision that comes on record late, since the database was away, still tells people, and says how late it is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from surveillance.actions.settings import ActionSettings
from surveillance.domain.ports import SiteReader
from surveillance.domain.site import Door
from surveillance.domain.values import Action, Decision, Event

LATE_S = 60.0  # what is told later than this says so


def _now() -> datetime:
    return datetime.now(UTC)


class Intend:
    """Decision in, actions out: a pulse for a granted door, a lock or unlock for a command, a notification per target.

    A shadow asks for nothing.
    """

    def __init__(self, site: SiteReader, settings: ActionSettings, now: Callable[[], datetime] = _now) -> None:
        self._site = site
        self._settings = settings
        self._now = now

    def __call__(self, decision: Decision) -> tuple[Action, ...]:
        if decision.shadow:
            return ()
        return (*self._pulses(decision), *self._commands(decision), *self._notifications(decision))

    def _pulses(self, decision: Decision) -> tuple[Action, ...]:
        if decision.kind != "access.granted" or decision.verdict != "authorize":
            return ()
        return self._at_door(decision, "door.open", lambda door: {"pulse_s": door.pulse_s})

    def _commands(self, decision: Decision) -> tuple[Action, ...]:
        """A lasting command: only `unlock` unlocks, all others lock."""
        if decision.kind != "door.commanded":
            return ()
        command = str(decision.details["command"])
        told = {"command": command, "by": decision.details["actor"], "reason": " ".join(decision.reasons)}
        return self._at_door(decision, "door.unlock" if command == "unlock" else "door.lock", lambda door: told)

    def _at_door(
        self, decision: Decision, kind: str, payload: Callable[[Door], Mapping[str, Any]]
    ) -> tuple[Action, ...]:
        """The deed at the decision's door; none where it has no relay."""
        door = self._site().door(decision.door) if decision.door is not None else None
        if door is None or door.relay is None:
            return ()
        return (
            Action(
                id=action_id(decision, kind, door.name),
                event=decision.id,
                kind=kind,
                target=door.name,
                deadline=grant_deadline(decision, self._settings.grant_ttl_s),
                key=decision.id,
                payload=payload(door),
            ),
        )

    def _notifications(self, decision: Decision) -> tuple[Action, ...]:
        targets = tuple(dict.fromkeys(decision.notify))
        if not targets and decision.kind == "presence.denied" and decision.rule is None:
            targets = tuple(target.name for target in self._site().notify)
        payload = Event(seq=0, decision=decision).as_json() if targets else {}
        counts_from, late_s = decision.at, (self._now() - decision.at).total_seconds()
        if late_s > LATE_S:
            counts_from, payload["late_s"] = self._now(), round(late_s)
        deadline = counts_from + timedelta(seconds=self._settings.notify_ttl_s)
        return tuple(self._notification(decision, target, deadline, payload) for target in targets)

    def _notification(self, decision: Decision, target: str, deadline: datetime, payload: dict[str, object]) -> Action:
        made = action_id(decision, "notify", target)
        return Action(made, decision.id, "notify", target, deadline, key=made, payload=payload)


def grant_deadline(decision: Decision, grant_ttl_s: float) -> datetime:
    """When a grant ends: `grant_ttl_s` after the decision, or earlier where its request's deadline is."""
    ends_at = decision.at + timedelta(seconds=grant_ttl_s)
    asked = decision.details.get("deadline")
    return min(ends_at, datetime.fromisoformat(asked)) if isinstance(asked, str) else ends_at


def action_id(decision: Decision, kind: str, target: str) -> str:
    """A UUIDv7 that sorts by the decision's time and is the same whenever the same decision is recorded again."""
    stamp = int(decision.at.timestamp() * 1000) & (1 << 48) - 1
    digest = hashlib.sha256(f"{decision.id}/{kind}/{target}".encode()).digest()
    value = stamp << 80 | 0x7 << 76 | int.from_bytes(digest[:2], "big") % (1 << 12) << 64
    return str(UUID(int=value | 0b10 << 62 | int.from_bytes(digest[2:10], "big") % (1 << 62)))
