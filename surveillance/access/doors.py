"""The state of each door in ONVIF's words, moved only along legal transitions, told as DoorReports.

Source: ONVIF Door Control Service, DoorMode and DoorAlarmState. Locked down and locked open are left only by their
release, which locks; no grant opens a door that is blocked, locked down, or in a mode that nobody knows.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from surveillance.domain.errors import NotFound, UserMistake
from surveillance.domain.ports import SiteReader
from surveillance.domain.suggest import no_such
from surveillance.domain.values import DoorReport

SECURED = ("locked", "blocked", "locked_down", "double_locked")  # found open in one of these, a door was forced

_COMMANDED = ("locked", "unlocked", "accessed", "blocked", "double_locked")  # modes that obey any plain command
_LEARNED = (*_COMMANDED, "unknown")

TRANSITIONS: Mapping[str, Mapping[str, str]] = {  # command -> mode before -> mode after; what is absent is illegal
    "access": dict.fromkeys(("locked", "unlocked", "accessed", "double_locked"), "accessed"),
    "lock": dict.fromkeys(_LEARNED, "locked"),
    "unlock": dict.fromkeys(_LEARNED, "unlocked"),
    "block": dict.fromkeys(_LEARNED, "blocked"),
    "double_lock": dict.fromkeys(_LEARNED, "double_locked"),
    "lock_down": dict.fromkeys((*_LEARNED, "locked_down"), "locked_down"),
    "lock_down_release": {"locked_down": "locked"},
    "lock_open": dict.fromkeys((*_LEARNED, "locked_open"), "locked_open"),
    "lock_open_release": {"locked_open": "locked"},
}
COMMANDS = tuple(command for command in TRANSITIONS if command != "access")  # lasting ones, which an operator gives


@dataclass(frozen=True, slots=True)
class DoorState:
    """How a door stands. `resting` is the mode that a momentary access falls back to at `until`."""

    mode: str = "locked"
    alarm: str = "normal"
    resting: str = "locked"
    until: datetime | None = None
    opened_at: datetime | None = None


def allows(mode: str, command: str) -> bool:
    """Whether a door in that mode obeys that command."""
    return mode in TRANSITIONS[command]


def moved(state: DoorState, command: str) -> DoorState:
    """The state after a lasting command. Raises UserMistake for an unknown command or an illegal transition."""
    if command not in TRANSITIONS or command == "access":
        raise UserMistake(f"no door command is called {command!r}; there are: {', '.join(COMMANDS)}")
    mode = _after(state, command)
    return replace(state, mode=mode, until=None, resting=mode, alarm=state.alarm if mode in SECURED else "normal")


def accessed(state: DoorState, until: datetime) -> DoorState:
    """The state after a grant's pulse; the later of two ends counts. Raises UserMistake where no grant may open."""
    mode = _after(state, "access")
    if state.mode == "accessed" and state.until is not None:
        return replace(state, until=max(state.until, until))
    return replace(state, mode=mode, until=until, resting=state.mode, alarm="normal")


def lost(state: DoorState) -> DoorState:
    """The state after an order that the controller did not confirm. What no grant opens stays as it is."""
    if state.mode in ("blocked", "locked_down", "locked_open"):
        return state
    return replace(state, mode="unknown", resting="unknown", until=None)


def _after(state: DoorState, command: str) -> str:
    if not allows(state.mode, command):
        ways = [word for word in COMMANDS if TRANSITIONS[word].get(state.mode, state.mode) != state.mode]
        raise UserMistake(f"a door that is {state.mode} does not obey {command}; it obeys {', '.join(ways)}")
    return TRANSITIONS[command][state.mode]


def sensed(state: DoorState, is_open: bool, at: datetime) -> DoorState:
    """The state after its contact told open or closed. Alarms are masked while the door is unlocked or accessed."""
    if not is_open:
        return replace(state, alarm="normal", opened_at=None)
    if state.opened_at is not None:
        return state
    return replace(state, opened_at=at, alarm="forced_open" if state.mode in SECURED else state.alarm)


def passed(state: DoorState, now: datetime, open_too_long_s: float) -> DoorState:
    """The state at that time: a momentary access ends; a secured door that still stands open raises an alarm."""
    if state.until is not None and now >= state.until:
        state = replace(state, mode=state.resting, until=None)
    overdue = state.opened_at is not None and now - state.opened_at >= timedelta(seconds=open_too_long_s)
    if overdue and state.mode in SECURED and state.alarm == "normal":
        return replace(state, alarm="open_too_long")
    return state


class Doors:
    """Every door's state. Each call returns a DoorReport only for a change of mode or alarm.

    Doors start locked: a relay relocks on its own timer, so a restart never finds an access still running. Safe to
    share between threads; hold `moving` while handing a report on, so that reports come in the order of the changes.
    """

    def __init__(self, site: SiteReader, open_too_long_s: float = 30.0) -> None:
        self.site = site
        self._open_too_long_s = open_too_long_s
        self._states: dict[str, DoorState] = {}
        self._since: dict[str, datetime] = {}
        self.moving = threading.RLock()

    def state(self, door: str) -> DoorState:
        """Raises NotFound for a door that the site does not have."""
        if self.site().door(door) is None:
            raise NotFound(no_such("door", door, (known.name for known in self.site().doors)))
        return self._states.get(door, DoorState())

    def obeys(self, door: str, command: str) -> bool:
        """Whether that door, as it stands now, obeys the command (`access` is a grant); an unknown door obeys none."""
        return self.site().door(door) is not None and allows(self.state(door).mode, command)

    def standing(self) -> dict[str, tuple[DoorState, datetime | None]]:
        """Every door of the site as it stands, and since when, where that is known."""
        return {door.name: (self.state(door.name), self._since.get(door.name)) for door in self.site().doors}

    def granted(self, door: str, until: datetime, at: datetime) -> DoorReport | None:
        """The door was pulsed and relocks itself at `until`. Where its mode forbade that, the report says so."""
        with self.moving:
            if self.site().door(door) is None:
                return None
            state = self.state(door)
            if not allows(state.mode, "access"):
                return DoorReport(door, at, state.mode, state.alarm, f"pulsed although {state.mode}")
            return self._set(door, accessed(state, until), at, "granted")

    def commanded(self, door: str, command: str, at: datetime, reason: str = "") -> DoorReport | None:
        """One of COMMANDS, such as lock_down. Raises UserMistake where it is illegal."""
        with self.moving:
            return self._set(door, moved(self.state(door), command), at, reason or command)

    def lost(self, door: str, at: datetime, reason: str) -> DoorReport | None:
        """An order was not confirmed by the door's controller: nobody knows how it stands."""
        with self.moving:
            if self.site().door(door) is None:
                return None
            return self._set(door, lost(self.state(door)), at, reason)

    def sensed(self, door: str, is_open: bool, at: datetime) -> DoorReport | None:
        """What the door's contact told."""
        with self.moving:
            return self._set(door, sensed(self.state(door), is_open, at), at, "opened" if is_open else "closed")

    def tick(self, now: datetime) -> tuple[DoorReport, ...]:
        """What time alone changed: accesses that ended, doors that stand open too long."""
        known = {door.name for door in self.site().doors}
        with self.moving:
            reports = [
                self._set(door, passed(state, now, self._open_too_long_s), now, "time passed")
                for door, state in list(self._states.items())
                if door in known
            ]
        return tuple(report for report in reports if report is not None)

    def recall(self, reports: Iterable[DoorReport]) -> None:
        """Takes the modes on record, in order, after a restart: a lockdown survives, a momentary access does not."""
        for report in reports:
            if report.mode == "accessed":
                continue
            self._states[report.door] = DoorState(report.mode, report.alarm, report.mode)
            self._since[report.door] = report.at

    def _set(self, door: str, state: DoorState, at: datetime, reason: str) -> DoorReport | None:
        before = self._states.get(door, DoorState())
        self._states[door] = state
        if (before.mode, before.alarm) == (state.mode, state.alarm):
            return None
        self._since[door] = at
        return DoorReport(door, at, state.mode, state.alarm, reason)
