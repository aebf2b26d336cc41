"""What a model said lately against what it said before: has its certainty or the mix of its classes shifted?

Two things must hold before that is called drift: the shift is large (population stability index, PSI), and it is no
accident of few tracks (chi-square test). Nothing here reads pictures or loads a network.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

BINS = 20  # of confidence, 0..1, as a card keeps them
CHANCE = 0.001  # of such a shift between two samples of the same kind
Counts = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Profile:
    """How sure a model was, in BINS counts, and what it called things."""

    confidence: tuple[int, ...]
    classes: Mapping[str, int]

    @property
    def count(self) -> int:
        return sum(self.confidence)

    @property
    def mean(self) -> float:
        """Mean confidence, by the middles of the bins."""
        middles = (np.arange(BINS) + 0.5) / BINS
        return float(np.dot(self.confidence, middles) / max(self.count, 1))

    def as_json(self) -> dict[str, Any]:
        return {"confidence": list(self.confidence), "classes": dict(self.classes)}


def profile_of(said: Iterable[tuple[str, float]]) -> Profile:
    """Of labels with their confidence 0..1."""
    pairs = list(said)
    bins = np.clip((np.array([sure for _, sure in pairs]) * BINS).astype(int), 0, BINS - 1)
    counts = np.bincount(bins, minlength=BINS) if pairs else np.zeros(BINS, int)
    return Profile(tuple(counts.tolist()), dict(sorted(Counter(label for label, _ in pairs).items())))


def parse_profile(page: Mapping[str, Any]) -> Profile:
    """What `as_json` wrote."""
    return Profile(tuple(int(n) for n in page["confidence"]), {str(k): int(n) for k, n in page["classes"].items()})


def shifts(before: Profile, now: Profile, psi_limit: float) -> dict[str, float]:
    """PSI of `confidence` and `classes` where they have shifted; empty where nothing has."""
    names = sorted({*before.classes, *now.classes})
    found = {
        "confidence": (_halved(before.confidence), _halved(now.confidence)),
        "classes": (_counts(before.classes, names), _counts(now.classes, names)),
    }
    measured = {name: stability(*pair) for name, pair in found.items()}
    return {name: psi for name, psi in measured.items() if psi > psi_limit and not _is_chance(*found[name])}


def stability(before: Counts, now: Counts) -> float:
    """The population stability index of two sets of counts; half a count is added to each, so that none is empty."""
    expected, actual = ((each + 0.5) / (each + 0.5).sum() for each in (before, now))
    return float(np.sum((actual - expected) * np.log(actual / expected)))


def _is_chance(before: Counts, now: Counts) -> bool:
    from scipy.stats import chi2_contingency  # half a second, which core has no time for when it starts

    table = np.stack([before, now])
    table = table[:, table.sum(axis=0) > 0]
    return table.shape[1] < 2 or bool(chi2_contingency(table).pvalue > CHANCE)


def _halved(bins: Sequence[int]) -> Counts:
    """Half as many bins: fewer tracks are enough."""
    halved: Counts = np.asarray(bins, np.float64).reshape(-1, 2).sum(axis=1)
    return halved


def _counts(classes: Mapping[str, int], names: Sequence[str]) -> Counts:
    return np.array([classes.get(name, 0) for name in names], np.float64)
