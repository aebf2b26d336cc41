"""One table of all benches: what was measured stands beside its goal, what could not be is said so."""

from __future__ import annotations

from typing import Any

from surveillance.bench import everything
from surveillance.domain.errors import NotFound


def test_what_cannot_be_measured_here_holds_up_nothing() -> None:
    def missing() -> dict[str, Any]:
        raise NotFound("rule-engine is not installed")

    handoff = {"handoff_calm_p95_ms": 10.0, "handoff_brisk_p95_ms": 13.3, "paces": {}}
    figures = everything.measure({"rules": missing, "handoff": lambda: handoff})
    lines = list(everything.described(figures))
    assert (figures["handoff_calm_p95_ms"], figures["us_ours"], figures["parts"]["handoff"]) == (10.0, None, handoff)
    assert "hand-off, p95, 5 asks a second of 8 cameras             10.0 ms  goal 12 ms" in lines
    assert "a rule's answer                                    not measured" in lines
    assert lines[-1] == "rules was not measured: rule-engine is not installed"
