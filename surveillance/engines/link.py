"""What the processes of one site say to each other, over Unix sockets in its runtime directory.

Messages are the house's own values, pickled; only this user can reach the sockets (mode 0700), and both ends prove
that they know the site's secret (multiprocessing.connection's challenge) before a byte is read.
"""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing import AuthenticationError
from multiprocessing.connection import Client, Connection, Listener
from pathlib import Path
from typing import Any

from surveillance.domain.kept import Keep, Kept
from surveillance.domain.shadow import ShadowFailed, ShadowVote
from surveillance.domain.site import Camera
from surveillance.domain.values import Classification, Glimpse, Input
from surveillance.engines.slots import Place

RETRY_S = 0.2
GONE = (EOFError, OSError, AuthenticationError)  # what a connection raises whose other end went away

# --- worker and core -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Hello:
    """A worker's first words: its name, this run of it, and the cameras that it runs already."""

    worker: str
    run: str
    cameras: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Assign:
    """The cameras a worker shall run from now on, those whose crops go first, and the candidate that each is shown."""

    cameras: tuple[Camera, ...]
    urgent: frozenset[str]
    shadows: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Told:
    """An input. One with a number is kept by the worker until it is acknowledged; `again` when sent before."""

    entry: Input
    number: int | None = None
    again: bool = False


@dataclass(frozen=True, slots=True)
class Durable:
    """Every input up to that number is on record or in core's spool."""

    number: int


@dataclass(frozen=True, slots=True)
class Refused:
    """A camera that this worker cannot run, and why."""

    camera: str
    reason: str


@dataclass(frozen=True, slots=True)
class Failed:
    """A thread of a worker that failed and is started again, and the kind of its error."""

    component: str
    error: str


@dataclass(frozen=True, slots=True)
class Leaving:
    """The worker's last word: it stops because it was told to."""


@dataclass(frozen=True, slots=True)
class Measured:
    """A process's figures since its start."""

    figures: Mapping[str, Any]


FromWorker = Hello | Told | Kept | Refused | Failed | Measured | ShadowVote | ShadowFailed | Glimpse | Leaving
FromCore = Assign | Durable | Keep

# --- worker and recognizer -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Open:
    """A worker's first words to the recognizer: who it is and where its slots are, and whether it asks candidates."""

    worker: str
    slots: Path
    count: int
    slot_bytes: int
    shadow: bool = False


@dataclass(frozen=True, slots=True)
class Classify:
    """Crops in a slot, for that model, until a moment of the machine's monotonic clock."""

    number: int
    model: str
    camera: str
    place: Place
    deadline_s: float
    urgent: bool


@dataclass(frozen=True, slots=True)
class Classified:
    """The answer; None is Expired. `refusal` says why a model cannot be used at all."""

    number: int
    answer: tuple[Classification, ...] | None
    refusal: str = ""


# --- the wire ------------------------------------------------------------------------------------------------------


class Wire:
    """One connection, which several threads may send on. Both `send` and `receive` raise one of GONE when it ends."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._lock = threading.Lock()

    def send(self, message: object) -> None:
        with self._lock:
            self._connection.send(message)

    def receive(self) -> Any:
        return self._connection.recv()

    def hang_up(self) -> None:
        """From any thread: the one that receives, here and at the other end, is told that it is over."""
        with suppress(OSError), socket.socket(fileno=os.dup(self._connection.fileno())) as line:
            line.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """By the thread that receives: a descriptor must not be closed under whoever reads from it, nor while another
        thread sends, which would be told something else than that it is over.
        """
        self.hang_up()
        with self._lock, suppress(OSError):
            self._connection.close()


class Switchboard:
    """Listens at a path and runs `serve(wire)` in a thread for each caller, until `close`."""

    def __init__(self, path: Path, secret: bytes, serve: Callable[[Wire], None]) -> None:
        path.unlink(missing_ok=True)  # left behind by a process that was killed
        self._listener = Listener(str(path), "AF_UNIX", backlog=64)
        self._path = path
        self._secret = secret
        self._serve = serve
        self._closing = threading.Event()
        self._wires: set[Wire] = set()
        self._thread = threading.Thread(target=self._accept, name=f"switchboard {path.name}", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._closing.set()
        with suppress(*GONE):  # wakes the accepting thread
            Client(str(self._path), "AF_UNIX").close()
        self._thread.join(2.0)
        self._listener.close()
        for wire in list(self._wires):
            wire.hang_up()

    def _accept(self) -> None:
        while not self._closing.is_set():
            try:
                connection = self._listener.accept()
                threading.Thread(target=self._talk, args=(connection,), name="wire", daemon=True).start()
            except GONE:  # such as no descriptor left
                self._closing.wait(RETRY_S)

    def _talk(self, connection: Connection) -> None:
        from multiprocessing.connection import answer_challenge, deliver_challenge

        wire = Wire(connection)
        self._wires.add(wire)
        try:
            if self._closing.is_set():  # it came between the closing and the last accept: nobody would hang it up
                return
            deliver_challenge(connection, self._secret)
            answer_challenge(connection, self._secret)
            self._serve(wire)
        except GONE:
            pass
        finally:
            self._wires.discard(wire)
            wire.close()


def call(path: Path, secret: bytes, stopping: threading.Event) -> Wire | None:
    """A wire to whoever listens at the path, tried until there is one; None once `stopping` is set."""
    while not stopping.is_set():
        try:
            return Wire(Client(str(path), "AF_UNIX", authkey=secret))
        except GONE:
            stopping.wait(RETRY_S)
    return None
