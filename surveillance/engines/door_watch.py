"""Asks controllers every second how their doors stand: a thread for each, so that a slow one delays no other."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection

from surveillance.engines.supervise import Supervised

EVERY_S = 1.0


class DoorWatch:
    """`reconcile` from time to time, `stop` at the end. `polled` names the doors to ask, as it is now."""

    def __init__(
        self,
        polled: Callable[[], Collection[str]],
        ask: Callable[[str], None],
        failed: Callable[[str, Exception], None],
        every_s: float = EVERY_S,
    ) -> None:
        self._polled = polled
        self._ask = ask
        self._failed = failed
        self._every_s = every_s
        self._watched: set[str] = set()
        self._stopping = threading.Event()

    def reconcile(self) -> None:
        """Doors that are asked from now on get a thread; those that are not end theirs."""
        for door in set(self._polled()) - self._watched:
            self._watched.add(door)
            Supervised(f"watch of door {door}", lambda door=door: self._watch(door), self._failed).start()  # type: ignore[misc]

    def stop(self) -> None:
        self._stopping.set()

    def _watch(self, door: str) -> None:
        while door in self._polled():
            self._ask(door)
            if self._stopping.wait(self._every_s):
                return
        self._watched.discard(door)
