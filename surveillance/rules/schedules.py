"""Whether a schedule is open at a moment, by the wall clock of its time zone, also where that clock jumps.

A window belongs to the day on which it starts: one from 22:00 to 06:00 runs into the next day, whatever that day is.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from surveillance.domain.site import Schedule, Window

_MIDNIGHT = time(0)
_DAY = timedelta(days=1)


def is_open(schedule: Schedule, at: datetime) -> bool:
    """`at` is aware. An hour that the clock repeats is open twice, one that it skips never comes."""
    local = at.astimezone(ZoneInfo(schedule.time_zone))
    today, now = local.date(), local.time()
    if any(_covers(window, now) for window in _windows(schedule, today)):
        return True
    return any(_runs_over(window) and now < window[1] for window in _windows(schedule, today - _DAY))


def window_began(schedule: Schedule, at: datetime) -> datetime | None:
    """When the window began that is open at `at`, the latest of several; None while it is closed."""
    zone = ZoneInfo(schedule.time_zone)
    local = at.astimezone(zone)
    today, now = local.date(), local.time()
    began = [datetime.combine(today, window[0], zone) for window in _windows(schedule, today) if _covers(window, now)]
    before = (window for window in _windows(schedule, today - _DAY) if _runs_over(window) and now < window[1])
    began += [datetime.combine(today - _DAY, window[0], zone) for window in before]
    return max((start.astimezone(UTC) for start in began), default=None)


def edges(schedule: Schedule, after: datetime, before: datetime) -> Iterator[datetime]:
    """The moments between those two at which the schedule may open or close, in no order. Both are aware."""
    zone = ZoneInfo(schedule.time_zone)
    day = after.astimezone(zone).date() - _DAY
    while day <= before.astimezone(zone).date():
        for start, end in _windows(schedule, day):
            last = day + _DAY if end <= start else day
            for edge, on in ((start, day), (end, last)):
                local = datetime.combine(on, edge, zone)
                for at in (local.astimezone(UTC), local.replace(fold=1).astimezone(UTC)):
                    if after < at < before:
                        yield at
        day += _DAY


def _windows(schedule: Schedule, day: date) -> tuple[Window, ...]:
    if day in schedule.holidays:
        return schedule.holidays[day]
    return schedule.weekly.get(day.weekday(), ())


def _covers(window: Window, now: time) -> bool:
    start, end = window
    return now >= start and (end == _MIDNIGHT or end <= start or now < end)


def _runs_over(window: Window) -> bool:
    start, end = window
    return end != _MIDNIGHT and end <= start
