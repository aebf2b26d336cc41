"""One classifier shared by many cameras: whatever waits goes in one batch, those that `hurry` names first.

Every ask has a deadline and is answered in time, or by Expired; never by an empty answer. Nothing waits for a
camera that has not asked.
"""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from surveillance.domain.errors import Expired
from surveillance.domain.values import Bgr, Classification
from surveillance.walk import RecognizerWalk


@dataclass(slots=True)
class Ask:
    """Crops of one frame waiting for their answer."""

    camera: str
    crops: Sequence[Bgr]
    asked_at_s: float  # time.monotonic()
    deadline_s: float
    answered: threading.Event = field(default_factory=threading.Event)
    answer: tuple[Classification, ...] | None = None


class SharedRecognizer:
    """Batches what waits. `lane(camera)` gives the Classifier that a camera's worker asks."""

    def __init__(self, walk: RecognizerWalk, max_batch: int = 32, deadline_s: float = 1.0) -> None:
        self._walk = walk
        self._max_batch = max_batch
        self._deadline_s = deadline_s
        self._waiting: deque[Ask] = deque()
        self._wake = threading.Condition()
        self._stopping = False
        self._urgent: frozenset[str] = frozenset()
        self.expired: Counter[str] = Counter()  # by camera

    def stop(self) -> None:
        with self._wake:
            self._stopping = True
            self._wake.notify_all()

    def hurry(self, cameras: frozenset[str]) -> None:
        """Cameras whose asks go first from now on, such as those of a door with an open request."""
        self._urgent = cameras

    def lane(self, camera: str, answered: Callable[[bool], None] = lambda came: None) -> Lane:
        return Lane(self, camera, answered)

    def ask(self, camera: str, crops: Sequence[Bgr]) -> tuple[Classification, ...]:
        """Blocks until answered. Raises Expired after the deadline."""
        now = time.monotonic()
        ask = Ask(camera, crops, now, now + self._deadline_s)
        with self._wake:
            self._waiting.append(ask)
            self._wake.notify()
        if not ask.answered.wait(self._deadline_s) or ask.answer is None:
            self.expired[camera] += 1
            raise Expired(f"no answer for {camera} within {self._deadline_s} s")
        return ask.answer

    def run(self) -> None:
        """The thread's body, until `stop`. A failing classifier leaves its asks expired and is raised."""
        while batch := self._next_batch():
            try:
                answers = self._walk.classify([crop for ask in batch for crop in ask.crops])
                start = 0
                for ask in batch:
                    ask.answer = answers[start : start + len(ask.crops)]
                    start += len(ask.crops)
            finally:
                for ask in batch:
                    ask.answered.set()

    def _next_batch(self) -> list[Ask]:
        """What waits now and is still in time, urgent lane first, oldest first; empty when stopping."""
        with self._wake:
            while True:
                if self._stopping:
                    return []
                now = time.monotonic()
                self._waiting = deque(ask for ask in self._waiting if ask.deadline_s > now)
                if self._waiting:
                    break
                self._wake.wait()
            ordered = sorted(self._waiting, key=self._rank)
            batch: list[Ask] = []
            size = 0
            for ask in ordered:
                if batch and size + len(ask.crops) > self._max_batch:
                    break
                batch.append(ask)
                size += len(ask.crops)
            taken = {id(ask) for ask in batch}
            self._waiting = deque(ask for ask in self._waiting if id(ask) not in taken)
            return batch

    def _rank(self, ask: Ask) -> float:
        """Half a second of waiting outweighs the urgent lane, so that no camera starves."""
        return ask.asked_at_s - (0.5 if ask.camera in self._urgent else 0.0)


@dataclass(frozen=True, slots=True)
class Lane:
    """One camera's way to a shared recognizer. `answered` is told after each ask whether an answer came."""

    recognizer: SharedRecognizer
    camera: str
    answered: Callable[[bool], None]

    def __call__(self, crops: Sequence[Bgr]) -> tuple[Classification, ...]:
        try:
            answer = self.recognizer.ask(self.camera, crops)
        except Expired:
            self.answered(False)
            raise
        self.answered(True)
        return answer
