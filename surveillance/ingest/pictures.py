"""One decoded picture in, the pixels that somebody asks for out.

A YuvPicture keeps the decoder's own planes and converts only the crop that is wanted; masks are black in all of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from av import VideoFrame
from numpy.typing import NDArray

from surveillance.domain.geometry import WHOLE, Box, Point
from surveillance.domain.values import Bgr, Gray, Picture

cv2.setNumThreads(1)  # cameras run side by side; their small pictures gain nothing from more threads each

LUMA_WIDTH = 320
PLANAR_FORMATS = ("yuv420p", "yuvj420p")  # the ones that YuvPicture reads without a conversion

Masks = Sequence[Sequence[Point]]


class YuvPicture:
    """A planar 4:2:0 frame of the decoder. Its size is even: an odd last row or column is left out.

    Colors follow ITU-R BT.601; limited and full range are both honored.
    """

    def __init__(self, frame: VideoFrame, masks: Masks = ()) -> None:
        if frame.format.name not in PLANAR_FORMATS:
            raise ValueError(f"not a planar 4:2:0 picture: {frame.format.name}")
        self._planes = tuple(_plane(frame, number) for number in range(3))
        self._full_range = frame.format.name == "yuvj420p" or frame.color_range == 2
        self._masks = masks
        self.width = int(frame.width) & ~1
        self.height = int(frame.height) & ~1

    def crop(self, box: Box) -> Bgr:
        """(height, width, 3) uint8 of that part only, as near as one pixel allows."""
        left, top, right, bottom = box.pixels(self.width, self.height)
        x1, y1, x2, y2 = left & ~1, top & ~1, (right + 1) & ~1, (bottom + 1) & ~1
        luma, u, v = self._planes
        parts = (luma[y1:y2, x1:x2], u[y1 // 2 : y2 // 2, x1 // 2 : x2 // 2], v[y1 // 2 : y2 // 2, x1 // 2 : x2 // 2])
        bgr = _from_full_range(*parts) if self._full_range else _from_limited_range(*parts)
        part = bgr[top - y1 : bottom - y1, left - x1 : right - x1]
        return _masked(part, self._masks, (self.width, self.height), (left, top))

    def bgr(self) -> Bgr:
        """(height, width, 3) uint8 of the whole picture."""
        return self.crop(WHOLE)

    def luma(self, width: int = LUMA_WIDTH) -> Gray:
        """(height, width) uint8: a small gray copy that keeps the proportions; only the Y plane is read."""
        return _blacked_out(_resized(self._planes[0][: self.height, : self.width], width), self._masks)


class BgrPicture:
    """A (height, width, 3) uint8 array in blue, green, red order."""

    def __init__(self, pixels: Bgr, masks: Masks = ()) -> None:
        self._pixels = pixels
        self._masks = masks
        self.height, self.width = int(pixels.shape[0]), int(pixels.shape[1])

    def crop(self, box: Box) -> Bgr:
        """(height, width, 3) uint8 of that part only; a copy."""
        left, top, right, bottom = box.pixels(self.width, self.height)
        part = self._pixels[top:bottom, left:right].copy()
        return _masked(part, self._masks, (self.width, self.height), (left, top))

    def bgr(self) -> Bgr:
        """(height, width, 3) uint8 of the whole picture; a copy."""
        return self.crop(WHOLE)

    def luma(self, width: int = LUMA_WIDTH) -> Gray:
        """(height, width) uint8: a small gray copy that keeps the proportions."""
        small = _resized(self._pixels, width)
        return _blacked_out(np.asarray(cv2.cvtColor(small, cv2.COLOR_BGR2GRAY), np.uint8), self._masks)


def encode_jpeg(picture: Picture, width: int, quality: int) -> bytes:
    """The whole picture, masks black, at most so wide."""
    pixels = picture.bgr()
    if pixels.shape[1] > width:
        size = (width, max(1, round(pixels.shape[0] * width / pixels.shape[1])))
        pixels = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
    return bytes(cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])[1])


def shrink_jpeg(jpeg: bytes, width: int, most_bytes: int) -> bytes:
    """The same picture at most so wide, and coarser until it takes no more than `most_bytes`."""
    pixels = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert pixels is not None
    picture = BgrPicture(np.asarray(pixels, np.uint8))
    for quality in (80, 65, 50, 35):
        small = encode_jpeg(picture, width, quality)
        if len(small) <= most_bytes:
            return small
    return shrink_jpeg(jpeg, width // 2, most_bytes)


def _plane(frame: VideoFrame, number: int) -> NDArray[np.uint8]:
    """The plane as it lies in the decoder's memory, padding cut off."""
    plane = frame.planes[number]
    memory: Any = plane  # a buffer at run time, which PyAV's types do not say
    rows: Gray = np.frombuffer(memory, np.uint8, plane.height * plane.line_size)
    return rows.reshape(plane.height, plane.line_size)[:, : plane.width]


def _from_limited_range(luma: Gray, u: Gray, v: Gray) -> Bgr:
    height, width = luma.shape
    stacked = np.empty((height * 3 // 2, width), np.uint8)
    stacked[:height] = luma
    chroma = stacked[height:].reshape(2, height // 2, width // 2)
    chroma[0], chroma[1] = u, v
    return np.asarray(cv2.cvtColor(stacked, cv2.COLOR_YUV2BGR_I420), np.uint8)


def _from_full_range(luma: Gray, u: Gray, v: Gray) -> Bgr:
    size = (luma.shape[1], luma.shape[0])
    chroma = [cv2.resize(plane, size, interpolation=cv2.INTER_NEAREST) for plane in (v, u)]
    return np.asarray(cv2.cvtColor(cv2.merge([luma, *chroma]), cv2.COLOR_YCrCb2BGR), np.uint8)


def _resized(pixels: NDArray[np.uint8], width: int) -> NDArray[np.uint8]:
    # Bilinear costs a tenth of area averaging here, and the gate blurs anyway.
    height = max(1, round(pixels.shape[0] * width / pixels.shape[1]))
    return np.asarray(cv2.resize(pixels, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)


def _blacked_out(gray: Gray, masks: Masks) -> Gray:
    return _masked(gray, masks, (gray.shape[1], gray.shape[0]), (0, 0))


def _masked(part: NDArray[np.uint8], masks: Masks, full: tuple[int, int], corner: tuple[int, int]) -> NDArray[np.uint8]:
    """`part` lies at `corner` (left, top) of a picture of size `full` (width, height); its masks become black."""
    if not masks:
        return part
    part = np.ascontiguousarray(part)
    for mask in masks:
        points = np.asarray(mask, np.float64) * full - np.asarray(corner, np.float64)
        cv2.fillPoly(part, [np.rint(points).astype(np.int32)], 0)
    return part
