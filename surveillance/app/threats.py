"""Core's side of the threat level: sets it, locks down what it says, and releases the doors as they were.

A lockdown takes effect before it is on record, like any other; it outlasts a restart.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from surveillance.access.orders import words_of
from surveillance.app.asking import ask_core
from surveillance.app.doors import DoorDesk
from surveillance.app.store import open_store
from surveillance.domain.errors import NotFound, RecordFailed, UserMistake
from surveillance.domain.ports import Asked, SiteReader
from surveillance.domain.suggest import no_such
from surveillance.domain.threats import LOCKDOWN, Threat, ThreatOrder
from surveillance.domain.values import DoorOrder, Event, new_id
from surveillance.engines.core import Ordered, refusal
from surveillance.settings import Settings
from surveillance.storage.threats import Threats

THREAT = "access.threat"  # kind of the question by which the level is set
UNRECORDED = "the threat level could not be put on record; what it locks down is locked down all the same"
ANSWER_S = 10.0
AFTER = timedelta(milliseconds=2)  # an order that follows another at the same door is dated later, so it is done later


@dataclass
class ThreatDesk:
    """Over the doors of one site. `put` hands core an input."""

    site: SiteReader
    desk: DoorDesk
    threats: Threats
    put: Callable[[ThreatOrder | DoorOrder], None]
    _unkept: Threat | None = None  # in force, and not on the disk yet

    def ask(self, asked: Asked) -> Ordered:
        """Answers {"level", "by", "address", "reason"} by {"event": its id, "doors": locked down or released}."""
        told, site = asked.payload, self.site()
        level = str(told.get("level"))
        if level not in site.threat_levels:
            raise NotFound(no_such("threat level", level, site.threat_levels))
        by, reason = words_of(told.get("by"), "who sets it"), words_of(told.get("reason"), "a reason")
        before = self.now()
        if level == before.level and self._unkept is None:
            raise UserMistake(f"the threat level is {level} already")
        order = ThreatOrder(new_id(), datetime.now(UTC), level, by, reason, str(told.get("address") or "")[:64])
        if level == LOCKDOWN:
            return self._lock_down(order, before, asked.deadline)
        return self._release(order, before, asked.deadline)

    def now(self) -> Threat:
        """The level in force."""
        kept = self._unkept
        with suppress(RecordFailed):  # nobody may be kept from a lockdown by that
            kept = kept or self.threats.read()
        return kept or Threat(self.site().threat_levels[0])

    def _keep(self, threat: Threat) -> None:
        self._unkept = threat
        with suppress(RecordFailed):  # the next change tries again
            self.threats.keep(threat)
            self._unkept = None

    def _lock_down(self, order: ThreatOrder, before: Threat, deadline: datetime) -> Ordered:
        """What can be locked down and is not, remembered as it was."""
        with self.desk.doors.moving:
            standing = {name: state for name, (state, _) in self.desk.doors.standing().items()}
            held = {
                door.name: standing[door.name].resting
                for door in self.site().doors
                if not door.lockdown_exempt and standing[door.name].mode not in ("locked_down", "locked_open")
            }
            orders = tuple(_door_order(order, door, "lock_down", deadline) for door in held)
            for one in orders:
                self.desk.move(one)
        self._keep(Threat(order.level, order.by, order.reason, order.at, {**before.held, **held}))
        return Ordered((order, *orders), lambda events: _told(order, held, events))

    def _release(self, order: ThreatOrder, before: Threat, deadline: datetime) -> Ordered:
        """The doors that the level held, each as it was."""
        doors = self.desk.doors
        held = {door: mode for door, mode in before.held.items() if doors.obeys(door, "lock_down_release")}
        releases = [_door_order(order, door, "lock_down_release", deadline) for door in held]
        back = {"unlocked": "unlock", "blocked": "block"}
        later = replace(order, at=order.at + AFTER)
        follow = [_door_order(later, door, back[mode], deadline) for door, mode in held.items() if mode in back]

        def settle(events: Mapping[str, Event]) -> Mapping[str, Any]:
            if order.id not in events:
                return refusal(UNRECORDED)
            with doors.moving:
                for one in (*releases, *(one for one in follow if one.command == "block")):
                    self.desk.move(one)
            self._keep(Threat(order.level, order.by, order.reason, order.at))
            return _told(order, held, events)

        return Ordered((order, *releases, *follow), settle)

    def reassert(self) -> None:
        """At a start: core hears the level in force, and a lockdown holds at every door that it names."""
        threat = self.threats.read()
        if threat is None:
            return
        now = datetime.now(UTC)
        self.put(ThreatOrder(new_id(), now, threat.level, threat.by, threat.reason))
        order = ThreatOrder(new_id(), now, threat.level, "system", "the service was started anew; the lockdown holds")
        for door in self.site().doors if threat.level == LOCKDOWN else ():
            if not door.lockdown_exempt and self.desk.doors.state(door.name).mode not in ("locked_down", "locked_open"):
                one = _door_order(order, door.name, "lock_down", now + timedelta(seconds=5))
                self.put(one)
                self.desk.move(one)


def _door_order(order: ThreatOrder, door: str, command: str, deadline: datetime) -> DoorOrder:
    reason = f"threat level {order.level}: {order.reason}"
    return DoorOrder(new_id(), order.at, door, command, order.by, reason, deadline, order.address)


def _told(order: ThreatOrder, held: Mapping[str, str], events: Mapping[str, Event]) -> Mapping[str, Any]:
    event = events.get(order.id)
    return refusal(UNRECORDED) if event is None else {"event": event.decision.id, "doors": sorted(held)}


# --- from the command line -----------------------------------------------------------------------------------------


def threat_now(settings: Settings) -> tuple[Threat, tuple[str, ...]]:
    """The level in force, and all that there are."""
    store = open_store(settings)
    levels = store.site.read().threat_levels
    return Threats(store.engine).read() or Threat(levels[0]), levels


def set_threat(settings: Settings, level: str, reason: str, by: str) -> list[str]:
    """Sets it; the doors that were locked down or released. Raises UserMistake, also where core is not running."""
    answer = ask_core(settings, THREAT, {"level": level, "by": by, "reason": reason}, ANSWER_S)
    return list(answer["doors"])
