"""What happens, counted and timed: each process has one Figures, and core adds up what the others tell.

Cheap enough for every frame (about a microsecond a call), safe from any thread, and JSON-able, so that figures travel
with whatever link there is. A producer that is started again goes on counting where it was.
"""

from __future__ import annotations

import os
import threading
import time
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any

SILENT_S = 5.0  # what a producer measured goes out of date when it has told nothing for so long
BOUNDS_S = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

Labels = tuple[tuple[str, str], ...]  # sorted by name
Key = tuple[str, Labels]
Value = float | list[float]  # of a histogram: the count in each bucket of BOUNDS_S, those beyond, and the sum


@dataclass(frozen=True, slots=True)
class Sample:
    """One figure. `kind` is counter, gauge or histogram, whose value is a list: see Value."""

    kind: str
    name: str
    labels: Mapping[str, str]
    value: Value


@dataclass(slots=True)
class Tallies:
    """The figures of one producer."""

    counters: dict[Key, float] = field(default_factory=dict)
    gauges: dict[Key, float] = field(default_factory=dict)
    histograms: dict[Key, list[float]] = field(default_factory=dict)

    def add(self, others: Tallies) -> None:
        """Counters and histograms add up; of a gauge the last one told stands."""
        for key, count in others.counters.items():
            self.counters[key] = self.counters.get(key, 0) + count
        self.gauges.update(others.gauges)
        for key, buckets in others.histograms.items():
            mine = self.histograms.get(key)
            self.histograms[key] = buckets[:] if mine is None else [a + b for a, b in zip(mine, buckets, strict=True)]


@dataclass(slots=True)
class Producer:
    """What another process told: in its present run, and in all of those before."""

    run: str
    now: Tallies
    told_s: float  # by this process's monotonic clock
    before: Tallies = field(default_factory=Tallies)


class Figures:
    """Counters, gauges and histograms by name and labels. Names are Prometheus' without prefix and `_total`."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._run = os.urandom(6).hex()
        self._lock = threading.Lock()
        self._own = Tallies()
        self._producers: dict[str, Producer] = {}
        self._probes: list[Callable[[], None]] = []

    def before_telling(self, probe: Callable[[], None]) -> None:
        """`probe` is called before each `as_json`, to set what is looked up rather than told."""
        self._probes.append(probe)

    def count(self, name: str, n: float = 1, **labels: str) -> None:
        """Adds `n` to a counter."""
        key = name, tuple(sorted(labels.items()))
        with self._lock:
            self._own.counters[key] = self._own.counters.get(key, 0) + n

    def count_to(self, name: str, total: float, **labels: str) -> None:
        """A counter that somebody else in this process keeps: sets it to that total."""
        with self._lock:
            self._own.counters[name, tuple(sorted(labels.items()))] = total

    def set(self, name: str, value: float, **labels: str) -> None:
        """Sets a gauge."""
        with self._lock:
            self._own.gauges[name, tuple(sorted(labels.items()))] = value

    def observe(self, name: str, seconds: float, **labels: str) -> None:
        """Puts a duration into a histogram."""
        key = name, tuple(sorted(labels.items()))
        bucket = bisect_left(BOUNDS_S, seconds)
        with self._lock:
            buckets = self._own.histograms.get(key)
            if buckets is None:
                buckets = self._own.histograms[key] = [0] * (len(BOUNDS_S) + 2)
            buckets[bucket] += 1
            buckets[-1] += seconds

    @contextmanager
    def timed(self, name: str, **labels: str) -> Iterator[None]:
        """Observes how long the block took, also one that raised."""
        began_s = time.perf_counter()
        try:
            yield
        finally:
            self.observe(name, time.perf_counter() - began_s, **labels)

    def unset(self, **labels: str) -> None:
        """Forgets the gauges with all of these labels, such as those of a camera that is watched no more."""
        wanted = labels.items()
        with self._lock:
            for key in [key for key in self._own.gauges if wanted <= dict(key[1]).items()]:
                del self._own.gauges[key]

    def as_json(self) -> dict[str, Any]:
        """Everything, with what was absorbed: {"run", "bounds", "samples": [[kind, name, labels, value], ...]}."""
        for probe in tuple(self._probes):
            probe()
        samples = [[kind, name, dict(labels), value] for (name, labels), kind, value in self._sorted()]
        return {"run": self._run, "bounds": BOUNDS_S, "samples": samples}

    def absorb(self, producer: str, told: Mapping[str, Any]) -> None:
        """Takes another process's `as_json`. A run not seen before is counted on top of the ones before it.

        Of a producer that tells no more the gauges go, after a while; what it counted stays.
        """
        now_s = self._clock()
        tallies = parse_told(told)
        with self._lock:
            known = self._producers.get(producer)
            if known is None:
                self._producers[producer] = Producer(str(told["run"]), tallies, now_s)
                return
            if known.run != told["run"]:
                known.before.add(known.now)
                known.before.gauges.clear()
                known.run = str(told["run"])
            known.now, known.told_s = tallies, now_s

    def samples(self) -> list[Sample]:
        """Every figure of this process and of those absorbed, sorted by name and labels."""
        return [Sample(kind, name, dict(labels), value) for (name, labels), kind, value in self._sorted()]

    def _sorted(self) -> list[tuple[Key, str, Value]]:
        total, now_s = Tallies(), self._clock()
        with self._lock:
            for producer in self._producers.values():
                total.add(producer.before)
                if now_s - producer.told_s > SILENT_S:
                    producer.now.gauges.clear()
                total.add(producer.now)
            total.add(self._own)
        found: list[tuple[Key, str, Value]] = [
            (key, kind, value)
            for kind, part in (("counter", total.counters), ("gauge", total.gauges), ("histogram", total.histograms))
            for key, value in part.items()
        ]
        return sorted(found, key=itemgetter(0))


def parse_told(told: Mapping[str, Any]) -> Tallies:
    """The samples of an `as_json`, by kind."""
    tallies = Tallies()
    for kind, name, labels, value in told["samples"]:
        key = name, tuple(sorted(labels.items()))
        if kind == "counter":
            tallies.counters[key] = value
        elif kind == "gauge":
            tallies.gauges[key] = value
        else:
            tallies.histograms[key] = value
    return tallies
