"""Core's side of the doors: answers commands from the dashboard, follows what became of deeds, and tells how all stand.

What secures a door takes effect at once; what opens one only when the order is on record and its controller confirmed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from surveillance.access.doors import Doors, Told
from surveillance.access.orders import SECURING, Ask, in_words, parse_ask, refused
from surveillance.access.told import ExitCounts, Freshness, parse_told
from surveillance.actions.dispatch import DOOR_DEEDS, NOT_ALLOWED
from surveillance.domain.doors import DoorSensed
from surveillance.domain.errors import ActionFailed, NotFound, UserMistake
from surveillance.domain.interlock import how_ajar, in_the_way
from surveillance.domain.ports import Asked
from surveillance.domain.suggest import no_such
from surveillance.domain.values import Action, DoorOrder, DoorReport, Event, new_id, rfc3339
from surveillance.engines.core import Ordered, refusal

QUESTION = "door.command"  # kind of the question by which the dashboard commands a door
STATE_QUESTION = "door.state"  # and of the one by which it hands on what a controller tells of a door
UNRECORDED = "the order could not be put on record, so nothing was done; try again"
HELD = "the order could not be put on record, but {} at once all the same"
OPENS = ("open", "unlock")
ORDER_TTL = timedelta(seconds=5)  # of an order that core itself gives


@dataclass
class DoorDesk:
    """Over the doors of one site. `put` hands core an input."""

    doors: Doors
    put: Callable[[Told | DoorOrder], None]
    _relays: dict[str, dict[str, Any]] = field(default_factory=dict)  # door -> how its controller last answered
    _fresh: Freshness = field(default_factory=lambda: Freshness(datetime.now(UTC)))
    _exits: ExitCounts = field(default_factory=ExitCounts)

    # --- orders ---

    def ask(self, asked: Asked) -> Ordered:
        """Core's answer to a question of kind `door.command`. Raises UserMistake where no door obeys.

        {"recorded": {door: event id}, "refused": "why others did not obey"}
        """
        ask = parse_ask(asked.payload)
        now = datetime.now(UTC)
        obeying, refusals = self._sorted_out(ask)
        if not obeying:
            raise UserMistake(in_words(refusals))
        orders = tuple(
            DoorOrder(new_id(), now, door, ask.command, ask.by, ask.reason, asked.deadline, ask.address)
            for door in obeying
        )
        if ask.command in SECURING:
            with self.doors.moving:  # all at once, also for whoever looks meanwhile
                for order in orders:
                    self.move(order)
        return Ordered(orders, lambda events: self._settle(ask, orders, refusals, events))

    def _sorted_out(self, ask: Ask) -> tuple[list[str], list[str]]:
        """The doors that obey, and why the others do not."""
        known = {door.name: door for door in self.doors.site().doors}
        obeying, refusals = [], []
        for name in ask.doors:
            if name not in known:
                raise NotFound(no_such("door", name, known))
            why = refused(known[name], self.doors.state(name).mode, ask.command) or self._kept_shut(name, ask.command)
            if why:
                refusals.append(why)
            else:
                obeying.append(name)
        return obeying, refusals

    def _kept_shut(self, name: str, command: str) -> str:
        """Which doors of its interlock keep it from opening."""
        door = self.doors.site().door(name)
        return "; ".join(in_the_way(door, self.doors.site(), self._ajar)) if door and command in OPENS else ""

    def _ajar(self, name: str) -> str:
        state, told = self.doors.state(name), self.doors.known(name)
        contact = "open" if state.opened_at is not None else told.contact if told else None
        return how_ajar(state.mode, state.alarm, contact, told.lock if told else None)

    def _settle(
        self, ask: Ask, orders: Sequence[DoorOrder], refusals: Sequence[str], events: Mapping[str, Event]
    ) -> Mapping[str, Any]:
        recorded = {order.door: events[order.id].decision.id for order in orders if order.id in events}
        if not recorded:
            done = "the doors are locked down" if ask.command == "lock_down" else "the doors are blocked"
            return refusal(HELD.format(done) if ask.command in SECURING else UNRECORDED)
        if ask.command == "lock_down_release":
            for order in orders:
                if order.door in recorded and self.doors.obeys(order.door, ask.command):
                    self.move(order)
        return {"recorded": recorded, "refused": in_words(refusals)}

    def move(self, order: DoorOrder) -> None:
        """The door obeys, and says so on record."""
        reason = f"{order.command.replace('_', ' ')} by {order.by}: {order.reason}"
        with self.doors.moving:
            self._report(self.doors.commanded(order.door, order.command, order.at, reason))

    def reassert(self) -> None:
        """At a start: the controllers of doors that are locked down are told to lock once more."""
        now = datetime.now(UTC)
        for name, (state, _) in self.doors.standing().items():
            if state.mode == "locked_down":
                reason = "the service was started anew; the lockdown holds"
                self.put(DoorOrder(new_id(), now, name, "lock_down", "system", reason, now + ORDER_TTL))

    # --- deeds ---

    def after(self, action: Action, now: datetime) -> None:
        """What became of a deed at a door."""
        if action.kind not in DOOR_DEEDS:
            return
        self._heed_relay(action, now)
        with self.doors.moving:
            if action.state == "done":
                self._done(action, now)
            elif action.kind != "door.open" and action.state != "expired":
                self._unconfirmed(action, now)

    def _done(self, action: Action, now: datetime) -> None:
        if action.kind == "door.open":
            until = now + timedelta(seconds=float(action.payload.get("pulse_s", 0)))
            self._report(self.doors.granted(action.target, until, now))
            return
        command = str(action.payload.get("command", ""))
        if command in ("lock", "unlock") and self.doors.obeys(action.target, command):
            reason = f"{command} by {action.payload.get('by')}: {action.payload.get('reason')}"
            self._report(self.doors.commanded(action.target, command, now, reason))

    def _unconfirmed(self, action: Action, now: datetime) -> None:
        released = "lock_down_release"
        if action.payload.get("command") == released and self.doors.obeys(action.target, released):
            self._report(self.doors.commanded(action.target, released, now))  # quicker than the order's own answer
        reason = f"{action.kind.partition('.')[2]} not confirmed: {action.reason or action.state}"
        self._report(self.doors.lost(action.target, now, reason))

    def allows(self, action: Action) -> bool:
        """Whether a deed may still be done, as the door stands now: asked once more right before its relay is."""
        command = {"door.open": "access", "door.unlock": "unlock"}.get(action.kind)
        return command is None or self.doors.obeys(action.target, command)

    def _heed_relay(self, action: Action, now: datetime) -> None:
        """Of an answer of the controller; a deed that was never sent tells nothing of it."""
        if action.state == "expired" or action.reason == NOT_ALLOWED:
            return
        state = {"done": "ok", "unknown": "unknown"}.get(action.state, "failing")
        self._relays[action.target] = {"state": state, "reason": action.reason, "at": rfc3339(now)}

    # --- what controllers tell ---

    def told(self, asked: Asked) -> Mapping[str, Any]:
        """Core's answer to a question of kind `door.state`. Raises UserMistake for what is stale, replayed or wrong."""
        now = datetime.now(UTC)
        door = str(asked.payload.get("door"))
        sensed = parse_told(door, now, asked.payload)
        self.doors.state(door)  # there is one
        try:
            self._fresh.check(door, datetime.fromisoformat(str(asked.payload.get("at"))), now)
        except UserMistake as mistake:
            self.doors.unheard(door, str(mistake))
            raise
        self.hear(sensed)
        return {"heard_at": rfc3339(now)}

    def polled(self) -> list[str]:
        """The doors whose controller is to be asked."""
        return [door.name for door in self.doors.site().doors if door.watch == "poll"]

    def poll(self, door: str, read: Callable[[str], Mapping[str, Any]]) -> None:
        """Asks a door's controller how the door stands; where that fails it is remembered why."""
        try:
            body = read(door)
            told = parse_told(door, datetime.now(UTC), body)
            self.hear(replace(told, exit=self._exits.pressed(door, body)))
        except NotFound:  # removed meanwhile
            return
        except (ActionFailed, UserMistake) as failure:
            self.doors.unheard(door, str(failure))

    # --- time and telling ---

    def hear(self, told: DoorSensed) -> None:
        """What a door's controller tells, by whatever wire. May be called by any thread. Raises NotFound."""
        with self.doors.moving:
            for entry in self.doors.hear(told):
                self.put(entry)

    def tick(self, now: datetime) -> None:
        with self.doors.moving:
            for entry in self.doors.tick(now):
                self.put(entry)

    def status(self) -> dict[str, dict[str, Any]]:
        """Each door as the dashboard shows it: mode, alarm, since when, and how its relay last answered."""
        with self.doors.moving:
            standing = self.doors.standing()
        return {
            name: {
                "mode": state.mode,
                "alarm": state.alarm,
                "since": None if since is None else rfc3339(since),
                "relay": self._relays.get(name),
                **sensed_json(self.doors.known(name)),
                "known_since": {key: rfc3339(at) for key, at in self.doors.known_since(name).items()},
            }
            for name, (state, since) in standing.items()
        }

    def _report(self, report: DoorReport | None) -> None:
        if report is not None:
            self.put(report)


def sensed_json(known: DoorSensed | None) -> dict[str, Any]:
    """What is known of the door itself, since when it is known so, and why something of it is not."""
    if known is None:
        return {"contact": None, "lock": None, "tamper": None, "fault": None, "doubt": ""}
    return {
        "contact": known.contact,
        "lock": known.lock,
        "tamper": known.tamper,
        "fault": known.fault,
        "doubt": known.reason,
    }
