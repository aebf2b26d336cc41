"""Builds one camera's work, and the recognizers that all cameras share."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING

from surveillance.app.detectors import build_blur, build_proposer, labelled_by
from surveillance.app.runtime import live_pictures, media_dir
from surveillance.domain.errors import ModelError, NotFound
from surveillance.domain.ports import Classifier, Follow, Source, SourceOptions, never
from surveillance.domain.shadow import ShadowTold
from surveillance.domain.site import OBJECTS, Camera
from surveillance.domain.values import CameraReport, Frame, Glimpse, Input, Picture
from surveillance.engines.camera import CameraFrames, CameraHealth, CameraThreads
from surveillance.engines.figures import Figures
from surveillance.engines.live import PREVIEW, SIZES, facts_of
from surveillance.engines.measured import CameraFigures, CountedClassifier, measured_walk
from surveillance.engines.recognizer import SharedRecognizer
from surveillance.engines.shadow import Shadow, ShadowedCamera
from surveillance.engines.site import Tell
from surveillance.engines.supervise import Supervised
from surveillance.engines.worker import Looked
from surveillance.settings import Settings
from surveillance.walk import RecognizerWalk, WorkerWalk

if TYPE_CHECKING:
    from surveillance.ingest.clip import RingMedia
    from surveillance.ingest.ring import PacketRing
    from surveillance.ingest.seen import SeenFrames
    from surveillance.perception.blur import PeopleBlur
    from surveillance.perception.registry import CardClassifier
    from surveillance.perception.scenes import SceneWatcher

SET_SCENE = "surveillance camera scene set {} SCENE --model MODEL"
LOWEST = 19  # a candidate's thread comes after all others of the machine
LaneOf = Callable[[Camera, Callable[[bool], None]], Classifier]  # camera, what to tell of each answer -> its classifier


def build_classifier(settings: Settings, model: str | None = None, are_fitted: bool = False) -> CardClassifier:
    """The classifier of a model card; `are_fitted` where its crops come as `fit_crop` left them.

    Raises ModelError or NotFound.
    """
    from surveillance.perception import registry
    from surveillance.perception.cards import find_card

    card = find_card(model or settings.perception.model, settings.all_model_dirs)
    how = settings.perception
    return registry.build_classifier(
        card, settings.data_dir / "models", how.backend, how.device, are_fitted, how.precision
    )


def build_worker(
    settings: Settings,
    camera: Camera,
    source: Source,
    classifier: Classifier,
    glimpsed: Callable[[Glimpse], None] = lambda glimpse: None,
    ask: Callable[[str], Classifier] | None = None,
    blur: PeopleBlur | None = None,
) -> WorkerWalk:
    """The steps of one camera, in order. `ask(model)` gives the classifier of a scene; `blur` hides its people."""
    from surveillance.app.tasks import build_describer
    from surveillance.ingest.gate import MotionGate
    from surveillance.perception.objects import ObjectTracker
    from surveillance.perception.observe import Observer
    from surveillance.perception.recognize import Recognizer
    from surveillance.perception.track import VoteTracker

    tracker = VoteTracker(camera.name, settings.perception.track)
    follow: Follow = tracker
    if OBJECTS in camera.tasks:
        follow = ObjectTracker(camera.name, tracker, settings.perception.objects)
    return WorkerWalk(
        receive=source,
        gate=MotionGate(settings.gate, camera.sensitivity),
        propose=build_proposer(settings, camera),
        recognize=Recognizer(classifier, settings.perception.propose.ask_again_s),
        track=follow if blur is None else blur.following(follow),
        describe=build_describer(settings, camera, glimpsed),
        observe=Observer(camera, settings.perception.observe, labelled_by(settings, camera), blur),
        look=build_look(settings, camera, ask or cache(lambda model: build_classifier(settings, model)), blur),
    )


def build_look(
    settings: Settings, camera: Camera, ask: Callable[[str], Classifier], blur: PeopleBlur | None = None
) -> SceneWatcher:
    """What tells the camera's scenes."""
    from surveillance.perception.scenes import SceneWatcher

    def told(model: str) -> Classifier:
        try:
            return ask(model)
        except NotFound as error:
            raise NotFound(
                f"{error}; train and publish it, or choose another: {SET_SCENE.format(camera.name)}"
            ) from None

    return SceneWatcher(camera, told, settings.perception.observe, blur)


def build_frames(
    settings: Settings,
    camera: Camera,
    report: Callable[[CameraReport], None],
    once: bool = False,
    ring: PacketRing | None = None,
    counted: CameraFigures | None = None,
    is_quiet: Callable[[], bool] = never,
    failed: Callable[[str, Exception], None] = lambda name, error: None,
) -> CameraFrames:
    """A camera's reader in a thread of its own; `once` ends at the first loss instead of trying again.

    The packets of its main stream go to `ring`; where another stream is analyzed a thread of its own fills it, and
    `failed` hears when that fails. While `is_quiet` says so, decoding is done with less work.
    """
    from surveillance.ingest.mailbox import FrameMailbox
    from surveillance.ingest.reader import CameraReader
    from surveillance.ingest.sources import open_source

    mailbox = FrameMailbox(settings.ingest.file_backlog)
    options = replace(source_options(settings, camera), is_quiet=is_quiet)
    if ring is not None and camera.sub_url is None:
        options = replace(options, packets=ring)

    def deliver(frame: Frame) -> bool:
        if counted is not None:
            counted.read(len(mailbox))
        return mailbox.deliver(frame)

    reader = CameraReader(
        camera, open_source, options, deliver, report, settings.ingest, lambda: mailbox.drops, paced=True
    )

    def stop() -> None:
        reader.stop()
        if counted is not None:
            counted.ended()

    read = reader.run_once if once else reader.run
    if ring is None:
        return CameraFrames(read, stop, mailbox)
    recording = Recording(settings, camera, ring, failed)
    return CameraFrames(recording.during(read), recording.ending(stop), mailbox)


def build_ring(settings: Settings) -> PacketRing:
    """What holds the newest packets of one camera."""
    from surveillance.ingest.ring import PacketRing

    return PacketRing(settings.ingest.ring_s, int(settings.ingest.ring_mb * 1_000_000))


def build_media(
    settings: Settings,
    camera: Camera,
    ring: PacketRing,
    blur: PeopleBlur | None = None,
    seen: SeenFrames | None = None,
) -> RingMedia:
    """What writes the pictures and clips of one camera: from what was seen of its main stream, and from its ring."""
    from surveillance.ingest.clip import RingMedia

    scheme = camera.url.partition("://")[0] if "://" in camera.url else "file"
    why_empty = "the camera has sent no video since it was started"
    if scheme in ("http", "https"):
        why_empty += "; an address of a still picture has none"
    elif scheme not in ("rtsp", "rtsps", "file"):
        why_empty = f"a source of {scheme}:// sends single pictures, no video that could be held"
    whole = seen if camera.sub_url is None else None
    return RingMedia(ring, media_dir(settings), source_options(settings, camera), why_empty, blur, whole)


def source_options(settings: Settings, camera: Camera, start_at: datetime | None = None) -> SourceOptions:
    return SourceOptions(
        camera=camera.name,
        analyze_fps=camera.analyze_fps,
        open_timeout_s=settings.ingest.open_timeout_s,
        read_timeout_s=settings.ingest.read_timeout_s,
        rtsp_transport=settings.ingest.rtsp_transport,
        start_at=start_at,
        masks=camera.masks,
        references_only=decoding_of(settings, camera) == "reference",
        while_quiet="keys" if decoding_of(settings, camera) == "key_while_quiet" else "unfiltered",
    )


def decoding_of(settings: Settings, camera: Camera) -> str:
    """Which pictures of a camera are decoded, and how: see ingest.settings.Decode."""
    return settings.ingest.decode_of.get(camera.name, settings.ingest.decode)


def may_save(settings: Settings, camera: Camera) -> bool:
    """Whether its pictures are decoded with less work at times. A file's reader would run ahead of key pictures."""
    is_live = (camera.sub_url or camera.url).startswith(("rtsp://", "rtsps://"))
    how = decoding_of(settings, camera)
    return how in ("unfiltered", "unfiltered_while_quiet") or (how == "key_while_quiet" and is_live)


class Recording:
    """What fills a camera's ring beside its frames: a reader of the main stream, where another one is analyzed."""

    def __init__(
        self, settings: Settings, camera: Camera, ring: PacketRing, failed: Callable[[str, Exception], None]
    ) -> None:
        from surveillance.ingest.main_stream import MainStreamReader
        from surveillance.ingest.sources import open_source

        self._ring = ring
        self._reader: MainStreamReader | None = None
        if camera.sub_url is not None:
            options = source_options(settings, camera)
            self._reader = MainStreamReader(camera, open_source, options, ring, settings.ingest)
            self._thread = Supervised(f"main stream {camera.name}", self._reader.run, failed)

    def during(self, read: Callable[[], None]) -> Callable[[], None]:
        """`read`, with the main stream read from its start on."""

        def both() -> None:
            if self._reader is not None:
                self._thread.start()
            read()

        return both

    def ending(self, stop: Callable[[], None]) -> Callable[[], None]:
        """`stop`, and whoever waits for more of the ring goes on with what there is."""

        def both() -> None:
            stop()
            if self._reader is not None:
                self._thread.stop()
                self._reader.stop()
            self._ring.close()

        return both


class CameraBuilder:
    """Makes a camera's work: its reader, its walk, and what shows its pictures to whoever watches."""

    def __init__(
        self,
        settings: Settings,
        lane_of: LaneOf,
        shadow: Shadow,
        failed: Callable[[str, Exception], None],
        figures: Figures | None = None,
        glimpsed: Callable[[Glimpse], None] = lambda glimpse: None,
        urgent: Callable[[str], bool] = lambda camera: False,
    ) -> None:
        """`failed(name, error)`: a thread beside the camera's own; `urgent(camera)`: somebody may wait at its door."""
        self._settings = settings
        self._urgent = urgent
        self._shadow = shadow
        self._failed = failed
        self._glimpsed = glimpsed
        self._figures = figures or Figures()
        self._lane_of = lane_of
        self._live = live_pictures(settings)

    def __call__(self, camera: Camera, tell: Callable[[Input], None]) -> CameraThreads:
        """Raises UserMistake for a camera that cannot be watched, such as one whose model is not there."""
        from surveillance.ingest.decoding import Calm
        from surveillance.ingest.pictures import encode_jpeg
        from surveillance.ingest.seen import SeenFrames
        from surveillance.ingest.view import ViewCheck

        counted = CameraFigures(camera.name, self._figures)
        health = CameraHealth(camera.name, tell, view=ViewCheck(self._settings.ingest.view))

        def report(report: CameraReport) -> None:
            counted.report(report)
            health.report(report)

        def answered(came: bool) -> None:
            counted.answered(came)
            health.answered(came)

        ring = build_ring(self._settings)
        calm = Calm()
        is_quiet = self._is_quiet(camera, calm) if may_save(self._settings, camera) else never
        frames = build_frames(
            self._settings, camera, report, ring=ring, counted=counted, is_quiet=is_quiet, failed=self._failed
        )
        ask = cache(lambda model: self._lane_of(replace(camera, model=model), lambda came: None))
        blur = build_blur(self._settings, camera)
        walk = build_worker(self._settings, camera, frames, self._lane_of(camera, answered), self._glimpsed, ask, blur)
        second = ShadowedCamera(camera.name, walk.recognize, self._shadow)
        walk = replace(walk, recognize=second)

        live, seen = self._settings.engine.live, SeenFrames()

        def show(looked: Looked) -> None:
            def encode(size: str) -> bytes:
                counted.encoded(size)
                return encode_jpeg(shown_picture(looked.frame, blur), live.width_px(size), live.quality)

            if blur is not None:
                blur.follow(looked.frame.captured_at, looked.tracks)
            seen.looked(looked.frame, bool(looked.told))
            calm.looked(looked.frame.captured_at, looked.motion, looked.tracks)
            counted.looked(looked.frame)
            health.looked(looked.frame)
            walk.gate.preview(self._live.is_watched(camera.name, PREVIEW))
            self._live.show(camera.name, lambda: facts_of(looked, frames.drops), encode)
            second.looked(looked.tracks)

        media = build_media(self._settings, camera, ring, blur, seen)
        return CameraThreads(measured_walk(walk, self._figures), tell, show, media)

    def _is_quiet(self, camera: Camera, is_calm: Callable[[], bool]) -> Callable[[], bool]:
        """Whether nothing moves there (where that matters), nobody waits at its door, and nobody watches."""
        name, sizes = camera.name, (*SIZES, PREVIEW)
        always = decoding_of(self._settings, camera) == "unfiltered"
        return lambda: (
            (always or is_calm())
            and not (self._urgent(name) or any(self._live.is_watched(name, size) for size in sizes))
        )


def shown_picture(frame: Frame, blur: PeopleBlur | None) -> Picture:
    """What whoever watches the camera sees of a frame."""
    from surveillance.ingest.pictures import BgrPicture

    return frame.picture if blur is None else BgrPicture(blur.quickly(frame.picture.bgr(), frame.captured_at))


def build_shadow(
    settings: Settings,
    classifier_of: Callable[[str, str], Classifier],
    tell: Callable[[ShadowTold], None],
    figures: Figures,
) -> Shadow:
    """What shows crops to candidates in this process."""
    from surveillance.perception.paired import TwoVotes

    track = settings.perception.track
    shadow = Shadow(classifier_of, lambda: TwoVotes(track.min_share, track.min_lead), tell)

    def measure() -> None:
        for outcome, total in shadow.counts.items():
            figures.count_to("shadow_frames", total, outcome=outcome)

    figures.before_telling(measure)
    return shadow


class Recognizers:
    """One SharedRecognizer per model card, with its thread, made when it is first asked for.

    A candidate has one of its own, which answers only while nobody waits at the others.
    """

    def __init__(
        self,
        settings: Settings,
        failed: Callable[[str, Exception], None],
        figures: Figures | None = None,
        are_fitted: bool = False,
    ) -> None:
        """`are_fitted`: workers send crops that are fitted to the model already."""
        self._settings = settings
        self._are_fitted = are_fitted
        self._failed = failed
        self._figures = figures or Figures()
        self._figures.before_telling(self._measure)
        self._running: dict[str, tuple[SharedRecognizer, Supervised]] = {}
        self._candidates: dict[str, tuple[SharedRecognizer, Supervised]] = {}
        self._broken: dict[str, str] = {}  # candidate -> why it failed
        self._lock = threading.Lock()

    def of(self, model: str | None) -> SharedRecognizer:
        """The recognizer of that model, or of the default one. Raises ModelError or NotFound."""
        model = model or self._settings.perception.model
        with self._lock:
            if model not in self._running:
                classifier = CountedClassifier(self._classifier(model), self._figures, model)
                walk = RecognizerWalk(classifier)
                recognizer = SharedRecognizer(walk, deadline_s=self._settings.engine.answer_within_s)
                thread = Supervised(f"recognizer {model}", recognizer.run, self._failed)
                thread.start()
                self._running[model] = recognizer, thread
            return self._running[model][0]

    def _classifier(self, model: str) -> CardClassifier:
        return build_classifier(self._settings, model, self._are_fitted)

    def candidate(self, model: str) -> SharedRecognizer:
        """The recognizer of a candidate. Raises ModelError, also once for one that has failed, or NotFound."""
        with self._lock:
            if model in self._broken:
                raise ModelError(f"{model} failed: {self._broken.pop(model)}")
            if model not in self._candidates:
                walk = RecognizerWalk(self._classifier(model))
                limit_s = self._settings.engine.answer_within_s
                recognizer = SharedRecognizer(walk, deadline_s=limit_s, yields=self._is_needed)

                def run() -> None:
                    with suppress(OSError, AttributeError):  # of this thread only, on Linux
                        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), LOWEST)
                    recognizer.run()

                thread = Supervised(f"candidate {model}", run, lambda name, error: self._give_up(model, error))
                thread.start()
                self._candidates[model] = recognizer, thread
            return self._candidates[model][0]

    def _give_up(self, model: str, error: Exception) -> None:
        """A candidate's fault is no fault of the recognizer."""
        with self._lock:
            recognizer, thread = self._candidates.pop(model)
            self._broken[model] = repr(error)
        thread.stop()
        recognizer.stop()

    def _is_needed(self) -> bool:
        return not all(recognizer.is_idle for recognizer, _ in self._running.copy().values())

    def busy_s(self) -> float:
        """How long the longest batch under way has taken so far."""
        return max((recognizer.busy_s for recognizer, _ in self._running.copy().values()), default=0.0)

    def _measure(self) -> None:
        """How many asks wait at each model."""
        for model, (recognizer, _) in self._running.copy().items():
            self._figures.set("queue_length", recognizer.waiting, queue="recognizer", model=model)

    def close(self) -> None:
        for recognizer, thread in (*self._running.values(), *self._candidates.values()):
            thread.stop()
            recognizer.stop()


class CamerasHere:
    """Cameras worked in this very process, with their recognizers."""

    def __init__(
        self, settings: Settings, failed: Callable[[str, Exception], None], figures: Figures | None = None
    ) -> None:
        self._recognizers = Recognizers(settings, failed, figures)
        self._compared: Callable[[ShadowTold], None] = lambda told: None
        self._shadow = build_shadow(settings, self._candidate, lambda told: self._compared(told), figures or Figures())
        self._glimpsed: Callable[[Glimpse], None] = lambda glimpse: None
        self._build = CameraBuilder(
            settings,
            self._lane,
            self._shadow,
            failed,
            figures,
            lambda glimpse: self._glimpsed(glimpse),
            lambda camera: camera in self._urgent,
        )
        self._urgent: frozenset[str] = frozenset()

    def camera(self, configured: Camera, tell: Tell) -> CameraThreads:
        return self._build(configured, tell)

    def hurry(self, cameras: frozenset[str]) -> None:
        """Crops of these cameras go first: somebody may be waiting at their doors."""
        self._urgent = cameras

    def listen(self, glimpsed: Callable[[Glimpse], None]) -> None:
        """Who hears what cameras see for the moment alone."""
        self._glimpsed = glimpsed

    def shadow(self, models: Mapping[str, str], told: Callable[[ShadowTold], None]) -> None:
        """The candidate that each of these cameras is shown to; `told` hears what came of it."""
        self._compared = told
        self._shadow.change(models)

    def close(self) -> None:
        self._shadow.close()
        self._recognizers.close()

    def _lane(self, camera: Camera, answered: Callable[[bool], None]) -> Classifier:
        return self._recognizers.of(camera.model).lane(camera.name, answered, lambda: camera.name in self._urgent)

    def _candidate(self, model: str, camera: str) -> Classifier:
        return self._recognizers.candidate(model).lane(camera)
