"""What a worker has told and core has not yet acknowledged: kept in order, sent again after a lost connection.

Bounded: when it is full the oldest heartbeats go first, since the next one says the same; then the oldest of all.
What went is counted.
"""

from __future__ import annotations

import threading
from collections import deque

from surveillance.domain.values import CameraReport, Input, Observation, SceneReport
from surveillance.engines.link import Told


class Backlog:
    """Filled by camera threads, emptied by the one that sends. Heartbeats of cameras pass by unkept."""

    def __init__(self, limit: int = 20_000) -> None:
        self._limit = limit
        self._kept: deque[Told] = deque()  # numbered, oldest first; the first `_sent` of them were sent
        self._sent = 0
        self._passing: dict[str, CameraReport] = {}  # the newest heartbeat of each camera
        self._last = 0
        self._changed = threading.Condition()
        self._nudged = False
        self.dropped = 0

    def __len__(self) -> int:
        return len(self._kept)

    def add(self, entry: Input) -> None:
        with self._changed:
            if isinstance(entry, CameraReport) and not entry.changed:
                self._passing[entry.camera] = entry
            else:
                self._last += 1
                self._kept.append(Told(entry, self._last))
                if len(self._kept) > self._limit:
                    self._drop()
            self._changed.notify_all()

    def nudge(self) -> None:
        """Ends a `take` that waits: there is something else to send."""
        with self._changed:
            self._nudged = True
            self._changed.notify_all()

    def take(self, timeout_s: float) -> Told | None:
        """What is to be sent next: in the order in which it was told, heartbeats of cameras last."""
        with self._changed:
            self._changed.wait_for(
                lambda: self._sent < len(self._kept) or bool(self._passing) or self._nudged, timeout_s
            )
            self._nudged = False
            if self._sent < len(self._kept):
                told = self._kept[self._sent]
                self._sent += 1
                return told
            if self._passing:
                return Told(self._passing.pop(next(iter(self._passing))))
            return None

    def durable(self, number: int) -> None:
        """Everything up to that number is safe at core."""
        with self._changed:
            while self._kept and self._kept[0].number is not None and self._kept[0].number <= number:
                self._kept.popleft()
                self._sent = max(self._sent - 1, 0)
            self._changed.notify_all()

    def send_again(self) -> None:
        """The connection was lost: what was sent may have come or not."""
        with self._changed:
            for place in range(self._sent):
                told = self._kept[place]
                self._kept[place] = Told(told.entry, told.number, again=True)
            self._sent = 0
            self._passing.clear()
            self._changed.notify_all()

    def wait_empty(self, timeout_s: float) -> bool:
        """True once everything is safe at core."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._kept, timeout_s)

    def _drop(self) -> None:
        def passing(told: Told) -> bool:
            entry = told.entry
            if isinstance(entry, SceneReport):
                return not entry.changed
            return isinstance(entry, Observation) and entry.change == "heartbeat" and entry.shot is None

        place = next((place for place, told in enumerate(self._kept) if passing(told)), 0)
        del self._kept[place]
        if place < self._sent:
            self._sent -= 1
        self.dropped += 1
