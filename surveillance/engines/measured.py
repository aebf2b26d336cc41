"""The steps of the walk, timed and counted: each wraps a step, is one itself, and changes nothing of what it does."""

from __future__ import annotations

import resource
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

from surveillance.domain import ports
from surveillance.domain.ports import Asked, JudgedInput
from surveillance.domain.site import Camera
from surveillance.domain.values import (
    Attributes,
    Bgr,
    CameraReport,
    Classification,
    Detection,
    Event,
    Frame,
    Motion,
    Observation,
    Scene,
    SceneReport,
    Track,
)
from surveillance.engines.figures import Figures
from surveillance.walk import WorkerWalk

STEP = "step_seconds"
NOTHING: Mapping[int, Attributes] = MappingProxyType({})


def measured_walk(walk: WorkerWalk, figures: Figures) -> WorkerWalk:
    """The same walk, every step of it timed under `step_seconds{step=}`."""
    return replace(
        walk,
        gate=TimedGate(walk.gate, figures),
        propose=TimedPropose(walk.propose, figures),
        recognize=TimedRecognize(walk.recognize, figures),
        track=TimedFollow(walk.track, figures),
        describe=TimedDescribe(walk.describe, figures),
        observe=TimedObserve(walk.observe, figures),
        look=TimedLook(walk.look, figures),
    )


@dataclass(frozen=True, slots=True)
class TimedGate:
    step: ports.Gate
    figures: Figures

    def __call__(self, frame: Frame, tracks: Sequence[Track]) -> Motion:
        with self.figures.timed(STEP, step="gate"):
            return self.step(frame, tracks)

    def change(self, camera: Camera) -> None:
        self.step.change(camera)

    def preview(self, wanted: bool) -> None:
        self.step.preview(wanted)


@dataclass(frozen=True, slots=True)
class TimedPropose:
    step: ports.Propose
    figures: Figures

    def __call__(self, frame: Frame, motion: Motion, tracks: Sequence[Track]) -> tuple[Detection, ...]:
        with self.figures.timed(STEP, step="propose"):
            return self.step(frame, motion, tracks)


@dataclass(frozen=True, slots=True)
class TimedRecognize:
    """Crops, and waits for the recognizer's answer."""

    step: ports.Recognize
    figures: Figures

    def __call__(self, frame: Frame, detections: Sequence[Detection]) -> Scene:
        with self.figures.timed(STEP, step="recognize"):
            return self.step(frame, detections)


@dataclass(frozen=True, slots=True)
class TimedFollow:
    step: ports.Follow
    figures: Figures

    @property
    def tracks(self) -> Sequence[Track]:
        return self.step.tracks

    def __call__(self, scene: Scene) -> tuple[Track, ...]:
        with self.figures.timed(STEP, step="track"):
            return self.step(scene)

    def finish(self) -> tuple[Track, ...]:
        return self.step.finish()


@dataclass(frozen=True, slots=True)
class TimedDescribe:
    step: ports.Describe
    figures: Figures

    def __call__(self, frame: Frame, tracks: Sequence[Track]) -> Mapping[int, Attributes]:
        with self.figures.timed(STEP, step="describe"):
            return self.step(frame, tracks)


@dataclass(frozen=True, slots=True)
class TimedObserve:
    step: ports.Observe
    figures: Figures

    def __call__(
        self, frame: Frame, tracks: Sequence[Track], described: Mapping[int, Attributes] = NOTHING
    ) -> tuple[Observation, ...]:
        with self.figures.timed(STEP, step="observe"):
            return self.step(frame, tracks, described)

    def change(self, camera: Camera) -> bool:
        return self.step.change(camera)


@dataclass(frozen=True, slots=True)
class TimedLook:
    step: ports.Look
    figures: Figures

    def __call__(self, frame: Frame) -> tuple[SceneReport, ...]:
        with self.figures.timed(STEP, step="look"):
            return self.step(frame)

    def change(self, camera: Camera) -> None:
        self.step.change(camera)


@dataclass(frozen=True, slots=True)
class CountedClassifier:
    """A recognizer's model: batches, crops in them, and how long a batch takes."""

    step: ports.Classifier
    figures: Figures
    model: str

    def __call__(self, crops: Sequence[Bgr]) -> tuple[Classification, ...]:
        self.figures.count("recognizer_batches", model=self.model)
        self.figures.count("recognizer_crops", len(crops), model=self.model)
        with self.figures.timed("recognizer_batch_seconds", model=self.model):
            return self.step(crops)


@dataclass(slots=True)
class CameraFigures:
    """What is counted of one camera in the process that works it."""

    camera: str
    figures: Figures
    _drops: dict[str, int] = field(default_factory=dict)
    _is_over: bool = False

    def read(self, waiting: int) -> None:
        """A frame came from the source; so many wait to be looked at."""
        self.figures.count("frames_read", camera=self.camera)
        if not self._is_over:
            self.figures.set("queue_length", waiting, queue="mailbox", camera=self.camera)

    def looked(self, frame: Frame) -> None:
        """A frame has been through the walk."""
        self.figures.count("frames_analyzed", camera=self.camera)
        age_s = (datetime.now(UTC) - frame.captured_at).total_seconds()
        self.figures.observe("frame_age_seconds", max(age_s, 0.0), camera=self.camera)

    def encoded(self, size: str) -> None:
        """A live picture was encoded for whoever watches."""
        self.figures.count("pictures_encoded", camera=self.camera, size=size)

    def answered(self, came: bool) -> None:
        """The recognizer was asked."""
        if not came:
            self.figures.count("asks_expired", camera=self.camera)

    def report(self, report: CameraReport) -> None:
        """Drops are reported as totals since the source was opened."""
        for reason, total in report.drops.items():
            fresh = total - self._drops.get(reason, 0)
            if fresh > 0:
                self.figures.count("frames_dropped", fresh, camera=self.camera, reason=reason)
            self._drops[reason] = total

    def ended(self) -> None:
        self._is_over = True
        self.figures.unset(camera=self.camera)


@dataclass(frozen=True, slots=True)
class MeasuredRecord:
    """The ledger's commits, the decisions that they put on record, and the observations."""

    step: ports.Record
    figures: Figures

    def __call__(self, judged: Sequence[JudgedInput]) -> tuple[Event, ...]:
        began_s = time.perf_counter()
        events = self.step(judged)
        self.figures.observe("commit_seconds", time.perf_counter() - began_s)
        seen = sum(isinstance(entry, Observation) for entry, _ in judged)
        if seen:
            self.figures.count("observations_recorded", seen)
        for event in events:
            decision = event.decision
            if decision.verdict is not None:
                self.figures.count("decisions", rule=decision.rule or "", verdict=decision.verdict)
        return events


@dataclass(frozen=True, slots=True)
class ProcessFigures:
    """What this process takes of the machine: memory, open files, threads and processor time. For `before_telling`."""

    name: str
    figures: Figures

    def __call__(self) -> None:
        used = resource.getrusage(resource.RUSAGE_SELF)
        self.figures.count_to("process_cpu_seconds", used.ru_utime + used.ru_stime, process=self.name)
        self.figures.set("process_threads", threading.active_count(), process=self.name)
        if sys.platform == "linux":
            pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
            self.figures.set("process_resident_bytes", pages * resource.getpagesize(), process=self.name)
            self.figures.set("process_open_files", len(list(Path("/proc/self/fd").iterdir())), process=self.name)


class MeasuredInbox:
    """How long whoever asks core waits until the answer is on record."""

    def __init__(self, inbox: ports.Inbox, figures: Figures) -> None:
        self._inbox = inbox
        self._figures = figures
        self._asked: dict[str, Asked] = {}

    def is_quiet(self) -> bool:
        return self._inbox.is_quiet()

    def pending(self) -> Sequence[Asked]:
        pending = self._inbox.pending()
        self._asked = {asked.id: asked for asked in pending}
        return pending

    def answer(self, question_id: str, payload: Mapping[str, Any]) -> bool:
        done = self._inbox.answer(question_id, payload)
        asked = self._asked.pop(question_id, None)
        if asked is not None and done:
            waited_s = (datetime.now(UTC) - asked.asked_at).total_seconds()
            self._figures.observe("answer_seconds", max(waited_s, 0.0), kind=asked.kind)
        return done
