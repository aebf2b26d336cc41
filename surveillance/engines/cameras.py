"""The cameras that run here, each in a supervised thread: what is desired against what runs."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from surveillance.domain.errors import UserMistake
from surveillance.domain.kept import Keep, Kept
from surveillance.domain.site import Camera
from surveillance.engines.supervise import Supervised

STOP_S = 3.0  # how long a camera that was told to stop may take

log = logging.getLogger(__name__)


class CameraWork(Protocol):
    """One camera's work, from its source to its observations. `run` returns after `stop`.

    `change` takes over an edit without opening the source anew, or says False. `keep` returns at once; its answer
    comes later, from any thread, and always comes while the work runs.
    """

    def run(self) -> None: ...
    def stop(self) -> None: ...
    def change(self, camera: Camera) -> bool: ...
    def keep(self, keep: Keep, answer: Callable[[Kept], None]) -> None: ...


@dataclass(slots=True)
class Running:
    configured: Camera
    work: CameraWork
    thread: Supervised


class CameraSet:
    """`reconcile` starts, changes and stops cameras so that the desired ones run. Belongs to one thread."""

    def __init__(
        self,
        build: Callable[[Camera], CameraWork],
        failed: Callable[[str, Exception], None],
        refused: Callable[[Camera, UserMistake], None],
    ) -> None:
        self._build = build
        self._failed = failed
        self._refused = refused
        self._running: dict[str, Running] = {}

    def __contains__(self, name: str) -> bool:
        return name in self._running

    def __iter__(self) -> Iterator[str]:
        return iter(tuple(self._running))

    def keep(self, keep: Keep, answer: Callable[[Kept], None]) -> None:
        """Hands the wish to the camera's work; a camera that does not run answers at once that nothing was kept."""
        running = self._running.get(keep.camera)
        if running is None:
            answer(nothing_kept(keep.event, keep.camera, f"camera {keep.camera} does not run"))
        else:
            running.work.keep(keep, answer)

    def reconcile(self, desired: Iterable[Camera]) -> None:
        """Only what differs is touched."""
        wanted = {camera.name: camera for camera in desired if camera.enabled}
        ending = [name for name, running in self._running.items() if not self._goes_on(running, wanted.get(name))]
        self._end(ending)
        for camera in wanted.values():
            if camera.name not in self._running:
                self._begin(camera)

    def stop(self) -> None:
        self._end(list(self._running))

    def _goes_on(self, running: Running, wanted: Camera | None) -> bool:
        if wanted is None:
            return False
        if wanted != running.configured and not running.work.change(wanted):
            return False
        running.configured = wanted
        return True

    def _begin(self, camera: Camera) -> None:
        try:
            work = self._build(camera)
        except UserMistake as mistake:
            self._refused(camera, mistake)
            return
        thread = Supervised(f"camera {camera.name}", work.run, self._failed)
        self._running[camera.name] = Running(camera, work, thread)
        log.info("camera is watched", extra={"camera": camera.name, "url": camera.shown_url})
        thread.start()

    def _end(self, names: Iterable[str]) -> None:
        """All are told to stop before any is waited for."""
        ending = [self._running.pop(name) for name in names]
        for running in ending:
            log.info("camera is watched no more", extra={"camera": running.configured.name})
        for running in ending:
            running.thread.stop()
            running.work.stop()
        for running in ending:
            running.thread.join(STOP_S)


def nothing_kept(event: str, camera: str, why: str) -> Kept:
    """The answer to a Keep that no camera could be asked."""
    return Kept(event, camera, missing={"picture": why, "clip": why})
