"""Tests a door step by step through the core that runs: relay, relock, contact, exit button, reader, camera.

Orders go through core's inbox, so they are on record before anything moves; what was seen is read from the record.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from surveillance.access.door_test import STEPS, Step
from surveillance.app.door_record import QUESTION
from surveillance.app.doors import QUESTION as COMMAND
from surveillance.app.health import heartbeat
from surveillance.app.store import Store
from surveillance.domain.doors import DoorSensed
from surveillance.domain.errors import NotFound, UserMistake
from surveillance.domain.site import Door
from surveillance.domain.suggest import no_such
from surveillance.storage.queries import EventFilter
from surveillance.storage.state import SharedState

ANSWER_S = 5.0
LOOK_S = 0.2
SEEN_PULSE_S = 2.0  # a shorter one may fall between two looks of who tells the lock
NO_CORE = "no core runs that could open the door: start it with `surveillance run`, then test the door"
REASON = "test of the door"


class Hands(Protocol):
    """Whoever stands at the door, if anybody does."""

    there: bool

    def asked(self, what: str) -> None:
        """Tells them what to do."""
        ...

    def confirms(self, question: str) -> bool:
        """Their word for what nothing here can see."""
        ...

    def gives_up(self) -> bool:
        """Whether they asked to skip what they were asked to do."""
        ...


@dataclass
class DoorTest:
    """`steps` does them one after the other; `finish` locks the door and puts on record how far it got."""

    store: Store
    door: Door
    by: str
    hands: Hands
    limit_s: float = 60.0
    relock_margin_s: float = 5.0  # after the pulse, until its lock is told to be locked
    _done: list[Step] = field(default_factory=list)
    _opened_at: datetime | None = None  # when the relay last confirmed
    _gave_up: bool = False  # whether the last wait was ended by hand

    def steps(self) -> Iterator[Step]:
        """Each as it ends. Raises UserMistake where no core runs, or where the door obeys nobody now."""
        self._check()
        for name in STEPS:
            began_s = time.monotonic()
            result, seen = getattr(self, f"_{name}")()
            step = Step(name, result, seen, time.monotonic() - began_s)
            self._done.append(step)
            yield step

    def finish(self) -> dict[str, Any]:
        """The signed result as it is on record."""
        left = self._leave_locked()
        known = [step.name for step in self._done]
        steps = [*self._done, *(Step(name, "skipped", "the test was broken off") for name in STEPS[len(known) :])]
        told = {"door": self.door.name, "by": self.by, "left": left, "steps": [step.as_json() for step in steps]}
        answer = self._ask(QUESTION, told)
        if answer.get("refused"):
            raise UserMistake(f"the result is not on record ({answer['refused']}); the door locks by its own timer")
        return {**told, **answer}

    # --- steps: (result, what was seen) ---

    def _relay(self) -> tuple[str, str]:
        if self.door.relay is None:
            return "absent", "the door has no relay"
        self.hands.asked(f"the door unlocks for {self.door.pulse_s:g} s now: listen to its lock")
        began = datetime.now(UTC)
        state, why = self._order("open")
        if state != "done":
            return "failed", why or f"its controller's answer was {state}"
        self._opened_at = datetime.now(UTC)
        if self._told("lock") is None:
            if self.hands.there and not self.hands.confirms("did the door unlock?"):
                return "failed", "its controller confirmed, but the door did not unlock"
            return (
                "passed",
                "its controller confirmed, and it unlocked" if self.hands.there else "its controller confirmed",
            )
        if self._sees(began, self.door.pulse_s + 1.5, lambda told: told.lock == "unlocked"):
            return "passed", "its controller confirmed, and its lock unlocked"
        if self.door.pulse_s < SEEN_PULSE_S:
            return "passed", "its controller confirmed; the pulse is too short to see the lock"
        return "failed", "its controller confirmed, but its lock stayed locked"

    def _relock(self) -> tuple[str, str]:
        if self._opened_at is None:
            return ("absent" if self.door.relay is None else "skipped"), "the relay did not unlock it"
        if self._told("lock") is None:
            if not self.hands.there:
                return "skipped", "nobody tells its lock, and nobody stands at the door"
            time.sleep(max(0.0, self._left_of_pulse_s()))
            locked = self.hands.confirms("is it locked again?")
            return ("passed", "it locked by itself") if locked else ("failed", "it stayed unlocked after its pulse")
        ends_s = time.monotonic() + self._left_of_pulse_s() + self.relock_margin_s
        while time.monotonic() < ends_s:
            if self._left_of_pulse_s() <= 0 and self._told("lock") == "locked":
                return "passed", "its lock locked by itself"
            time.sleep(LOOK_S)
        return "failed", f"its lock is {self._told('lock')} after its pulse"

    def _contact(self) -> tuple[str, str]:
        if self._told("contact") is None:
            return "absent", "nobody tells its contact"
        if not self.hands.there:
            return "skipped", "somebody must open the door by hand"
        began = datetime.now(UTC)
        if self.door.relay is not None:
            self._order("open")
        self.hands.asked("open the door, and close it again")
        for word in ("open", "closed"):
            if not self._sees(began, self.limit_s, lambda told, word=word: told.contact == word):  # type: ignore[misc]
                return self._unseen(f"it was not told to be {word} within {self.limit_s:g} s")
        return "passed", "it was told to be open, and closed again"

    def _exit(self) -> tuple[str, str]:
        if self.door.watch == "no":
            return "absent", "nobody tells its exit button"
        if not self.hands.there:
            return "skipped", "somebody must press the exit button"
        self.hands.asked("press the exit button")
        if self._sees(datetime.now(UTC), self.limit_s, lambda told: told.exit):
            return "passed", "its press was told"
        return self._unseen(f"no press was told within {self.limit_s:g} s")

    def _reader(self) -> tuple[str, str]:
        if not self.hands.there:
            return "skipped", "somebody must hold a badge to the reader"
        self.hands.asked("hold a badge to the reader; whether it may pass does not matter")
        began = datetime.now(UTC)

        def request() -> Mapping[str, Any] | None:
            rows, _ = self.store.events.page(EventFilter(kind="access.", door=self.door.name, since=began), None, 20)
            return next((row for row in rows if "command" not in row["details"]), None)

        found = self._awaited(request, self.limit_s)
        if found is None:
            return self._unseen(f"no request came from it within {self.limit_s:g} s")
        return "passed", f"a request came: {'granted' if found['verdict'] == 'authorize' else 'denied'}"

    def _camera(self) -> tuple[str, str]:
        if self.door.camera is None:
            return "absent", "no camera looks at the door"
        camera = self._status().get("cameras", {}).get(self.door.camera)
        if camera is None or camera["state"] != "live":
            return "failed", f"camera {self.door.camera} is {camera['state'] if camera else 'silent'}"
        return "passed", f"camera {self.door.camera} gives {camera['fps']:g} pictures a second"

    # --- what they are made of ---

    def _check(self) -> None:
        status = self._status()
        if not status:
            raise UserMistake(NO_CORE)
        mode = status.get("doors", {}).get(self.door.name, {}).get("mode", "unknown")
        if mode in ("locked_down", "blocked", "locked_open"):
            word = mode.replace("_", " ")
            raise UserMistake(f"door {self.door.name} is {word}: end that on its page first, then test the door")

    def _left_of_pulse_s(self) -> float:
        passed_s = (datetime.now(UTC) - self._opened_at).total_seconds() if self._opened_at else 0.0
        return self.door.pulse_s - passed_s

    def _leave_locked(self) -> str:
        """Its own timer locks it; to be sure it is told to."""
        if self.door.relay is None:
            return "without relay"
        return "locked" if self._order("lock")[0] == "done" else "unclear"

    def _order(self, command: str) -> tuple[str, str]:
        """What became of an order at the door, and why not."""
        payload = {"doors": [self.door.name], "command": command, "by": self.by, "address": "", "reason": REASON}
        answer = self._ask(COMMAND, payload)
        event = answer.get("recorded", {}).get(self.door.name)
        if event is None:
            return "refused", str(answer.get("refused", ""))
        state = self._awaited(lambda: self._outcome(event), ANSWER_S) or "not done in time"
        return state, self._why(event) if state != "done" else ""

    def _outcome(self, event: str) -> str | None:
        found = self.store.events.one(event) or {}
        states = [action["state"] for action in found.get("actions", []) if action["kind"].startswith("door.")]
        return next((str(state) for state in states if state not in ("pending", "attempting")), None)

    def _why(self, event: str) -> str:
        """What the record says of an order that failed."""

        def told() -> str | None:
            rows, _ = self.store.events.page(EventFilter(door=self.door.name), None, 20)
            return next((row["reasons"][0] for row in rows if row["details"].get("event") == event), None)

        return self._awaited(told, 1.0) or ""

    def _unseen(self, why: str) -> tuple[str, str]:
        return ("skipped", "left out by hand") if self._gave_up else ("failed", why)

    def _sees(self, since: datetime, within_s: float, is_it: Callable[[DoorSensed], bool]) -> bool:
        """Whether that is told of the door in time."""

        def told() -> bool | None:
            entries = self.store.events.inputs_since(since - timedelta(seconds=0.5))
            mine = (entry for entry in entries if isinstance(entry, DoorSensed) and entry.door == self.door.name)
            return any(entry.at >= since and is_it(entry) for entry in mine) or None

        return bool(self._awaited(told, within_s))

    def _awaited(self, look: Callable[[], Any], within_s: float) -> Any:
        """What `look` finds in time; None where the time is over, or somebody gave up."""
        ends_s = time.monotonic() + within_s
        self._gave_up = False
        while (found := look()) is None and time.monotonic() < ends_s:
            if self.hands.gives_up():
                self._gave_up = True
                return None
            time.sleep(LOOK_S)
        return found

    def _told(self, word: str) -> Any:
        return self._status().get("doors", {}).get(self.door.name, {}).get(word)

    def _status(self) -> dict[str, Any]:
        """What core last told; nothing where it is silent."""
        told = heartbeat(SharedState(self.store.engine))
        return told if told and told["age_s"] < ANSWER_S else {}

    def _ask(self, kind: str, payload: Mapping[str, Any]) -> Mapping[str, Any]:
        deadline = datetime.now(UTC) + timedelta(seconds=ANSWER_S)
        asked = self.store.inbox.ask(kind, payload, deadline)
        silent = {"refused": f"core did not answer within {ANSWER_S:g} s"}
        answer = self.store.inbox.wait(asked, deadline)
        if answer is None and self.store.inbox.answer(asked, silent):
            return silent
        return answer or self.store.inbox.answer_of(asked) or silent


def open_test(store: Store, name: str, by: str, hands: Hands, limit_s: float) -> DoorTest:
    """Raises NotFound for a door that the site does not have."""
    site = store.site.read()
    door = site.door(name)
    if door is None:
        raise NotFound(no_such("door", name, (known.name for known in site.doors)))
    return DoorTest(store, door, by, hands, limit_s)
