"""LogNotifier: an event becomes one line of the program's log."""

from __future__ import annotations

import logging

from surveillance.actions.settings import ActionSettings
from surveillance.domain.site import NotifyTarget
from surveillance.domain.values import Action

_log = logging.getLogger("surveillance.alerts")


class LogNotifier:
    """Never fails. What cameras and readers named is escaped, so that one event stays one line."""

    def __init__(self, target: NotifyTarget, settings: ActionSettings) -> None:
        self._name = target.name

    def __call__(self, action: Action) -> None:
        _log.warning("%s", line(self._name, action))


def line(target: str, action: Action) -> str:
    """`ops: sighting.alerted at 2026-11-21T02:30:00.000Z camera=yard label=person rule=night-yard event=...`"""
    event = action.payload
    words = ("camera", "door", "label", "identity", "rule", "late_s")
    told = [f"{word}={_shown(event[word])}" for word in words if event.get(word) is not None]
    told += [f"zones={_shown(','.join(event['zones']))}"] if event.get("zones") else []
    kind, at = event.get("kind", action.kind), event.get("at", "?")
    return " ".join([f"{_shown(target)}: {_shown(kind)} at {_shown(at)}", *told, f"event={_shown(action.event)}"])


def _shown(value: object) -> str:
    text = str(value)
    return text if text.isprintable() else ascii(text)[1:-1]
