"""A crop becomes another that a camera could have given of the same thing: moved box, worse light, worse optics.

Motion boxes are off-center, too wide, or cut through their subject; that is imitated before the crop is fitted to the
network, while light, blur and compression are imitated after it. Nothing here looks at a label but `rotate_any`, which
the caller sets for what has no upright side in the picture.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.random import Generator

from surveillance.domain.values import Bgr
from surveillance.perception.registry import fit_crop


def augment(
    crop: Bgr, backdrop: Bgr, size: int, fit: str, draw: Generator, rotate_any: float = 0.0, calm: float = 0.0
) -> Bgr:
    """(size, size, 3) uint8. `backdrop` is a crop of nothing; `rotate_any` is the chance of a turn by any angle.

    `calm` is the chance that optics and light stay as they are.
    """
    if draw.random() < 0.5:
        crop = crop[:, ::-1]
    crop = _turn(crop, draw, rotate_any)
    crop = _move_box(crop, draw)
    if draw.random() < calm:
        return fit_crop(np.ascontiguousarray(crop), size, fit)
    if draw.random() < 0.15:
        crop = _surround(crop, backdrop, draw)
    crop = _lose_detail(crop, size, draw)
    image = fit_crop(np.ascontiguousarray(crop), size, fit)
    if draw.random() < 0.8:
        image = _relight(image, draw)
    image = _shade(image, draw)
    image = _occlude(image, draw)
    return _degrade(image, draw)


def _turn(crop: Bgr, draw: Generator, rotate_any: float) -> Bgr:
    chance = draw.random()
    if chance < rotate_any:
        crop = np.rot90(crop, int(draw.integers(4)))
        angle = float(draw.uniform(-45, 45))
    elif chance < rotate_any + 0.4 * (1 - rotate_any):
        angle = float(draw.normal(0, 9))
    else:
        return crop
    crop = np.ascontiguousarray(crop)
    height, width = crop.shape[:2]
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), angle, 1.0)
    cos, sin = abs(turn[0, 0]), abs(turn[0, 1])
    # Wide enough for most of the subject: a full bounding box would leave it small in its corners.
    wide = round(width + 0.8 * (height * sin + width * cos - width))
    high = round(height + 0.8 * (width * sin + height * cos - height))
    wide, high = max(wide, 4), max(high, 4)
    turn[:, 2] += (wide - width) / 2, (high - height) / 2
    return np.asarray(cv2.warpAffine(crop, turn, (wide, high), borderMode=_border(draw)), np.uint8)


def _move_box(crop: Bgr, draw: Generator) -> Bgr:
    """Each edge moves on its own: inward cuts the subject, outward shows more (mirrored or smeared) surroundings."""
    height, width = crop.shape[:2]
    if draw.random() < 0.15:
        return crop
    left, right = (draw.normal(0.02, 0.10, 2) * width).clip(-0.25 * width, 0.30 * width).astype(int)
    top, bottom = (draw.normal(0.02, 0.10, 2) * height).clip(-0.25 * height, 0.30 * height).astype(int)
    if draw.random() < 0.12:  # cut hard on one side, as by a picture's edge, a desk or another box
        side = int(draw.integers(3))
        cut = draw.uniform(0.25, 0.5)
        if side == 0:
            bottom = int(-cut * height)
        elif side == 1:
            left = int(-cut * 0.8 * width)
        else:
            right = int(-cut * 0.8 * width)
    crop = crop[max(0, -top) : height - max(0, -bottom), max(0, -left) : width - max(0, -right)]
    if crop.shape[0] < 4 or crop.shape[1] < 4:
        return crop
    top, bottom, left, right = (max(0, int(edge)) for edge in (top, bottom, left, right))
    return np.asarray(cv2.copyMakeBorder(crop, top, bottom, left, right, _border(draw)), np.uint8)


def _surround(crop: Bgr, backdrop: Bgr, draw: Generator) -> Bgr:
    """The crop somewhere in a wider picture, as in a box that motion has drawn too large."""
    height, width = crop.shape[:2]
    wide, high = round(width * draw.uniform(1.0, 2.0)), round(height * draw.uniform(1.0, 1.6))
    canvas = cv2.resize(backdrop, (wide, high), interpolation=cv2.INTER_LINEAR)
    left, top = int(draw.integers(0, wide - width + 1)), int(draw.integers(0, high - height + 1))
    canvas[top : top + height, left : left + width] = crop
    return np.asarray(canvas, np.uint8)


def _border(draw: Generator) -> int:
    return int((cv2.BORDER_REFLECT_101, cv2.BORDER_REFLECT, cv2.BORDER_REPLICATE)[int(draw.integers(3))])


def _lose_detail(crop: Bgr, size: int, draw: Generator) -> Bgr:
    """Far away subjects have few pixels."""
    if draw.random() >= 0.3:
        return crop
    height, width = crop.shape[:2]
    scale = draw.uniform(14, size) / max(height, width)
    if scale >= 1:
        return crop
    small = (max(6, round(width * scale)), max(6, round(height * scale)))
    return np.asarray(cv2.resize(np.ascontiguousarray(crop), small, interpolation=cv2.INTER_AREA), np.uint8)


def _relight(image: Bgr, draw: Generator) -> Bgr:
    """Exposure, contrast, gamma and color cast in one table per channel; sometimes gray, as at night."""
    if draw.random() < 0.18:
        image = np.repeat(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)[..., None], 3, axis=2)
    elif draw.random() < 0.35:
        gray = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)[..., None].astype(np.float32)
        image = (gray + (image - gray) * draw.uniform(0.2, 1.5)).clip(0, 255).astype(np.uint8)
    ramp = np.linspace(0, 1, 256, dtype=np.float32)
    ramp = ramp ** np.exp(draw.normal(0, 0.25))
    contrast = np.exp(draw.normal(-0.05, 0.2))
    ramp = (ramp - 0.5) * contrast + 0.5 + draw.normal(0, 0.08)
    if draw.random() < 0.06:
        ramp = ramp * draw.uniform(0.25, 0.6)
    if draw.random() < 0.04:
        ramp = 1 - ramp  # some thermal cameras show warmth dark
    cast = 1 + draw.normal(0, 0.06, 3).astype(np.float32)
    table = (ramp[:, None] * cast * 255).clip(0, 255).astype(np.uint8)
    return np.asarray(cv2.LUT(image, table.reshape(1, 256, 3)), np.uint8)


def _shade(image: Bgr, draw: Generator) -> Bgr:
    """A soft-edged shadow or patch of light over part of the picture."""
    if draw.random() >= 0.15:
        return image
    size = image.shape[0]
    mask = np.zeros((size, size), np.float32)
    corners = draw.uniform(-0.2, 1.2, (int(draw.integers(3, 6)), 2)) * size
    cv2.fillConvexPoly(mask, cv2.convexHull(corners.astype(np.int32)), 1.0)
    soft = cv2.blur(mask, (2 * int(draw.integers(1, 6)) + 1,) * 2)[..., None]
    factor = draw.uniform(0.35, 0.8) if draw.random() < 0.7 else draw.uniform(1.2, 1.8)
    return (image * (1 + (factor - 1) * soft)).clip(0, 255).astype(np.uint8)


def _occlude(image: Bgr, draw: Generator) -> Bgr:
    """A post, a leaf, a timestamp: a flat or noisy rectangle."""
    if draw.random() >= 0.2:
        return image
    size = image.shape[0]
    wide, high = (draw.uniform(0.1, 0.4, 2) * size).astype(int)
    left, top = int(draw.integers(0, size - wide)), int(draw.integers(0, size - high))
    image = image.copy()
    color = draw.integers(0, 256, 3) if draw.random() < 0.5 else draw.integers(0, 256, (high, wide, 3))
    image[top : top + high, left : left + wide] = color
    return image


def _degrade(image: Bgr, draw: Generator) -> Bgr:
    """Blur by focus or motion, sensor noise, JPEG blocks."""
    chance = draw.random()
    if chance < 0.15:
        image = np.asarray(cv2.GaussianBlur(image, (0, 0), float(draw.uniform(0.5, 1.6))), np.uint8)
    elif chance < 0.22:
        length = int(draw.integers(3, 8))
        image = np.asarray(cv2.blur(image, (length, 1) if draw.random() < 0.7 else (1, length)), np.uint8)
    if draw.random() < 0.2:
        noise = draw.standard_normal(image.shape, dtype=np.float32) * draw.uniform(3, 18)
        image = (image + noise).clip(0, 255).astype(np.uint8)
    if draw.random() < 0.2:
        _, packed = cv2.imencode(".jpg", image, (cv2.IMWRITE_JPEG_QUALITY, int(draw.integers(20, 75))))
        image = np.asarray(cv2.imdecode(packed, cv2.IMREAD_COLOR), np.uint8)
    return image
