"""Puts views, searches and exports of footage on record: who, what, when, from where.

The same person looking at the same thing again within five minutes is one view; exports are all told.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

from flask import current_app

from surveillance.dashboard.guards import actor
from surveillance.dashboard.services import services

SAME_S = 300.0
REMEMBERED = 10_000


class Told:
    """What was put on record lately, so that a page that refreshes itself is one view. Safe to share."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._at_s: OrderedDict[tuple[str, ...], float] = OrderedDict()

    def is_new(self, key: tuple[str, ...]) -> bool:
        """Whether this was not told within the last five minutes; from now on it was."""
        now_s = time.monotonic()
        with self._lock:
            if now_s - self._at_s.get(key, -SAME_S) < SAME_S:
                return False
            self._at_s[key] = now_s
            self._at_s.move_to_end(key)
            while len(self._at_s) > REMEMBERED:
                self._at_s.popitem(last=False)
            return True


def viewed(thing: str, name: str) -> None:
    """Somebody looks at a camera, an event, a picture or a clip."""
    _tell_once("user.viewed", {"thing": thing, "name": name})


def searched(thing: str, wanted: Mapping[str, Any]) -> None:
    """Somebody looks through a list of footage with a filter."""
    _tell_once("user.searched", {"thing": thing, "filter": dict(wanted)})


def exported(thing: str, name: str) -> None:
    """Somebody takes something out of the system."""
    services().accounts.tell("user.exported", {"thing": thing, "name": name}, actor().name)


def _tell_once(kind: str, details: Mapping[str, Any]) -> None:
    told: Told = current_app.extensions["told"]
    if told.is_new((actor().name, kind, str(sorted(details.items())))):
        services().accounts.tell(kind, details, actor().name)
