"""Whoever has asked core something rings, so that core need not look at its inbox a hundred times a second.

A bell that nobody hears, or that was not rung, loses nothing: core looks all the same, only less often.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

RING, CLOSE = b"r", b"c"


class Doorbell:
    """Calls `rung()` each time somebody rings at the path, until `close`. Raises OSError where it cannot listen."""

    def __init__(self, path: Path, rung: Callable[[], None]) -> None:
        path.unlink(missing_ok=True)  # left behind by a process that was killed
        self._path = path
        self._rung = rung
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            self._socket.bind(str(path))
        except OSError:
            self._socket.close()
            raise
        self._thread = threading.Thread(target=self._listen, name="doorbell", daemon=True)
        self._thread.start()

    def close(self) -> None:
        _send(self._path, CLOSE)
        self._thread.join(1.0)
        self._socket.close()
        self._path.unlink(missing_ok=True)

    def _listen(self) -> None:
        with suppress(OSError):  # closed meanwhile
            while self._socket.recv(1) != CLOSE:
                self._rung()


def ring(path: Path) -> None:
    """Waits for nobody and never fails."""
    _send(path, RING)


def _send(path: Path, what: bytes) -> None:
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as bell:
        bell.setblocking(False)
        bell.sendto(what, str(path))
