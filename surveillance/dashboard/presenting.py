"""The next unknown card at a reader, for whoever enrolls somebody: what a reader read in, a credential's number out.

It is handed over in memory only, once, to the person who waits; the door denies the card, and has that on record.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask import current_app

from surveillance.access.badges import is_code
from surveillance.domain.values import new_id

WAIT_S = 30.0
KEPT_S = 120.0  # how long a number waits to be taken over
MOST = 20  # who wait at a time
KINDS = ("card", "badge")


@dataclass(slots=True)
class Wait:
    """Somebody who waits at a door until `ends_s` of the clock, and what came: empty until then."""

    id: str
    who: str
    door: str
    ends_s: float
    kind: str = ""
    value: str = ""

    def left_s(self, now_s: float) -> float:
        return max(0.0, self.ends_s - now_s)


class Presenting:
    """Who waits for a card at which door. Safe to share between threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._waits: dict[str, Wait] = {}

    def wait(self, who: str, door: str) -> Wait | None:
        """A new wait in place of any that this person has; None when too many wait."""
        with self._lock:
            self._forget()
            self._waits = {id: wait for id, wait in self._waits.items() if wait.who != who}
            if len(self._waits) >= MOST:
                return None
            made = Wait(new_id(), who, door, self._clock() + WAIT_S)
            self._waits[made.id] = made
            return made

    def find(self, id: str, who: str) -> Wait | None:
        """That person's wait, with what came of it; None for another's, or one long over."""
        with self._lock:
            self._forget()
            found = self._waits.get(id)
            return found if found is not None and found.who == who else None

    def left_s(self, wait: Wait) -> float:
        return wait.left_s(self._clock())

    def present(self, door: str, factors: Sequence[Mapping[str, Any]], is_known: Callable[[str, str], bool]) -> None:
        """A reader read something. A single card or badge that nobody has goes to the first who waits there."""
        with self._lock:
            now_s = self._clock()
            waiting = [wait for wait in self._waits.values() if wait.door == door and not wait.value]
            first = next((wait for wait in waiting if wait.left_s(now_s) > 0), None)
            if first is None or len(factors) != 1:
                return
            kind, value = str(factors[0]["kind"]), str(factors[0]["value"])
            if kind in KINDS and not is_code(value) and not is_known(kind, value):
                first.kind, first.value = kind, value

    def _forget(self) -> None:
        now_s = self._clock()
        self._waits = {id: wait for id, wait in self._waits.items() if now_s < wait.ends_s + KEPT_S}


def presenting() -> Presenting:
    """That of the application that handles this request."""
    found: Presenting = current_app.extensions["presenting"]
    return found
