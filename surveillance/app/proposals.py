"""Candidates that have shown themselves better become proposals; a person approves or rejects each.

The evidence is paired: the frozen test part, and the tracks in shadow that people labeled. It is looked at again only
once it has grown by a quarter, since whoever looks often enough finds a difference where there is none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from surveillance.domain.errors import NotFound
from surveillance.domain.values import Decision, rfc3339, system_decision
from surveillance.jobs.table import Done
from surveillance.storage.shadows import LabeledPair, Shadows
from surveillance.storage.state import SharedState
from surveillance.training.compare import LEAST_PAIRS, Comparison, compare_pairs, comparison_of, say

STATE = "candidates"  # the name under which what is known of them is kept
KEPT = 20  # candidates remembered
GROWN = 1.25  # how much more evidence there must be before it is looked at again

Right = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of a candidate: beside which model it stood, and what all paired examples say, if there are any."""

    model: str
    current: str
    comparison: Comparison | None
    dataset: str = ""
    proposed_at: str = ""  # empty: it is not proposed
    decided: str = ""  # approved or rejected, and by whom
    looked_at: int = 0  # paired examples when it was last looked at


def remember_trained(engine: Any, told: Mapping[str, Any]) -> None:
    """Keeps how a new candidate did on the frozen test part."""
    page = {name: told[name] for name in ("current", "dataset", "comparison")}
    _update(engine, told["model"], {**page, "at": rfc3339(datetime.now(UTC))})


def standings(engine: Any) -> list[Standing]:
    """All candidates that are remembered, and the one in shadow, newest first."""
    shadows = Shadows(engine)
    pages = _pages(engine)
    order = shadows.order()
    if order is not None and order.model not in pages:
        pages[order.model] = {"current": "", "dataset": "", "comparison": None, "at": rfc3339(order.since)}
    newest = sorted(pages, key=lambda name: str(pages[name].get("at", "")), reverse=True)
    return [_standing(shadows, name, pages[name]) for name in newest]


def evidence(test: Mapping[str, Any] | None, labeled: Sequence[LabeledPair]) -> tuple[Right, Right]:
    """Whether the current model and the candidate got each paired example right."""
    counts = [test[name] if test else 0 for name in ("both", "only_current", "only_candidate", "neither")]
    current = np.repeat([True, True, False, False], counts)
    candidate = np.repeat([True, False, True, False], counts)
    return (
        np.concatenate([current, np.array([pair.current == pair.truth for pair in labeled], bool)]),
        np.concatenate([candidate, np.array([pair.candidate == pair.truth for pair in labeled], bool)]),
    )


def propose(engine: Any, tell: Callable[[Decision], None]) -> Done:
    """The job: proposes what is better. Each candidate is proposed once."""
    made = []
    for standing in standings(engine):
        found = standing.comparison
        if found is None or standing.proposed_at or standing.decided or found.count < LEAST_PAIRS:
            continue
        if found.count < GROWN * standing.looked_at:
            continue
        now = datetime.now(UTC)
        looked: dict[str, Any] = {"looked_at": found.count}
        if found.is_better:
            looked["proposed_at"] = rfc3339(now)
            made.append(standing.model)
            tell(_proposed(standing, found, now))
        _update(engine, standing.model, looked)
    return Done(f"proposed {', '.join(made)}" if made else "nothing to propose", worth_telling=bool(made))


def is_candidate(engine: Any, model: str) -> bool:
    """Whether it is remembered as one, or in shadow."""
    order = Shadows(engine).order()
    return model in _pages(engine) or (order is not None and order.model == model)


def decide(engine: Any, model: str, words: str) -> None:
    """Closes a candidate's case: approved or rejected. Raises NotFound for one that is not known."""
    if not is_candidate(engine, model):
        raise NotFound(f"{model} is no candidate")
    _update(engine, model, {"decided": words, "proposed_at": ""})


def _proposed(standing: Standing, found: Comparison, now: datetime) -> Decision:
    words = f"{standing.model} is proposed: {say(found, standing.current, standing.model)}"
    details = {"model": standing.model, "before": standing.current, "comparison": found.as_json()}
    return system_decision("model.proposed", now, (words,), "proposals", details=details)


def _standing(shadows: Shadows, model: str, page: Mapping[str, Any]) -> Standing:
    current = str(page.get("current") or "")
    labeled = shadows.pairs(model, current or None)
    test = page.get("comparison")
    pairs = evidence(test, labeled)
    comparison = compare_pairs(*pairs) if len(pairs[0]) else comparison_of(test) if test else None
    marks = {name: page[name] for name in ("dataset", "proposed_at", "decided", "looked_at") if name in page}
    return Standing(model, current or "the models in use", comparison, **marks)


def _pages(engine: Any) -> dict[str, dict[str, Any]]:
    kept = SharedState(engine).get_dated(STATE)
    return dict(kept[0]) if kept else {}


def _update(engine: Any, model: str, page: Mapping[str, Any]) -> None:
    pages = _pages(engine)
    pages[model] = {"at": rfc3339(datetime.now(UTC)), **pages.get(model, {}), **page}
    newest = sorted(pages, key=lambda name: str(pages[name].get("at", "")), reverse=True)[:KEPT]
    SharedState(engine).put(STATE, {name: pages[name] for name in newest})
