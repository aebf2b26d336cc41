"""Judged inputs onto the record; while that is away into a spool, and from there onto the record, each exactly once.

What was written is durable, in its order. An access request or an order at a door is never spooled: without a commit
nothing opens.
The outage itself is told: health.degraded where it began, health.restored when all of it is on record.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Literal

from surveillance.domain.errors import RecordFailed, Unrecordable
from surveillance.domain.inputs import identity_of
from surveillance.domain.ports import JudgedInput, Record, Spool
from surveillance.domain.values import (
    AccessRequest,
    Decision,
    Event,
    Input,
    Ordered,
    Tick,
    rfc3339,
    system_decision,
)

Known = Callable[[Sequence[Input]], Collection[str]]  # the identities of those that are on record
Standing = Literal["open", "behind", "away"]  # nothing waits; the spool is being replayed; nothing can be recorded

log = logging.getLogger(__name__)


class SpooledRecord:
    """Call `catch_up` at the start of each turn, then `write`. Belongs to core's thread.

    Without a spool, or where its disk is full too, what was judged is owed: it waits in memory, and core judges
    nothing more until it is safe. `drops` counts what was given up, by reason; each outage tells of it.
    """

    def __init__(
        self,
        record: Record,
        known: Known,
        spool: Spool | None,
        on_record: Callable[[tuple[Event, ...]], None],
        batch: int,
        retry_s: float,
    ) -> None:
        self._record = record
        self._known = known
        self._spool = spool
        self._on_record = on_record
        self._batch = batch
        self._retry_s = retry_s
        self._retry_at_s = 0.0
        self._owed: list[JudgedInput] = []
        self._stuck = False  # whether the spool refused what is owed
        self._told_drops: Counter[str] = Counter()
        self.away_since: datetime | None = None
        self.tried = False  # whether the last `catch_up` or `write` asked the database in vain
        self.drops: Counter[str] = Counter()

    @property
    def owes(self) -> bool:
        return bool(self._owed)

    @property
    def waiting(self) -> int:
        """Judged inputs that are not on record yet."""
        return len(self._owed) + self._spooled

    @property
    def _spooled(self) -> int:
        return 0 if self._spool is None else len(self._spool)

    @property
    def is_behind(self) -> bool:
        """Whether there is anything to catch up with: what is not on record yet, or not told."""
        return self.away_since is not None or self.waiting > 0 or self.drops != self._told_drops

    def holds(self, identity: str) -> bool:
        """Whether an input of that identity was judged and waits to be recorded."""
        if self._spool is not None and identity in self._spool:
            return True
        return any(identity_of(entry) == identity for entry, _ in self._owed)

    def catch_up(self) -> Standing:
        """One batch of what waits goes on record; while the database is away it is asked every `retry_s`."""
        self.tried = False
        if not self.is_behind:
            return "open"
        if time.monotonic() < self._retry_at_s:
            return "away"
        try:
            self._replay()
        except RecordFailed as error:
            self._lay_by(self._away(error))
            return "away"
        if not self.waiting:
            self._owed += self._notes()
        return "behind" if self.waiting else "open"

    def write(self, judged: Sequence[JudgedInput]) -> dict[str, Event]:
        """The events on record, by decision id. What could not be recorded is spooled, requests excepted."""
        events: list[Event] = []
        if not judged:
            return {}
        if self.away_since is not None or self.waiting:
            self._lay_by(judged)
            return {}
        try:
            self._commit(judged, events)
        except RecordFailed as error:
            self._lay_by([*self._away(error), *judged])
        return {event.decision.id: event for event in events}

    def _replay(self) -> None:
        """The next batch, without what an earlier run had written before it was killed."""
        spooled = [] if self._spool is None else list(self._spool.first(self._batch))
        batch = spooled or self._owed[: self._batch]
        known = self._known([entry for entry, _ in batch])
        self._commit([pair for pair in batch if identity_of(pair[0]) not in known], [])
        if self._spool is not None and spooled:
            self._spool.drop(len(spooled))
        else:
            del self._owed[: len(batch)]

    def _commit(self, judged: Sequence[JudgedInput], events: list[Event]) -> None:
        """In one commit; where a value stands in the way, all the others."""
        if not judged:
            return
        try:
            written = self._record(judged)
        except Unrecordable as error:
            if len(judged) == 1:
                self._give_up({"unrecordable": 1}, str(error))
                return
            middle = len(judged) // 2
            self._commit(judged[:middle], events)
            self._commit(judged[middle:], events)
            return
        events += written
        self._on_record(written)

    def _lay_by(self, judged: Sequence[JudgedInput]) -> None:
        """Into the spool, after what is owed from before."""
        self._owed += [pair for pair in judged if not isinstance(pair[0], AccessRequest | Ordered)]
        if self._spool is None or not self._owed:
            return
        try:
            refused = self._spool.add(self._owed)
        except RecordFailed as error:
            if not self._stuck:
                log.error("spool cannot be written, nothing more is judged", extra={"reason": str(error)})
            self._stuck = True
            return
        self._stuck = False
        self._owed.clear()
        self._give_up(refused, "the spool is full")

    def _give_up(self, refused: Mapping[str, int], why: str) -> None:
        for reason, count in refused.items():
            if not self.drops[reason] or reason == "unrecordable":
                log.error("inputs dropped", extra={"count": count, "kind": reason, "reason": why})
            self.drops[reason] += count

    def _away(self, error: RecordFailed) -> list[JudgedInput]:
        """The database was asked in vain; what to tell of it, the first time."""
        self.tried = True
        self._retry_at_s = time.monotonic() + self._retry_s
        if self.away_since is not None:
            return []
        self.away_since = datetime.now(UTC)
        log.error("database away", extra={"reason": str(error)})
        reason = "the database cannot be written; what is seen meanwhile waits on this machine"
        return [told("health.degraded", self.away_since, reason, "database", fault=str(error))]

    def _notes(self) -> list[JudgedInput]:
        """What to tell of an outage that is over, and of what was given up."""
        now = datetime.now(UTC)
        notes = []
        lost = self.drops - self._told_drops
        self._told_drops = self.drops.copy()
        if lost:
            counts = ", ".join(f"{reason} {count}" for reason, count in sorted(lost.items()))
            notes.append(told("health.degraded", now, f"inputs were dropped: {counts}", "spool", drops=dict(lost)))
        if self.away_since is not None:
            span = {"from": rfc3339(self.away_since), "to": rfc3339(now)}
            notes.append(told("health.restored", now, "the database can be written again", "database", **span))
            log.warning("database back", extra={"since": span["from"]})
            self.away_since = None
        return notes


def told(kind: str, at: datetime, reason: str, component: str, **details: Any) -> JudgedInput:
    """What core says of itself, as something to record."""
    decision: Decision = system_decision(kind, at, (reason,), "core", details={"component": component, **details})
    return Tick(at), (decision,)
