"""One camera's faces: those on its confirmed tracks, told to core with the numbers by which they are known.

It looks at the part of the picture where tracks are, a few times a second. What it tells is for core's memory of some
seconds; nothing of it is kept here. Whether a good face was seen at all is a word of the rules.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

from surveillance.domain.errors import ModelError, NotFound
from surveillance.domain.faces import FaceSeen, FacesFailed, FaceTold
from surveillance.domain.geometry import Box
from surveillance.domain.values import Attributes, Frame, Track
from surveillance.perception.face_models import FaceModels
from surveillance.perception.faces import Face
from surveillance.perception.settings import FaceSettings

WORD = "face_seen"
AROUND = 0.3  # of a track's box: motion often outlines only a part of a head
BELIEVED = 2  # good pictures of a face before it counts as seen
TRY_AGAIN = timedelta(seconds=10)


class FaceTask:
    """Implements domain.ports.Task: a FaceWatch as soon as its models are here.

    Until then core is told what is missing, so that a door's record can say it.
    """

    words: tuple[str, ...] = (WORD,)

    def __init__(self, camera: str, build: Callable[[], FaceWatch], tell: Callable[[FaceTold], None]) -> None:
        """`build` raises ModelError or NotFound."""
        self._camera = camera
        self._build = build
        self._tell = tell
        self._watch: FaceWatch | None = None
        self._tried_at: datetime | None = None
        self._fault = ""

    def __call__(self, frame: Frame, tracks: Sequence[Track]) -> Mapping[int, Attributes]:
        """Raises ModelError as long as there are no models."""
        if self._watch is None and (self._tried_at is None or frame.captured_at - self._tried_at >= TRY_AGAIN):
            self._try(frame.captured_at)
        if self._watch is None:
            raise ModelError(self._fault)
        return self._watch(frame, tracks)

    def _try(self, at: datetime) -> None:
        self._tried_at = at
        try:
            self._watch = self._build()
        except (ModelError, NotFound) as fault:
            self._fault = str(fault)
            self._tell(FacesFailed(self._camera, at, self._fault))


class FaceWatch:
    """The faces of one camera. `tell` never waits."""

    def __init__(
        self, camera: str, models: FaceModels, tell: Callable[[FaceTold], None], settings: FaceSettings
    ) -> None:
        self._camera = camera
        self._models = models
        self._tell = tell
        self._settings = settings
        self._looked_at: datetime | None = None
        self._good: dict[int, int] = {}  # pictures of a good face, by track

    def __call__(self, frame: Frame, tracks: Sequence[Track]) -> Mapping[int, Attributes]:
        """Looks when it is time to, at the tracks that this frame shows."""
        live = [track for track in tracks if track.confirmed and not track.ended]
        self._good = {track.id: self._good.get(track.id, 0) for track in live}
        here = [track for track in live if track.seen_at == frame.captured_at]
        if here and self._is_time(frame.captured_at):
            self._look(frame, here)
        return {number: {WORD: count >= BELIEVED} for number, count in self._good.items()}

    def _is_time(self, at: datetime) -> bool:
        if self._looked_at is not None and abs((at - self._looked_at).total_seconds()) < self._settings.look_every_s:
            return False
        self._looked_at = at
        return True

    def _look(self, frame: Frame, tracks: Sequence[Track]) -> None:
        """Every face where tracks are, told of the smallest track that it lies in."""
        wide = {track.id: track.box.grown(AROUND) for track in tracks}
        part = tracks[0].box.grown(AROUND)
        for box in wide.values():
            part = part.united(box)
        for face in self._models.find(frame.picture.crop(part), self._settings.min_side_px):
            x, y = face.box.center
            x, y = part.x1 + x * part.width, part.y1 + y * part.height
            holding = [track for track in tracks if _holds(wide[track.id], x, y)]
            if holding:
                self._say(frame, min(holding, key=lambda track: wide[track.id].area), face)

    def _say(self, frame: Frame, track: Track, face: Face) -> None:
        embedding = b"" if face.fault else self._models.embed(face.aligned).astype("<f4").tobytes()
        self._good[track.id] += not face.fault
        at = frame.captured_at
        self._tell(FaceSeen(self._camera, track.id, track.started_at, at, embedding, round(face.turn, 3), face.fault))


def _holds(box: Box, x: float, y: float) -> bool:
    return box.x1 <= x <= box.x2 and box.y1 <= y <= box.y2
