"""LogNotifier: an event becomes one line of the program's log."""

from __future__ import annotations

import logging

from surveillance.actions.settings import ActionSettings
from surveillance.domain.site import NotifyTarget
from surveillance.domain.values import Action
from surveillance.translations.events import sentence

_log = logging.getLogger("surveillance.alerts")


class LogNotifier:
    """Never fails. What cameras and readers named is escaped, so that one event stays one line."""

    def __init__(self, target: NotifyTarget, settings: ActionSettings) -> None:
        self._name = target.name
        self._language = settings.language

    def __call__(self, action: Action) -> None:
        _log.warning("%s", line(self._name, action, self._language))


def line(target: str, action: Action, language: str) -> str:
    """`ops: sighting.alerted at 2026-11-21T02:30:00.000Z camera=yard label=person rule=night-yard event=... text=...`

    The text, a sentence for people, is last since it holds spaces.
    """
    event = {"kind": action.kind, **action.payload}
    words = ("camera", "door", "label", "identity", "rule", "late_s")
    told = [f"{word}={_shown(event[word])}" for word in words if event.get(word) is not None]
    told += [f"zones={_shown(','.join(event['zones']))}"] if event.get("zones") else []
    told += [f"event={_shown(action.event)}", f"text={_shown(sentence(event, language))}"]
    return " ".join([f"{_shown(target)}: {_shown(event['kind'])} at {_shown(event.get('at', '?'))}", *told])


def _shown(value: object) -> str:
    text = str(value)
    return text if text.isprintable() else ascii(text)[1:-1]
