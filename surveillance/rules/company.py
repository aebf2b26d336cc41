"""Who was let in last at each door, and who waits there for a second person. Bounded, and rebuilt after a restart."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from surveillance.domain.company import LetIn

MAX_LET_IN = 20_000  # doors times people; the oldest go first
MAX_WAITING = 1000


class Company:
    """Who was let in last at each door, and who waits there. Times may come a little out of order."""

    def __init__(self) -> None:
        self._let_in: dict[tuple[str, str], LetIn] = {}  # door and person -> the last time
        self._waiting: dict[tuple[str, str], LetIn] = {}  # granted by themselves, and not let in yet

    def let_in(self, one: LetIn) -> None:
        """They are in, and nobody waits any more for whom they were the second."""
        key = (one.door, one.person)
        known = self._let_in.pop(key, None)
        self._let_in[key] = one if known is None or known.at <= one.at else known
        while len(self._let_in) > MAX_LET_IN:
            del self._let_in[next(iter(self._let_in))]

    def wait(self, one: LetIn) -> None:
        """They would be let in, were there a second person."""
        self._waiting.pop((one.door, one.person), None)
        self._waiting[(one.door, one.person)] = one
        while len(self._waiting) > MAX_WAITING:
            del self._waiting[next(iter(self._waiting))]

    def waiting(self, door: str, besides: str, at: datetime, within: timedelta) -> str | None:
        """Somebody else who waits there, by name."""
        found = (one for one in self._waiting.values() if one.door == door and one.person != besides)
        return min((one.person for one in found if abs(at - one.at) <= within), default=None)

    def served(self, door: str, *people: str) -> None:
        """They wait no more."""
        for person in people:
            self._waiting.pop((door, person), None)

    def was_let_in(self, door: str, group: str, since: datetime, until: datetime, besides: str = "") -> str:
        """The last of that group who was let in there in that time, by name; empty for nobody."""
        found = [
            one
            for one in self._let_in.values()
            if one.door == door and group in one.groups and since <= one.at <= until and one.person != besides
        ]
        return max(found, key=lambda one: (one.at, one.person)).person if found else ""

    def take_back(self, id: str) -> None:
        """That request did not come on record: nobody was let in by it, and nobody waits."""
        self._let_in = {key: one for key, one in self._let_in.items() if one.id != id}
        self._waiting = {key: one for key, one in self._waiting.items() if one.id != id}

    def recall(self, let_in: Iterable[LetIn]) -> None:
        """Who was let in by the record, which counts whatever judging stored inputs anew made of it."""
        self._let_in = {}
        for one in let_in:
            self.let_in(one)

    def keep_only(self, doors: set[str]) -> None:
        """Forgets what the site no longer has."""
        self._let_in = {key: one for key, one in self._let_in.items() if one.door in doors}
        self._waiting = {key: one for key, one in self._waiting.items() if one.door in doors}
