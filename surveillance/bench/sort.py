"""SORT as its paper has it (Bewley, Ge, Ott, Ramos, Upcroft 2016): what this house's tracker is measured beside.

A Kalman filter of constant velocity over center, area and aspect, in pixels and frames; Hungarian over overlap.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from surveillance.bench.mot import Boxes

Floats = NDArray[np.float64]

MAX_AGE, MIN_HITS, MIN_OVERLAP = 1, 3, 0.3
STEP = np.eye(7) + np.eye(7, k=4)  # center x and y and area move on; the aspect stays
SEEN = np.eye(4, 7)
PUSH = np.diag([1.0, 1.0, 1.0, 1.0, 1e-2, 1e-2, 1e-4])
NOISE = np.diag([1.0, 1.0, 10.0, 10.0])
AT_FIRST = np.diag([10.0, 10.0, 10.0, 10.0, 1e4, 1e4, 1e4])


@dataclass(slots=True)
class Followed:
    """One track: its state, how sure, how many frames ago it was found and how often in a row."""

    id: int
    state: Floats
    spread: Floats
    unseen: int = 0
    streak: int = 0

    def predict(self) -> None:
        if self.state[2] + self.state[6] <= 0:
            self.state[6] = 0.0
        self.state = STEP @ self.state
        self.spread = STEP @ self.spread @ STEP.T + PUSH
        self.streak = 0 if self.unseen else self.streak
        self.unseen += 1

    def correct(self, box: Floats) -> None:
        gain = self.spread @ SEEN.T @ np.linalg.inv(SEEN @ self.spread @ SEEN.T + NOISE)
        self.state = self.state + gain @ (_measured(box) - SEEN @ self.state)
        self.spread = (np.eye(7) - gain @ SEEN) @ self.spread
        self.unseen, self.streak = 0, self.streak + 1

    @property
    def box(self) -> Floats:
        """left, top, width, height."""
        x, y, area, aspect = self.state[:4]
        width = np.sqrt(max(area * aspect, 0.0))
        height = area / width if width > 0 else 0.0
        return np.array([x - width / 2, y - height / 2, width, height])


def follow_sort(found: Boxes, frames: int) -> dict[int, Floats]:
    """The tracks told in each frame, as rows of `found`; those of the first frames at once, as published."""
    tracks: list[Followed] = []
    told, last_id = {}, 0
    for frame in range(1, frames + 1):
        boxes = found[frame][:, 1:5] if frame in found else np.zeros((0, 4))
        for track in tracks:
            track.predict()
        free = set(range(len(boxes)))
        for row, column in _pairs(boxes, tracks):
            tracks[column].correct(boxes[row])
            free.discard(row)
        for row in sorted(free):
            last_id += 1
            tracks.append(Followed(last_id, np.r_[_measured(boxes[row]), 0.0, 0.0, 0.0], AT_FIRST.copy()))
        sure = [t for t in tracks if t.unseen == 0 and (t.streak >= MIN_HITS or frame <= MIN_HITS)]
        if sure:
            told[frame] = np.array([[t.id, *t.box, 1.0] for t in sure])
        tracks = [track for track in tracks if track.unseen <= MAX_AGE]
    return told


def overlaps(a: Floats, b: Floats) -> Floats:
    """(len(a), len(b)) intersections over unions of rows left, top, width, height."""
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, :2] + a[:, None, 2:], b[None, :, :2] + b[None, :, 2:])
    shared = np.clip(high - low, 0.0, None).prod(axis=2)
    areas: Floats = a[:, 2:].prod(axis=1)[:, None] + b[:, 2:].prod(axis=1)[None, :]
    result: Floats = shared / np.maximum(areas - shared, 1e-9)
    return result


def _pairs(boxes: Floats, tracks: list[Followed]) -> list[tuple[int, int]]:
    if not len(boxes) or not tracks:
        return []
    overlap = overlaps(boxes, np.array([track.box for track in tracks]))
    rows, columns = linear_sum_assignment(-overlap)
    pairs = zip(rows.tolist(), columns.tolist(), strict=True)
    return [(row, column) for row, column in pairs if overlap[row, column] >= MIN_OVERLAP]


def _measured(box: Floats) -> Floats:
    left, top, width, height = box
    return np.array([left + width / 2, top + height / 2, width * height, width / height])
