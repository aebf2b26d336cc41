"""What controllers tell of doors, and what is known of a door after it: all of it, or that it cannot be confirmed.

A lock is unknown while its controller is silent, and while it stands otherwise than the door's mode says.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from surveillance.domain.doors import DoorSensed

KNOWN = ("contact", "lock", "tamper", "fault")
SHOWN_AGAIN = timedelta(hours=1)  # for whoever replays a day


@dataclass(frozen=True, slots=True)
class DoorTimes:
    """How long a door may stand open, what masks its alarms, and when what is told of it is doubted."""

    open_too_long_s: float = 30.0
    exit_masks_s: float = 10.0  # after a press of the exit button
    relock_masks_s: float = 2.0  # after an access or an unlock ended: who opened it in time is told late
    lock_settle_s: float = 3.0  # a lock may take so long to follow the mode
    silent_s: float = 10.0  # a controller that tells nothing for so long


@dataclass(frozen=True, slots=True)
class Senses:
    """All that was told of one door. `shown` is what core last heard of it."""

    told: DoorSensed
    heard_at: datetime | None = None
    failure: str = ""  # why its controller could not be asked, since it was last heard
    differs_since: datetime | None = None  # the lock from the mode
    shown: DoorSensed | None = None
    since: Mapping[str, datetime] = field(default_factory=dict)  # of each of KNOWN, as it is shown


def taken(before: Senses, told: DoorSensed) -> Senses:
    """With what is told now; what is not stays."""
    known = before.told
    merged = replace(
        told,
        contact=known.contact if told.contact is None else told.contact,
        lock=known.lock if told.lock is None else told.lock,
        tamper=known.tamper if told.tamper is None else told.tamper,
        fault=known.fault if told.fault is None else told.fault,
        exit=False,
    )
    return replace(before, told=merged, heard_at=told.at, failure="")


def compared(senses: Senses, expected: str | None, now: datetime) -> Senses:
    """With since when the lock stands otherwise than `expected`; None where nothing is expected of it."""
    differs = expected is not None and senses.told.lock in ("locked", "unlocked") and senses.told.lock != expected
    if not differs:
        return replace(senses, differs_since=None)
    return senses if senses.differs_since is not None else replace(senses, differs_since=now)


def heard_again(senses: Senses, now: datetime) -> Senses:
    """The clock was set: how long nothing was told, or stood otherwise, counts from now on."""
    return replace(
        senses,
        heard_at=senses.heard_at and now,
        differs_since=senses.differs_since and now,
    )


def known_of(senses: Senses, mode: str, silent_since: datetime | None, now: datetime, times: DoorTimes) -> DoorSensed:
    """What is known of the door now. `silent_since` is None where nobody expects to hear of it."""
    told = replace(senses.told, at=now)
    if silent_since is not None and abs(now - silent_since) > timedelta(seconds=times.silent_s):
        why = senses.failure or f"its controller has told nothing for {times.silent_s:g} s"
        return replace(told, lock="unknown", contact=told.contact and "unknown", reason=why)
    since = senses.differs_since
    if since is not None and abs(now - since) >= timedelta(seconds=times.lock_settle_s):
        why = f"its controller tells {told.lock} although the door should be {mode.replace('_', ' ')}"
        return replace(told, lock="unknown", reason=why)
    return told


def is_news(shown: DoorSensed | None, known: DoorSensed) -> bool:
    """Whether core must hear of it."""
    if shown is None or known.at - shown.at >= SHOWN_AGAIN:
        return True
    return any(getattr(shown, name) != getattr(known, name) for name in KNOWN)


def showing(senses: Senses, known: DoorSensed) -> Senses:
    """After core heard of it: since when each of it has been so."""
    before = senses.shown
    changed = [name for name in KNOWN if before is None or getattr(before, name) != getattr(known, name)]
    return replace(senses, shown=known, since={**senses.since, **dict.fromkeys(changed, known.at)})
