"""Pictures: only the crop is converted, and it is the same as the whole picture's."""

from __future__ import annotations

from collections.abc import Callable

import av
import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from surveillance.domain.geometry import WHOLE, Box
from surveillance.ingest.pictures import BgrPicture, Masks, YuvPicture

MASK: Masks = (((0.5, 0.0), (1.0, 0.0), (1.0, 0.5), (0.5, 0.5)),)


def colors(width: int = 96, height: int = 64) -> NDArray[np.uint8]:
    """Smooth colors, so that halving the chroma loses little."""
    y, x = np.mgrid[0:height, 0:width]
    return np.stack([x * 255 // width, y * 255 // height, 255 - x * 200 // width], axis=2).astype(np.uint8)


def yuv(pixels: NDArray[np.uint8], pixel_format: str, masks: Masks = ()) -> YuvPicture:
    frame = av.VideoFrame.from_ndarray(pixels, format="bgr24").reformat(format=pixel_format)
    return YuvPicture(frame, masks)


@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuvj420p"])
def test_colors_survive_in_limited_and_full_range(pixel_format: str) -> None:
    picture = yuv(colors(), pixel_format)
    assert (picture.width, picture.height) == (96, 64)
    assert np.abs(picture.bgr().astype(int) - colors().astype(int)).mean() < 3.0


@pytest.mark.parametrize(
    "box", [Box(0.1, 0.1, 0.5, 0.6), Box(0.013, 0.251, 0.017, 0.9), Box(0.5, 0.5, 1.0, 1.0), WHOLE]
)
@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuvj420p"])
def test_a_crop_is_that_part_of_the_whole_picture(pixel_format: str, box: Box) -> None:
    picture = yuv(colors(), pixel_format)
    left, top, right, bottom = box.pixels(picture.width, picture.height)
    np.testing.assert_array_equal(picture.crop(box), picture.bgr()[top:bottom, left:right])


def test_an_odd_last_row_and_column_are_left_out() -> None:
    picture = yuv(colors(97, 65), "yuv420p")
    assert (picture.width, picture.height, picture.bgr().shape) == (96, 64, (64, 96, 3))


def test_another_format_is_refused() -> None:
    with pytest.raises(ValueError, match="rgb24"):
        YuvPicture(av.VideoFrame(16, 16, "rgb24"))


Build = Callable[[NDArray[np.uint8], Masks], YuvPicture | BgrPicture]


@pytest.mark.parametrize("build", [BgrPicture, lambda pixels, masks: yuv(pixels, "yuv420p", masks)])
def test_masks_are_black_in_crops_and_in_the_luma(build: Build) -> None:
    picture = build(np.full((64, 96, 3), 200, np.uint8), MASK)
    assert picture.bgr()[:31, 49:].max() == 0
    assert picture.bgr()[34:].min() > 190
    assert picture.crop(Box(0.6, 0.1, 0.9, 0.4)).max() == 0
    luma = picture.luma()
    assert luma[:100, 170:].max() == 0
    assert luma[120:].min() > 150


def test_luma_is_320_wide_and_keeps_the_proportions() -> None:
    pixels = colors(640, 360)
    gray = cv2.resize(cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY), (320, 180)).astype(int)
    for luma in (BgrPicture(pixels).luma(), yuv(pixels, "yuvj420p").luma()):
        assert luma.shape == (180, 320)
        assert np.abs(luma - gray).mean() < 2.0


def test_what_a_crop_gives_may_be_written_to() -> None:
    pixels = colors()
    picture = BgrPicture(pixels)
    picture.crop(WHOLE)[:] = 0
    np.testing.assert_array_equal(picture.bgr(), colors())
