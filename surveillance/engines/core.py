"""Core: inputs and access requests go down the CoreWalk in the order they came; nothing acts before it is on record.

An input is judged once. If the record cannot be written, sightings wait in a bounded spool and are written later
with the same ids; an access request is denied at once, since a grant needs a real commit.
"""

from __future__ import annotations

import queue
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from surveillance.domain.errors import RecordFailed, UserMistake
from surveillance.domain.ports import Asked, Inbox
from surveillance.domain.values import (
    AccessRequest,
    Decision,
    Event,
    Input,
    Presented,
    Tick,
    identity_of,
    rfc3339,
    system_decision,
)
from surveillance.walk import CoreWalk

Judged = tuple[Input, tuple[Decision, ...]]
Known = Callable[[Sequence[Input]], Collection[str]]  # the identities of those that are on record already
Question = Callable[[Asked], Mapping[str, Any] | None]  # an answer; None where it comes later, from elsewhere
TURN_S = 0.01  # how long core waits for something to do


@dataclass(frozen=True, slots=True)
class Waiting:
    """An input that waits to be judged, and whom to tell once it is durable."""

    entry: Input
    done: Callable[[], None] | None = None
    again: bool = False


@dataclass(frozen=True, slots=True)
class CoreLimits:
    """Bounds of core: inputs per turn, inputs that wait, and inputs kept while the database is away."""

    batch: int = 500
    queue: int = 10_000
    spool: int = 100_000


class Core:
    """One active per site. `put` hands it an input; `turn` does one round; `run` goes on until `stop`."""

    def __init__(
        self,
        walk: CoreWalk,
        inbox: Inbox,
        parse_presented: Callable[[Mapping[str, Any], datetime, datetime], Presented],
        on_record: Callable[[tuple[Event, ...]], None] = lambda events: None,
        limits: CoreLimits | None = None,
        questions: Mapping[str, Question] | None = None,
        known: Known = lambda entries: (),
    ) -> None:
        self._walk = walk
        self._inbox = inbox
        self._parse_presented = parse_presented
        self._on_record = on_record
        self._limits = limits or CoreLimits()
        self._questions = questions or {}
        self._known = known
        self._recent: OrderedDict[str, None] = OrderedDict()
        self._done: list[Callable[[], None]] = []
        self._inputs: queue.Queue[Waiting] = queue.Queue(self._limits.queue)
        self._spool: deque[Judged] = deque(maxlen=self._limits.spool)
        self._notes: queue.SimpleQueue[Judged] = queue.SimpleQueue()
        self._stopping = threading.Event()
        self._admitted: deque[str] = deque(maxlen=self._limits.queue)
        self._next_tick_s = 0.0
        self.between_turns = threading.Lock()  # held for each turn; what the walk judges by is changed under it
        self.turned_at_s = time.monotonic()

    def put(self, entry: Input, done: Callable[[], None] | None = None, again: bool = False) -> None:
        """Blocks while core is far behind, so that a burst slows the cameras instead of being lost.

        `done` is called, from core's thread, once the input is durable. `again` marks one that may have been taken
        before: what is on record or was judged in this run is not judged again, only acknowledged.
        """
        self._inputs.put(Waiting(entry, done, again))

    def stop(self) -> None:
        self._stopping.set()

    def run(self) -> None:
        while not self._stopping.is_set():
            self.turn()
        self.turn()

    def turn(self) -> None:
        """One round: what waits is judged, recorded in one commit, and then answered."""
        entries = self._collect()
        with self.between_turns:
            judged: list[Judged] = [(entry, self._walk.judge(entry)) for entry in entries]
            requests = self._admit()
            judged += [(request, decisions) for _, request, decisions in requests]
            self._answer(requests, self._record(judged))
        for done in self._done:
            done()
        self._done.clear()
        self.turned_at_s = time.monotonic()

    def tell(self, decision: Decision) -> None:
        """Records a state of the system itself, such as health.degraded, that no rule judged."""
        self._notes.put((Tick(decision.at), (decision,)))

    def failed(self, name: str, error: Exception) -> None:
        """A thread failed and will be started again."""
        reason = f"{name} failed: {type(error).__name__}"
        self.tell(told_of_itself("health.degraded", reason, component=name))

    def _collect(self) -> list[Input]:
        """The inputs that wait, and a Tick when a second has passed."""
        waiting: list[Waiting] = []
        try:
            waiting.append(self._inputs.get(timeout=TURN_S))
            while len(waiting) < self._limits.batch:
                waiting.append(self._inputs.get_nowait())
        except queue.Empty:
            pass
        entries = self._fresh(waiting)
        if time.monotonic() >= self._next_tick_s:
            self._next_tick_s = time.monotonic() + 1.0
            entries.append(Tick(datetime.now(UTC)))
        return entries

    def _fresh(self, waiting: list[Waiting]) -> list[Input]:
        """Those that were never judged, in order; whoever sent the others is told all the same."""
        doubtful = [one.entry for one in waiting if one.again]
        known = set(self._known(doubtful)) if doubtful else set()
        fresh = []
        for one in waiting:
            if one.done is not None:
                self._done.append(one.done)
            identity = identity_of(one.entry)
            if one.again and (identity in known or identity in self._recent):
                continue
            if identity is not None:
                self._recent[identity] = None
            fresh.append(one.entry)
        while len(self._recent) > 10 * self._limits.queue:
            self._recent.popitem(last=False)
        return fresh

    def _admit(self) -> list[tuple[Asked, AccessRequest, tuple[Decision, ...]]]:
        """Requests that wait in the inbox, each looked up and judged; a malformed one is answered at once."""
        admitted = []
        try:
            pending = self._inbox.pending()
        except RecordFailed:  # the database is away; what was judged this turn goes to the spool
            return []
        for asked in pending:
            if asked.id in self._admitted:
                continue
            if asked.kind != "access.request":
                self._admitted.append(asked.id)
                self._consult(asked)
                continue
            self._admitted.append(asked.id)  # judged once even if its answer cannot be written: never a second pulse
            try:
                request = self._walk.desk(self._parse_presented(asked.payload, datetime.now(UTC), asked.deadline))
            except UserMistake as mistake:
                self._reply(asked, denial(str(mistake)))
                continue
            admitted.append((asked, request, self._walk.judge(request)))
        return admitted

    def _consult(self, asked: Asked) -> None:
        """Any other question goes to whoever answers its kind."""
        question = self._questions.get(asked.kind)
        try:
            answer = question(asked) if question else refusal(f"core answers no questions of kind {asked.kind!r}")
        except UserMistake as mistake:
            answer = refusal(str(mistake))
        if answer is not None:
            self._reply(asked, answer)

    def _record(self, judged: list[Judged]) -> dict[str, Event]:
        """Events by decision id; empty when nothing could be committed."""
        kept = [(entry, decisions) for entry, decisions in judged if decisions or not isinstance(entry, Tick)]
        while not self._notes.empty():
            kept.append(self._notes.get())
        waiting = list(self._spool) + kept
        if not waiting:
            return {}
        try:
            events = self._walk.record(waiting)
        except RecordFailed:
            self._spool.extend(pair for pair in kept if not isinstance(pair[0], AccessRequest))
            return {}
        self._spool.clear()
        self._on_record(events)
        return {event.decision.id: event for event in events}

    def _answer(
        self, requests: list[tuple[Asked, AccessRequest, tuple[Decision, ...]]], events: dict[str, Event]
    ) -> None:
        for asked, request, decisions in requests:
            event = next((events[decision.id] for decision in decisions if decision.id in events), None)
            if event is None:
                self._reply(asked, denial("other: the decision could not be recorded"))
                continue
            decision = event.decision
            self._reply(
                asked,
                {
                    "verdict": decision.verdict,
                    "reasons": list(decision.reasons),
                    "event": decision.id,
                    "expires_at": rfc3339(request.deadline),
                },
            )

    def _reply(self, asked: Asked, answer: Mapping[str, Any]) -> None:
        """An answer that cannot be written is none: whoever asked denies by itself at the deadline."""
        with suppress(RecordFailed):
            self._inbox.answer(asked.id, answer)


def told_of_itself(kind: str, reason: str, **details: Any) -> Decision:
    """What core says of its own health, dated now."""
    return system_decision(kind, datetime.now(UTC), (reason,), "core", details=details)


def refusal(reason: str) -> dict[str, Any]:
    """The answer to a question that core cannot put to anybody."""
    return {"refused": reason}


def denial(reason: str) -> dict[str, Any]:
    """The answer to a request that never became a decision."""
    return {"verdict": "deny", "reasons": [reason], "event": None, "expires_at": None}
