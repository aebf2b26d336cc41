"""A picture becomes the label of each of its pixels, and the silhouettes of its people."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from threading import Lock

import cv2
import numpy as np
from numpy.typing import NDArray

from surveillance.domain.values import Bgr
from surveillance.perception.cards import Input, ModelCard
from surveillance.perception.opening import Run, open_model
from surveillance.perception.registry import fit_crop, normalize

Labels = NDArray[np.uint8]  # (height, width): places in the card's labels
Mask = NDArray[np.bool_]  # (height, width)


def build_segmenter(card: ModelCard, folder: Path | None = None) -> Segmenter:
    """Raises ModelError for a file that cannot be used."""
    return Segmenter(card, open_model(card, folder))


class Segmenter:
    """A segmenter as its card says. May be shared between threads."""

    def __init__(self, card: ModelCard, run: Run) -> None:
        self.card = card
        self._run = run
        self._one_at_a_time = Lock()

    def __call__(self, picture: Bgr) -> Labels:
        """Each pixel's label. Where the likeliest is less sure than the card asks for, it is the first: background."""
        shape = self.card.input
        height, width = picture.shape[:2]
        batch = normalize(fit_crop(picture, shape.size, shape.fit, shape.resize)[None], shape)
        with self._one_at_a_time:
            logits = self._run(batch)[0][0]
        powers = np.exp(logits - logits.max(axis=0))
        labels = logits.argmax(axis=0).astype(np.uint8)
        labels[powers.max(axis=0) < self.card.reject_below * powers.sum(axis=0)] = 0
        fitted = _within(labels, shape, width, height)
        return np.asarray(cv2.resize(fitted, (width, height), interpolation=cv2.INTER_NEAREST), np.uint8)

    def people(self, picture: Bgr) -> Mask:
        """Where people are, by the labels that the card maps to `person`."""
        ours = [self.card.classes.get(label) == "person" for label in self.card.labels]
        return np.asarray(ours, np.bool_)[self(picture)]

    def shares(self, labels: Labels) -> Mapping[str, float]:
        """The share of the picture that each label has, the largest first; the first label is no thing."""
        counts = np.bincount(labels.reshape(-1), minlength=len(self.card.labels))
        named = [(self.card.labels[place], count / labels.size) for place, count in enumerate(counts)][1:]
        return dict(sorted(((name, share) for name, share in named if share > 0), key=lambda pair: -pair[1]))


def _within(labels: Labels, shape: Input, width: int, height: int) -> Labels:
    """Without what was added around the picture to make it a square."""
    if shape.fit not in ("letterbox", "corner"):
        return labels
    scale = shape.size / max(width, height)
    wide, high = max(1, round(width * scale)), max(1, round(height * scale))
    top, left = ((shape.size - high) // 2, (shape.size - wide) // 2) if shape.fit == "letterbox" else (0, 0)
    return labels[top : top + high, left : left + wide]
