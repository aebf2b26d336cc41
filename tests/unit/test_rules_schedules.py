"""Schedules: windows over midnight, holidays, and clocks that jump."""

from datetime import datetime
from typing import Any

import pytest

from surveillance.domain.errors import SettingsError
from surveillance.domain.site import Schedule, parse_schedule
from surveillance.rules.schedules import is_open

WORK = parse_schedule(
    "work",
    {
        "time_zone": "Europe/Berlin",
        "weekly": {"mon": ["08:00-12:00", "13:00-18:00"], "fri": "22:00-06:00", "sun": ["00:00-24:00"]},
        "holidays": {"2026-11-23": ["10:00-11:00"], "2026-12-25": []},
    },
)
NIGHT = parse_schedule("night", {"time_zone": "Europe/Berlin", "weekly": {"sun": ["02:00-03:00"]}})


@pytest.mark.parametrize(
    ("schedule", "at", "expected"),
    [
        (WORK, "2026-11-16T08:00:00+01:00", True),
        (WORK, "2026-11-16T07:59:59+01:00", False),
        (WORK, "2026-11-16T07:30:00+00:00", True),  # 08:30 in Berlin
        (WORK, "2026-11-16T12:00:00+01:00", False),
        (WORK, "2026-11-16T17:59:59+01:00", True),
        (WORK, "2026-11-17T10:00:00+01:00", False),
        (WORK, "2026-11-20T21:59:59+01:00", False),
        (WORK, "2026-11-20T22:00:00+01:00", True),
        (WORK, "2026-11-21T05:59:59+01:00", True),  # Friday's window runs into Saturday
        (WORK, "2026-11-21T06:00:00+01:00", False),
        (WORK, "2026-11-20T05:00:00+01:00", False),
        (WORK, "2026-11-22T00:00:00+01:00", True),
        (WORK, "2026-11-22T23:59:59+01:00", True),
        (WORK, "2026-11-23T09:00:00+01:00", False),  # a Monday with windows of its own
        (WORK, "2026-11-23T10:30:00+01:00", True),
        (WORK, "2026-12-25T23:00:00+01:00", False),  # a Friday that is a holiday
        (WORK, "2026-12-26T05:00:00+01:00", False),
        (NIGHT, "2026-10-25T02:30:00+02:00", True),  # the hour that is repeated: both times
        (NIGHT, "2026-10-25T02:30:00+01:00", True),
        (NIGHT, "2026-10-25T03:00:00+01:00", False),
        (NIGHT, "2026-03-29T01:59:59+01:00", False),  # the hour that is skipped: 02:00 is 03:00
        (NIGHT, "2026-03-29T03:00:00+02:00", False),
    ],
)
def test_open_or_not(schedule: Schedule, at: str, expected: bool) -> None:
    assert is_open(schedule, datetime.fromisoformat(at)) is expected


@pytest.mark.parametrize(
    ("mapping", "faults"),
    [
        (
            {"weekly": {"mon": 600, "tuesday": []}, "hollidays": []},
            [
                "schedules.x.hollidays: unknown key; there are: time_zone, weekly, holidays",
                "schedules.x.time_zone: None is no time zone; write one such as Europe/Berlin or UTC",
                'schedules.x.weekly.mon: write windows in quotes, such as ["08:00-18:00"]; YAML read 600',
                "schedules.x.weekly.tuesday: unknown day; there are: mon, tue, wed, thu, fri, sat, sun",
            ],
        ),
        (
            {"time_zone": "UTC", "weekly": {"mon": ["8-18", "08:00-08:00", 600]}, "holidays": ["25.12.2026"]},
            [
                "schedules.x.weekly.mon[0]: '8-18' is no window; write it in quotes, as \"08:00-18:00\"",
                "schedules.x.weekly.mon[1]: '08:00-08:00' is no window; write it in quotes, as \"08:00-18:00\"",
                'schedules.x.weekly.mon[2]: 600 is no window; write it in quotes, as "08:00-18:00"',
                "schedules.x.holidays[0]: '25.12.2026' is no date; write it as 2026-12-25",
            ],
        ),
    ],
)
def test_a_schedule_that_cannot_be_read_says_all_that_is_wrong(mapping: dict[str, Any], faults: list[str]) -> None:
    with pytest.raises(SettingsError) as refused:
        parse_schedule("x", mapping)
    assert str(refused.value).splitlines() == faults
