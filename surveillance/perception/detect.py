"""A picture becomes the things in it: boxes with a label of the model's, ours for it, and a confidence.

One Detector serves all cameras of a process; what it saw in a camera's newest frame is remembered, so that whoever asks
next of the same frame asks for nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from threading import Lock

import cv2
import numpy as np
from numpy.typing import NDArray

from surveillance.domain.errors import ModelError
from surveillance.domain.geometry import Box
from surveillance.domain.values import Bgr, Frame
from surveillance.perception.cards import ModelCard
from surveillance.perception.decoders import DECODERS, Decoded
from surveillance.perception.opening import Run, open_model, unplaced
from surveillance.perception.registry import fit_crop, normalize

USUAL_IOU = 0.45  # boxes of one label that overlap more than this are one thing
LEAST_SIDE = 1e-4


@dataclass(frozen=True, slots=True)
class Found:
    """One thing in a picture. `label` is the model's own word, `ours` the one that rules know, if there is one."""

    label: str
    ours: str | None
    confidence: float
    box: Box


def build_detector(card: ModelCard, folder: Path | None = None) -> Detector:
    """Raises ModelError for a file that cannot be used, or whose answers are not what the card's decoder reads."""
    detector = Detector(card, open_model(card, folder))
    try:
        detector(np.zeros((card.input.size, card.input.size, 3), np.uint8))
    except (RuntimeError, ValueError, IndexError) as error:
        reason = " ".join(str(error).split())[:200]
        raise ModelError(f"{card.name} cannot be asked as its card says ({card.decoder}): {reason}") from error
    return detector


class Detector:
    """A detector as its card says. May be shared between threads."""

    def __init__(self, card: ModelCard, run: Run) -> None:
        self.card = card
        self._run = run
        self._decode = DECODERS[card.decoder]
        self._one_at_a_time = Lock()
        self._newest: dict[str, tuple[datetime, int, tuple[Found, ...]]] = {}

    def __call__(self, picture: Bgr) -> tuple[Found, ...]:
        """Everything in it, surest first."""
        card, shape = self.card, self.card.input
        height, width = picture.shape[:2]
        batch = normalize(fit_crop(picture, shape.size, shape.fit, shape.resize)[None], shape)
        with self._one_at_a_time:
            answers = self._run(batch)
        decoded = _single(self._decode(answers, card), float(card.options.get("iou", USUAL_IOU)))
        places = unplaced(decoded.boxes, shape, width, height)
        found = (
            Found(label := card.labels[place], card.classes.get(label), float(score), Box(*map(float, corners)))
            for corners, score, place in zip(places, decoded.scores, decoded.labels, strict=True)
        )
        return tuple(thing for thing in found if min(thing.box.width, thing.box.height) > LEAST_SIDE)

    def see(self, frame: Frame) -> tuple[Found, ...]:
        """The same of a camera's frame; asked again of the newest one, it answers at once."""
        newest = self._newest.get(frame.camera)
        if newest is None or newest[:2] != (frame.captured_at, frame.number):
            newest = self._newest[frame.camera] = frame.captured_at, frame.number, self(frame.picture.bgr())
        return newest[2]


def _single(decoded: Decoded, iou: float) -> Decoded:
    """Of boxes of one label that overlap, the surest; surest first."""
    corners = decoded.boxes.astype(np.float64)
    sides = np.hstack([corners[:, :2], corners[:, 2:] - corners[:, :2]])
    labels: list[int] = decoded.labels.tolist()
    kept = cv2.dnn.NMSBoxesBatched(sides.tolist(), decoded.scores.tolist(), labels, 0.0, iou)
    order: NDArray[np.int64] = np.asarray(kept, np.int64).reshape(-1)
    order = order[np.argsort(-decoded.scores[order], kind="stable")]
    return Decoded(decoded.boxes[order], decoded.scores[order], decoded.labels[order])


See = Callable[[Frame], tuple[Found, ...]]
