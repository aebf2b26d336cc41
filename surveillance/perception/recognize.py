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
        """One Subject per detection, in order."""
        if not detections:
            return Scene(frame, ())
        crops = [frame.picture.crop(detection.box) for detection in detections]
        seen: Sequence[Classification | None]
        try:
            seen = self._classifier(crops)
        except Expired:
            seen = [None] * len(detections)
        return Scene(frame, tuple(Subject(d, s) for d, s in zip(detections, seen, strict=True)))
