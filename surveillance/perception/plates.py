"""Lines of text in, the number plate among them out, in the one spelling that plates are compared in."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from surveillance.domain.geometry import Box
from surveillance.domain.plates import plate_in
from surveillance.domain.values import Bgr
from surveillance.perception.read import Line, ReadText

LEAST_CONFIDENCE = 0.6  # of a line, below which it is no plate
GAP = 1.2  # heights of a line between two parts of one plate


@dataclass(frozen=True, slots=True)
class Reading:
    """A plate, spelled, as one look reads it."""

    plate: str
    confidence: float
    box: Box


def read_plate(picture: Bgr, read: ReadText) -> Reading | None:
    """The plate that a picture shows; the surest where it shows several."""
    return plate_of(read(picture))


def plate_of(lines: Sequence[Line]) -> Reading | None:
    """The plate among lines of text: one of them, or two that stand beside or below each other."""
    return max(_candidates(lines), key=lambda reading: reading.confidence * len(reading.plate), default=None)


def _candidates(lines: Sequence[Line]) -> Iterator[Reading]:
    sure = [line for line in lines if line.confidence >= LEAST_CONFIDENCE]
    for line in sure:
        if plate := plate_in(line.text):
            yield Reading(plate, line.confidence, line.box)
    for first, second in itertools.permutations(sure, 2):
        if _goes_on(first.box, second.box) and (plate := plate_in(first.text + second.text)):
            confidence = min(first.confidence, second.confidence)
            yield Reading(plate, confidence, first.box.united(second.box))


def _goes_on(first: Box, second: Box) -> bool:
    """Whether a second line stands right of a first, or below it, as parts of one plate do."""
    height = min(first.height, second.height)
    if max(first.height, second.height) > 1.6 * height:
        return False
    is_beside = abs(first.center[1] - second.center[1]) < height / 2 and 0 <= second.x1 - first.x2 < GAP * height
    is_below = abs(first.center[0] - second.center[0]) < first.width / 2 and 0 <= second.y1 - first.y2 < height / 2
    return is_beside or is_below
