"""A candidate model's second opinion on what the current one has already answered. Nothing acts on it.

It looks after the observations went on, in a thread of its own, from a short queue that drops what does not fit; a
candidate that fails is asked no more. What comes out is one pair of votes for each track.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from surveillance.domain.errors import Expired, UserMistake
from surveillance.domain.ports import Classifier, Recognize
from surveillance.domain.shadow import ShadowFailed, ShadowTold, vote_of
from surveillance.domain.values import Bgr, Classification, Detection, Frame, Scene, Subject, Track
from surveillance.engines.supervise import Supervised

QUEUE = 32  # frames whose crops may wait for the candidate
STEP = 4  # crops of one ask
NEAR = 0.3  # overlap from which a crop is taken for one of that track

log = logging.getLogger(__name__)


class PairedVote(Protocol):
    """The votes of both models over the same crops."""

    def add(self, current: Classification, candidate: Classification) -> None: ...
    def results(self) -> tuple[tuple[str, float], tuple[str, float]]: ...


@dataclass(frozen=True, slots=True)
class Shown:
    """Crops of one frame with the track of each, and what the current model said."""

    camera: str
    model: str
    tracks: tuple[int, ...]
    crops: tuple[Bgr, ...]
    seen: tuple[Classification, ...]


@dataclass(frozen=True, slots=True)
class Ended:
    """A track that is followed no more. One that was never confirmed is forgotten."""

    camera: str
    track: Track


@dataclass(slots=True)
class Pair:
    model: str
    current_model: str
    vote: PairedVote
    crops: int = 0


class Shadow:
    """The candidates of one process. `classifier_of(model, camera)` may take long; it raises UserMistake."""

    def __init__(
        self,
        classifier_of: Callable[[str, str], Classifier],
        begin: Callable[[], PairedVote],
        tell: Callable[[ShadowTold], None],
    ) -> None:
        self._classifier_of = classifier_of
        self._begin = begin
        self._tell = tell
        self._models: Mapping[str, str] = {}
        self._failed: set[str] = set()
        self._queue: deque[Shown | Ended] = deque()
        self._wake = threading.Condition()
        self.waiting = 0  # frames in the queue
        self._stopping = False
        self._asking = ""  # the candidate under way
        self._thread: Supervised | None = None
        self._pairs: dict[tuple[str, int], Pair] = {}  # the thread's own
        self._asks: dict[tuple[str, str], Classifier] = {}  # too
        self.counts: Counter[str] = Counter()  # answered, busy, expired

    def change(self, models: Mapping[str, str]) -> None:
        """From now on these cameras have these candidates; one that failed has another try once it was taken out."""
        with self._wake:
            if models == self._models:
                return
            self._failed &= set(models.values())
            self._models = dict(models)
            if models and self._thread is None and not self._stopping:
                self._thread = Supervised("shadow", self._run, self._broke)
                self._thread.start()

    def of(self, camera: str) -> str | None:
        """The candidate that looks at a camera now."""
        model = self._models.get(camera)
        return None if model in self._failed else model

    def show(self, frame: Frame, subjects: Sequence[tuple[Subject, Track]]) -> None:
        """What the current model has just said of a frame, each with the track it counts for. Never waits."""
        model = self.of(frame.camera)
        if model is None or not subjects:
            return
        if self.waiting >= QUEUE:
            self.counts["busy"] += 1
            return
        crops = tuple(frame.picture.crop(subject.detection.box) for subject, _ in subjects)
        seen = tuple(subject.seen for subject, _ in subjects if subject.seen is not None)
        self._put(Shown(frame.camera, model, tuple(track.id for _, track in subjects), crops, seen))

    def end(self, camera: str, track: Track) -> None:
        """A track of a camera is followed no more."""
        if self._thread is not None:
            self._put(Ended(camera, track))

    def close(self) -> None:
        with self._wake:
            self._stopping = True
            self._wake.notify_all()
        if self._thread is not None:
            self._thread.stop()

    def _put(self, what: Shown | Ended) -> None:
        with self._wake:
            self._queue.append(what)
            self.waiting += isinstance(what, Shown)
            self._wake.notify()

    # --- the candidate's thread ---

    def _run(self) -> None:
        while True:
            with self._wake:
                self._wake.wait_for(lambda: self._stopping or bool(self._queue))
                if self._stopping:
                    return
                what = self._queue.popleft()
                self.waiting -= isinstance(what, Shown)
            if isinstance(what, Ended):
                self._close(what)
            elif what.model not in self._failed:
                self._ask(what)

    def _ask(self, shown: Shown) -> None:
        """A few crops at a time, so that whoever must not wait gets in between."""
        self._asking = shown.model
        answers: list[Classification] = []
        try:
            lane = self._lane(shown.model, shown.camera)
            for start in range(0, len(shown.crops), STEP):
                answers += lane(shown.crops[start : start + STEP])
        except Expired:
            self.counts["expired"] += 1
        except UserMistake as mistake:
            self._refuse(shown.model, str(mistake))
        else:
            self.counts["answered"] += 1
            for number, current, candidate in zip(shown.tracks, shown.seen, answers, strict=True):
                self._count(shown, number, current, candidate)

    def _broke(self, thread: str, error: Exception) -> None:
        """The thread goes on without the candidate whose turn it was."""
        self._refuse(self._asking, f"it failed: {error!r}")

    def _refuse(self, model: str, reason: str) -> None:
        """Switches a candidate off, and tells so once."""
        with self._wake:
            self._failed.add(model)
            self._queue = deque(what for what in self._queue if not (isinstance(what, Shown) and what.model == model))
            self.waiting = sum(isinstance(what, Shown) for what in self._queue)
        self._pairs = {key: pair for key, pair in self._pairs.items() if pair.model != model}
        self._asks = {key: lane for key, lane in self._asks.items() if key[0] != model}
        log.warning("candidate switched off", extra={"model": model, "reason": reason})
        self._tell(ShadowFailed(model, reason))

    def _lane(self, model: str, camera: str) -> Classifier:
        if (model, camera) not in self._asks:
            self._asks[model, camera] = self._classifier_of(model, camera)
        return self._asks[model, camera]

    def _count(self, shown: Shown, track: int, current: Classification, candidate: Classification) -> None:
        pair = self._pairs.get((shown.camera, track))
        if pair is None or (pair.model, pair.current_model) != (shown.model, current.model):
            pair = self._pairs[shown.camera, track] = Pair(shown.model, current.model, self._begin())
        pair.vote.add(current, candidate)
        pair.crops += 1

    def _close(self, ended: Ended) -> None:
        pair, track = self._pairs.pop((ended.camera, ended.track.id), None), ended.track
        if pair is None or not track.confirmed or pair.model in self._failed:
            return
        models = (pair.current_model, pair.model)
        results = pair.vote.results()
        self._tell(vote_of(ended.camera, track.id, track.started_at, track.seen_at, models, results, pair.crops))


class ShadowedCamera:
    """Stands before one camera's recognize step and remembers what it answered, to show it once all is told."""

    def __init__(self, camera: str, step: Recognize, shadow: Shadow) -> None:
        self._camera = camera
        self._step = step
        self._shadow = shadow
        self._scene: Scene | None = None
        self._live: dict[int, Track] = {}

    def __call__(self, frame: Frame, detections: Sequence[Detection]) -> Scene:
        self._scene = self._step(frame, detections)
        return self._scene

    def looked(self, tracks: Sequence[Track]) -> None:
        """After a frame went down the walk, with the tracks that are alive then."""
        scene, self._scene = self._scene, None
        if self._shadow.of(self._camera) is None and not self._live:
            return
        if scene is not None:
            self._shadow.show(scene.frame, subjects_of(scene, tracks))
        live = {track.id: track for track in tracks} if self._shadow.of(self._camera) else {}
        for number, track in self._live.items():
            if number not in live:
                self._shadow.end(self._camera, track)
        self._live = live


def subjects_of(scene: Scene, tracks: Sequence[Track]) -> list[tuple[Subject, Track]]:
    """Each crop answered in this frame with the track whose box it overlaps most; a track has one crop at most."""
    at: datetime = scene.frame.captured_at
    fresh = [track for track in tracks if track.seen_at == at]
    pairs = [
        (subject.detection.box.iou(track.box), number, track)
        for number, subject in enumerate(scene.subjects)
        if subject.seen is not None and not subject.held
        for track in fresh
    ]
    taken: set[int] = set()
    used: set[int] = set()
    found = []
    for overlap, number, track in sorted(pairs, key=lambda pair: (-pair[0], pair[1], pair[2].id)):
        if overlap >= NEAR and number not in used and track.id not in taken:
            used.add(number)
            taken.add(track.id)
            found.append((scene.subjects[number], track))
    return found
