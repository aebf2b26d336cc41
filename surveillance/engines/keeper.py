"""Wishes on record in, answers of the cameras' workers on record out: full pictures and clips of events.

A wish is asked of its camera's worker once, and once more after a restart; then it is told to be missing. Nothing is
lost when this process is killed: what has no answer on record is still wanted.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime
from typing import Protocol

from surveillance.domain.errors import RecordFailed
from surveillance.domain.kept import Keep, Kept
from surveillance.engines.supervise import Supervised

LOOK_S = 2.0  # how often the record is looked at where nobody calls `wake`
TOGETHER_S = 0.25  # what comes within this is asked and put on record together
SETTLE_S = 3.0  # after a start the workers are given time to come back, since what was wanted before may be in a ring
ANSWER_S = 30.0  # how long after a clip's end its worker may take
AHEAD_S = 300.0  # the furthest that a clip's end is believed to lie ahead
UNDER_WAY = 64  # wishes asked at the same time; the others wait on record
TIMES = 2  # a wish is asked
STOP_S = 1.0  # how long a stop waits for answers under way
NO_ANSWER = "the camera's worker gave no answer"

Ask = Callable[[Keep, Callable[[Kept], None]], None]


class OpenWish(Protocol):
    """A wish on record, and how often it was asked."""

    @property
    def keep(self) -> Keep: ...
    @property
    def asked(self) -> int: ...


class WishRecord(Protocol):
    """The wishes on record. Each raises RecordFailed while the database is away."""

    def wanted(self) -> Sequence[OpenWish]: ...
    def ask(self, events: Collection[str]) -> None: ...
    def settle(self, kept: Kept) -> None: ...
    def give_up(self, event: str, why: str) -> None: ...


class Keeper:
    """`start`, then `ask_no_more` and `stop`; `turn` does one round in the caller's thread."""

    def __init__(
        self,
        record: WishRecord,
        ask: Ask,
        failed: Callable[[str, Exception], None],
        settle_s: float = SETTLE_S,
        answer_s: float = ANSWER_S,
    ) -> None:
        self._record = record
        self._ask = ask
        self._settle_s = settle_s
        self._answer_s = answer_s
        self._under_way: dict[str, float] = {}  # event -> when its answer is overdue, by the monotonic clock
        self._answers: queue.SimpleQueue[Kept] = queue.SimpleQueue()
        self._unwritten: list[Kept] = []
        self._stopping = threading.Event()
        self._woken = threading.Event()
        self._started = False
        self.fault = ""  # why the last file could not be written
        self._thread = Supervised("keeper", self._run, failed)

    def start(self) -> None:
        self._started = True
        self._thread.start()

    def wake(self) -> None:
        """There may be a wish on record. May be called by any thread."""
        self._woken.set()

    def ask_no_more(self) -> None:
        """What is wanted from now on is asked after the next start: the cameras are about to stop."""
        self._stopping.set()
        self._woken.set()
        self._thread.stop()

    def stop(self) -> None:
        """Puts on record what is answered within a second."""
        self.ask_no_more()
        if self._started:
            self._thread.join(2 * STOP_S)

    def turn(self) -> None:
        """Puts the answers that came on record, then asks for what is wanted."""
        try:
            self._write_answers()
            self._forget_overdue()
            self._ask_for(self._record.wanted())
        except RecordFailed:  # the wishes are on record and the answers wait here
            return

    def _run(self) -> None:
        self._stopping.wait(self._settle_s)
        while not self._stopping.is_set():
            if self._woken.wait(LOOK_S):
                self._stopping.wait(TOGETHER_S)
                self._woken.clear()
            if not self._stopping.is_set():
                self.turn()
        ends_s = time.monotonic() + STOP_S
        while self._under_way and time.monotonic() < ends_s:
            time.sleep(STOP_S / 10)
            try:
                self._write_answers()
            except RecordFailed:
                return

    def _write_answers(self) -> None:
        while not self._answers.empty():
            self._unwritten.append(self._answers.get())
        while self._unwritten:
            self._record.settle(self._unwritten[0])
            kept = self._unwritten.pop(0)
            self._under_way.pop(kept.event, None)
            if kept.disk_fault or kept.files:
                self.fault = kept.disk_fault

    def _forget_overdue(self) -> None:
        now_s = time.monotonic()
        for event in [event for event, due_s in self._under_way.items() if due_s < now_s]:
            del self._under_way[event]

    def _ask_for(self, wishes: Sequence[OpenWish]) -> None:
        fresh = [wish for wish in wishes if wish.keep.event not in self._under_way]
        for wish in fresh:
            if wish.asked >= TIMES:
                self._record.give_up(wish.keep.event, NO_ANSWER)
        due = [wish.keep for wish in fresh if wish.asked < TIMES][: max(UNDER_WAY - len(self._under_way), 0)]
        if due:
            self._record.ask([keep.event for keep in due])
        for keep in due:
            ahead_s = min(max((keep.ends_at - datetime.now(UTC)).total_seconds(), 0.0), AHEAD_S)
            self._under_way[keep.event] = time.monotonic() + ahead_s + self._answer_s
            self._ask(keep, self._answered)

    def _answered(self, kept: Kept) -> None:
        self._answers.put(kept)
        self._woken.set()
