"""Keeps a thread's work going: what fails is reported and started again with back-off, until told to stop."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from functools import partial

WELL_S = 60.0  # what ran for so long before it failed starts again without delay
SET_S = 2.0  # less is a clock that is being corrected
BACK_OFF_S = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0)

log = logging.getLogger(__name__)


class Supervised:
    """Runs `work` in a thread. `failed(name, error)` is told of each failure; a normal return ends the thread."""

    def __init__(self, name: str, work: Callable[[], None], failed: Callable[[str, Exception], None]) -> None:
        self.name = name
        self._work = work
        self._failed = failed
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """No more restarts. The work itself must be told to end by its owner."""
        self._stopping.set()

    def join(self, timeout_s: float) -> bool:
        """True when the thread has ended."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        """Whatever fails in telling of a failure, or in the rest after it, does not end the thread."""
        failures = 0
        while not self._stopping.is_set():
            began_s = time.monotonic()
            fault = self._fault_of(self._work)
            if fault is None:
                return
            failures = 1 if time.monotonic() - began_s > WELL_S else failures + 1
            rest_s = BACK_OFF_S[min(failures, len(BACK_OFF_S)) - 1]
            self._fault_of(partial(self._tell_and_rest, fault, rest_s))

    def _fault_of(self, step: Callable[[], None]) -> Exception | None:
        try:
            step()
        except Exception as error:
            log.exception("thread failed", extra={"component": self.name})
            return error
        return None

    def _tell_and_rest(self, fault: Exception, rest_s: float) -> None:
        try:
            self._failed(self.name, fault)
        finally:
            self._stopping.wait(rest_s)


class WallClock:
    """Whether the machine's clock was set, which leaves what is dated by it in the future or in the past."""

    def __init__(self, wall: Callable[[], float] = time.time, steady: Callable[[], float] = time.monotonic) -> None:
        self._wall = wall
        self._steady = steady
        self._seen = self._both()

    def was_set_back(self) -> bool:
        """Since this was last asked."""
        return self.was_set_by_s() < 0

    def was_set_by_s(self) -> float:
        """How far ahead (or back, below 0) since this was last asked; 0 for no more than `SET_S`."""
        before, self._seen = self._seen, self._both()
        wall_s, steady_s = (now - then for now, then in zip(self._seen, before, strict=True))
        return wall_s - steady_s if abs(wall_s - steady_s) > SET_S else 0.0

    def _both(self) -> tuple[float, float]:
        """Read at one moment: again, where this thread had to wait between the two."""
        while True:
            before_s, wall_s, steady_s = self._steady(), self._wall(), self._steady()
            if steady_s - before_s < SET_S / 4:
                return wall_s, steady_s
