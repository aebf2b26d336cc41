"""Turns a decision into the actions it asks for. Pure: the same decision asks for the same actions, ids and all."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import NAMESPACE_URL, uuid5

from surveillance.actions.settings import ActionSettings
from surveillance.domain.ports import SiteReader
from surveillance.domain.values import Action, Decision, Event


class Intend:
    """Decision in, actions out: a pulse for a granted door, a notification per target. A shadow asks for nothing."""

    def __init__(self, site: SiteReader, settings: ActionSettings) -> None:
        self._site = site
        self._settings = settings

    def __call__(self, decision: Decision) -> tuple[Action, ...]:
        if decision.shadow:
            return ()
        return (*self._pulses(decision), *self._notifications(decision))

    def _pulses(self, decision: Decision) -> tuple[Action, ...]:
        if decision.kind != "access.granted" or decision.verdict != "authorize" or decision.door is None:
            return ()
        door = self._site().door(decision.door)
        if door is None or door.relay is None:
            return ()
        return (
            Action(
                id=action_id(decision.id, "door.open", door.name),
                event=decision.id,
                kind="door.open",
                target=door.name,
                deadline=grant_deadline(decision, self._settings.grant_ttl_s),
                key=decision.id,
                payload={"pulse_s": door.pulse_s},
            ),
        )

    def _notifications(self, decision: Decision) -> tuple[Action, ...]:
        targets = tuple(dict.fromkeys(decision.notify))
        if not targets and decision.kind == "presence.denied" and decision.rule is None:
            targets = tuple(target.name for target in self._site().notify)
        payload = Event(seq=0, decision=decision).as_json() if targets else {}
        deadline = decision.at + timedelta(seconds=self._settings.notify_ttl_s)
        return tuple(self._notification(decision, target, deadline, payload) for target in targets)

    def _notification(self, decision: Decision, target: str, deadline: datetime, payload: dict[str, object]) -> Action:
        made = action_id(decision.id, "notify", target)
        return Action(made, decision.id, "notify", target, deadline, key=made, payload=payload)


def grant_deadline(decision: Decision, grant_ttl_s: float) -> datetime:
    """When a grant ends: `grant_ttl_s` after the decision, or earlier where its request's deadline is."""
    ends_at = decision.at + timedelta(seconds=grant_ttl_s)
    asked = decision.details.get("deadline")
    return min(ends_at, datetime.fromisoformat(asked)) if isinstance(asked, str) else ends_at


def action_id(event: str, kind: str, target: str) -> str:
    """One id per event, kind and target (UUIDv5), so that recording a decision again asks for nothing new."""
    return str(uuid5(NAMESPACE_URL, f"surveillance:{event}/{kind}/{target}"))
