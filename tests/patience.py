"""Waiting for what other threads and processes bring about."""

from __future__ import annotations

import time
from collections.abc import Callable


def eventually(true: Callable[[], bool], within_s: float = 60.0) -> bool:
    """Whether it became true within that time."""
    ends_s = time.monotonic() + within_s
    while time.monotonic() < ends_s:
        if true():
            return True
        time.sleep(0.02)
    return true()
