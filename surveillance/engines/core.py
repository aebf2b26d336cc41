"""Core: inputs and access requests go down the CoreWalk in the order they came; nothing acts before it is on record.

An input is judged once. If the record cannot be written, sightings wait in a bounded spool and are written later
with the same ids; an access request is denied at once, since a grant needs a real commit.
"""

from __future__ import annotations

import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from surveillance.domain.errors import RecordFailed, UserMistake
from surveillance.domain.ports import Asked, Inbox
from surveillance.domain.values import AccessRequest, Decision, Event, Input, Presented, Tick, rfc3339, system_decision
from surveillance.walk import CoreWalk

Judged = tuple[Input, tuple[Decision, ...]]
TURN_S = 0.01  # how long core waits for something to do


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
    ) -> None:
        self._walk = walk
        self._inbox = inbox
        self._parse_presented = parse_presented
        self._on_record = on_record
        self._limits = limits or CoreLimits()
        self._inputs: queue.Queue[Input] = queue.Queue(self._limits.queue)
        self._spool: deque[Judged] = deque(maxlen=self._limits.spool)
        self._notes: queue.SimpleQueue[Judged] = queue.SimpleQueue()
        self._stopping = threading.Event()
        self._admitted: deque[str] = deque(maxlen=self._limits.queue)
        self._next_tick_s = 0.0
        self.between_turns = threading.Lock()  # held for each turn; what the walk judges by is changed under it
        self.turned_at_s = time.monotonic()

    def put(self, entry: Input) -> None:
        """Blocks while core is far behind, so that a burst slows the cameras instead of being lost."""
        self._inputs.put(entry)

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
        entries: list[Input] = []
        try:
            entries.append(self._inputs.get(timeout=TURN_S))
            while len(entries) < self._limits.batch:
                entries.append(self._inputs.get_nowait())
        except queue.Empty:
            pass
        if time.monotonic() >= self._next_tick_s:
            self._next_tick_s = time.monotonic() + 1.0
            entries.append(Tick(datetime.now(UTC)))
        return entries

    def _admit(self) -> list[tuple[Asked, AccessRequest, tuple[Decision, ...]]]:
        """Requests that wait in the inbox, each looked up and judged; a malformed one is answered at once."""
        admitted = []
        try:
            pending = self._inbox.pending()
        except RecordFailed:  # the database is away; what was judged this turn goes to the spool
            return []
        for asked in pending:
            if asked.kind != "access.request" or asked.id in self._admitted:
                continue
            self._admitted.append(asked.id)  # judged once even if its answer cannot be written: never a second pulse
            try:
                request = self._walk.desk(self._parse_presented(asked.payload, datetime.now(UTC), asked.deadline))
            except UserMistake as mistake:
                self._reply(asked, denial(str(mistake)))
                continue
            admitted.append((asked, request, self._walk.judge(request)))
        return admitted

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


def denial(reason: str) -> dict[str, Any]:
    """The answer to a request that never became a decision."""
    return {"verdict": "deny", "reasons": [reason], "event": None, "expires_at": None}
