"""What was presented at each door in the last seconds: a badge and then its PIN are one request, in any order.

Clear values are kept in memory for these seconds only. A grant, or another token, begins anew: nobody goes on with what
somebody else has presented and used.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import datetime, timedelta

from surveillance.access.credentials import TOKENS
from surveillance.domain.values import Factor, Presented

MOST_DOORS = 1000


@dataclass(frozen=True, slots=True)
class _Begun:
    at: datetime
    factors: tuple[Factor, ...]


class Collecting:
    """Safe to share between threads. With a window of 0 nothing is kept."""

    def __init__(self, window_s: float = 0.0) -> None:
        self._window = timedelta(seconds=window_s)
        self._lock = threading.Lock()
        self._begun: dict[str, _Begun] = {}

    def add(self, presented: Presented) -> tuple[Factor, ...]:
        """What was presented before at that door and goes with this: a token where this has none, or its PIN.

        A kind that comes twice begins anew, so each token allows one PIN.
        """
        if not self._window or not presented.factors:
            return ()
        with self._lock:
            begun = self._begun.pop(presented.door, None)
            goes_on = begun is not None and self._goes_with(begun, presented)
            earlier = begun.factors if begun is not None and goes_on else ()
            since = begun.at if begun is not None and goes_on else presented.at
            self._begun[presented.door] = _Begun(since, (*earlier, *presented.factors))
            while len(self._begun) > MOST_DOORS:
                del self._begun[next(iter(self._begun))]
            return earlier

    def close(self, door: str) -> None:
        """Somebody was let in there: what they presented is used."""
        with self._lock:
            self._begun.pop(door, None)

    def _goes_with(self, begun: _Begun, presented: Presented) -> bool:
        earlier = {factor.kind for factor in begun.factors}
        now = {factor.kind for factor in presented.factors}
        has_one_token = bool(earlier & set(TOKENS)) is not bool(now & set(TOKENS))
        return abs(presented.at - begun.at) <= self._window and has_one_token and not earlier & now
