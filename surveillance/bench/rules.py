"""One condition asked of the same facts by our language and by two rule packages, in turns, in one process.

`rule-engine` and `common-expression-language` are what somebody would take from PyPI instead. Each compiles once and
answers many times; all must give the same answers.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from surveillance.rules.condition import Condition
from surveillance.rules.language import read_condition
from surveillance.rules.vocabulary import Names

OURS = 'label == "person" and "yard" in zones and dwell_s >= 5 and (confidence >= 0.9 or track_s > 20)'
CEL = 'label == "person" && "yard" in zones && dwell_s >= 5.0 && (confidence >= 0.9 || track_s > 20.0)'
ROUND_S = 0.02  # what each is given in one turn
Ask = Callable[[], Any]


@dataclass(frozen=True, slots=True)
class RulesOrder:
    """How many turns each of them has."""

    rounds: int = 100


def measure(order: RulesOrder) -> dict[str, Any]:
    """Microseconds an answer, and how many times ours another's takes (the median over the turns of each pair)."""
    import cel
    import rule_engine

    condition, faults = read_condition(OURS, "sighting", Names())
    assert condition is not None, faults
    cases = _cases()
    sets = [{**case, "zones": set(case["zones"])} for case in cases]  # each takes its own kind of set
    lists = [{**case, "zones": sorted(case["zones"])} for case in cases]
    theirs, program = rule_engine.Rule(OURS), cel.compile(CEL)
    asked: dict[str, Ask] = {
        "ours": _of(condition.evaluate, cases),
        "ours_with_explanation": _of(_explained(condition), cases),
        "rule_engine": _of(theirs.matches, sets),
        "cel": _of(program.execute, lists),
    }
    answers = {name: ask() for name, ask in asked.items()}
    for name in ("rule_engine", "cel"):
        if answers[name] != answers["ours"]:
            raise RuntimeError(f"{name} answers {answers[name]}, ours {answers['ours']}")
    took = _turns(asked, order.rounds, len(cases))
    figures: dict[str, Any] = {f"us_{name}": round(1e6 * statistics.median(times), 3) for name, times in took.items()}
    for name in ("rule_engine", "cel"):
        figures[f"ratio_{name}"] = round(_ratio(took[name], took["ours"]), 1)
    return figures | {"ratio_with_explain": round(_ratio(took["ours_with_explanation"], took["ours"]), 1)}


def _cases() -> list[dict[str, Any]]:
    """Facts for which it is true, and false early and late."""
    true = {"label": "person", "zones": frozenset({"yard", "gate"}), "dwell_s": 6.5, "confidence": 0.93, "track_s": 9.0}
    return [
        true,
        true | {"confidence": 0.6, "track_s": 31.0},
        true | {"confidence": 0.6},
        true | {"dwell_s": 1.0},
        true | {"label": "animal"},
    ]


def _explained(condition: Condition) -> Callable[[Any], Any]:
    def ask(facts: Any) -> Any:
        return condition.evaluate(facts), condition.explain(facts), condition.because(facts)

    return ask


def _of(ask: Callable[[Any], Any], cases: Sequence[Any]) -> Ask:
    """All cases once."""
    return lambda: [ask(case) for case in cases]


def _turns(asked: dict[str, Ask], rounds: int, cases: int) -> dict[str, list[float]]:
    """Seconds an answer, by turn."""
    counts = {}
    for name, ask in asked.items():
        began_s = time.perf_counter()
        for _ in range(50):
            ask()
        counts[name] = max(int(ROUND_S / ((time.perf_counter() - began_s) / 50)), 1)
    took: dict[str, list[float]] = {name: [] for name in asked}
    for _ in range(rounds):
        for name, ask in asked.items():
            began_s = time.process_time()
            for _ in range(counts[name]):
                ask()
            took[name].append((time.process_time() - began_s) / counts[name] / cases)
    return took


def _ratio(theirs: Sequence[float], ours: Sequence[float]) -> float:
    return statistics.median(their / our for their, our in zip(theirs, ours, strict=True))


def described(figures: dict[str, Any]) -> list[str]:
    """A line each."""
    return [
        f"ours                  {figures['us_ours']:9.3f} us",
        f"ours, with its tree   {figures['us_ours_with_explanation']:9.3f} us  {figures['ratio_with_explain']:6.1f}x",
        f"rule-engine           {figures['us_rule_engine']:9.3f} us  {figures['ratio_rule_engine']:6.1f}x",
        f"CEL                   {figures['us_cel']:9.3f} us  {figures['ratio_cel']:6.1f}x",
    ]
