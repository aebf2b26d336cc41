"""The camera task `text`: tracks in, the words written on each out, once two looks read the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from surveillance.domain.values import BACKGROUND, Attributes, Frame, Track
from surveillance.perception.looks import Looks, of_live
from surveillance.perception.read import ReadText

TEXT = "text"
LEAST_CONFIDENCE = 0.7  # of a line
LENGTHS = range(2, 25)  # characters of a word
MOST_WORDS = 20  # of a track, the surest


class TextTask:
    """Implements domain.ports.Task. Tells `text`, a set: empty as long as nothing is read for certain."""

    words: tuple[str, ...] = (TEXT,)

    def __init__(self, read: ReadText) -> None:
        self._read = read
        self._looks: dict[int, Looks] = {}

    def __call__(self, frame: Frame, tracks: Sequence[Track]) -> Mapping[int, Attributes]:
        """Raises ModelError where nothing can be read."""
        told: dict[int, Attributes] = {}
        self._looks = of_live(self._looks, tracks)
        for track in tracks:
            if track.confirmed and not track.ended:
                looks = self._looks.setdefault(track.id, Looks())
                if track.label != BACKGROUND and looks.take(track, frame, in_doubt=True):
                    self._look(looks, track, frame)
                told[track.id] = {TEXT: frozenset(looks.settled()[:MOST_WORDS])}
        return told

    def _look(self, looks: Looks, track: Track, frame: Frame) -> None:
        sure: dict[str, float] = {}
        for line in self._read(frame.picture.crop(track.box)):
            if line.confidence >= LEAST_CONFIDENCE:
                sure |= {word: line.confidence for word in line.text.upper().split() if len(word) in LENGTHS}
        for word, confidence in sure.items():
            looks.add(word, confidence)
