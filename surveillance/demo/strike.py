"""A simulated door as its controller has it: an electric strike with its own timer, a contact, an exit button, faults.

It trusts nobody: after the deadline, or with a key that it has seen, it stays as it is.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from http import HTTPStatus
from typing import Any

LONGEST_PULSE_S = 30.0
EXIT_PULSE_S = 3.0  # for which the exit button unlocks
KEYS_KEPT = 1000
STEPS_THROUGH_S = (0.6, 2.2)  # after it was unlocked, whoever walks through opens the door, and it falls shut
MISDEEDS = ("", "silent", "nonsense", "stuck")  # stuck: a strike that never locks again


class RefusalError(Exception):
    """An order that is not obeyed; `status` is the HTTP status that says why."""

    def __init__(self, status: HTTPStatus, reason: str) -> None:
        super().__init__(reason)
        self.status = status


@dataclass
class Strike:
    """One electric strike. A pulse ends by itself, so that locking needs nobody's help; a lasting unlock is held.

    With `is_walked` somebody opens the door after each pulse and lets it fall shut.
    """

    name: str
    clock: Callable[[], float] = time.monotonic
    pulses: int = 0
    held: bool = False
    orders: int = 0  # locks and unlocks that were obeyed
    exits: int = 0  # presses of the exit button
    contact: str = "closed"
    tamper: bool = False
    fault: str = ""
    misdeed: str = ""  # one of MISDEEDS
    is_walked: bool = False
    _unlocked_at_s: float = float("-inf")
    _unlocked_until_s: float = 0.0
    _keys: deque[str] = field(default_factory=lambda: deque(maxlen=KEYS_KEPT))
    _one_at_a_time: threading.Lock = field(default_factory=threading.Lock)

    def pulse(self, pulse_s: float, key: str, deadline: datetime, now: datetime) -> None:
        """Unlocks for `pulse_s`. Raises RefusalError for a repeated key, a stale deadline or an absurd time."""
        if not 0 < pulse_s <= LONGEST_PULSE_S:
            raise RefusalError(HTTPStatus.BAD_REQUEST, f"pulse_s must be over 0 and at most {LONGEST_PULSE_S:g}")
        with self._one_at_a_time:
            self._take(key, deadline, now)
            self._unlock(pulse_s)
            self.pulses += 1

    def hold(self, unlocked: bool, key: str, deadline: datetime, now: datetime) -> None:
        """Unlocks for good, or locks, which also ends a pulse. Raises RefusalError as a pulse does."""
        with self._one_at_a_time:
            self._take(key, deadline, now)
            self.held = unlocked
            self._unlocked_until_s = 0.0
            self.orders += 1

    def press_exit(self) -> None:
        """Somebody inside wants to leave: the button unlocks by itself, whoever listens."""
        with self._one_at_a_time:
            self.exits += 1
            self._unlock(EXIT_PULSE_S)

    def simulate(self, wanted: Mapping[str, Any]) -> None:
        """What happens at the door: contact, tamper, fault, misdeed, or exit for a press. Raises RefusalError."""
        allowed = {"contact": ("open", "closed"), "tamper": (True, False), "misdeed": MISDEEDS}
        for name, value in wanted.items():
            if name == "exit" and value is True:
                self.press_exit()
            elif (name == "fault" and isinstance(value, str)) or value in allowed.get(name, ()):
                setattr(self, name, value)
            else:
                known = 'contact "open" or "closed", tamper, fault, exit true, misdeed ' + ", ".join(MISDEEDS[1:])
                raise RefusalError(HTTPStatus.BAD_REQUEST, f"cannot simulate {name} {value!r}; there are {known}")

    def state(self) -> dict[str, Any]:
        left_s = max(self._unlocked_until_s - self.clock(), 0.0)
        relocks_in_s = None if self.held else round(left_s, 3)
        return {"door": self.name, "lock": self.lock, "relocks_in_s": relocks_in_s, "pulses": self.pulses}

    def told(self) -> dict[str, Any]:
        """What the controller tells of the door when it is asked."""
        return {
            "contact": "open" if self.is_open else "closed",
            "lock": self.lock,
            "tamper": self.tamper,
            "fault": self.fault,
            "exits": self.exits,
        }

    @property
    def lock(self) -> str:
        is_stuck = self.misdeed == "stuck" and self._unlocked_at_s > float("-inf")
        return "unlocked" if self.held or is_stuck or self.clock() < self._unlocked_until_s else "locked"

    @property
    def is_open(self) -> bool:
        opens_s, closes_s = STEPS_THROUGH_S
        walks = self.is_walked and opens_s <= self.clock() - self._unlocked_at_s < closes_s
        return walks or self.contact == "open"

    def _unlock(self, for_s: float) -> None:
        self._unlocked_at_s = self.clock()
        self._unlocked_until_s = self._unlocked_at_s + for_s

    def _take(self, key: str, deadline: datetime, now: datetime) -> None:
        if now >= deadline:
            raise RefusalError(HTTPStatus.GONE, "the deadline has passed")
        if key in self._keys:
            raise RefusalError(HTTPStatus.CONFLICT, "this key was used before")
        self._keys.append(key)
