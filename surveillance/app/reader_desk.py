"""What readers ask by other wires than HTTP goes to core through the inbox, a few at a time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from surveillance.access.asking import Questions, ask_for_access
from surveillance.access.desk import parse_presented
from surveillance.domain.doors import DoorSensed
from surveillance.domain.errors import UserMistake
from surveillance.domain.values import Decision
from surveillance.engines.core import denial

AT_ONCE = 4  # requests that wait for core at a time
MOST_WAITING = 32  # beyond that a reader gets no answer, and denies by itself

Then = Callable[[Mapping[str, Any]], None]


class ReaderDesk:
    """Safe to share between threads; never blocks who asks."""

    def __init__(self, inbox: Questions, timeout_s: float) -> None:
        self._inbox = inbox
        self._timeout_s = timeout_s
        self._pool = ThreadPoolExecutor(AT_ONCE, "readers")
        self._room = threading.BoundedSemaphore(MOST_WAITING)
        self._taking = threading.Lock()
        self._is_closed = False

    def ask(self, payload: Mapping[str, Any], asker: str, then: Then) -> bool:
        """`then` gets the answer, from another thread. False where too many wait already, or the service ends."""
        with self._taking:
            if self._is_closed or not self._room.acquire(blocking=False):
                return False
            asked = self._pool.submit(lambda: then(self._answer(payload, asker)))
        asked.add_done_callback(lambda future: self._room.release())
        return True

    def close(self) -> None:
        """Who is being answered still gets it; who waits for that gets nothing, and denies by itself."""
        with self._taking:
            self._is_closed = True
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _answer(self, payload: Mapping[str, Any], asker: str) -> Mapping[str, Any]:
        now = datetime.now(UTC)
        try:
            parse_presented(payload, now, now + timedelta(seconds=self._timeout_s))
            return ask_for_access(self._inbox, payload, self._timeout_s, asker)
        except UserMistake as mistake:
            return denial(str(mistake))


@dataclass(frozen=True, slots=True)
class ReaderPorts:
    """What whoever listens to readers and controllers hands on: requests, how doors stand, and how it fares itself."""

    desk: ReaderDesk
    sensed: Callable[[DoorSensed], None]
    tell: Callable[[Decision], None]
    failed: Callable[[str, Exception], None]
