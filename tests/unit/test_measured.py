"""A measured walk does what the walk does; what it took is in the figures."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from surveillance.domain.errors import Expired
from surveillance.domain.geometry import Box
from surveillance.domain.site import Camera
from surveillance.domain.values import Bgr, CameraReport, Classification, Detection, Frame, Motion, Scene, Track
from surveillance.engines.figures import Figures
from surveillance.engines.measured import CameraFigures, CountedClassifier, ProcessFigures, measured_walk
from surveillance.engines.worker import walk_end, walk_frame
from surveillance.walk import WorkerWalk

NOW = datetime(2026, 11, 21, tzinfo=UTC)
NO_PICTURE: Any = None  # no step here looks at pixels
FOUND = (Detection(Box(0.1, 0.1, 0.2, 0.2), "motion"),)


def frame(number: int = 0, at: datetime = NOW) -> Frame:
    return Frame("front", at, number, np.zeros((2, 2), np.uint8), NO_PICTURE)


@dataclass
class Steps:
    """Every step of a walk at once; remembers what it was asked."""

    asked: list[str] = field(default_factory=list)
    open: bool = True

    @property
    def tracks(self) -> Sequence[Track]:
        return ()

    def gate(self, frame: Frame, tracks: Sequence[Track]) -> Motion:
        self.asked.append("gate")
        return Motion("motion" if self.open else "quiet")

    def propose(self, frame: Frame, motion: Motion, tracks: Sequence[Track]) -> tuple[Detection, ...]:
        self.asked.append("propose")
        return FOUND

    def recognize(self, frame: Frame, detections: Sequence[Detection]) -> Scene:
        self.asked.append(f"recognize {len(detections)}")
        return Scene(frame, ())

    def __call__(self, *given: Any) -> tuple[Any, ...]:
        self.asked.append(f"{type(given[0]).__name__}")
        return ()

    def describe(self, frame: Frame, tracks: Sequence[Track]) -> dict[int, Any]:
        self.asked.append("describe")
        return {}

    def finish(self) -> tuple[Track, ...]:
        self.asked.append("finish")
        return ()

    def change(self, camera: Camera) -> bool:
        self.asked.append(f"change {camera.name}")
        return True


def walk_of(steps: Steps) -> WorkerWalk:
    source: Any = None
    return WorkerWalk(source, steps.gate, steps.propose, steps.recognize, steps, steps.describe, steps, steps)


def counts(figures: Figures) -> dict[tuple[str, ...], float]:
    return {
        (sample.name, *sample.labels.values()): sum(sample.value[:-1])
        if isinstance(sample.value, list)
        else sample.value
        for sample in figures.samples()
    }


def test_a_measured_walk_is_the_same_walk() -> None:
    plain, timed, figures = Steps(), Steps(), Figures()
    for steps, walk in ((plain, walk_of(plain)), (timed, measured_walk(walk_of(timed), figures))):
        walk_frame(walk, frame())
        steps.open = False
        walk_frame(walk, frame(1))
        walk_end(walk, frame(1))
        assert walk.observe.change(Camera("front", "synthetic://yard"))
    assert timed.asked == plain.asked
    assert counts(figures) == {
        ("step_seconds", "describe"): 1,
        ("step_seconds", "gate"): 2,
        ("step_seconds", "look"): 2,
        ("step_seconds", "observe"): 3,
        ("step_seconds", "propose"): 1,
        ("step_seconds", "recognize"): 1,
        ("step_seconds", "track"): 1,
    }


def test_what_a_camera_shows_is_counted() -> None:
    figures = Figures()
    camera = CameraFigures("front", figures)
    camera.read(1)
    camera.read(0)
    camera.looked(frame(at=datetime.now(UTC) - timedelta(seconds=3)))
    camera.answered(True)
    camera.answered(False)
    for total in (2, 2, 5):
        camera.report(CameraReport("front", NOW, "live", drops={"busy": total}))
    CameraFigures("front", figures).report(CameraReport("front", NOW, "live", drops={"busy": 1}))  # opened anew
    assert counts(figures) == {
        ("asks_expired", "front"): 1,
        ("frame_age_seconds", "front"): 1,
        ("frames_analyzed", "front"): 1,
        ("frames_dropped", "front", "busy"): 6,
        ("frames_read", "front"): 2,
        ("queue_length", "front", "mailbox"): 0,
    }
    camera.ended()
    camera.read(1)  # the reader's last frame
    assert ("queue_length", "front", "mailbox") not in counts(figures)


def test_batches_are_counted_also_those_that_fail() -> None:
    def classify(crops: Sequence[Bgr]) -> tuple[Classification, ...]:
        if len(crops) > 2:
            raise Expired("too late")
        return ()

    figures = Figures()
    counted = CountedClassifier(classify, figures, "embedded")
    crop = np.zeros((2, 2, 3), np.uint8)
    counted([crop, crop])
    with pytest.raises(Expired):
        counted([crop, crop, crop])
    assert counts(figures) == {
        ("recognizer_batch_seconds", "embedded"): 2,
        ("recognizer_batches", "embedded"): 2,
        ("recognizer_crops", "embedded"): 5,
    }


@pytest.mark.skipif(sys.platform != "linux", reason="memory and files are read from /proc")
def test_a_process_tells_what_it_takes() -> None:
    figures = Figures()
    figures.before_telling(ProcessFigures("core", figures))
    told = {name: value for _, name, _, value in figures.as_json()["samples"]}
    assert told.keys() == {
        "process_cpu_seconds",
        "process_open_files",
        "process_resident_bytes",
        "process_threads",
    }
    assert all(value > 0 for value in told.values())
