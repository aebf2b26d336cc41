"""Builds one camera's work, and the recognizers that all cameras share."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from surveillance.app.runtime import live_pictures
from surveillance.domain.ports import Classifier, Source, SourceOptions
from surveillance.domain.site import Camera
from surveillance.domain.values import CameraReport, Frame, Input, Keep, Kept
from surveillance.engines.camera import CameraFrames, CameraHealth, CameraThreads
from surveillance.engines.recognizer import SharedRecognizer
from surveillance.engines.site import Tell
from surveillance.engines.supervise import Supervised
from surveillance.settings import Settings
from surveillance.walk import RecognizerWalk, WorkerWalk

if TYPE_CHECKING:
    from surveillance.perception.registry import CardClassifier

LaneOf = Callable[[Camera, Callable[[bool], None]], Classifier]  # camera, what to tell of each answer -> its classifier


def build_classifier(settings: Settings, model: str | None = None) -> CardClassifier:
    """The classifier of a model card. Raises ModelError or NotFound."""
    from surveillance.perception import registry

    card = registry.find_card(model or settings.perception.model, settings.model_dirs)
    return registry.build_classifier(
        card, settings.data_dir / "models", settings.perception.backend, settings.perception.device
    )


def build_worker(settings: Settings, camera: Camera, source: Source, classifier: Classifier) -> WorkerWalk:
    """The steps of one camera, in order."""
    from surveillance.ingest.gate import MotionGate
    from surveillance.perception.observe import Observer
    from surveillance.perception.propose import MotionProposer
    from surveillance.perception.recognize import Recognizer
    from surveillance.perception.track import VoteTracker

    return WorkerWalk(
        receive=source,
        gate=MotionGate(settings.gate),
        propose=MotionProposer(settings.perception.propose),
        recognize=Recognizer(classifier),
        track=VoteTracker(camera.name, settings.perception.track),
        observe=Observer(camera, settings.perception.observe, camera.model or settings.perception.model),
    )


def build_frames(
    settings: Settings, camera: Camera, report: Callable[[CameraReport], None], once: bool = False
) -> CameraFrames:
    """A camera's reader in a thread of its own; `once` ends at the first loss instead of trying again."""
    from surveillance.ingest.mailbox import FrameMailbox
    from surveillance.ingest.reader import CameraReader
    from surveillance.ingest.sources import open_source

    mailbox = FrameMailbox(settings.ingest.file_backlog)
    options = source_options(settings, camera)
    reader = CameraReader(
        camera, open_source, options, mailbox.deliver, report, settings.ingest, lambda: mailbox.drops, paced=True
    )
    return CameraFrames(reader.run_once if once else reader.run, reader.stop, mailbox)


def source_options(settings: Settings, camera: Camera, start_at: datetime | None = None) -> SourceOptions:
    return SourceOptions(
        camera=camera.name,
        analyze_fps=camera.analyze_fps,
        open_timeout_s=settings.ingest.open_timeout_s,
        read_timeout_s=settings.ingest.read_timeout_s,
        rtsp_transport=settings.ingest.rtsp_transport,
        start_at=start_at,
        masks=camera.masks,
    )


class CameraBuilder:
    """Makes a camera's work: its reader, its walk, and what shows its pictures to whoever watches."""

    def __init__(self, settings: Settings, lane_of: LaneOf) -> None:
        self._settings = settings
        self._lane_of = lane_of
        self._live = live_pictures(settings)

    def __call__(self, camera: Camera, tell: Callable[[Input], None]) -> CameraThreads:
        """Raises UserMistake for a camera that cannot be watched, such as one whose model is not there."""
        from surveillance.perception.observe import encode_shot

        health = CameraHealth(camera.name, tell)
        frames = build_frames(self._settings, camera, health.report)
        walk = build_worker(self._settings, camera, frames, self._lane_of(camera, health.answered))

        def show(frame: Frame) -> None:
            health.looked()
            self._live.show(camera.name, lambda: encode_shot(frame, self._settings.perception.observe))

        return CameraThreads(walk, tell, show, no_media)


def no_media(keep: Keep) -> Kept:
    """Nothing but the best shot is kept yet."""
    why = "this camera keeps no recent video"
    return Kept(keep.event, keep.camera, missing={"picture": why, "clip": why})


class Recognizers:
    """One SharedRecognizer per model card, with its thread, made when it is first asked for."""

    def __init__(self, settings: Settings, failed: Callable[[str, Exception], None]) -> None:
        self._settings = settings
        self._failed = failed
        self._running: dict[str, tuple[SharedRecognizer, Supervised]] = {}
        self._lock = threading.Lock()

    def of(self, model: str | None) -> SharedRecognizer:
        """The recognizer of that model, or of the default one. Raises ModelError or NotFound."""
        model = model or self._settings.perception.model
        with self._lock:
            if model not in self._running:
                walk = RecognizerWalk(build_classifier(self._settings, model))
                recognizer = SharedRecognizer(walk, deadline_s=self._settings.engine.answer_within_s)
                thread = Supervised(f"recognizer {model}", recognizer.run, self._failed)
                thread.start()
                self._running[model] = recognizer, thread
            return self._running[model][0]

    def close(self) -> None:
        for recognizer, thread in self._running.values():
            thread.stop()
            recognizer.stop()


class CamerasHere:
    """Cameras worked in this very process, with their recognizers."""

    def __init__(self, settings: Settings, failed: Callable[[str, Exception], None]) -> None:
        self._recognizers = Recognizers(settings, failed)
        self._build = CameraBuilder(settings, self._lane)
        self._urgent: frozenset[str] = frozenset()

    def camera(self, configured: Camera, tell: Tell) -> CameraThreads:
        return self._build(configured, tell)

    def hurry(self, cameras: frozenset[str]) -> None:
        """Crops of these cameras go first: somebody may be waiting at their doors."""
        self._urgent = cameras

    def close(self) -> None:
        self._recognizers.close()

    def _lane(self, camera: Camera, answered: Callable[[bool], None]) -> Classifier:
        return self._recognizers.of(camera.model).lane(camera.name, answered, lambda: camera.name in self._urgent)
