"""How large a picture says it is, told before anybody makes room for it."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from surveillance.domain.picture_size import picture_size

GRAY = np.full((48, 64, 3), 90, np.uint8)


def encoded(suffix: str, *options: int) -> bytes:
    return bytes(cv2.imencode(suffix, GRAY, options)[1].tobytes())


@pytest.mark.parametrize("options", [(), (cv2.IMWRITE_JPEG_PROGRESSIVE, 1), (cv2.IMWRITE_JPEG_RST_INTERVAL, 1)])
def test_a_jpeg_of_any_kind(options: tuple[int, ...]) -> None:
    assert picture_size(encoded(".jpg", *options)) == (64, 48)


def test_a_png() -> None:
    assert picture_size(encoded(".png")) == (64, 48)


def test_a_few_bytes_that_would_take_gigabytes() -> None:
    data = bytearray(encoded(".jpg"))
    frame = data.find(b"\xff\xc0")
    data[frame + 5 : frame + 9] = b"\xff\x00\xff\x00"
    assert picture_size(bytes(data)) == (65280, 65280)


@pytest.mark.parametrize(
    "content",
    [b"", b"\xff\xd8", b"\xff\xd8\xff\xe0\x00\x00" * 9, b"\x89PNG\r\n\x1a\n", encoded(".bmp"), encoded(".jpg")[:40]],
)
def test_anything_else_says_nothing(content: bytes) -> None:
    assert picture_size(content) is None
