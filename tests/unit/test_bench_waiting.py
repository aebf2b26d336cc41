"""The hand-off's lanes answer through their real ways, and what they waited is told in percentiles."""

from __future__ import annotations

from typing import Any

import numpy as np

from surveillance.bench import latency
from surveillance.bench.handoff import across_processes, asked, one_at_a_time, percentiles, shared_here


def test_each_way_answers_every_ask() -> None:
    crop = [np.zeros((64, 64, 3), np.uint8)]
    with across_processes() as across, shared_here() as here, one_at_a_time() as serial:
        labels = [[seen.label for seen in lane(crop)] for lanes in (across, here, serial) for lane in lanes]
        assert labels == [["person"]] * 24
        assert len(asked(here, seconds=0.1, per_s=80.0, seed=1)) == 8


def test_waits_are_told_in_milliseconds() -> None:
    assert percentiles([number / 1000 for number in range(101)]) == {"p50_ms": 50.0, "p95_ms": 95.0, "p99_ms": 99.0}


def test_a_machine_that_works_all_the_time_tells_no_latency() -> None:
    figures: dict[str, Any] = {
        "machine": {"told": "a machine"},
        "rows": [
            {"stream": "720p", "cameras": 4, "cpu": 0.95, "told": 9},
            {"stream": "stub", "cameras": 8, "cpu": 0.5, "told": 7, "p50_ms": 20.0, "p95_ms": 50.0, "p99_ms": 60.0},
        ],
        "largest_under_200_ms": 8,
    }
    assert list(latency.described(figures))[1:] == [
        " 720p x4     95% CPU over 80 % CPU, so not told",
        " stub x8     50% CPU p50     20  p95     50  p99     60  (7 told)",
        "most cameras with a p99 under 200 ms: 8",
    ]
