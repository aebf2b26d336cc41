"""The test of a door before it is handed over: its steps, what came of each, and what that makes of the whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from surveillance.domain.errors import UserMistake

STEPS = ("relay", "relock", "contact", "exit", "reader", "camera")
RESULTS = ("passed", "failed", "skipped", "absent")  # absent: this door has nothing of the kind
LONGEST_WORDS = 300


@dataclass(frozen=True, slots=True)
class Step:
    """One step as it went: what was seen, or why it failed or was skipped."""

    name: str  # one of STEPS
    result: str  # one of RESULTS
    seen: str
    took_s: float = 0.0

    def as_json(self) -> dict[str, Any]:
        return {"name": self.name, "result": self.result, "seen": self.seen, "took_s": round(self.took_s, 2)}


def whole(steps: Sequence[Step]) -> str:
    """failed where a step did, incomplete where one was skipped, else passed."""
    results = {step.result for step in steps}
    return "failed" if "failed" in results else "incomplete" if "skipped" in results else "passed"


def parse_steps(given: object) -> tuple[Step, ...]:
    """The steps as they were written by `as_json`, each once and all of them. Raises UserMistake."""
    if not isinstance(given, list) or not all(isinstance(step, Mapping) for step in given):
        raise UserMistake("the steps of a door's test must be a list of objects")
    steps = tuple(_step(step) for step in given)
    if tuple(step.name for step in steps) != STEPS:
        raise UserMistake(f"the test of a door has the steps {', '.join(STEPS)}, each once and in this order")
    return steps


def _step(given: Mapping[str, Any]) -> Step:
    name, result, seen, took_s = (given.get(key) for key in ("name", "result", "seen", "took_s"))
    if not isinstance(name, str) or result not in RESULTS or not isinstance(seen, str) or len(seen) > LONGEST_WORDS:
        raise UserMistake("a step of a door's test needs name, result and what was seen")
    return Step(name, str(result), seen, float(took_s) if isinstance(took_s, int | float) else 0.0)
