"""What can be told of the machine's clock: one that is behind this version, or behind what it said before, is wrong."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

RELEASED = datetime(2026, 11, 1, tzinfo=UTC)  # no clock that is right is behind this
BEHIND = timedelta(minutes=1)  # less is a clock that is being corrected


def clock_fault(now: datetime, newest_event_at: datetime | None) -> str | None:
    """What is wrong with a clock that says `now`, in words; None where nothing is known to be."""
    if now < RELEASED:
        return f"the clock says {now:%Y-%m-%d}, which is before this version was made"
    if newest_event_at is not None and newest_event_at - now > BEHIND:
        ahead = f"{newest_event_at:%Y-%m-%d %H:%M:%S} UTC"
        return f"the newest event on record is of {ahead}, which is yet to come: the clock was set back"
    return None
