"""Does what the outbox holds: doors at most once, notifications at least once, each before its deadline.

A deed at a door is marked `attempting` on disk before its relay is asked and is never asked again, whatever comes of
it. Every door and every target has a thread of its own, so that a slow one holds up no other.
"""

from __future__ import annotations

import logging
import queue
import random
import threading
import time
import weakref
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from surveillance.actions.settings import ActionSettings
from surveillance.domain.errors import ActionFailed, RecordFailed, SurveillanceError
from surveillance.domain.ports import Deed, Outbox
from surveillance.domain.values import Action

AWAY_TOLD_EVERY = timedelta(minutes=1)
_log = logging.getLogger(__name__)

NOTIFY = "notify"
DOOR_DEEDS = ("door.open", "door.lock", "door.unlock")
OPENING = ("door.open", "door.unlock")  # what a door in the wrong mode, or a restart, must never let through
NOT_ALLOWED = "the door is in a mode that no grant opens"


@dataclass(frozen=True, slots=True)
class Job:
    """One attempt. `ends_at_s` is its deadline on this process's monotonic clock."""

    action: Action
    deed: Callable[[Action], None]
    ends_at_s: float


class OutboxDispatch:
    """Implements the port Dispatch. Call it from one thread; it never waits for a door or a target.

    A deed at a door is begun only for an event of which `is_committed` says that core saw it committed; else it
    expires. `is_allowed` is asked before it is marked and again right before the relay: a lockdown may have come.

    A call hands over what is due and returns, with `state` and `reason`, every action that ended since the last one
    (done, failed, unknown, expired) and every notification that failed and will be tried again (pending).
    """

    def __init__(
        self,
        outbox: Outbox,
        at_door: Deed,
        notifier: Callable[[str], Deed],
        settings: ActionSettings,
        is_allowed: Callable[[Action], bool] = lambda action: True,
        is_committed: Callable[[str], bool] = lambda event: True,
        jitter: Callable[[], float] = random.SystemRandom().random,
    ) -> None:
        self._outbox = outbox
        self._at_door = at_door
        self._notifier = notifier
        self._settings = settings
        self._is_allowed = is_allowed
        self._is_committed = is_committed
        self._jitter = jitter
        self._lanes: dict[tuple[str, str], Lane] = {}
        self._results: queue.SimpleQueue[Action] = queue.SimpleQueue()
        self._in_flight: set[str] = set()
        self._unmarked: list[Action] = []  # results that the outbox could not take yet
        self._ended: list[Action] = []  # marked, but not told to the caller yet
        self._not_before: dict[str, datetime] = {}
        self._any_due = True
        self._warned_at: datetime | None = None
        self._closed = False

    def __call__(self, now: datetime) -> tuple[Action, ...]:
        self._ended += self._collect(now)
        if not self._closed:
            self._begin(now)
        ended, self._ended = self._ended, []
        return tuple(ended)

    @property
    def is_idle(self) -> bool:
        """Whether nothing is under way, and nothing was due when it was looked at last."""
        return not (self._any_due or self._in_flight or self._unmarked or self._ended)

    def _begin(self, now: datetime) -> None:
        """Hands over what is due. Whatever fails here, what has ended is told at the next call."""
        try:
            self._any_due = True  # unless it is seen that nothing is
            due = self._outbox.due(now)
            self._any_due = bool(due)
        except RecordFailed as error:
            self._warn_away(error, now)
            return
        waiting = [action for action in due if action.id not in self._in_flight]
        for action in sorted(waiting, key=lambda action: (action.kind == NOTIFY, action.id)):
            try:
                result = self._start(action, now)
                if result is not None:
                    self._outbox.mark(result)
                    self._not_before.pop(action.id, None)
                    self._ended.append(result)
            except RecordFailed as error:
                self._warn_away(error, now)

    def _warn_away(self, error: RecordFailed, now: datetime) -> None:
        """What is done stays in flight and what is due stays undone; said once a minute, not at every look."""
        if self._warned_at is None or abs(now - self._warned_at) >= AWAY_TOLD_EVERY:
            self._warned_at = now
            _log.warning("outbox is away", extra={"reason": str(error)})

    def drain(self, now: datetime, timeout_s: float) -> tuple[Action, ...]:
        """Waits until nothing is being done, at most `timeout_s`, and returns what ended meanwhile."""
        ends_at_s = time.monotonic() + timeout_s
        ended, self._ended = self._ended + self._collect(now), []
        while self._in_flight and (left_s := ends_at_s - time.monotonic()) > 0:
            try:
                self._unmarked.append(self._results.get(timeout=left_s))
            except queue.Empty:
                break
            ended += self._collect(now)
        return tuple(ended)

    def close(self) -> None:
        """Starts nothing more. A door being asked now is found `attempting` at the next start, hence unknown."""
        self._closed = True
        for lane in list(self._lanes.values()):
            lane.close()

    def _start(self, action: Action, now: datetime) -> Action | None:
        """Hands the action to its lane, or returns what became of it without one."""
        if action.kind in DOOR_DEEDS and action.state == "attempting":
            return action.moved_to("unknown", "found half done after a restart; it is not tried again")
        if now >= action.deadline:
            return action.moved_to("expired", f"not done before its deadline, after {action.attempts} attempts")
        ends_at_s = time.monotonic() + (action.deadline - now).total_seconds()
        if action.kind in DOOR_DEEDS:
            return self._start_door(action, ends_at_s)
        if action.kind == NOTIFY:
            self._start_notify(action, now, ends_at_s)
            return None
        return action.moved_to("failed", f"nothing knows how to do {action.kind!r}")

    def _start_door(self, action: Action, ends_at_s: float) -> Action | None:
        if not self._is_committed(action.event):
            return None  # core does not know yet, or never: its line broke as it committed, and the reader was denied
        if not self._is_allowed(action):
            return action.moved_to("failed", NOT_ALLOWED)
        begun = replace(action, state="attempting", attempts=action.attempts + 1)
        self._outbox.mark(begun)  # on disk before the relay hears of it; a crash from here on never opens twice
        self._in_flight.add(action.id)
        self._lane(action).put(Job(begun, self._do_at_door, ends_at_s))
        return None

    def _do_at_door(self, action: Action) -> None:
        """It may have waited behind another deed, and the door may have been locked down meanwhile."""
        if not self._is_allowed(action):
            raise ActionFailed(NOT_ALLOWED)
        self._at_door(action)

    def _start_notify(self, action: Action, now: datetime, ends_at_s: float) -> None:
        lane = self._lane(action)
        if now < self._not_before.get(action.id, now) or lane.waiting >= self._settings.waiting_per_target:
            return
        self._in_flight.add(action.id)
        begun = replace(action, attempts=action.attempts + 1)
        lane.put(Job(begun, lambda action: self._notifier(action.target)(action), ends_at_s))

    def _collect(self, now: datetime) -> list[Action]:
        """Marks what the lanes finished; what cannot be marked now stays in flight, so that nobody starts it anew."""
        while not self._results.empty():
            self._unmarked.append(self._results.get())
        ended = []
        while self._unmarked:
            result = self._unmarked[0]
            try:
                self._outbox.mark(result)
            except RecordFailed as error:
                self._warn_away(error, now)
                break
            self._unmarked.pop(0)
            self._in_flight.discard(result.id)
            self._not_before.pop(result.id, None)
            if result.state == "pending":
                self._not_before[result.id] = now + self._wait(result.attempts)
            ended.append(result)
        return ended

    def _wait(self, attempts: int) -> timedelta:
        """Doubles with each attempt up to a bound; the second half of it is random, so that targets spread out."""
        full_s = min(self._settings.retry_first_s * 2.0 ** min(attempts - 1, 30), self._settings.retry_max_s)
        return timedelta(seconds=full_s * (0.5 + 0.5 * self._jitter()))

    def _lane(self, action: Action) -> Lane:
        place = ("notify" if action.kind == NOTIFY else "door", action.target)
        if place not in self._lanes:
            self._lanes[place] = Lane(self._results, " ".join(place))
        return self._lanes[place]


class Lane:
    """A thread that does the jobs of one door or one target, one after the other. It starts with its first job."""

    def __init__(self, results: queue.SimpleQueue[Action], name: str) -> None:
        self._results = results
        self._name = name
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    @property
    def waiting(self) -> int:
        return self._jobs.qsize()

    def put(self, job: Job) -> None:
        self._jobs.put(job)
        if self._thread is None:
            self._thread = threading.Thread(
                target=_work, args=(self._jobs, self._results), name=self._name, daemon=True
            )
            self._thread.start()
            weakref.finalize(self, self._jobs.put, None).atexit = False

    def close(self) -> None:
        """Ends the thread after the job it is doing; jobs that wait are dropped, never begun."""
        with suppress(queue.Empty):
            while True:
                self._jobs.get_nowait()
        self._jobs.put(None)


def _work(jobs: queue.SimpleQueue[Job | None], results: queue.SimpleQueue[Action]) -> None:
    """Does one job after the other until there is None. Between two it keeps nothing: a dispatch that nobody has any
    more goes, with its database, and ends this thread.
    """
    while (job := jobs.get()) is not None:
        results.put(attempt(job))
        del job


def attempt(job: Job) -> Action:
    """What became of one try. A door that may have moved is `unknown`; a notification that failed is `pending`."""
    action = job.action
    if time.monotonic() >= job.ends_at_s:
        return action.moved_to("expired", "its deadline passed before it could be tried")
    try:
        job.deed(action)
    except ActionFailed as error:
        door, reason = ("failed" if error.certain else "unknown"), str(error)
    except SurveillanceError as error:
        door, reason = "unknown", str(error)
    except Exception as error:  # noqa: BLE001  a driver's fault must not end the lane
        _log.exception("deed broke", extra={"kind": action.kind, "target": action.target})
        door, reason = "unknown", f"{type(error).__name__} in its driver"
    else:
        return action.moved_to("done", "")
    return action.moved_to("pending" if action.kind == NOTIFY else door, reason)
