"""The demo's cameras: cut-out photographs walk through a painted scene, on a timetable that repeats.

Only pixels leave this module; who is in them is never told. The wall clock sets the place in the timetable, so that
the demo's badge reader, which knows the timetable too, comes at the right moment.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from urllib.parse import parse_qs, urlsplit

import cv2
import numpy as np
from numpy.typing import NDArray

from surveillance.demo.backdrops import BACKDROPS, HEIGHT, WIDTH, Backdrop
from surveillance.demo.cutouts import Figure, load_figure
from surveillance.domain.errors import SourceError
from surveillance.domain.ports import SourceOptions
from surveillance.domain.values import Bgr, Frame
from surveillance.ingest.pictures import BgrPicture

NOISE_FIELDS = 8
STEPS_PER_S = 1.7  # how fast somebody who walks goes up and down


@dataclass(frozen=True)
class Pose:
    """Where a figure is at a second of the timetable: middle and lower edge in pixels, and its height."""

    at_s: float
    x: float
    foot_y: float
    height: float


@dataclass(frozen=True)
class Visit:
    """One figure's way through the picture. Between equal poses it stands, swaying a little."""

    figure: str
    poses: tuple[Pose, ...]
    flipped: bool = False


@dataclass(frozen=True)
class Timetable:
    """Who comes and goes within `loop_s` seconds, over and over."""

    loop_s: float
    visits: tuple[Visit, ...]


def _visit(
    figure: str,
    span_s: tuple[float, float],
    xs: tuple[float, float, float],
    foot_y: float,
    height: float,
    walk_s: float = 2.0,
    flipped: bool = False,
) -> Visit:
    """Comes in from `xs[0]`, stands at `xs[1]`, leaves by `xs[2]`."""
    start_s, end_s = span_s
    poses = (
        Pose(start_s, xs[0], foot_y, height),
        Pose(start_s + walk_s, xs[1], foot_y, height),
        Pose(end_s - walk_s, xs[1], foot_y, height),
        Pose(end_s, xs[2], foot_y, height),
    )
    return Visit(figure, poses, flipped)


TIMETABLES = {
    "front-door": Timetable(
        30.0,
        (
            _visit("officer", (1.0, 10.0), (-130, 330, 780), 334, 244, walk_s=2.5),
            _visit("astronaut", (10.5, 20.5), (-150, 170, -150), 334, 240, walk_s=3.0),
            _visit("officer", (11.5, 20.0), (780, 450, 780), 334, 240, walk_s=2.5),
            _visit("cat", (21.5, 29.0), (-140, 300, 780), 334, 160, walk_s=2.5),
        ),
    ),
    "yard": Timetable(
        30.0,
        (
            _visit("cat", (3.0, 12.0), (780, 490, -140), 312, 150, walk_s=3.0),
            _visit("officer", (20.5, 29.5), (-130, 490, -130), 312, 220, walk_s=2.5),
        ),
    ),
    "garden": Timetable(30.0, (_visit("cat", (13.0, 21.0), (-140, 250, 780), 364, 170, walk_s=2.5),)),
}


class SyntheticSource:
    """`synthetic://front-door`, `yard` or `garden`; `?empty=1` shows the backdrop only, `?seed=` changes the noise.

    Live by default; with `?once=1` it is one round of the timetable, as a file that is read as fast as one likes.
    """

    def __init__(self, url: str, options: SourceOptions) -> None:
        parts = urlsplit(url)
        query = parse_qs(parts.query)
        self._scene = parts.netloc
        if self._scene not in TIMETABLES:
            scenes = ", ".join(f"synthetic://{name}" for name in TIMETABLES)
            raise SourceError(f"there is no demo camera {url}; there are: {scenes}", "not_found")
        self._timetable = TIMETABLES[self._scene]
        self._empty = query.get("empty", ["0"])[-1] == "1"
        self._seed = int(query.get("seed", ["1"])[-1])
        self._options = options
        self._closed = threading.Event()
        self.live = query.get("once", ["0"])[-1] != "1"
        self.duration_s = None if self.live else self._timetable.loop_s

    def frames(self) -> Iterator[Frame]:
        """640x360 at `analyze_fps`, until `close`. Raises SourceError when a photograph's package is missing."""
        scene = Scene(self._scene, self._seed, self._empty)
        ticks = self._ticks() if self.live else self._file_ticks()
        for number, (captured_at, media_s) in enumerate(ticks):
            at_s = captured_at.timestamp() if media_s is None else media_s
            picture = BgrPicture(scene.draw(at_s % self._timetable.loop_s, number), self._options.masks)
            yield Frame(self._options.camera, captured_at, number, picture.luma(), picture, media_s)

    def close(self) -> None:
        self._closed.set()

    def _ticks(self) -> Iterator[tuple[datetime, None]]:
        step_s = 1 / self._options.analyze_fps
        due_s = time.monotonic()
        while not self._closed.wait(max(due_s - time.monotonic(), 0.0)):
            yield datetime.now(UTC), None
            due_s = max(due_s + step_s, time.monotonic() - step_s)

    def _file_ticks(self) -> Iterator[tuple[datetime, float]]:
        start_at = self._options.start_at or datetime.now(UTC)
        for number in range(int(self._timetable.loop_s * self._options.analyze_fps)):
            if self._closed.is_set():
                return
            media_s = round(number / self._options.analyze_fps, 6)
            yield start_at + timedelta(seconds=media_s), media_s


class Scene:
    """Draws one demo camera: a pure function of the second in the timetable and the picture's number."""

    def __init__(self, name: str, seed: int = 1, empty: bool = False, visits: tuple[Visit, ...] | None = None) -> None:
        self._backdrop = paint_backdrop(name, seed)
        self._visits = () if empty else TIMETABLES[name].visits if visits is None else visits
        rng = np.random.default_rng(seed)
        shape = (NOISE_FIELDS, HEIGHT, WIDTH, 1)
        self._noise = np.repeat(np.rint(rng.normal(0, 2.2, shape)), 3, axis=3).astype(np.int16)

    def draw(self, at_s: float, number: int = 0) -> Bgr:
        """(360, 640, 3) uint8."""
        canvas = self._backdrop.bgr.copy()
        for visit in self._visits:
            pose = pose_at(visit, at_s)
            if pose is not None:
                _paste(canvas, _scaled(visit.figure, round(pose.height), visit.flipped), pose, self._backdrop.front)
        return np.asarray(cv2.add(canvas, self._noise[number % NOISE_FIELDS], dtype=cv2.CV_8U), np.uint8)


def pose_at(visit: Visit, at_s: float) -> Pose | None:
    """Where the visit's figure is at that second; None before it comes and after it has left."""
    for before, after in pairwise(visit.poses):
        if before.at_s <= at_s < after.at_s:
            share = (at_s - before.at_s) / (after.at_s - before.at_s)
            walks = before.x != after.x
            bob = 3.0 * abs(math.sin(math.pi * STEPS_PER_S * at_s)) if walks else 0.0
            sway = 0.0 if walks else 3.0 * math.sin(1.3 * at_s) * math.sin(math.pi * share)
            return Pose(
                at_s,
                before.x + (after.x - before.x) * share + sway,
                before.foot_y + (after.foot_y - before.foot_y) * share + bob,
                before.height + (after.height - before.height) * share,
            )
    return None


@lru_cache(maxsize=8)
def paint_backdrop(name: str, seed: int) -> Backdrop:
    return BACKDROPS[name](seed)


@lru_cache(maxsize=64)
def _scaled(name: str, height: int, flipped: bool) -> Figure:
    figure = load_figure(name)
    size = (max(round(height * figure.proportion), 1), height)
    bgr = cv2.resize(figure.bgr, size, interpolation=cv2.INTER_AREA)
    alpha = cv2.resize(figure.alpha, size, interpolation=cv2.INTER_AREA)
    if flipped:
        bgr, alpha = bgr[:, ::-1], alpha[:, ::-1]
    return Figure(np.ascontiguousarray(bgr), np.ascontiguousarray(alpha))


def _paste(canvas: Bgr, figure: Figure, pose: Pose, front: NDArray[np.float32]) -> None:
    """Blends the figure in, behind what stands in front."""
    height, width = figure.alpha.shape
    left, top = round(pose.x - width / 2), round(pose.foot_y - height)
    x1, y1, x2, y2 = max(left, 0), max(top, 0), min(left + width, WIDTH), min(top + height, HEIGHT)
    if x1 >= x2 or y1 >= y2:
        return
    own = np.s_[y1 - top : y2 - top, x1 - left : x2 - left]
    opacity = (figure.alpha[own] * (1 - front[y1:y2, x1:x2]))[..., None]
    below = canvas[y1:y2, x1:x2]
    canvas[y1:y2, x1:x2] = np.rint(below + (figure.bgr[own] - below.astype(np.float32)) * opacity).astype(np.uint8)
