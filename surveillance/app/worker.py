"""Builds one camera's walk, and the recognizers that all cameras share."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from surveillance.domain.ports import Classifier, Source, SourceOptions
from surveillance.domain.site import Camera
from surveillance.domain.values import CameraReport
from surveillance.engines.camera import CameraFrames
from surveillance.engines.recognizer import SharedRecognizer
from surveillance.engines.supervise import Supervised
from surveillance.settings import Settings
from surveillance.walk import RecognizerWalk, WorkerWalk

if TYPE_CHECKING:
    from surveillance.perception.registry import CardClassifier


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


class Recognizers:
    """One SharedRecognizer per model card, with its thread, made when a camera first asks for it."""

    def __init__(self, settings: Settings, failed: Callable[[str, Exception], None]) -> None:
        self._settings = settings
        self._failed = failed
        self._running: dict[str, tuple[SharedRecognizer, Supervised]] = {}
        self._urgent: frozenset[str] = frozenset()

    def lane(self, camera: Camera, answered: Callable[[bool], None]) -> Classifier:
        """The classifier of this camera's model. Raises ModelError or NotFound."""
        model = camera.model or self._settings.perception.model
        if model not in self._running:
            recognizer = SharedRecognizer(RecognizerWalk(build_classifier(self._settings, model)))
            thread = Supervised(f"recognizer {model}", recognizer.run, self._failed)
            thread.start()
            self._running[model] = recognizer, thread
        return self._running[model][0].lane(camera.name, answered, lambda: camera.name in self._urgent)

    def hurry(self, cameras: frozenset[str]) -> None:
        """Crops of these cameras go first: somebody may be waiting at their doors."""
        self._urgent = cameras

    def close(self) -> None:
        for recognizer, thread in self._running.values():
            thread.stop()
            recognizer.stop()
