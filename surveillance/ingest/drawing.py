"""Pictures with what lies in them drawn in: a camera's zones, lines and masks, or what was found there."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from surveillance.domain.geometry import Box, Point
from surveillance.domain.site import Camera
from surveillance.domain.values import Bgr, Gray

ZONE, RESTRICTED, LINE, MASK = (80, 200, 80), (60, 60, 230), (230, 160, 40), (160, 160, 160)  # BGR
FILL = 0.2  # how much of a zone's color covers its ground
HUE_STEP = 47  # between the colors of two labels, in OpenCV's half degrees
TEXT = cv2.FONT_HERSHEY_SIMPLEX


def draw_shapes(jpeg: bytes, camera: Camera) -> bytes:
    """JPEG in, JPEG out: zones filled lightly, lines with an arrow to their `in` side, masks outlined, all named."""
    picture: Any = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    for number, mask in enumerate(camera.masks, 1):
        _outline(picture, mask, MASK, f"mask {number}")
    for zone in camera.zones:
        color = RESTRICTED if zone.restricted else ZONE
        ground = picture.copy()
        cv2.fillPoly(ground, [_pixels(picture, zone.points)], color)
        cv2.addWeighted(ground, FILL, picture, 1 - FILL, 0, dst=picture)
        _outline(picture, zone.points, color, zone.name + (" (restricted)" if zone.restricted else ""))
    for line in camera.lines:
        start, end = _pixels(picture, (line.start, line.end))
        cv2.line(picture, start, end, LINE, 2, cv2.LINE_AA)
        middle, across = (start + end) // 2, (end - start) // 6
        cv2.arrowedLine(picture, middle, middle + np.array([-across[1], across[0]]), LINE, 2, cv2.LINE_AA)
        _name(picture, middle, LINE, f"{line.name} in")
    return bytes(cv2.imencode(".jpg", picture)[1])


def draw_boxes(picture: Bgr, boxes: Sequence[tuple[Box, str]], suffix: str = ".jpg") -> bytes:
    """The picture, encoded as the suffix says, with a named frame around each box."""
    drawn = picture.copy()
    for box, name in boxes:
        corners = ((box.x1, box.y1), (box.x2, box.y1), (box.x2, box.y2), (box.x1, box.y2))
        cv2.polylines(drawn, [_pixels(drawn, corners)], True, ZONE, 2, cv2.LINE_AA)
        _name(drawn, _pixels(drawn, corners[:1])[0], ZONE, name)
    return bytes(cv2.imencode(suffix, drawn)[1])


def draw_labels(picture: Bgr, labels: Gray, suffix: str = ".jpg") -> bytes:
    """The picture, encoded as the suffix says, the pixels of each label but the first in a color of its own."""
    hues = (labels.astype(np.int32) * HUE_STEP % 180).astype(np.uint8)
    full = np.full_like(hues, 255)
    colors = cv2.cvtColor(np.dstack([hues, full, full]), cv2.COLOR_HSV2BGR)
    mixed = cv2.addWeighted(picture, 0.4, colors, 0.6, 0)
    return bytes(cv2.imencode(suffix, np.where((labels > 0)[..., None], mixed, picture))[1])


def _outline(picture: Bgr, points: Iterable[Point], color: tuple[int, int, int], name: str) -> None:
    corners = _pixels(picture, points)
    cv2.polylines(picture, [corners], True, color, 2, cv2.LINE_AA)
    _name(picture, corners.mean(axis=0).astype(np.int32), color, name)


def _name(picture: Bgr, at: NDArray[np.int32], color: tuple[int, int, int], text: str) -> None:
    """White on the shape's color, within the picture."""
    scale = max(picture.shape[0] / 900, 0.4)
    (width, height), below = cv2.getTextSize(text, TEXT, scale, 1)
    left = int(np.clip(at[0] - width // 2, 0, max(picture.shape[1] - width, 0)))
    foot = int(np.clip(at[1], height + 4, max(picture.shape[0] - below, height + 4)))
    cv2.rectangle(picture, (left - 3, foot - height - 3), (left + width + 3, foot + below), color, -1)
    cv2.putText(picture, text, (left, foot), TEXT, scale, (255, 255, 255), 1, cv2.LINE_AA)


def _pixels(picture: Bgr, points: Iterable[Point]) -> NDArray[np.int32]:
    height, width = picture.shape[:2]
    return np.array([(round(x * (width - 1)), round(y * (height - 1))) for x, y in points], np.int32)
