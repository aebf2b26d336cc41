"""Two models' answers to the same examples become one verdict: is the candidate better, and how sure is that?

Pairs, not totals: what both get right or wrong says nothing about which is better, and drops out of the difference.
Nothing here reads pictures or loads a network.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from surveillance.domain.errors import DataError

LEAST_PAIRS = 200  # below this no difference is believed, however large
LEVEL = 0.95
RESAMPLES = 9999
SEED = 0

Right = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Comparison:
    """What paired examples say of two models. Differences are candidate less current, in shares of the examples."""

    count: int
    current: float  # accuracy
    candidate: float
    difference: float
    low: float  # the bootstrap interval of the difference, at LEVEL
    high: float
    both: int  # examples that both got right
    only_current: int
    only_candidate: int
    neither: int
    chance: float  # of a split as uneven as this one between models that are equally good (McNemar, exact)
    least: int = LEAST_PAIRS

    @property
    def is_better(self) -> bool:
        """Enough pairs, and the whole interval above zero."""
        return self.count >= self.least and self.low > 0.0

    @property
    def is_worse(self) -> bool:
        """The whole interval below zero, however few pairs there are."""
        return self.high < 0.0

    def as_json(self) -> dict[str, Any]:
        rounded = {name: round(value, 4) if isinstance(value, float) else value for name, value in asdict(self).items()}
        return {**rounded, "is_better": self.is_better, "is_worse": self.is_worse}


def comparison_of(page: Mapping[str, Any]) -> Comparison:
    """What `as_json` wrote."""
    return Comparison(**{name: page[name] for name in Comparison.__slots__})


def compare_pairs(current: Right, candidate: Right, least: int = LEAST_PAIRS, seed: int = SEED) -> Comparison:
    """(n,) whether each model got example i right. Raises DataError where there is none, or the lengths differ.

    The interval is the percentile bootstrap over examples (Efron, Tibshirani 1993), seeded: a candidate that gets one
    more of the same examples right never has a lower bound.
    """
    from scipy.stats import binomtest  # half a second, which core has no time for when it starts

    if current.shape != candidate.shape or current.ndim != 1 or not len(current):
        raise DataError(f"nothing to compare: {len(current)} and {len(candidate)} answers to the same examples")
    gained = candidate.astype(np.int8) - current
    low, high = _interval(gained.tobytes(), seed)
    only_current = int(np.sum(current & ~candidate))
    only_candidate = int(np.sum(candidate & ~current))
    split = only_current + only_candidate
    return Comparison(
        count=len(current),
        current=float(current.mean()),
        candidate=float(candidate.mean()),
        difference=float(gained.mean()),
        low=low,
        high=high,
        both=int(np.sum(current & candidate)),
        only_current=only_current,
        only_candidate=only_candidate,
        neither=int(np.sum(~current & ~candidate)),
        chance=float(binomtest(only_candidate, split).pvalue) if split else 1.0,
        least=least,
    )


def compare_answers(
    truth: Sequence[str], current: Sequence[str], candidate: Sequence[str], least: int = LEAST_PAIRS
) -> Comparison:
    """The same of labels: the true one of each example, and what each model said."""
    right = np.asarray(truth, dtype=object)
    return compare_pairs(
        np.asarray(current, dtype=object) == right, np.asarray(candidate, dtype=object) == right, least
    )


def say(comparison: Comparison, current: str, candidate: str) -> str:
    """The verdict in one sentence."""
    c = comparison
    figures = f"{c.candidate:.1%} against {c.current:.1%} of {c.count} examples, {_points(c)}"
    if c.is_better:
        return f"{candidate} is better than {current}: {figures}"
    if c.is_worse:
        return f"{candidate} is worse than {current}: {figures}"
    if c.count < c.least:
        return f"{candidate} cannot be told from {current} yet: {figures}; at least {c.least} examples are needed"
    return f"{candidate} is not shown to be better than {current}: {figures}"


def _points(c: Comparison) -> str:
    return f"a difference of {100 * c.difference:+.1f} points (95 % interval {100 * c.low:+.1f} to {100 * c.high:+.1f})"


@lru_cache(maxsize=64)
def _interval(each: bytes, seed: int) -> tuple[float, float]:
    """Of the differences, a byte each. Remembered: pages ask for the same ones over and over."""
    from scipy.stats import bootstrap

    gained = np.frombuffer(each, np.int8).astype(np.float64)
    if np.all(gained == gained[0]):
        return float(gained[0]), float(gained[0])
    found = bootstrap(
        (gained,),
        np.mean,
        n_resamples=RESAMPLES,
        batch=max(1, 4_000_000 // len(gained)),
        confidence_level=LEVEL,
        method="percentile",
        rng=np.random.default_rng(seed),
    )
    return float(found.confidence_interval.low), float(found.confidence_interval.high)
