"""What core tells of a door itself into words and signs for its tile and page: how it stands, and its last test."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from flask_babel import lazy_gettext as _l

from surveillance.dashboard.wording import Chip

CONTACTS = {
    "open": Chip(_l("Open"), "door", "warn"),
    "closed": Chip(_l("Closed"), "check", "calm"),
    "unknown": Chip(_l("Unknown"), "question", "warn"),
}
LOCKS = {
    "locked": Chip(_l("Locked"), "lock", "calm"),
    "unlocked": Chip(_l("Unlocked"), "unlock", "warn"),
    "unknown": Chip(_l("Unknown"), "question", "warn"),
}
TEST_STEPS = {
    "relay": _l("Relay"),
    "relock": _l("Locks again"),
    "contact": _l("Contact"),
    "exit": _l("Exit button"),
    "reader": _l("Reader"),
    "camera": _l("Camera"),
}
TEST_CHIPS = {
    "passed": Chip(_l("Passed"), "check", "good"),
    "failed": Chip(_l("Failed"), "ban", "bad"),
    "incomplete": Chip(_l("Incomplete"), "question", "warn"),
    "skipped": Chip(_l("Skipped"), "minus", "warn"),
    "absent": Chip(_l("Nothing to test"), "minus", "calm"),
}
TAMPER = Chip(_l("Tampered with"), "warn", "bad")
FAULT = Chip(_l("Fault"), "warn", "bad")


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that is told, since when, and more of it in the controller's words."""

    label: Any
    chip: Chip
    since: str | None
    words: str = ""


@dataclass(frozen=True, slots=True)
class DoorItself:
    """All that is told of a door itself; nothing where nobody tells."""

    told: Mapping[str, Any] = field(default_factory=dict)
    is_watched: bool = False

    @property
    def facts(self) -> Sequence[Fact]:
        contact, lock = (self._word(key) for key in ("contact", "lock"))
        facts = [Fact(_l("Door"), CONTACTS[contact], self._since("contact"))] if contact in CONTACTS else []
        facts += [Fact(_l("Lock"), LOCKS[lock], self._since("lock"))] if lock in LOCKS else []
        return facts

    @property
    def alarms(self) -> Sequence[Fact]:
        alarms = [Fact(_l("Tampering"), TAMPER, self._since("tamper"))] if self.told.get("tamper") else []
        fault = str(self.told.get("fault") or "")
        return [*alarms, *([Fact(_l("Fault"), FAULT, self._since("fault"), fault)] if fault else [])]

    @property
    def doubt(self) -> str:
        """Why something of it is unknown."""
        return str(self.told.get("doubt") or "")

    @property
    def is_unknown(self) -> bool:
        return "unknown" in (self._word("contact"), self._word("lock"))

    def _word(self, key: str) -> str | None:
        """Nothing is known of a door that somebody should tell of while core is silent."""
        return self.told.get(key) if self.told or not self.is_watched else "unknown"

    def _since(self, key: str) -> str | None:
        since: str | None = (self.told.get("known_since") or {}).get(key)
        return since
