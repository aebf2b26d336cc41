"""Core's memory of the faces that cameras see, and what it says of them: the person of the badge, or whoever it is.

The memory holds some seconds and reaches no disk. Nobody is recognized on one frame, and doubt is no match: too few
frames, another face beside it, a camera that fails.
"""

from __future__ import annotations

import threading
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from statistics import median

import numpy as np

from surveillance.access.settings import FaceMatchSettings
from surveillance.domain.faces import FaceFigures, FaceSeen, FacesFailed, FaceTold, Vectors, vectors_of
from surveillance.domain.ports import SiteReader
from surveillance.domain.site import FACE_TASKS, IDENTIFY
from surveillance.domain.values import REJECTED, Observation

PERSON = "person"
MOST_FACES = 64  # remembered of one camera
MOST_TRACKS = 1000  # whose identity is remembered
AGREE = 2 / 3  # share of the frames that must match
MOVED = 0.08  # of the nose against the eyes, in distances of the eyes: more than a flat picture's

TrackKey = tuple[str, int, datetime]


@dataclass(frozen=True, slots=True)
class Gallery:
    """Everybody's templates by one model, and what that was measured to do; None where nobody measured it.

    `fault` says why there is no model.
    """

    templates: Mapping[str, Vectors] = field(default_factory=dict)
    figures: FaceFigures | None = None
    model: str = ""
    fault: str = ""

    @property
    def size(self) -> int:
        return sum(len(vectors) for vectors in self.templates.values())

    def with_face(self, person: str, embedding: bytes) -> Gallery:
        one = vectors_of([embedding])
        there = self.templates.get(person)
        return replace(self, templates={**self.templates, person: one if there is None else np.vstack([there, one])})


@dataclass(frozen=True, slots=True)
class FaceAnswer:
    """Whether the camera confirms the person, and why, in words for the record."""

    is_confirmed: bool
    words: str


class SeenFaces:
    """The newest faces of each camera. `hear` is for any thread."""

    def __init__(self, window_s: float) -> None:
        self._window = timedelta(seconds=window_s)
        self._faces: dict[str, deque[FaceSeen]] = {}
        self._failures: dict[str, FacesFailed] = {}
        self._lock = threading.Lock()

    def hear(self, told: FaceTold) -> bool:
        """Whether this is a failure that was not known yet."""
        with self._lock:
            if isinstance(told, FacesFailed):
                before = self._failures.get(told.camera)
                self._failures[told.camera] = told
                return before is None or before.reason != told.reason
            self._failures.pop(told.camera, None)
            self._faces.setdefault(told.camera, deque(maxlen=MOST_FACES)).append(told)
            return False

    def forget(self, now: datetime) -> None:
        """Drops what is older than the window; called every second."""
        with self._lock:
            for camera, faces in list(self._faces.items()):
                while faces and now - faces[0].at > self._window:
                    faces.popleft()
                if not faces:
                    del self._faces[camera]

    def of(self, camera: str, at: datetime) -> dict[TrackKey, list[FaceSeen]]:
        """The faces that the camera saw within the window before that moment, by track."""
        tracks: dict[TrackKey, list[FaceSeen]] = {}
        with self._lock:
            for seen in self._faces.get(camera, ()):
                if abs(at - seen.at) <= self._window:
                    tracks.setdefault((seen.camera, seen.track, seen.started_at), []).append(seen)
        return tracks

    def failure(self, camera: str) -> str:
        """Why that camera tells of no faces; empty where nothing is wrong."""
        with self._lock:
            failed = self._failures.get(camera)
        return failed.reason if failed is not None else ""


class FaceCheck:
    """1:1: is the face at the door's camera that of the person whose badge was presented? Belongs to core's thread."""

    def __init__(
        self,
        seen: SeenFaces,
        site: SiteReader,
        gallery: Callable[[], Gallery],
        settings: FaceMatchSettings,
        camera_doubt: Callable[[str, datetime], str | None] = lambda camera, at: None,
    ) -> None:
        """`camera_doubt` says why a camera cannot be trusted at that time."""
        self._seen = seen
        self._site = site
        self._gallery = gallery
        self._settings = settings
        self._camera_doubt = camera_doubt

    def __call__(self, camera: str, person: str, at: datetime) -> FaceAnswer:
        """Doubt is no confirmation, and says why."""
        doubt = self._doubt(camera, person, at)
        if doubt:
            return FaceAnswer(False, doubt)
        gallery = self._gallery()
        assert gallery.figures is not None
        tracks = self._seen.of(camera, at)
        good = {key: [seen for seen in faces if not seen.fault] for key, faces in tracks.items()}
        good = {key: faces for key, faces in good.items() if faces}
        if not good:
            return FaceAnswer(False, _nothing_good(camera, tracks.values(), self._settings.window_s))
        scores = {key: scores_of(faces, gallery.templates[person]) for key, faces in good.items()}
        return self._judge(camera, person, good, scores, gallery.figures.threshold)

    def _doubt(self, camera: str, person: str, at: datetime) -> str:
        """Why nobody can be confirmed there at all."""
        known = self._site().camera(camera)
        if known is None or not FACE_TASKS & set(known.tasks):
            return f"camera {camera} recognizes no faces: its task faces is off"
        gallery = self._gallery()
        if gallery.fault:
            return gallery.fault
        if person not in gallery.templates:
            return f"no face of {person} is enrolled"
        if gallery.figures is None:
            return f"{gallery.model} was never measured: its model card holds no thresholds for faces"
        failure = self._seen.failure(camera)
        if failure:
            return f"camera {camera} tells of no faces: {failure}"
        return self._camera_doubt(camera, at) or ""

    def _judge(
        self,
        camera: str,
        person: str,
        good: Mapping[TrackKey, Sequence[FaceSeen]],
        scores: Mapping[TrackKey, Sequence[float]],
        threshold: float,
    ) -> FaceAnswer:
        best = max(scores, key=lambda key: median(scores[key]))
        found, count = median(scores[best]), len(scores[best])
        others = [key for key in scores if key != best and len(scores[key]) > 1 and median(scores[key]) < threshold]
        share = sum(score >= threshold for score in scores[best]) / count
        told = f"similarity {found:.2f} in {count} pictures, {threshold:.2f} is needed"
        if count < self._settings.min_frames:
            words = (
                f"camera {camera} saw the face too briefly: {count} pictures, {self._settings.min_frames} are needed"
            )
        elif found < threshold:
            words = f"the face at camera {camera} is not that of {person}: {told}"
        elif share < AGREE:
            words = f"the faces of one track at camera {camera} differ: {told}"
        elif others:
            words = f"camera {camera} saw the face of {person} and another one beside it"
        else:
            hint = "the head moved" if _moved(good[best]) else "the head did not move"
            return FaceAnswer(True, f"the face at camera {camera} is that of {person}: {told} (a hint: {hint})")
        return FaceAnswer(False, words)


class FaceIdentity:
    """1:N: whose face a track has, at cameras that were told to identify for a stated purpose. Core's thread."""

    def __init__(
        self, seen: SeenFaces, site: SiteReader, gallery: Callable[[], Gallery], settings: FaceMatchSettings
    ) -> None:
        self._seen = seen
        self._site = site
        self._gallery = gallery
        self._settings = settings
        self._known: OrderedDict[TrackKey, str] = OrderedDict()

    def __call__(self, observation: Observation) -> Observation:
        """The observation with the person, where one is surely known: which a track in doubt then is."""
        camera = self._site().camera(observation.camera)
        if camera is None or IDENTIFY not in camera.tasks or not camera.purpose:
            return observation
        key = (observation.camera, observation.track, observation.started_at)
        faces = [seen for seen in self._seen.of(observation.camera, observation.at).get(key, ()) if not seen.fault]
        if len(faces) >= self._settings.min_frames:
            self._remember(key, self._whose(faces))
        person = self._known.get(key)
        if person is None:
            return observation
        label = PERSON if observation.label == REJECTED else observation.label
        return replace(observation, identity=person, label=label)

    def _whose(self, faces: Sequence[FaceSeen]) -> str | None:
        """The one person that most frames show beyond the strict threshold, if nobody else's passes it."""
        gallery = self._gallery()
        if gallery.figures is None:
            return None
        limit = gallery.figures.identify_threshold
        scores = {person: scores_of(faces, vectors) for person, vectors in gallery.templates.items()}
        votes = Counter(
            max(passing, key=lambda person: passing[person])
            for place in range(len(faces))
            if (passing := {person: each[place] for person, each in scores.items() if each[place] >= limit})
        )
        if not votes:
            return None
        person, count = votes.most_common(1)[0]
        return person if len(votes) == 1 and count >= max(self._settings.min_frames, AGREE * len(faces)) else None

    def _remember(self, key: TrackKey, person: str | None) -> None:
        if person is None:
            self._known.pop(key, None)
            return
        self._known[key] = person
        while len(self._known) > MOST_TRACKS:
            self._known.popitem(last=False)


def scores_of(faces: Sequence[FaceSeen], templates: Vectors) -> list[float]:
    """The highest similarity of each face to one of a person's templates; -1 where the models differ."""
    found = vectors_of(seen.embedding for seen in faces)
    if templates.shape[1:] != found.shape[1:]:
        return [-1.0] * len(faces)
    return [float(score) for score in np.max(found @ templates.T, axis=1)]


def _nothing_good(camera: str, tracks: Iterable[Sequence[FaceSeen]], window_s: float) -> str:
    faults = [seen.fault for faces in tracks for seen in faces]
    if faults:
        return f"camera {camera} saw no good face: {faults[-1]}"
    return f"camera {camera} saw no face within {window_s:g} s"


def _moved(faces: Sequence[FaceSeen]) -> bool:
    turns = [seen.turn for seen in faces]
    return max(turns) - min(turns) > MOVED


def likeness(vector: bytes, gallery: Gallery) -> Iterator[tuple[str, float]]:
    """Every person of the gallery with how alike that face is to their best template."""
    probe = vectors_of([vector])[0]
    for person, templates in gallery.templates.items():
        if templates.shape[1:] == probe.shape:
            yield person, float(np.max(templates @ probe))
