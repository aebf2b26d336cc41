"""What is told of a door itself beside the mode that it is kept in: contact, lock, tamper, fault and exit button.

Source: ONVIF Door Control Service, DoorPhysicalState, LockPhysicalState, DoorTamper, DoorFault.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

CONTACTS = ("open", "closed", "unknown")
LOCKS = ("locked", "unlocked", "unknown")
WATCHES = ("no", "poll", "push")  # who tells how a door stands: nobody, its relay when asked, or it by itself


@dataclass(frozen=True, slots=True)
class DoorSensed:
    """What a door's controller tells, by whatever wire. None is what this wire does not tell; the rest stays as it was.

    `exit` is a press of the exit button, once. As an input of core it is whole: all that is known from now on.
    """

    door: str
    at: datetime
    contact: str | None = None  # one of CONTACTS
    lock: str | None = None  # one of LOCKS
    tamper: bool | None = None
    fault: str | None = None  # what is broken, in the controller's words; empty for nothing
    exit: bool = False
    reason: str = ""  # why something is unknown, for people

    @property
    def is_unknown(self) -> bool:
        return "unknown" in (self.contact, self.lock)
