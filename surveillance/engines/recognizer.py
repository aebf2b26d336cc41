"""One classifier shared by many cameras: whatever waits goes in one batch, the urgent lane first.

Every ask has a deadline and is answered in time, or with None (Expired at the lane); never by an empty answer.
Nothing waits for a camera that has not asked.
"""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from surveillance.domain.errors import Expired
from surveillance.domain.values import Bgr, Classification
from surveillance.walk import RecognizerWalk

Answer = tuple[Classification, ...] | None
YIELD_S = 0.002  # how often one that yields looks whether its turn has come
AGING_S = 0.5  # waiting for so long outweighs the urgent lane, so that no camera starves


@dataclass(frozen=True, slots=True)
class Ask:
    """Crops of one frame waiting for their answer. Times are of the machine's monotonic clock."""

    camera: str
    crops: Sequence[Bgr]
    asked_at_s: float
    deadline_s: float
    urgent: bool
    done: Callable[[Answer], None]  # called once, from the recognizer's thread; None when it came too late


class SharedRecognizer:
    """Batches what waits. `lane(camera)` gives the Classifier that a camera's worker asks.

    It begins no batch while `yields()`: a candidate's recognizer waits for those in use.
    """

    def __init__(
        self,
        walk: RecognizerWalk,
        max_batch: int = 32,
        deadline_s: float = 1.0,
        yields: Callable[[], bool] = lambda: False,
    ) -> None:
        self._walk = walk
        self._yields = yields
        self._max_batch = max_batch
        self.deadline_s = deadline_s
        self._waiting: deque[Ask] = deque()
        self._wake = threading.Condition()
        self._stopping = False
        self._began_s: float | None = None
        self.expired: Counter[str] = Counter()  # by camera

    @property
    def busy_s(self) -> float:
        """How long the batch under way has taken so far."""
        began_s = self._began_s
        return 0.0 if began_s is None else time.monotonic() - began_s

    @property
    def is_idle(self) -> bool:
        """Whether nobody waits for it."""
        return self._began_s is None and not self._waiting

    @property
    def waiting(self) -> int:
        """How many asks wait for their batch."""
        return len(self._waiting)

    def stop(self) -> None:
        with self._wake:
            self._stopping = True
            self._wake.notify_all()

    def lane(
        self,
        camera: str,
        answered: Callable[[bool], None] = lambda came: None,
        urgent: Callable[[], bool] = lambda: False,
    ) -> Lane:
        return Lane(self, camera, answered, urgent)

    def submit(self, ask: Ask) -> None:
        """Puts an ask in line; its `done` is called by the deadline's next batch at the latest."""
        with self._wake:
            self._waiting.append(ask)
            self._wake.notify()

    def run(self) -> None:
        """The thread's body, until `stop`. A failing classifier leaves its asks expired and is raised."""
        while batch := self._next_batch():
            answers: tuple[Classification, ...] | None = None
            self._began_s = time.monotonic()
            try:
                answers = self._walk.classify([crop for ask in batch for crop in ask.crops])
            finally:
                self._began_s = None
                start = 0
                for ask in batch:
                    end = start + len(ask.crops)
                    self._answer(ask, None if answers is None else answers[start:end])
                    start = end

    def _answer(self, ask: Ask, answer: Answer) -> None:
        if answer is None or time.monotonic() > ask.deadline_s:
            self.expired[ask.camera] += 1
            answer = None
        ask.done(answer)

    def _next_batch(self) -> list[Ask]:
        """What waits now and is still in time, urgent lane first, oldest first; empty when stopping."""
        while True:
            with self._wake:
                self._wake.wait_for(lambda: self._stopping or bool(self._waiting))
            while self._yields() and not self._stopping:
                time.sleep(YIELD_S)
            with self._wake:
                if self._stopping:
                    return []
                now = time.monotonic()
                late = [ask for ask in self._waiting if ask.deadline_s <= now]
                batch = self._take([ask for ask in self._waiting if ask.deadline_s > now])
            for ask in late:
                self._answer(ask, None)
            if batch:
                return batch

    def _take(self, in_time: list[Ask]) -> list[Ask]:
        batch: list[Ask] = []
        size = 0
        for ask in sorted(in_time, key=_rank):
            if batch and size + len(ask.crops) > self._max_batch:
                break
            batch.append(ask)
            size += len(ask.crops)
        taken = {id(ask) for ask in batch}
        self._waiting = deque(ask for ask in in_time if id(ask) not in taken)
        return batch


def _rank(ask: Ask) -> float:
    return ask.asked_at_s - (AGING_S if ask.urgent else 0.0)


@dataclass(frozen=True, slots=True)
class Lane:
    """One camera's way to a shared recognizer. `answered` is told after each ask whether an answer came."""

    recognizer: SharedRecognizer
    camera: str
    answered: Callable[[bool], None]
    urgent: Callable[[], bool]

    def __call__(self, crops: Sequence[Bgr]) -> tuple[Classification, ...]:
        """Blocks until answered. Raises Expired after the deadline."""
        now_s = time.monotonic()
        wait = Waiting()
        limit_s = self.recognizer.deadline_s
        self.recognizer.submit(Ask(self.camera, crops, now_s, now_s + limit_s, self.urgent(), wait.done))
        answer = wait.answer_within(limit_s)
        self.answered(answer is not None)
        if answer is None:
            raise Expired(f"no answer for {self.camera} within {limit_s} s")
        return answer


class Waiting:
    """One thread waits here for what another brings."""

    def __init__(self) -> None:
        self._came = threading.Event()
        self._answer: Answer = None

    def done(self, answer: Answer) -> None:
        self._answer = answer
        self._came.set()

    def answer_within(self, limit_s: float) -> Answer:
        self._came.wait(limit_s)
        return self._answer
