"""What a detector's network answers, as boxes in pixels of its input, their scores and the places of their labels.

Each decoder is `(answers, card) -> Decoded`; which one reads a network is said by its card.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from surveillance.domain.errors import ModelError
from surveillance.perception.cards import ModelCard
from surveillance.perception.opening import Answers

Floats = NDArray[np.float32]
YOLOX_STRIDES = (8, 16, 32)
NANODET_STRIDES = (8, 16, 32, 64)


@dataclass(frozen=True, slots=True)
class Decoded:
    """(n, 4) corners, (n,) scores in 0..1, (n,) places in the card's labels; in any order, doubles included."""

    boxes: Floats
    scores: Floats
    labels: NDArray[np.int64]


Decode = Callable[[Answers, ModelCard], Decoded]


def yolox(answers: Answers, card: ModelCard) -> Decoded:
    """YOLOX's own export: (1, cells, 5 + labels), centers and sizes by cell, objectness and chances after a sigmoid."""
    rows = answers[0][0]
    cells, strides = _grid(card.input.size, YOLOX_STRIDES)
    if rows.shape != (len(cells), 5 + len(card.labels)):
        raise ModelError(
            f"{card.name} answers {rows.shape}, and yolox of {card.input.size} pixels with {len(card.labels)} labels "
            f"should answer {(len(cells), 5 + len(card.labels))}"
        )
    chances = rows[:, 4:5] * rows[:, 5:]
    keep = chances.max(axis=1) >= card.reject_below
    rows, chances = rows[keep], chances[keep]
    centers = (rows[:, :2] + cells[keep]) * strides[keep]
    half = np.exp(np.minimum(rows[:, 2:4], 20.0)) * strides[keep] / 2
    labels = chances.argmax(axis=1)
    return Decoded(np.hstack([centers - half, centers + half]), chances.max(axis=1), labels)


def nanodet(answers: Answers, card: ModelCard) -> Decoded:
    """NanoDet-Plus's own export: (1, cells, labels + 4 x bins), chances, and each side's distance spread over bins."""
    rows, labels = answers[0][0], len(card.labels)
    cells, strides = _grid(card.input.size, NANODET_STRIDES)
    bins = (rows.shape[1] - labels) // 4
    if len(rows) != len(cells) or bins < 2 or rows.shape[1] != labels + 4 * bins:
        raise ModelError(
            f"{card.name} answers {rows.shape}, and nanodet of {card.input.size} pixels with {labels} labels should "
            f"answer {len(cells)} cells of {labels} and 4 times some bins"
        )
    scores = rows[:, :labels].max(axis=1)
    keep = scores >= card.reject_below
    spread = rows[keep, labels:].reshape(-1, 4, bins)
    chances = np.exp(spread - spread.max(axis=2, keepdims=True))
    chances /= chances.sum(axis=2, keepdims=True)
    sides = (chances @ np.arange(bins, dtype=np.float32)) * strides[keep]  # left, top, right, bottom
    centers = cells[keep] * strides[keep]
    boxes = np.hstack([centers - sides[:, :2], centers + sides[:, 2:]])
    return Decoded(boxes, scores[keep], rows[keep, :labels].argmax(axis=1))


def ssd(answers: Answers, card: ModelCard) -> Decoded:
    """(1, n, 4) corners in 0..1 and (1, n, labels) chances, in either order; `background` among the labels is none."""
    parts = [part[0] for part in answers if part.ndim == 3]
    boxes = next((part for part in parts if part.shape[1] == 4), None)
    chances = next((part for part in parts if part is not boxes and part.shape[1] == len(card.labels)), None)
    if boxes is None or chances is None:
        shapes = ", ".join(str(part.shape) for part in answers)
        raise ModelError(f"{card.name} answers {shapes}; ssd needs (1, n, 4) and (1, n, {len(card.labels)})")
    if "background" in card.labels:
        chances = chances.copy()
        chances[:, card.labels.index("background")] = 0.0
    scores = chances.max(axis=1)
    keep = scores >= card.reject_below
    return Decoded(boxes[keep] * card.input.size, scores[keep], chances[keep].argmax(axis=1))


def torchvision_detector(answers: Answers, card: ModelCard) -> Decoded:
    """Boxes in pixels, scores and labels, as torchvision's own detectors answer."""
    boxes, scores, labels = answers
    keep = scores >= card.reject_below
    return Decoded(boxes[keep], scores[keep], labels[keep].astype(np.int64))


@lru_cache(maxsize=8)
def _grid(size: int, steps: tuple[int, ...]) -> tuple[Floats, Floats]:
    """(cells, 2) places of the cells in their grids, row by row, and (cells, 1) their sizes in pixels."""
    cells, strides = [], []
    for stride in steps:
        side = -(-size // stride)
        y, x = np.mgrid[:side, :side]
        cells.append(np.stack([x, y], axis=2).reshape(-1, 2))
        strides.append(np.full((side * side, 1), stride))
    return np.concatenate(cells).astype(np.float32), np.concatenate(strides).astype(np.float32)


DECODERS: Mapping[str, Decode] = MappingProxyType(
    {"yolox": yolox, "nanodet": nanodet, "ssd": ssd, "torchvision_detector": torchvision_detector}
)
