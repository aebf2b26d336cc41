"""Detections in, a Scene out: crops go to the classifier in one call; a late answer is None, never an empty Scene."""

from __future__ import annotations

from collections.abc import Sequence

from surveillance.domain.errors import Expired
from surveillance.domain.ports import Classifier
from surveillance.domain.values import Classification, Detection, Frame, Scene, Subject


class Recognizer:
    """Implements domain.ports.Recognize over any Classifier. Only the crops are converted, never the whole picture."""

    def __init__(self, classifier: Classifier) -> None:
        self._classifier = classifier

    def __call__(self, frame: Frame, detections: Sequence[Detection]) -> Scene:
        """One Subject per detection, in order; only what comes without a label is classified."""
        asked = [detection for detection in detections if detection.seen is None]
        answers = iter(self._classified(frame, asked))
        return Scene(frame, tuple(Subject(d, d.seen if d.seen is not None else next(answers)) for d in detections))

    def _classified(self, frame: Frame, detections: Sequence[Detection]) -> Sequence[Classification | None]:
        if not detections:
            return ()
        try:
            return self._classifier([frame.picture.crop(detection.box) for detection in detections])
        except Expired:
            return [None] * len(detections)
