"""A machine's clock that is set: nothing is deleted by one that leaped ahead, nothing waits for one set back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from surveillance.app.jobs import believed
from surveillance.engines.supervise import WallClock

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("ahead", "expected"),
    [
        (timedelta(seconds=1), NOON + timedelta(seconds=1)),
        (timedelta(days=-400), NOON - timedelta(days=400)),
        (timedelta(days=4000), NOON),
    ],
)
def test_retention_does_not_believe_a_leap(ahead: timedelta, expected: datetime) -> None:
    assert believed(NOON + ahead, NOON) == expected


def test_a_clock_set_back_is_noticed_once() -> None:
    times = {"wall": 1000.0, "steady": 5.0}
    clock = WallClock(lambda: times["wall"], lambda: times["steady"])

    def after(wall_s: float, steady_s: float) -> bool:
        times["wall"] += wall_s
        times["steady"] += steady_s
        return clock.was_set_back()

    assert [after(1, 1), after(-3600, 1), after(1, 1), after(3600, 1), after(0.5, 1), after(30, 30)] == [
        False,
        True,
        False,
        False,
        False,
        False,
    ]
