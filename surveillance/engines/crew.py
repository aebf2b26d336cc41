"""A worker process: runs the cameras that core assigns, and tells core what they show until it is safe there.

While core is away the cameras go on, and what they told waits in order.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from surveillance.domain.errors import UserMistake
from surveillance.domain.kept import Keep, Kept
from surveillance.domain.shadow import ShadowTold
from surveillance.domain.site import Camera
from surveillance.domain.values import Glimpse, Input, new_id
from surveillance.engines.backlog import Backlog
from surveillance.engines.cameras import CameraSet, CameraWork
from surveillance.engines.link import GONE, Assign, Durable, Failed, Hello, Leaving, Measured, Refused, Wire, call
from surveillance.engines.supervise import Supervised

TAKE_S = 1.0
HAND_OVER_S = 1.5  # how long a stopping worker waits for core to acknowledge what it told
MEASURE_S = 1.0
ASIDES = 1000  # what waits to be said besides inputs; the oldest goes first
Aside = Kept | Refused | Measured | ShadowTold | Glimpse

log = logging.getLogger(__name__)


class Crew:
    """`run` until `stop`. `build(camera, tell)` makes a camera's work; `measure` is asked once a second.

    `shadow` is told which candidate each camera is shown to.
    """

    def __init__(
        self,
        name: str,
        build: Callable[[Camera, Callable[[Input], None]], CameraWork],
        measure: Callable[[], Mapping[str, Any]] = dict,
        backlog: Backlog | None = None,
        shadow: Callable[[Mapping[str, str]], None] = lambda models: None,
    ) -> None:
        self._name = name
        self._run_id = new_id()
        self._measure = measure
        self.backlog = backlog or Backlog()
        self._shadow = shadow
        self._wire: Wire | None = None
        self._desired: Assign | None = None
        self._changed = threading.Event()
        self._stopping = threading.Event()
        self.urgent: frozenset[str] = frozenset()
        self._refusals: list[Refused] = []
        self._failures: deque[Failed] = deque(maxlen=ASIDES)  # these wait for core
        self._asides: deque[Aside] = deque(maxlen=ASIDES)
        self._cameras = CameraSet(lambda camera: build(camera, self.backlog.add), self.failed, self._refused)

    @property
    def is_stopping(self) -> bool:
        return self._stopping.is_set()

    def stop(self) -> None:
        """May be called from a signal handler."""
        self._stopping.set()
        self._changed.set()

    def run(self, core: Path, secret: bytes) -> None:
        """Until `stop`: then the cameras end, and what they told last is handed over."""
        hung_up = threading.Event()
        threads = [
            Supervised("line to core", partial(self._connect, core, secret, hung_up), self.failed),
            Supervised("tell core", partial(self._send, hung_up), self.failed),
        ]
        for thread in threads:
            thread.start()
        while not self._stopping.is_set():
            if self._changed.wait(MEASURE_S):
                self._changed.clear()
                self._reconcile()
            self._say(Measured(self._measure()))
        self._cameras.stop()
        if not self.backlog.wait_empty(HAND_OVER_S):
            log.warning("stopped with inputs that core did not acknowledge", extra={"count": len(self.backlog)})
        hung_up.set()
        for thread in threads:
            thread.stop()
        self.backlog.nudge()
        wire = self._wire
        if wire is not None:
            with suppress(*GONE):
                self._send_asides(wire)
                wire.send(Leaving())
            wire.hang_up()

    def _reconcile(self) -> None:
        desired = self._desired
        if desired is not None and not self._stopping.is_set():
            self._shadow(desired.shadows)
            self._cameras.reconcile(desired.cameras)
            while self._refusals:
                self._say(self._refusals.pop())

    def _connect(self, core: Path, secret: bytes, hung_up: threading.Event) -> None:
        while wire := call(core, secret, hung_up):
            try:
                with suppress(*GONE):
                    self._listen(wire)
            finally:
                self._wire = None
                wire.close()
            if not hung_up.is_set():
                log.warning("line to core lost")

    def _listen(self, wire: Wire) -> None:
        wire.send(Hello(self._name, self._run_id, tuple(self._cameras)))
        self.backlog.send_again()
        self._asides.clear()  # of the line before
        self._wire = wire
        while True:
            self._obey(wire.receive())

    def _obey(self, order: Assign | Durable | Keep) -> None:
        if isinstance(order, Assign):
            self._desired, self.urgent = order, order.urgent
            self._changed.set()
        elif isinstance(order, Durable):
            self.backlog.durable(order.number)
        else:
            self._cameras.keep(order, self._say)

    def _send(self, hung_up: threading.Event) -> None:
        """Sends what is told; while there is no line it waits in the backlog."""
        while not hung_up.is_set():
            wire = self._wire
            if wire is None:
                time.sleep(0.05)
            else:
                told = self.backlog.take(TAKE_S)
                try:
                    self._send_asides(wire)
                    if told is not None:
                        wire.send(told)
                except GONE:
                    self.backlog.send_again()

    def _send_asides(self, wire: Wire) -> None:
        with suppress(IndexError):  # none is left
            while self._failures:
                wire.send(self._failures[0])
                self._failures.popleft()
            while True:
                wire.send(self._asides.popleft())

    def compared(self, told: ShadowTold) -> None:
        """What a candidate said beside the current model; lost while core is away."""
        self._say(told)

    def glimpsed(self, glimpse: Glimpse) -> None:
        """What a camera saw for the moment alone: lost while core is away."""
        self._say(glimpse)

    def _say(self, message: Aside) -> None:
        """What is not worth keeping while core is away. Never waits for a core that is slow to listen."""
        if self._wire is not None:
            self._asides.append(message)
            self.backlog.nudge()

    def failed(self, name: str, error: Exception) -> None:
        """A thread of this worker failed and is started again; told when core is there."""
        self._failures.append(Failed(name, type(error).__name__))
        self.backlog.nudge()

    def _refused(self, camera: Camera, mistake: UserMistake) -> None:
        log.error("camera cannot be watched", extra={"camera": camera.name, "reason": str(mistake)})
        self._refusals.append(Refused(camera.name, str(mistake)))
