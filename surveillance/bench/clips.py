"""Clips to measure with, drawn and encoded here so that every machine has the same: nobody, one walker, two at a time.

What a scene shows in its ten seconds repeats without a seam; the encoded packets are then written over and over.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from tqdm import tqdm

from surveillance.demo.synthetic import Pose, Scene, Visit
from surveillance.domain.values import Bgr

FPS = 25
LOOP_S = 10.0
KEY_S = 2.0  # between two key pictures, as cameras are usually set
BACKDROP = "yard"
HEIGHT_PX, FOOT_Y, OUT = 165, 320, 90.0  # of a walker, in a picture of 640 x 360


@dataclass(frozen=True, slots=True)
class Size:
    """A picture's size and what a camera sends of it."""

    name: str
    width: int
    height: int
    bits_per_s: int
    fps: int = FPS


SIZES = {
    "720p": Size("720p", 1280, 720, 3_000_000),
    "1080p": Size("1080p", 1920, 1080, 6_000_000),
    "sub": Size("sub", 640, 360, 500_000),  # what a camera sends beside either
    "stub": Size("stub", 320, 180, 60_000, 5),  # costs next to nothing to decode
}


def _walk(figure: str, begin_s: float, takes_s: float) -> tuple[Visit, ...]:
    """From the left to the right, once in each loop."""

    def starting(at_s: float) -> Visit:
        poses = (Pose(at_s, -OUT, FOOT_Y, HEIGHT_PX), Pose(at_s + takes_s, 640 + OUT, FOOT_Y, HEIGHT_PX))
        return Visit(figure, poses)

    return starting(begin_s), starting(begin_s - LOOP_S)


SCENES: dict[str, tuple[Visit, ...]] = {
    "quiet": (),
    "one": (*_walk("officer", 0.0, 5.0), *_walk("astronaut", 5.0, 5.0)),
    "two": (*_walk("officer", 0.0, 9.5), *_walk("astronaut", 3.0, 9.5)),
}


def make_clip(folder: Path, scene: str, size: Size, seconds: float) -> Path:
    """An H.264 file of at least so many seconds."""
    once = folder / f"{scene}-{size.name}-once.mp4"
    if not once.exists():
        _encode(once, scene, size)
    return repeated(once, folder / f"{scene}-{size.name}-{round(seconds)}.mp4", seconds)


def _encode(to: Path, scene: str, size: Size) -> None:
    """One loop, encoded as a camera does: no B pictures, a steady bit rate."""
    rate = str(size.bits_per_s)
    how = {"preset": "veryfast", "bf": "0", "g": str(round(KEY_S * size.fps)), "sc_threshold": "0"}
    how |= {"b": rate, "maxrate": rate, "bufsize": rate}
    drawn = Scene(BACKDROP, visits=SCENES[scene])
    numbers = range(round(LOOP_S * size.fps))
    with av.open(str(to), "w") as container:
        stream = container.add_stream("libx264", rate=size.fps, options=how)
        stream.width, stream.height, stream.pix_fmt = size.width, size.height, "yuv420p"
        for number in tqdm(numbers, desc=f"{scene} {size.name}", unit="frame", disable=None, leave=False):
            picture = av.VideoFrame.from_ndarray(_enlarged(drawn.draw(number / size.fps, number), size), format="bgr24")
            container.mux(stream.encode(picture))
        container.mux(stream.encode())


def _enlarged(pixels: Bgr, size: Size) -> Bgr:
    return np.asarray(cv2.resize(pixels, (size.width, size.height), interpolation=cv2.INTER_CUBIC), np.uint8)


def repeated(clip: Path, to: Path, seconds: float) -> Path:
    """The clip's packets over and over for at least so long, without encoding anything anew."""
    if to.exists():
        return to
    with av.open(str(clip)) as source, av.open(str(to), "w") as container:
        video = source.streams.video[0]
        assert video.time_base is not None
        stream = container.add_stream_from_template(video)
        packets = [packet for packet in source.demux(video) if packet.dts is not None]
        whole = round((video.duration or 0) or _span(packets))
        for turn in range(max(1, -(-round(seconds / video.time_base) // whole))):
            source.seek(0, stream=video)
            for packet in source.demux(video):
                if packet.dts is None or packet.pts is None:
                    continue
                packet.dts += turn * whole
                packet.pts += turn * whole
                packet.stream = stream
                container.mux(packet)
    return to


def _span(packets: Sequence[Any]) -> int:
    """Of a file that does not say how long it is, in its own time base."""
    first, last = packets[0], packets[-1]
    return int((last.dts or 0) - (first.dts or 0) + (last.duration or 1))
