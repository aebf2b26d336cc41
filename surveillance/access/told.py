"""What a controller sends of its door into a DoorSensed: checked and bounded; what comes unasked also fresh, and once.

Raises UserMistake with one line for whoever set the controller up.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from surveillance.domain.doors import CONTACTS, LOCKS, DoorSensed
from surveillance.domain.errors import UserMistake
from surveillance.domain.suggest import no_such

LONGEST_FAULT = 200
FRESH = timedelta(seconds=10)


def parse_told(door: str, at: datetime, body: Mapping[str, Any]) -> DoorSensed:
    """{"contact": "closed", "lock": "locked", "tamper": false, "fault": "", "exit": true}, each where it is told.

    Other keys are the controller's own.
    """
    told = DoorSensed(
        door=door,
        at=at,
        contact=_word(body, "contact", CONTACTS),
        lock=_word(body, "lock", LOCKS),
        tamper=_truth(body, "tamper"),
        fault=_fault(body.get("fault")),
        exit=bool(_truth(body, "exit")),
    )
    if told == DoorSensed(door, at):
        raise UserMistake("tell contact, lock, tamper, fault or exit: this says nothing of the door")
    return told


def _word(body: Mapping[str, Any], key: str, known: tuple[str, ...]) -> str | None:
    value = body.get(key)
    if value is not None and value not in known:
        raise UserMistake(f"{key}: {no_such('state', str(value)[:40], known)}")
    return value


def _truth(body: Mapping[str, Any], key: str) -> bool | None:
    value = body.get(key)
    if value is not None and not isinstance(value, bool):
        raise UserMistake(f"{key} must be true or false")
    return value


def _fault(value: object) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str) or len(value) > LONGEST_FAULT or not value.isprintable():
        raise UserMistake(f"fault must be a text of at most {LONGEST_FAULT} printable characters")
    return value


class ExitCounts:
    """A controller that is asked counts the presses of its exit button, since none of them may fall between."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}

    def pressed(self, door: str, body: Mapping[str, Any]) -> bool:
        """Whether `exits` has grown since the last time. It begins anew where the controller was started anew."""
        count = body.get("exits")
        if not isinstance(count, int) or isinstance(count, bool):
            return False
        before = self._counts.get(door)
        self._counts[door] = count
        return before is not None and count > before


class Freshness:
    """Each message once, in order, and none from before `since`, for what was taken then is not remembered."""

    def __init__(self, since: datetime) -> None:
        self._since = since
        self._newest: dict[str, datetime] = {}

    def check(self, door: str, at: datetime, now: datetime) -> None:
        """Raises UserMistake for a message that is stale, replayed or dated by a wrong clock."""
        apart_s = (now - at).total_seconds()
        if abs(apart_s) > FRESH.total_seconds():
            if apart_s > 0:
                raise UserMistake(f"the message is {apart_s:.0f} s old: send at once, and set the controller's clock")
            raise UserMistake(f"the message is {-apart_s:.0f} s ahead of this machine's clock: set the controller's")
        if at <= self._newest.get(door, self._since):
            raise UserMistake("the message is no newer than one before it: each needs a later time")
        self._newest[door] = at
