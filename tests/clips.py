"""Small clips that a test makes for itself: a bright block that moves over a gray ground."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import av
import numpy as np

from surveillance.domain.values import Bgr


def drawn(number: int, size: tuple[int, int] = (320, 180)) -> Bgr:
    """Picture `number`: a red block (40x80) that goes 4 pixels to the right each time."""
    width, height = size
    pixels = np.full((height, width, 3), 60, np.uint8)
    left = number * 4 % (width - 40)
    pixels[40:120, left : left + 40] = (0, 0, 255)
    return pixels


def make_mp4(
    path: Path,
    frames: int,
    fps: int = 25,
    size: tuple[int, int] = (320, 180),
    full_range: bool = False,
    codec: str = "h264",
) -> Path:
    """A clip (h264 or h265) of drawn pictures, with a key frame each second and no B frames."""
    pixel_format = "yuvj420p" if full_range else "yuv420p"
    return encode_mp4(path, (drawn(number, size) for number in range(frames)), fps, codec, pixel_format)


def encode_mp4(
    path: Path, pictures: Iterable[Bgr], fps: int = 25, codec: str = "h264", pixel_format: str = "yuv420p"
) -> Path:
    """Pictures of one size as a clip, with a key frame each second and no B frames."""
    how = {"g": str(fps), "preset": "ultrafast", "crf": "10", "tune": "zerolatency"}
    if codec == "h265":
        how["x265-params"] = f"log-level=none:keyint={fps}:min-keyint={fps}"
    with av.open(str(path), "w") as container:
        stream = None
        for pixels in pictures:
            if stream is None:
                stream = container.add_stream("libx265" if codec == "h265" else "libx264", rate=fps, options=how)
                stream.height, stream.width = pixels.shape[:2]
                stream.pix_fmt = pixel_format
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="bgr24")))
        assert stream is not None
        container.mux(stream.encode())
    return path
