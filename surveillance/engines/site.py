"""Core with the cameras of its site: a thread for core, one for deeds, one that keeps house, and one per camera.

A camera's work may be done in this process or in another; `SiteParts.camera` decides. Every second the engine
compares the configured site with what runs and starts, stops or replaces what differs; a rulebook that cannot be
read leaves the old one running.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol

from surveillance.domain.errors import RecordFailed, UserMistake
from surveillance.domain.kept import Keep, Kept
from surveillance.domain.site import Camera, Site
from surveillance.domain.values import Action, CameraReport, Input, SceneReport, rfc3339
from surveillance.engines.cameras import CameraSet, CameraWork
from surveillance.engines.core import Core, told_of_itself
from surveillance.engines.supervise import Supervised

DISPATCH_S = 0.05  # how often the outbox is looked at when nothing new was recorded
IDLE_S = 5.0  # the same while nothing is under way: only core puts deeds there, and wakes
STOP_S = 5.0
HOUSE_S = 1.0

log = logging.getLogger(__name__)


class Tell(Protocol):
    """Hands an input to core. `done` is called once it is durable; `again` marks one that may have come before."""

    def __call__(self, entry: Input, done: Callable[[], None] | None = None, again: bool = False) -> None: ...


@dataclass(frozen=True, slots=True)
class SiteParts:
    """What the engine asks `app` for. `swap` puts a site's rules in force and raises UserMistake when it cannot."""

    version: Callable[[], Hashable]  # another one after every edit
    read: Callable[[], Site]
    swap: Callable[[Site], None]
    camera: Callable[[Camera, Tell], CameraWork]
    dispatch: Callable[[datetime], tuple[Action, ...]]
    tick: Callable[[datetime], None]  # called every second
    after: Callable[[tuple[Action, ...]], None]  # told what became of each deed
    close: Callable[[], None]  # ends what the parts themselves started
    is_idle: Callable[[], bool] = lambda: False  # whether `dispatch` has nothing under way and nothing is due
    doors: Callable[[], Mapping[str, Any]] = dict  # how each door stands


@dataclass
class SiteEngine:
    """`start`, then `stop`. `publish` shows other processes what is applied."""

    core: Core
    parts: SiteParts
    publish: Callable[[Mapping[str, Any]], None]
    woken: list[Callable[[], None]] = field(default_factory=list)  # called too when something was recorded
    _reports: dict[str, CameraReport] = field(default_factory=dict)
    _scenes: dict[str, dict[str, SceneReport]] = field(default_factory=dict)  # camera -> scene -> its last report
    _since: dict[str, datetime] = field(default_factory=dict)  # when each camera came into the state it is in
    _threads: list[Supervised] = field(default_factory=list)
    _stopping: threading.Event = field(default_factory=threading.Event)
    _recorded: threading.Event = field(default_factory=threading.Event)
    _seen_version: Hashable = None
    _applied_version: int = -1
    _applied_at: datetime | None = None
    _fault: str = ""

    def __post_init__(self) -> None:
        self._cameras = CameraSet(lambda camera: self.parts.camera(camera, self._take), self.core.failed, self._refused)

    def start(self) -> None:
        """Everything runs when this returns; cameras may still be opening."""
        self.turn()
        for name, run in (("core", self.core.run), ("dispatch", self._dispatch), ("house", self._keep_house)):
            thread = Supervised(name, run, self.core.failed)
            thread.start()
            self._threads.append(thread)

    def keep(self, keep: Keep, answer: Callable[[Kept], None]) -> None:
        """Of a camera of this site; answered at once where it does not run."""
        self._cameras.keep(keep, answer)

    def wake(self) -> None:
        """Something was recorded: look at the outbox now."""
        self._recorded.set()
        for wake in self.woken:
            wake()

    def stop(self) -> None:
        """Cameras first, then deeds, then core with what became of both."""
        self._stopping.set()
        self._cameras.stop()
        self._recorded.set()
        dispatch = [thread for thread in self._threads if thread.name == "dispatch"]
        self._end(dispatch)  # the parts see to what is under way
        self.parts.close()  # before core, which still records what became of the last deeds
        self.core.stop()
        self._end(self._threads)

    def _end(self, threads: Sequence[Supervised]) -> None:
        for thread in threads:
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
            log.error("configuration not applied", extra={"version": site.version, "reason": str(mistake)})
            reason = f"configuration {site.version} is not applied"
            self.core.tell(told_of_itself("configuration.rejected", reason, fault=self._fault))
        else:
            self._applied_version, self._applied_at, self._fault = site.version, datetime.now(UTC), ""
            log.info("configuration applied", extra={"version": site.version})
        self._seen_version = version
        watched = {camera.name: {scene.name for scene in camera.scenes} for camera in site.cameras}
        for name, told in self._scenes.items():
            self._scenes[name] = {scene: told[scene] for scene in tuple(told) if scene in watched.get(name, ())}
        self._cameras.reconcile(site.cameras)

    def turn(self) -> None:
        """What is due every second. A database that is away holds up nothing but what needs it."""
        with suppress(RecordFailed):
            self.reconcile()
        self.parts.tick(datetime.now(UTC))
        with suppress(RecordFailed):
            self.publish(self.status())

    def core_age_s(self) -> float:
        """Seconds since core last went round."""
        return time.monotonic() - self.core.turned_at_s

    def status(self) -> dict[str, Any]:
        """What the page shows: applied version, fault, and each camera as it last reported, with since when."""
        cameras = {
            name: {
                "state": report.state,
                "since": rfc3339(self._since[name]),
                "reason": report.reason,
                "fps": round(report.fps, 1),
                "drops": report.drops,
                "scenes": {scene: _scene_json(told) for scene, told in dict(self._scenes.get(name, {})).items()},
            }
            for name, report in dict(self._reports).items()  # told by many threads
            if name in self._cameras
        }
        return {
            "configuration_version": self._applied_version,
            "applied_at": self._applied_at and rfc3339(self._applied_at),
            "rule_fault": self._fault,
            "core_age_s": round(self.core_age_s(), 2),
            "cameras": cameras,
            "doors": dict(self.parts.doors()),
        }

    def _refused(self, camera: Camera, mistake: UserMistake) -> None:
        log.error("camera cannot be watched", extra={"camera": camera.name, "reason": str(mistake)})
        self.core.tell(told_of_itself("health.degraded", f"camera {camera.name}: {mistake}"))

    def _take(self, entry: Input, done: Callable[[], None] | None = None, again: bool = False) -> None:
        if isinstance(entry, CameraReport):
            before = self._reports.get(entry.camera)
            if before is None or before.state != entry.state:
                self._since[entry.camera] = entry.at
            self._reports[entry.camera] = entry
        elif isinstance(entry, SceneReport):
            self._scenes.setdefault(entry.camera, {})[entry.scene] = entry
        self.core.put(entry, done, again)

    def _keep_house(self) -> None:
        while not self._stopping.wait(HOUSE_S):
            self.turn()

    def _dispatch(self) -> None:
        while not self._stopping.is_set():
            self._recorded.wait(IDLE_S if self.parts.is_idle() else DISPATCH_S)
            self._recorded.clear()
            became = self.parts.dispatch(datetime.now(UTC))
            if became:
                self.parts.after(became)


def _scene_json(report: SceneReport) -> dict[str, Any]:
    """Nothing but what a page shows."""
    told = {"state": report.state, "doubt": report.doubt, "confidence": report.confidence}
    return {**told, "since": report.since and rfc3339(report.since), "at": rfc3339(report.at)}
