"""Turns what became of actions into decisions worth recording; no rule judges them.

A deed at a door that failed, expired or may have been done is told each time (door.open_failed, door.open_expired,
door.open_unknown, likewise door.lock_* and door.unlock_*); a target that keeps failing is one health.degraded an hour,
and health.restored when it is back.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from surveillance.domain.values import Action, Decision, system_decision

TOLD_AGAIN_AFTER = timedelta(hours=1)
FAILING_AFTER = 3  # attempts of one notification


class Outcomes:
    """Actions that ended in, decisions out. Remembers which targets are failing."""

    def __init__(self) -> None:
        self._failing: dict[str, datetime] = {}

    def __call__(self, actions: Sequence[Action], now: datetime) -> tuple[Decision, ...]:
        told = [self._tell(action, now) for action in actions]
        return tuple(decision for decision in told if decision is not None)

    def _tell(self, action: Action, now: datetime) -> Decision | None:
        if action.kind.startswith("door."):
            return None if action.state == "done" else _decision(action, now, f"{action.kind}_{action.state}")
        if action.state == "done":
            was_failing = self._failing.pop(action.target, None) is not None
            return _decision(action, now, "health.restored") if was_failing else None
        if action.state == "pending" and action.attempts < FAILING_AFTER:
            return None
        if now - self._failing.get(action.target, now - TOLD_AGAIN_AFTER) < TOLD_AGAIN_AFTER:
            return None
        self._failing[action.target] = now
        return _decision(action, now, "health.degraded")


def _decision(action: Action, now: datetime, kind: str) -> Decision:
    what = f"{action.kind} {action.target}"
    reason = "works again" if action.state == "done" else action.reason or action.state
    return system_decision(
        kind,
        now,
        (f"{what}: {reason}",),
        subject=action.id,
        door=action.target if action.kind.startswith("door.") else None,
        details={"event": action.event, "state": action.state, "attempts": action.attempts},
    )
