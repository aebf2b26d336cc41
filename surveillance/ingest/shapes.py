"""A mask of what differs in, its shapes out: fragments joined, scatter parted, people side by side parted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Mask = NDArray[Any]  # (height, width): uint8 with 255 where something differs, or bool

# fragments this near (7 down, 3 across) are one shape; people walk side by side, so little across
NEARBY = np.ones((7, 3), np.uint8)
LARGE = 0.1  # share of the picture beyond which a shape may be a whole street linked up
SCATTERED = 0.45  # share of its box that the outline of such a shape fills at most


def find_shapes(mask: Mask, min_area: float) -> Iterator[tuple[tuple[slice, slice], NDArray[np.bool_]]]:
    """The window of each shape and its pixels there. `min_area` is the least share of the picture that one covers."""
    least = min_area * mask.size
    near = cv2.dilate(mask, NEARBY)
    for window, linked in _components(near):
        shape = (mask[window] > 0) & linked
        if np.count_nonzero(shape) < least:
            continue
        if linked.size < LARGE * mask.size or np.count_nonzero(linked) > SCATTERED * linked.size:
            yield window, shape
            continue
        top, left = window[0].start, window[1].start
        for (rows, columns), part in _components(shape.astype(np.uint8)):
            if np.count_nonzero(part) >= least:
                yield (
                    (slice(top + rows.start, top + rows.stop), slice(left + columns.start, left + columns.stop)),
                    part,
                )


def _components(mask: Mask) -> Iterator[tuple[tuple[slice, slice], NDArray[np.bool_]]]:
    """Each connected part of a uint8 mask: its window, and what its outline encloses there."""
    contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    for contour in contours:
        left, top, across, down = cv2.boundingRect(contour)
        part = np.zeros((down, across), np.uint8)
        cv2.drawContours(part, [contour], -1, 1, cv2.FILLED, offset=(-left, -top))
        yield (slice(top, top + down), slice(left, left + across)), part > 0


def extent(shape: Mask) -> tuple[int, int, int, int]:
    """(left, top, right, bottom) of what is set in a mask that is not empty."""
    rows, columns = np.flatnonzero(shape.any(axis=1)), np.flatnonzero(shape.any(axis=0))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def split_columns(shape: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Columns (first, last) of the upright shapes that touch side by side; the whole width where there is one.

    Two peaks of the column sums with a clear valley between them, each part taller than wide, are two people.
    """
    height, width = shape.shape
    if height < 16 or width < 0.5 * height:
        return [(0, width)]
    sums = np.convolve(shape.sum(axis=0), np.ones(3) / 3, mode="same")
    least = max(int(0.2 * height), 3)
    cuts = np.arange(least, width - least)
    if not cuts.size:
        return [(0, width)]
    peaks = np.minimum(np.maximum.accumulate(sums)[cuts - 1], np.maximum.accumulate(sums[::-1])[::-1][cuts])
    depths = np.where(peaks >= 0.5 * height, sums[cuts] / np.maximum(peaks, 1e-9), np.inf)
    best = int(depths.argmin())
    cut = int(cuts[best])
    if depths[best] >= 0.45 or max(cut, width - cut) > 0.9 * height:
        return [(0, width)]
    return [(0, cut), (cut, width)]
