"""Core's side of its worker processes: which of them runs which camera, and what they tell.

A camera whose worker is gone is told as blinded at once, so that what rules ask of it is unknown; the others go on.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from surveillance.domain.kept import Keep, Kept
from surveillance.domain.shadow import ShadowFailed, ShadowTold, ShadowVote
from surveillance.domain.site import Camera
from surveillance.domain.values import CameraReport, Decision, Glimpse, Input, Observation, SceneReport
from surveillance.engines.cameras import nothing_kept
from surveillance.engines.core import told_of_itself
from surveillance.engines.link import (
    GONE,
    Assign,
    Durable,
    Failed,
    FromWorker,
    Hello,
    Leaving,
    Measured,
    Refused,
    Told,
    Wire,
)
from surveillance.engines.site import Tell

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Post:
    """A camera that shall run, where, and who hears of it."""

    camera: Camera
    worker: str
    tell: Tell
    answers: dict[str, Callable[[Kept], None]] = field(default_factory=dict)  # by event


class Fleet:
    """`serve` is what a Switchboard runs for each worker; `camera` is what SiteParts.camera asks."""

    def __init__(
        self,
        workers: Sequence[str],
        note: Callable[[Decision], None],
        measured: Callable[[str, Mapping[str, Any]], None] = lambda worker, figures: None,
        failed: Callable[[str, str], None] = lambda component, error: None,
    ) -> None:
        self._workers = tuple(workers)
        self._note = note
        self._measured = measured
        self._failed = failed
        self._posts: dict[str, Post] = {}
        self._wires: dict[str, Wire] = {}
        self._runs: dict[str, str] = {}  # the last run of each worker that said hello
        self._ran: dict[str, frozenset[str]] = {}  # what each ran when it said hello
        self._urgent: frozenset[str] = frozenset()
        self._shadows: Mapping[str, str] = {}
        self._compared: Callable[[ShadowTold], None] = lambda told: None
        self._glimpsed: Callable[[Glimpse], None] = lambda glimpse: None
        self._closing = False
        self._lock = threading.RLock()

    # --- what the engine asks ---

    def camera(self, configured: Camera, tell: Tell) -> FleetCamera:
        """Assigns a camera to the worker with the fewest."""
        with self._lock:
            load = Counter(dict.fromkeys(self._workers, 0))
            load.update(post.worker for post in self._posts.values())
            worker = min(self._workers, key=lambda name: load[name])
            self._posts[configured.name] = Post(configured, worker, tell)
        self._assign(worker)
        return FleetCamera(self, configured.name)

    def change(self, camera: Camera) -> None:
        with self._lock:
            post = self._posts[camera.name]
            post.camera = camera
        self._assign(post.worker)

    def remove(self, name: str) -> None:
        with self._lock:
            post = self._posts.pop(name, None)
        if post is not None:
            self._drop_answers(post, "the camera was removed or changed")
            self._assign(post.worker)

    def hurry(self, cameras: frozenset[str]) -> None:
        """Crops of these cameras go first: somebody may be waiting at their doors."""
        if cameras != self._urgent:
            self._urgent = cameras
            for worker in self._workers:
                self._assign(worker)

    def shadow(self, models: Mapping[str, str], told: Callable[[ShadowTold], None]) -> None:
        """The candidate that each of these cameras is shown to; `told` hears what came of it."""
        self._compared = told
        if models != self._shadows:
            self._shadows = dict(models)
            for worker in self._workers:
                self._assign(worker)

    def listen(self, glimpsed: Callable[[Glimpse], None]) -> None:
        """Who hears what cameras see for the moment alone."""
        self._glimpsed = glimpsed

    def keep(self, keep: Keep, answer: Callable[[Kept], None]) -> None:
        with self._lock:
            post = self._posts.get(keep.camera)
            wire = None if post is None else self._wires.get(post.worker)
            if post is not None and wire is not None:
                post.answers[keep.event] = answer
        if post is None or wire is None:
            answer(nothing_kept(keep.event, keep.camera, "the camera's worker is not there"))
            return
        with suppress(*GONE):  # `_left` answers then
            wire.send(keep)

    def close(self) -> None:
        """From now on a worker that leaves is no fault."""
        with self._lock:
            self._closing = True
            self._runs.clear()

    # --- what the workers say ---

    def serve(self, wire: Wire) -> None:
        """One worker, until it goes away."""
        hello: Hello = wire.receive()
        acknowledge = Acknowledgements(wire)
        try:
            self._welcome(hello, wire)
            while not isinstance(said := wire.receive(), Leaving):
                self._hear(hello, said, acknowledge)
            self._runs.pop(hello.worker, None)
        finally:
            acknowledge.stop()
            self._left(hello, wire)

    def _welcome(self, hello: Hello, wire: Wire) -> None:
        with self._lock:
            again = self._runs.get(hello.worker, hello.run) != hello.run
            self._wires[hello.worker] = wire
            self._runs[hello.worker] = hello.run
            moved = set()
            self._ran[hello.worker] = frozenset(hello.cameras)
            for name in hello.cameras:  # core was started anew: who runs it goes on
                post = self._posts.get(name)
                if post is not None and name not in self._ran.get(post.worker, frozenset()):
                    moved.add(post.worker)
                    post.worker = hello.worker
        if again:
            self._note(told_of_itself("health.restored", f"{hello.worker} runs again", component=hello.worker))
        for worker in {hello.worker, *moved}:
            self._assign(worker)

    def _hear(self, hello: Hello, said: FromWorker, acknowledge: Acknowledgements) -> None:
        if isinstance(said, Told):
            self._pass_on(said, acknowledge)
        elif isinstance(said, Kept):
            with self._lock:
                post = self._posts.get(said.camera)
                answer = None if post is None else post.answers.pop(said.event, None)
            if answer is not None:
                answer(said)
        elif isinstance(said, Refused):
            self._note(told_of_itself("health.degraded", f"camera {said.camera}: {said.reason}"))
        elif isinstance(said, Failed):
            self._failed(said.component, said.error)
        elif isinstance(said, Measured):
            self._measured(hello.worker, said.figures)
        elif isinstance(said, ShadowVote | ShadowFailed):
            self._compared(said)
        elif isinstance(said, Glimpse):
            self._glimpsed(said)

    def _pass_on(self, told: Told, acknowledge: Acknowledgements) -> None:
        number = told.number
        post = self._posts.get(camera_of(told.entry))
        if number is None:
            if post is not None:
                post.tell(told.entry)
        elif post is None:  # of a camera that is no longer configured
            acknowledge.expect(number)()
        else:
            post.tell(told.entry, acknowledge.expect(number), told.again)

    def _left(self, hello: Hello, wire: Wire) -> None:
        with self._lock:
            if self._wires.get(hello.worker) is not wire:
                return
            del self._wires[hello.worker]
            posts = [post for post in self._posts.values() if post.worker == hello.worker]
        if self._closing:
            return
        is_fault = hello.worker in self._runs  # else it was told to stop, and may be started again
        if is_fault:
            log.warning("worker gone", extra={"component": hello.worker})
            self._note(told_of_itself("health.degraded", f"{hello.worker} is gone", component=hello.worker))
        now = datetime.now(UTC)
        for post in posts:
            self._drop_answers(post, "the camera's worker is gone")
            post.tell(CameraReport(post.camera.name, now, "blinded", f"{hello.worker} is gone", changed=is_fault))

    def _drop_answers(self, post: Post, why: str) -> None:
        with self._lock:
            waiting, post.answers = post.answers, {}
        for event, answer in waiting.items():
            answer(nothing_kept(event, post.camera.name, why))

    def _assign(self, worker: str) -> None:
        with self._lock:
            wire = self._wires.get(worker)
            cameras = tuple(post.camera for post in self._posts.values() if post.worker == worker)
        if wire is not None:
            with suppress(*GONE):
                wire.send(Assign(cameras, self._urgent, self._shadows))


class FleetCamera:
    """A camera's work as the engine sees it, done by a worker process."""

    def __init__(self, fleet: Fleet, name: str) -> None:
        self._fleet = fleet
        self._name = name
        self._stopped = threading.Event()

    def run(self) -> None:
        self._stopped.wait()

    def stop(self) -> None:
        self._fleet.remove(self._name)
        self._stopped.set()

    def change(self, camera: Camera) -> bool:
        """The worker decides whether it must open the source anew."""
        self._fleet.change(camera)
        return True

    def keep(self, keep: Keep, answer: Callable[[Kept], None]) -> None:
        self._fleet.keep(keep, answer)


class Acknowledgements:
    """Tells one worker up to which number core has everything safe; never holds up whoever reports it."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._open: deque[int] = deque()  # in the order in which they came
        self._safe: set[int] = set()
        self._told = 0
        self._lock = threading.Lock()
        self._changed = threading.Event()
        self._stopping = False
        threading.Thread(target=self._run, name="acknowledge", daemon=True).start()

    def expect(self, number: int) -> Callable[[], None]:
        """An input that came; the result is to be called once it is safe."""
        with self._lock:
            self._open.append(number)
        return lambda: self._is_safe(number)

    def stop(self) -> None:
        self._stopping = True
        self._changed.set()

    def _is_safe(self, number: int) -> None:
        with self._lock:
            self._safe.add(number)
            while self._open and self._open[0] in self._safe:
                self._told = self._open.popleft()
                self._safe.discard(self._told)
        self._changed.set()

    def _run(self) -> None:
        while self._changed.wait() and not self._stopping:
            self._changed.clear()
            with suppress(*GONE):  # the reading thread notices
                self._wire.send(Durable(self._told))


def camera_of(entry: Input) -> str:
    """The camera that an input of a worker is about."""
    return entry.camera if isinstance(entry, Observation | CameraReport | SceneReport) else ""
