"""A bound on answers that stay open, since each holds a thread of the server."""

from __future__ import annotations

import threading


class Streams:
    """Counts open streams; `enter` says False when all places are taken."""

    def __init__(self, most: int) -> None:
        self._free = threading.BoundedSemaphore(most)

    def enter(self) -> bool:
        return self._free.acquire(blocking=False)

    def leave(self) -> None:
        self._free.release()
