"""The state of each door in ONVIF's words, moved only along legal transitions, told as DoorReports and DoorSensed.

Source: ONVIF Door Control Service, DoorMode and DoorAlarmState. Locked down and locked open are left only by their
release, which locks; no grant opens a door that is blocked, locked down, or in a mode that nobody knows.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from surveillance.access.senses import DoorTimes, Senses, compared, heard_again, is_news, known_of, showing, taken
from surveillance.domain.doors import DoorSensed
from surveillance.domain.errors import NotFound, UserMistake
from surveillance.domain.ports import SiteReader
from surveillance.domain.suggest import no_such
from surveillance.domain.values import DoorReport

Told = DoorSensed | DoorReport
SECURED = ("locked", "blocked", "locked_down", "double_locked")  # found open in one of these, a door was forced

LONGEST_MASK = timedelta(seconds=90)  # what would last longer was dated by a clock that was set since
CLOCK_SET = (timedelta(seconds=-2), timedelta(seconds=60))  # a second that seems shorter or longer is a clock being set
CONFIRMED_AFTER = timedelta(seconds=5)  # an order that got no answer may still arrive

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
    """How a door stands. `resting` is the mode that a momentary access falls back to at `until`.

    Until `masked_until` whoever opens it came by the exit button, or in the last moment of an access.
    """

    mode: str = "locked"
    alarm: str = "normal"
    resting: str = "locked"
    until: datetime | None = None
    opened_at: datetime | None = None
    masked_until: datetime | None = None


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


def masked(state: DoorState, until: datetime) -> DoorState:
    """The state after somebody may have asked to leave: what opens the door until then is no break-in."""
    return replace(state, masked_until=until if state.masked_until is None else max(state.masked_until, until))


def is_masked(state: DoorState, now: datetime) -> bool:
    return state.masked_until is not None and now < state.masked_until <= now + LONGEST_MASK


def sensed(state: DoorState, is_open: bool, at: datetime, is_found: bool = False) -> DoorState:
    """The state after its contact told open or closed. Alarms are masked while the door is unlocked or accessed.

    A door that is found open, since nobody had told how it stood, may have been opened by right.
    """
    if not is_open:
        return replace(state, alarm="normal", opened_at=None)
    if state.opened_at is not None:
        return state
    is_forced = state.mode in SECURED and not is_found and not is_masked(state, at)
    return replace(state, opened_at=at, alarm="forced_open" if is_forced else state.alarm)


def passed(state: DoorState, now: datetime, times: DoorTimes) -> DoorState:
    """The state at that time: a momentary access ends; a secured door that still stands open raises an alarm."""
    if state.masked_until is not None and not is_masked(state, now):
        state = replace(state, masked_until=None)
    if state.until is not None and now >= state.until:
        until = state.until + timedelta(seconds=times.relock_masks_s)
        state = masked(replace(state, mode=state.resting, until=None), until)
    overdue = state.opened_at is not None and now - state.opened_at >= timedelta(seconds=times.open_too_long_s)
    if overdue and state.mode in SECURED and state.alarm == "normal":
        return replace(state, alarm="open_too_long")
    return state


def shifted(state: DoorState, by: timedelta) -> DoorState:
    """The same state by a clock that was set: as much of each time has passed, and is left, as before."""

    def moved_by(at: datetime | None) -> datetime | None:
        return None if at is None else at + by

    return replace(
        state,
        until=moved_by(state.until),
        opened_at=moved_by(state.opened_at),
        masked_until=moved_by(state.masked_until),
    )


def expected_lock(state: DoorState, now: datetime) -> str | None:
    """How the lock of a door in that state must stand; None where it may stand either way."""
    if state.mode in SECURED:
        return None if is_masked(state, now) else "locked"
    return "unlocked" if state.mode in ("unlocked", "locked_open") else None


class Doors:
    """Every door's state. Each call returns only what core must hear: a change of mode, of alarm, of what is known.

    Doors start locked: a relay relocks on its own timer, so a restart never finds an access still running. Safe to
    share between threads; hold `moving` while handing a report on, so that reports come in the order of the changes.
    """

    def __init__(self, site: SiteReader, times: DoorTimes | None = None) -> None:
        self.site = site
        self._times = times or DoorTimes()
        self._states: dict[str, DoorState] = {}
        self._senses: dict[str, Senses] = {}
        self._listening_since: datetime | None = None
        self._ticked_at: datetime | None = None
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

    def hear(self, told: DoorSensed) -> tuple[Told, ...]:
        """What a door's controller tells, whole as core must hear it, and what follows. Raises NotFound."""
        with self.moving:
            state, before = self.state(told.door), self._senses.get(told.door)
            if told.exit:
                state = masked(state, told.at + timedelta(seconds=self._times.exit_masks_s))
            reason = ""
            if told.contact in ("open", "closed"):
                is_found = before is None or before.shown is None or before.shown.contact in (None, "unknown")
                state = sensed(state, told.contact == "open", told.at, is_found)
                reason = "opened" if told.contact == "open" else "closed"
            if self._is_confirmed(state, told):
                state, reason = moved(state, "lock"), "its controller tells that it is locked"
            self._senses[told.door] = taken(before or Senses(DoorSensed(told.door, told.at)), told)
            report = self._set(told.door, state, told.at, reason)
            known = self._know(told.door, told.at, told.exit)
        return tuple(entry for entry in (known, report) if entry is not None)

    def unheard(self, door: str, why: str) -> None:
        """Its controller could not be asked how it stands."""
        with self.moving:
            senses = self._senses.get(door)
            if senses is not None:
                self._senses[door] = replace(senses, failure=why)

    def tick(self, now: datetime) -> tuple[Told, ...]:
        """What time alone changed: accesses that ended, doors that stand open too long, controllers that are silent."""
        entries: list[Told | None] = []
        with self.moving:
            self._follow_clock(now)
            self._listening_since = self._listening_since or now
            for door in self.site().doors:
                if door.name in self._states:
                    state = passed(self._states[door.name], now, self._times)
                    entries.append(self._set(door.name, state, now, "time passed"))
                if door.watch != "no" and door.name not in self._senses:
                    self._senses[door.name] = Senses(DoorSensed(door.name, now))
                entries.append(self._know(door.name, now))
        return tuple(entry for entry in entries if entry is not None)

    def _follow_clock(self, now: datetime) -> None:
        """Where the machine's clock was set since the last tick, nothing lasts longer or ends sooner by that."""
        by = timedelta() if self._ticked_at is None else now - self._ticked_at
        self._ticked_at = now
        if CLOCK_SET[0] <= by <= CLOCK_SET[1]:
            return
        self._states = {door: shifted(state, by) for door, state in self._states.items()}
        self._senses = {door: heard_again(senses, now) for door, senses in self._senses.items()}
        self._listening_since = now

    def known(self, door: str) -> DoorSensed | None:
        """What core last heard of how the door itself stands; None where nobody told."""
        senses = self._senses.get(door)
        return None if senses is None else senses.shown

    def known_since(self, door: str) -> Mapping[str, datetime]:
        """Since when each of contact, lock, tamper and fault is so, as far as this run knows."""
        senses = self._senses.get(door)
        return {} if senses is None else senses.since

    def _is_confirmed(self, state: DoorState, told: DoorSensed) -> bool:
        """Whether a door of which nobody knew how it stands is told to be locked, long enough after the order."""
        since = self._since.get(told.door)
        return (
            state.mode == "unknown"
            and told.lock == "locked"
            and (since is None or abs(told.at - since) >= CONFIRMED_AFTER)
        )

    def _know(self, name: str, now: datetime, is_exit: bool = False) -> DoorSensed | None:
        """What is known of the door now, where core must hear of it."""
        senses, door = self._senses.get(name), self.site().door(name)
        if senses is None or door is None:
            return None
        state = self.state(name)
        senses = compared(senses, expected_lock(state, now), now)
        silent_since = None if door.watch == "no" else senses.heard_at or self._listening_since
        known = replace(known_of(senses, state.mode, silent_since, now, self._times), exit=is_exit)
        is_told = senses.heard_at is not None or known.is_unknown
        if is_exit or (is_told and is_news(senses.shown, known)):
            self._senses[name] = showing(senses, known)
            return known
        self._senses[name] = senses
        return None

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
