"""A rulebook on what was stored: what it would have decided at each input, beside what is on record. Nothing acts.

The draft's judge meets the inputs in the order in which core met them, so cooldowns, dwell, counts and schedules are
what they were. The rulebook that was in force gives the record again: no differences. Memory is bounded.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from surveillance.domain.values import TRIGGERS, Decision, Input, rfc3339
from surveillance.domain.verdicts import Was
from surveillance.rules.judge import RuleJudge

MOST = 500  # differences that are told one by one; all are counted
BUCKETS = 56  # of the timeline: three hours each of a week
NEW, SILENT, CHANGED = "new", "silent", "changed"
DEFAULT = ""  # in place of a rule: nothing authorized, so it was denied


@dataclass(frozen=True, slots=True)
class Difference:
    """One verdict that would have been another. `was` and `now` are verdicts; empty for nothing."""

    what: str  # new | silent | changed
    number: int
    at: datetime
    trigger: str
    rule: str
    was: str
    now: str
    camera: str | None
    door: str | None
    event: str | None  # the one on record, where there is one
    track: int | None = None
    because: tuple[str, ...] = ()  # what was found, of a new or changed one

    def as_json(self) -> dict[str, Any]:
        told = {name: getattr(self, name) for name in self.__slots__}
        return told | {"at": rfc3339(self.at), "because": list(self.because)}


@dataclass(slots=True)
class Tally:
    """One rule's verdicts: how many are on record, how many there would have been, and how they differ.

    `was_by` and `now_by` count them over the span, in equal parts.
    """

    rule: str
    trigger: str
    was: int = 0
    now: int = 0
    new: int = 0
    silent: int = 0
    changed: int = 0
    was_by: Counter[int] = field(default_factory=Counter)
    now_by: Counter[int] = field(default_factory=Counter)

    @property
    def differs(self) -> int:
        return self.new + self.silent + self.changed

    def as_json(self) -> dict[str, Any]:
        counts = {name: getattr(self, name) for name in ("rule", "trigger", "was", "now", "new", "silent", "changed")}
        return counts | {
            "was_by": [self.was_by[part] for part in range(BUCKETS)],
            "now_by": [self.now_by[part] for part in range(BUCKETS)],
        }


@dataclass(frozen=True, slots=True)
class Backtest:
    """What came of it. `tallies` by name of the rule; `differences` in their order, the first MOST of them."""

    since: datetime
    until: datetime
    inputs: int
    tallies: tuple[Tally, ...]
    differences: tuple[Difference, ...]

    @property
    def differs(self) -> int:
        return sum(tally.differs for tally in self.tallies)

    def as_json(self) -> dict[str, Any]:
        return {
            "since": rfc3339(self.since),
            "until": rfc3339(self.until),
            "inputs": self.inputs,
            "differs": self.differs,
            "rules": [tally.as_json() for tally in self.tallies],
            "differences": [difference.as_json() for difference in self.differences],
        }


def parse_backtest(page: Mapping[str, Any]) -> Backtest:
    """What `as_json` made."""
    return Backtest(
        since=datetime.fromisoformat(page["since"]),
        until=datetime.fromisoformat(page["until"]),
        inputs=page["inputs"],
        tallies=tuple(_parse_tally(each) for each in page["rules"]),
        differences=tuple(
            Difference(**{**each, "at": datetime.fromisoformat(each["at"]), "because": tuple(each["because"])})
            for each in page["differences"]
        ),
    )


def _parse_tally(page: Mapping[str, Any]) -> Tally:
    counts = {name: Counter(dict(enumerate(page[name]))) for name in ("was_by", "now_by")}
    return Tally(**{**page, **counts})


Made = Was | Decision


def backtest(
    judge: RuleJudge,
    numbered: Iterable[tuple[int, Input]],
    record: Iterable[Was],
    span: tuple[datetime, datetime],
    moved: Callable[[int], None] = lambda inputs: None,
) -> Backtest:
    """`numbered` are inputs in core's order, `record` the verdicts on them by number. `moved` hears of each thousand.

    The judge has recalled what came before. What it decides is compared and dropped.
    """
    compared = _Compared(span)
    on_record = _Ahead(record)
    count = 0
    for number, entry in numbered:
        decided = judge(entry)
        was = on_record.of(number) if on_record.due <= number else []
        if decided or was:
            now = [decision for decision in decided if is_asked(decision)]
            if now or was:
                compared.take(number, was, now)
                judge.explains = len(compared.differences) < MOST  # the rest is counted only
        count += 1
        if count % 1000 == 0:
            moved(1000)
    moved(count % 1000)
    return Backtest(*span, count, compared.by_rule(), tuple(compared.differences))


def is_asked(decision: Decision) -> bool:
    """Whether rules were asked for it: a verdict, not a state that is only told."""
    return decision.verdict is not None and decision.trigger in TRIGGERS


class _Ahead:
    """The verdicts on record, each given out with its input; those of inputs that are not kept are passed over."""

    def __init__(self, record: Iterable[Was]) -> None:
        self._record: Iterator[Was] = iter(record)
        self._step()

    def of(self, number: int) -> list[Was]:
        found = []
        while self._next is not None and self.due <= number:
            if self.due == number:
                found.append(self._next)
            self._step()
        return found

    def _step(self) -> None:
        self._next = next(self._record, None)
        self.due = math.inf if self._next is None else self._next.number  # none before that


class _Compared:
    """Counts verdicts and differences as they come."""

    def __init__(self, span: tuple[datetime, datetime]) -> None:
        self._since, until = span
        self._part_s = max((until - self._since).total_seconds() / BUCKETS, 1e-6)
        self._tallies: dict[str, Tally] = {}
        self.differences: list[Difference] = []

    def by_rule(self) -> tuple[Tally, ...]:
        return tuple(self._tallies[name] for name in sorted(self._tallies))

    def take(self, number: int, was: Sequence[Was], now: Sequence[Decision]) -> None:
        before, after = {_place(made): made for made in was}, {_place(made): made for made in now}
        for made in was:
            tally = self._tally(made)
            tally.was += 1
            tally.was_by[self._part(made.at)] += 1
        for decision in now:
            tally = self._tally(decision)
            tally.now += 1
            tally.now_by[self._part(decision.at)] += 1
        for place in dict.fromkeys((*before, *after)):
            self._differ(number, before.get(place), after.get(place))

    def _differ(self, number: int, was: Was | None, now: Decision | None) -> None:
        if was is not None and now is not None and was.verdict == now.verdict:
            return
        made: Made | None = now if now is not None else was
        assert made is not None
        what = NEW if was is None else SILENT if now is None else CHANGED
        tally = self._tally(made)
        setattr(tally, what, getattr(tally, what) + 1)
        if len(self.differences) == MOST:
            return
        self.differences.append(
            Difference(
                what=what,
                number=number,
                at=made.at,
                trigger=made.trigger,
                rule=made.rule or DEFAULT,
                was="" if was is None else was.verdict,
                now="" if now is None else str(now.verdict),
                camera=made.camera,
                door=made.door,
                event=None if was is None else was.event,
                track=None if now is None else now.track,
                because=() if now is None else now.reasons,
            )
        )

    def _tally(self, made: Made) -> Tally:
        name = made.rule or DEFAULT
        return self._tallies.setdefault(name, Tally(name, made.trigger))

    def _part(self, at: datetime) -> int:
        part = int((at - self._since).total_seconds() / self._part_s)
        return min(max(part, 0), BUCKETS - 1)


def _place(made: Made) -> tuple[str, ...]:
    """What is compared with each other: a permission with the permission, whatever rule gave it; else rule by rule."""
    shadow = made.is_shadow if isinstance(made, Was) else made.shadow
    if made.trigger in ("access", "presence") and not shadow:
        return (made.trigger,)
    return made.trigger, made.rule or DEFAULT, "shadow" if shadow else ""
