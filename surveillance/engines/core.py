"""Core: inputs and access requests go down the CoreWalk; nothing acts before it is on record.

An input is judged once and recorded once, however often it is sent. While the record cannot be written, sightings
wait in a spool and are recorded later; an access request is denied at once, since a grant needs a real commit.
"""

from __future__ import annotations

import queue
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from surveillance.domain import values
from surveillance.domain.doors import DoorSensed
from surveillance.domain.errors import RecordFailed, UserMistake
from surveillance.domain.inputs import identity_of
from surveillance.domain.ports import Asked, Inbox, JudgedInput, Spool
from surveillance.domain.values import (
    AccessRequest,
    CameraReport,
    Decision,
    DoorReport,
    Event,
    Input,
    Observation,
    Presented,
    Tick,
    rfc3339,
    system_decision,
)
from surveillance.engines.spooling import Known, SpooledRecord, Standing
from surveillance.walk import CoreWalk

Admitted = tuple[Asked, AccessRequest, tuple[Decision, ...]]
TURN_S = 0.01  # how long core waits before it looks whether anybody has asked
RUNG_S = 0.5  # the same where whoever asks rings: each look costs a tenth of a millisecond
TOLD_AGAIN_S = 3600.0  # how soon the same failure of a thread is told again
UNRECORDED = "other: the decision could not be recorded"


@dataclass(frozen=True, slots=True)
class Waiting:
    """An input that waits to be judged, and whom to tell once it is durable."""

    entry: Input
    done: Callable[[], None] | None = None
    again: bool = False


@dataclass(frozen=True, slots=True)
class Ordered:
    """What a question asks to put on record before it is answered: orders, in one commit.

    `settle` gets their events, by the id of the order, none where nothing was committed, and gives the answer.
    """

    orders: tuple[values.Ordered, ...]
    settle: Callable[[Mapping[str, Event]], Mapping[str, Any]]


Answer = Mapping[str, Any] | Ordered | None
Question = Callable[[Asked], Answer]  # None where the answer comes later, from elsewhere


@dataclass(slots=True)
class Served:
    """What one turn judged at the doors, in its order, and whom to answer when it is on record."""

    judged: list[JudgedInput] = field(default_factory=list)
    requests: list[Admitted] = field(default_factory=list)
    orders: list[tuple[Asked, Ordered]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class CoreLimits:
    """Bounds of core: inputs per commit, inputs that wait, and how often a database that is away is asked."""

    batch: int = 500
    queue: int = 10_000
    retry_s: float = 0.5


class Core:
    """One active per site. `put` hands it an input; `turn` does one round; `run` goes on until `stop`.

    `recover` comes first of all: it puts on record what an earlier run left in the spool. Without a spool core waits
    for the database. `questions` answers, by kind, what else is asked through the inbox. `unrecorded` hears of requests
    and orders that were judged and did not come on record, the last one first.
    """

    def __init__(
        self,
        walk: CoreWalk,
        inbox: Inbox,
        parse_presented: Callable[[Mapping[str, Any], datetime, datetime], Presented],
        on_record: Callable[[tuple[Event, ...]], None] = lambda events: None,
        limits: CoreLimits | None = None,
        questions: Mapping[str, Question] | None = None,
        known: Known = lambda entries: (),
        spool: Spool | None = None,
        unrecorded: Callable[[Input], None] = lambda entry: None,
    ) -> None:
        self._unrecorded = unrecorded
        self._walk = walk
        self._inbox = inbox
        self._parse_presented = parse_presented
        self._limits = limits or CoreLimits()
        self._questions = questions or {}
        self._known = known
        self._on_record = on_record
        self._record = SpooledRecord(walk.record, known, spool, self._tell, self._limits.batch, self._limits.retry_s)
        self._inputs: queue.Queue[Waiting] = queue.Queue(self._limits.queue)
        self._urgent: queue.Queue[Waiting] = queue.Queue(self._limits.queue)  # what a request must not overtake
        self._held: list[Waiting] = []  # taken, but whether they are on record cannot be told now
        self._batch: deque[Input] = deque()  # to be judged in this turn
        self._recent: OrderedDict[str, None] = OrderedDict()  # judged lately, and perhaps not on record
        self._done: list[Callable[[], None]] = []  # whom to tell at the end of this turn
        self._notes: queue.SimpleQueue[JudgedInput] = queue.SimpleQueue()
        self._replies: deque[tuple[Asked, Mapping[str, Any]]] = deque()
        self._admitted: OrderedDict[str, None] = OrderedDict()
        self._failures: dict[str, float] = {}
        self._stopping = threading.Event()
        self._wake = threading.Event()  # something was put or told
        self._listens = True
        self._next_tick_s = 0.0
        self.between_turns = threading.Lock()  # held for each turn; what the walk judges by is changed under it
        self.turned_at_s = time.monotonic()
        self.hears = False  # whether whoever asks calls `rung`

    def rung(self) -> None:
        """Somebody has asked. May be called by any thread."""
        self._wake.set()

    def put(self, entry: Input, done: Callable[[], None] | None = None, again: bool = False) -> None:
        """Blocks while core is far behind, so that a burst slows the cameras instead of being lost.

        `done` is called, from core's thread and in the order of the inputs, once the input is on record or on the
        disk (or was dropped, which is counted and told). `again` marks one that may have been taken before: if it was,
        it is not judged again, only acknowledged.
        """
        urgent = isinstance(entry, DoorReport | DoorSensed | values.Ordered | AccessRequest)
        (self._urgent if urgent else self._inputs).put(Waiting(entry, done, again))
        if not (isinstance(entry, CameraReport) and not entry.changed):  # what says that all is as before has time
            self._wake.set()

    def stop(self) -> None:
        self._stopping.set()
        self._wake.set()

    def run(self) -> None:
        """Until `stop`, and then until what still waits is judged."""
        while not self._stopping.is_set():
            self._rest()
            self.turn()
        for _ in range(2 + self._limits.queue // self._limits.batch):
            self.turn()
            if not self.waiting:
                break

    def recover(self) -> None:
        """Puts on record what the spool holds. Call it before anything is recalled from the record.

        Raises RecordFailed when the database is away.
        """
        waited = self._record.waiting
        self._listens = False  # nobody does yet
        while (standing := self._record.catch_up()) != "open":
            if standing == "away":
                raise RecordFailed("the database cannot be written; what waits in the spool must be recorded first")
        self._listens = True
        if waited:
            reason = f"{waited} judged inputs that waited on the disk are on record"
            self.tell(told_of_itself("health.restored", reason, component="database"))

    def turn(self) -> None:
        """One round: what waits is judged, recorded, and then answered; doors first."""
        with self.between_turns:
            standing = self._record.catch_up()
        if standing != "behind":  # what was judged before comes first
            self._collect(standing)
            with self.between_turns:
                self._serve_doors(standing)
                self._judge_batch()
            self._settle()
        self.turned_at_s = time.monotonic()

    def tell(self, decision: Decision) -> None:
        """Records a state of the system itself, such as health.degraded, that no rule judged."""
        self._notes.put((Tick(decision.at), (decision,)))
        self._wake.set()

    def failed(self, name: str, error: Exception) -> None:
        """A thread failed and will be started again. The same failure is told once an hour."""
        self.failed_elsewhere(name, type(error).__name__)

    def failed_elsewhere(self, name: str, error: str) -> None:
        """The same of a thread in another process, by the kind of its error."""
        reason = f"{name} failed: {error}"
        now_s = time.monotonic()
        if now_s - self._failures.get(reason, -TOLD_AGAIN_S) >= TOLD_AGAIN_S:
            self._failures[reason] = now_s
            self.tell(told_of_itself("health.degraded", reason, component=name))

    @property
    def waiting(self) -> int:
        """Inputs that wait to be judged."""
        return self._inputs.qsize() + self._urgent.qsize() + len(self._held) + len(self._batch)

    @property
    def unrecorded(self) -> int:
        """Judged inputs that wait for the database."""
        return self._record.waiting

    @property
    def drops(self) -> Mapping[str, int]:
        """Inputs given up since the start, by reason: spool_full, spool_thinned, unrecordable."""
        return dict(self._record.drops)

    # --- taking ---

    def _rest(self) -> None:
        """Until something comes or is due: a whole turn for nothing costs many times a look."""
        while not (self.waiting or self._wake.wait(self._look_s()) or self._is_due()):
            pass
        self._wake.clear()

    def _look_s(self) -> float:
        """How long nothing is looked at; not beyond the next second."""
        longest_s = RUNG_S if self.hears and not self._record.is_behind else TURN_S
        return max(min(longest_s, self._next_tick_s - time.monotonic()), 0.0)

    def _is_due(self) -> bool:
        """Whether a second has passed, the record waits to be written, or somebody may have asked."""
        if time.monotonic() >= self._next_tick_s or self._record.is_behind or self._replies:
            return True
        try:
            return not self._inbox.is_quiet()
        except RecordFailed:
            return True

    def _collect(self, standing: Standing) -> None:
        """The inputs that wait into the batch, and a Tick when a second has passed."""
        if self._record.owes:  # nothing more is judged until what was judged is safe
            self._stopping.wait(TURN_S)
            return
        if not self._held:
            self._held = self._take()
            self._sort_out()
        elif standing == "away" and not self._record.tried:
            self._stopping.wait(TURN_S)
        else:
            self._sort_out()
        if time.monotonic() >= self._next_tick_s:
            self._next_tick_s = time.monotonic() + 1.0
            self._batch.append(Tick(datetime.now(UTC)))

    def _sort_out(self) -> None:
        """What was taken goes into the batch; if it cannot be told what of it is on record, it is judged later."""
        with suppress(RecordFailed):
            self._batch.extend(self._fresh(self._held))
            self._held = []

    def _take(self) -> list[Waiting]:
        waiting: list[Waiting] = []
        try:
            while len(waiting) < self._limits.batch:
                waiting.append(self._inputs.get_nowait())
        except queue.Empty:
            pass
        return waiting

    def _fresh(self, waiting: list[Waiting]) -> list[Input]:
        """Those that were never judged, in order; whoever sent the others is told all the same."""
        doubtful = [one.entry for one in waiting if one.again]
        known = self._known(doubtful) if doubtful else ()
        fresh = []
        for one in waiting:
            if one.done is not None:
                self._done.append(one.done)
            identity = identity_of(one.entry)
            if identity is not None:
                if one.again and (identity in self._recent or identity in known or self._record.holds(identity)):
                    continue
                if one.again or one.done is not None:  # nobody else keeps it, to send it again
                    self._recent[identity] = None
            fresh.append(one.entry)
        while len(self._recent) > self._limits.queue:
            self._recent.popitem(last=False)
        return fresh

    # --- doors and questions ---

    def _serve_doors(self, standing: Standing) -> None:
        """What doors report and who asks at them: judged before whatever else waits, and committed at once.

        One that breaks the judge is left out, and told as a failure; who asked is denied at the deadline.
        """
        served = Served()
        try:
            self._hear_doors(served)
            self._admit(standing, served)
        finally:
            self._answer(served, self._record.write(served.judged))

    def _hear_doors(self, served: Served) -> None:
        """Judges what doors reported."""
        while not self._record.owes and not self._urgent.empty():
            with suppress(RecordFailed):  # a request that may have come before; nothing opens without the record anyway
                for entry in self._fresh([self._urgent.get()]):
                    served.judged.append((entry, self._walk.judge(entry)))

    def _admit(self, standing: Standing, served: Served) -> None:
        """Adds the requests that wait in the inbox, each looked up and judged; other questions are handed on.

        While the database is away requests are denied whenever it was asked in vain, and wait in between.
        """
        if standing == "away" and not self._record.tried:
            return
        try:
            pending = [asked for asked in self._inbox.pending() if asked.id not in self._admitted]
        except RecordFailed:
            return
        for asked in pending:
            self._admitted[asked.id] = None  # once, even if its answer cannot be written: never a second pulse
            if asked.kind != "access.request":
                self._consult(asked, served)
            elif standing == "away":
                self._replies.append((asked, denial(UNRECORDED)))
            elif (request := self._look_up(asked)) is not None:
                decisions = self._walk.judge(request)
                served.judged.append((request, decisions))
                served.requests.append((asked, request, decisions))
        while len(self._admitted) > self._limits.queue:
            self._admitted.popitem(last=False)

    def _look_up(self, asked: Asked) -> AccessRequest | None:
        """The request with its person; a malformed one is answered at once.

        It is known by the question's id, since two readers may use the same request_id.
        """
        try:
            presented = self._parse_presented(asked.payload, datetime.now(UTC), asked.deadline)
            return self._walk.desk(replace(presented, id=asked.id))
        except UserMistake as mistake:
            self._replies.append((asked, denial(str(mistake))))
            return None

    def _consult(self, asked: Asked, served: Served) -> None:
        """Any other question goes to whoever answers its kind. Orders are answered when they are on record."""
        question = self._questions.get(asked.kind)
        try:
            answer: Answer = (
                question(asked) if question else refusal(f"core answers no questions of kind {asked.kind!r}")
            )
        except UserMistake as mistake:
            answer = refusal(str(mistake))
        if isinstance(answer, Ordered):
            served.judged += [(order, self._walk.judge(order)) for order in answer.orders]
            served.orders.append((asked, answer))
            self._hear_doors(served)  # what an order has secured holds for whoever asks next
        elif answer is not None:
            self._replies.append((asked, answer))

    def _answer(self, served: Served, events: dict[str, Event]) -> None:
        for entry, decisions in reversed(served.judged):
            if isinstance(entry, AccessRequest | values.Ordered) and all(made.id not in events for made in decisions):
                self._unrecorded(entry)
        by_subject = {event.decision.subject: event for event in events.values()}
        for asked, ordered in served.orders:
            self._replies.append((asked, ordered.settle(by_subject)))
        for asked, request, decisions in served.requests:
            event = next((events[decision.id] for decision in decisions if decision.id in events), None)
            if event is None:
                self._replies.append((asked, denial(UNRECORDED)))
                for decision in decisions:  # the judge told of a doubt, and does not tell it again for an hour
                    if decision.kind.startswith("health."):
                        self.tell(decision)
                continue
            decision = event.decision
            answer = {
                "verdict": decision.verdict,
                "reasons": list(decision.reasons),
                "event": decision.id,
                "expires_at": rfc3339(request.deadline),
            }
            if "waits_until" in decision.details:
                answer["waits_until"] = decision.details["waits_until"]
            self._replies.append((asked, answer))
        self._send_replies()

    def _send_replies(self) -> None:
        """An answer that cannot be written now is tried again; at the deadline whoever asked denies by itself."""
        if self._record.away_since is not None and not self._record.tried:
            return
        while self._replies:
            asked, answer = self._replies.popleft()
            try:
                self._inbox.answer(asked.id, answer)
            except RecordFailed:
                if datetime.now(UTC) < asked.deadline:
                    self._replies.appendleft((asked, answer))
                return

    # --- judging and recording ---

    def _judge_batch(self) -> None:
        """Each in its order, recorded in one commit; one that breaks the judge is left out and told as a failure."""
        judged: list[JudgedInput] = []
        try:
            while self._batch:
                entry = self._batch.popleft()
                if isinstance(entry, Observation):
                    entry = self._walk.identify(entry)
                decisions = self._walk.judge(entry)
                if decisions or not isinstance(entry, Tick):
                    judged.append((entry, decisions))
        finally:
            if not self._record.owes:
                while not self._notes.empty():
                    judged.append(self._notes.get())
            self._record.write(judged)

    def _tell(self, events: tuple[Event, ...]) -> None:
        if self._listens:
            self._on_record(events)

    def _settle(self) -> None:
        """Tells senders what is safe now."""
        if not self._record.owes:
            ended, self._done = self._done, []
            for done in ended:
                done()


def told_of_itself(kind: str, reason: str, **details: Any) -> Decision:
    """What core says of its own health, dated now."""
    return system_decision(kind, datetime.now(UTC), (reason,), "core", details=details)


def refusal(reason: str) -> dict[str, Any]:
    """The answer to a question that core cannot put to anybody."""
    return {"refused": reason}


def denial(reason: str) -> dict[str, Any]:
    """The answer to a request that never became a decision."""
    return {"verdict": "deny", "reasons": [reason], "event": None, "expires_at": None}
