"""Each change of state that goes on record is also one line of the program's log, without persons and pictures."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from surveillance.domain import duress
from surveillance.domain.values import Decision, Event

BAD = ("camera.lost", "camera.frozen", "camera.blinded", "camera.moved", "health.degraded", "configuration.rejected")
TOO_MANY = ("sighting.logged",)  # as many as there are people; they are on record

log = logging.getLogger("surveillance.events")


def log_events(events: Sequence[Event]) -> None:
    """Alerts and what went wrong as warnings, the rest as information."""
    for event in events:
        decision = event.decision
        if decision.kind not in (*TOO_MANY, duress.EVENT) and not decision.shadow:
            is_bad = decision.kind in BAD or decision.verdict == "alert" or decision.kind.endswith("_unknown")
            log.log(logging.WARNING if is_bad else logging.INFO, decision.kind, extra=_fields(decision))


def _fields(decision: Decision) -> dict[str, object]:
    known = {
        "id": decision.id,
        "camera": decision.camera,
        "door": decision.door,
        "rule": decision.rule,
        "reason": "; ".join(decision.reasons) if decision.verdict is None else "",  # a rule's may name persons
        "component": decision.details.get("component"),
    }
    return {name: value for name, value in known.items() if value}
