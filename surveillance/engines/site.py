"""Core with the cameras of its site: a thread for core, one for deeds, one that keeps house, and one per camera.

A camera's work may be done in this process or in another; `SiteParts.camera` decides. Every second the engine
compares the configured site with what runs and starts, stops or replaces what differs; a rulebook that cannot be
read leaves the old one running.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol

from surveillance.domain.errors import UserMistake
from surveillance.domain.site import Camera, Site
from surveillance.domain.values import Action, CameraReport, Input, Keep, Kept
from surveillance.engines.core import Core, told_of_itself
from surveillance.engines.supervise import Supervised

DISPATCH_S = 0.05  # how often the outbox is looked at when nothing new was recorded
STOP_S = 5.0
HOUSE_S = 1.0

log = logging.getLogger(__name__)


class CameraWork(Protocol):
    """One camera's work, from its source to its observations. `run` returns after `stop`.

    `keep` returns at once; its answer comes later, from any thread, and always comes while the work runs.
    """

    def run(self) -> None: ...
    def stop(self) -> None: ...
    def keep(self, keep: Keep, answer: Callable[[Kept], None]) -> None: ...


@dataclass(frozen=True, slots=True)
class SiteParts:
    """What the engine asks `app` for. `swap` puts a site's rules in force and raises UserMistake when it cannot."""

    version: Callable[[], Hashable]  # another one after every edit
    read: Callable[[], Site]
    swap: Callable[[Site], None]
    camera: Callable[[Camera, Callable[[Input], None]], CameraWork]
    dispatch: Callable[[datetime], tuple[Action, ...]]
    tick: Callable[[datetime], None]  # called every second
    after: Callable[[tuple[Action, ...]], None]  # told what became of each deed
    close: Callable[[], None]  # ends what the parts themselves started


@dataclass(slots=True)
class RunningCamera:
    configured: Camera
    work: CameraWork
    thread: Supervised


@dataclass
class SiteEngine:
    """`start`, then `stop`. `publish` shows other processes what is applied."""

    core: Core
    parts: SiteParts
    publish: Callable[[Mapping[str, Any]], None]
    _cameras: dict[str, RunningCamera] = field(default_factory=dict)
    _reports: dict[str, CameraReport] = field(default_factory=dict)
    _threads: list[Supervised] = field(default_factory=list)
    _stopping: threading.Event = field(default_factory=threading.Event)
    _recorded: threading.Event = field(default_factory=threading.Event)
    _seen_version: Hashable = None
    _applied_version: int = -1
    _fault: str = ""

    def start(self) -> None:
        """Everything runs when this returns; cameras may still be opening."""
        self.turn()
        for name, run in (("core", self.core.run), ("dispatch", self._dispatch), ("house", self._keep_house)):
            thread = Supervised(name, run, self.core.failed)
            thread.start()
            self._threads.append(thread)

    def keep(self, keep: Keep, answer: Callable[[Kept], None]) -> None:
        """Hands the wish to the camera's work; a camera that does not run answers at once that nothing was kept."""
        running = self._cameras.get(keep.camera)
        if running is None:
            why = f"camera {keep.camera} does not run"
            answer(Kept(keep.event, keep.camera, missing={"picture": why, "clip": why}))
        else:
            running.work.keep(keep, answer)

    def wake(self) -> None:
        """Something was recorded: look at the outbox now."""
        self._recorded.set()

    def stop(self) -> None:
        """Cameras first, then core with what they still told, then deeds."""
        self._stopping.set()
        for running in self._cameras.values():
            running.thread.stop()
            running.work.stop()
        for running in self._cameras.values():
            running.thread.join(STOP_S)
        self._recorded.set()
        self.parts.close()  # before core, which still records what became of the last deeds
        self.core.stop()
        for thread in self._threads:
            thread.stop()
            thread.join(STOP_S)

    def reconcile(self) -> None:
        """Desired against running, when the configuration has changed."""
        version = self.parts.version()
        if version == self._seen_version:
            return
        site = self.parts.read()
        try:
            with self.core.between_turns:
                self.parts.swap(site)
        except UserMistake as mistake:
            self._fault = str(mistake)
            log.error("configuration %d is not applied: %s", site.version, mistake)
            reason = f"configuration {site.version} is not applied"
            self.core.tell(told_of_itself("configuration.rejected", reason, fault=self._fault))
        else:
            self._applied_version, self._fault = site.version, ""
        self._seen_version = version
        desired = {camera.name: camera for camera in site.cameras if camera.enabled}
        for name in [name for name, running in self._cameras.items() if desired.get(name) != running.configured]:
            self._end(name)
        for name in desired.keys() - self._cameras.keys():
            self._begin(desired[name])

    def turn(self) -> None:
        """What is due every second."""
        self.reconcile()
        self.parts.tick(datetime.now(UTC))
        self.publish(self.status())

    def status(self) -> dict[str, Any]:
        """What the page shows: applied version, fault, and each camera as it last reported."""
        cameras = {
            name: {"state": report.state, "reason": report.reason, "fps": round(report.fps, 1), "drops": report.drops}
            for name, report in self._reports.items()
            if name in self._cameras
        }
        return {
            "configuration_version": self._applied_version,
            "rule_fault": self._fault,
            "core_age_s": round(time.monotonic() - self.core.turned_at_s, 2),
            "cameras": cameras,
        }

    def _begin(self, camera: Camera) -> None:
        try:
            work = self.parts.camera(camera, self._take)
        except UserMistake as mistake:
            log.error("camera %s cannot be watched: %s", camera.name, mistake)
            self.core.tell(told_of_itself("health.degraded", f"camera {camera.name}: {mistake}"))
            return
        thread = Supervised(f"camera {camera.name}", work.run, self.core.failed)
        self._cameras[camera.name] = RunningCamera(camera, work, thread)
        thread.start()

    def _end(self, name: str) -> None:
        running = self._cameras.pop(name)
        running.thread.stop()
        running.work.stop()
        running.thread.join(STOP_S)

    def _take(self, entry: Input) -> None:
        if isinstance(entry, CameraReport):
            self._reports[entry.camera] = entry
        self.core.put(entry)

    def _keep_house(self) -> None:
        while not self._stopping.wait(HOUSE_S):
            self.turn()

    def _dispatch(self) -> None:
        while not self._stopping.is_set():
            self._recorded.wait(DISPATCH_S)
            self._recorded.clear()
            became = self.parts.dispatch(datetime.now(UTC))
            if became:
                self.parts.after(became)
