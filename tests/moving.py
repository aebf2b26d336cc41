"""Frames with gray blocks that move over a textured ground, and what a classifier might say of them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import numpy as np

from surveillance.domain.geometry import Box
from surveillance.domain.values import Classification, Detection, Frame, Gray, Scene, Subject, Track
from surveillance.ingest.pictures import BgrPicture

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
WIDTH, HEIGHT = 320, 180
LABELS = ("person", "vehicle", "animal", "background")

GROUND: Gray = np.kron(np.random.default_rng(7).integers(90, 150, (45, 80)), np.ones((4, 4))).astype(np.uint8)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def picture(blocks: Iterable[Box], ground: Gray = GROUND) -> Gray:
    """Bright checkered blocks on the ground, as nothing evenly dark is mistaken for a shadow."""
    gray = ground.copy()
    for block in blocks:
        left, top, right, bottom = block.pixels(WIDTH, HEIGHT)
        part = np.indices((bottom - top, right - left)).sum(axis=0) // 3 % 2
        gray[top:bottom, left:right] = np.where(part > 0, 235, 205)
    return gray


def frame_of(gray: Gray, seconds: float, number: int = 0) -> Frame:
    bgr = np.repeat(gray[:, :, None], 3, axis=2)
    return Frame("yard", at(seconds), number, gray, BgrPicture(bgr), media_s=seconds)


def frame_at(seconds: float, *blocks: Box) -> Frame:
    return frame_of(picture(blocks), seconds, round(seconds * 5))


def seen(label: str, confidence: float = 0.9) -> Classification:
    rest = (1.0 - confidence) / (len(LABELS) - 1)
    return Classification(label, confidence, {name: confidence if name == label else rest for name in LABELS}, "test")


def scene_at(seconds: float, *subjects: tuple[Box, str | Classification | None], source: str = "motion") -> Scene:
    """A scene in which those boxes were seen as those labels."""
    found = []
    for box, what in subjects:
        found.append(Subject(Detection(box, source), seen(what) if isinstance(what, str) else what))
    return Scene(frame_at(seconds, *(box for box, _ in subjects)), tuple(found))


def track_of(box: Box, seconds: float = 0.0, label: str = "person", **changes: object) -> Track:
    values = {
        "id": 1,
        "camera": "yard",
        "box": box,
        "label": label,
        "confidence": 0.9,
        "confirmed": True,
        "started_at": START,
        "seen_at": at(seconds),
        "hits": 5,
    }
    return Track(**{**values, **changes})  # type: ignore[arg-type]


def block(x: float, y: float = 0.4, width: float = 0.08, height: float = 0.3) -> Box:
    return Box(x, y, x + width, y + height)
