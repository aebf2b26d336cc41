"""Small clips that a test makes for itself: a bright block that moves over a gray ground."""

from __future__ import annotations

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
    path: Path, frames: int, fps: int = 25, size: tuple[int, int] = (320, 180), full_range: bool = False
) -> Path:
    """An H.264 clip with a key frame each second and no B frames."""
    with av.open(str(path), "w") as container:
        how = {"g": str(fps), "tune": "zerolatency", "preset": "ultrafast", "crf": "10"}
        stream = container.add_stream("libx264", rate=fps, options=how)
        stream.width, stream.height = size
        stream.pix_fmt = "yuvj420p" if full_range else "yuv420p"
        for number in range(frames):
            picture = av.VideoFrame.from_ndarray(drawn(number, size), format="bgr24")
            container.mux(stream.encode(picture))
        container.mux(stream.encode())
    return path
