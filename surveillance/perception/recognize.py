"""Detections in, a Scene out: crops go to the classifier in one call; a late answer is None, never an empty Scene.

What a settled track is, is asked again now and then only, for all of them in the same picture, and the answer stands
until then; as soon as one says something else than the track's vote, in every picture.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import compress

from surveillance.domain.errors import Expired
from surveillance.domain.ports import Classifier
from surveillance.domain.values import Classification, Detection, Frame, Scene, Subject


class Recognizer:
    """Implements domain.ports.Recognize over any Classifier. Only the crops are converted, never the whole picture.

    `ask_again_s` is how often settled tracks are asked about; 0 in every picture.
    """

    def __init__(self, classifier: Classifier, ask_again_s: float = 0.0) -> None:
        self._classifier = classifier
        self._ask_again_s = ask_again_s
        self._agreed: dict[int, tuple[int, Classification]] = {}  # settled track -> span of its answer, and that

    def __call__(self, frame: Frame, detections: Sequence[Detection]) -> Scene:
        """One Subject per detection, in order; only what comes without a label, and is due, is classified."""
        span = int(frame.captured_at.timestamp() / self._ask_again_s) if self._ask_again_s else None
        held = [self._held(each, span) for each in detections]
        due = [each.seen is None and answer is None for each, answer in zip(detections, held, strict=True)]
        fresh = iter(self._classified(frame, list(compress(detections, due))))
        subjects = tuple(
            Subject(each, next(fresh) if is_due else answer or each.seen, answer is not None)
            for each, answer, is_due in zip(detections, held, due, strict=True)
        )
        if span is not None:
            self._remember(subjects, span)
        return Scene(frame, subjects)

    def _held(self, detection: Detection, span: int | None) -> Classification | None:
        """The answer that stands for a settled track."""
        if detection.known is None:
            return None
        asked_in, answer = self._agreed.get(detection.known.id, (None, None))
        return answer if asked_in == span else None

    def _remember(self, subjects: Sequence[Subject], span: int) -> None:
        """The answers that say what the vote says; of tracks that this picture does not show nothing is kept."""
        self._agreed = {
            subject.detection.known.id: (span, subject.seen)
            for subject in subjects
            if subject.detection.known is not None
            and subject.seen is not None
            and subject.seen.label == subject.detection.known.label
        }

    def _classified(self, frame: Frame, detections: Sequence[Detection]) -> Sequence[Classification | None]:
        if not detections:
            return ()
        try:
            return self._classifier([frame.picture.crop(detection.box) for detection in detections])
        except Expired:
            return [None] * len(detections)
