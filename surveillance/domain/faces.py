"""What is told of faces: for core's memory of some seconds alone. It is no input, and reaches no disk.

An embedding is a unit vector of float32, little-endian, as bytes: the cosine of two tells how alike two faces are.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]  # (n, d), each of length one


@dataclass(frozen=True, slots=True)
class FaceSeen:
    """A face on a confirmed track. One of too low quality has no embedding, and says in `fault` what is wrong."""

    camera: str
    track: int
    started_at: datetime  # of the track: with it the number is never another's
    at: datetime
    embedding: bytes = field(repr=False)
    turn: float = 0.0  # how far the nose is off the middle between the eyes, in distances of the eyes
    fault: str = ""


@dataclass(frozen=True, slots=True)
class FacesFailed:
    """A camera that should tell of faces and cannot, and why."""

    camera: str
    at: datetime
    reason: str


FaceTold = FaceSeen | FacesFailed


@dataclass(frozen=True, slots=True)
class FaceFigures:
    """What an embedding was measured to do, on which pictures. `threshold` is for one person's templates (1:1).

    `identify_threshold` is stricter, for a whole gallery (1:N); `identify_far` is the rate of false matches of one pair
    there, at most, as `pairs` pairs of different persons can tell.
    """

    threshold: float
    far: float  # of one pair of different persons, at `threshold`
    identify_threshold: float
    identify_far: float
    pairs: int
    source: str  # the pictures that it was measured on

    def false_identifications(self, templates: int) -> float:
        """How likely a stranger is taken for one of a gallery of so many templates: 1 - (1 - FAR)^N."""
        return float(1.0 - (1.0 - self.identify_far) ** templates)


def vectors_of(embeddings: Iterable[bytes]) -> Vectors:
    """(n, d) float32. Raises ValueError where they differ in length."""
    rows = [np.frombuffer(embedding, "<f4") for embedding in embeddings]
    return np.stack(rows).astype(np.float32) if rows else np.empty((0, 0), np.float32)
