"""A camera that paints and a model that knows colors, as plug-ins: whole sites run with them, quickly, without torch.

paint://yard?period=4                   a red block (person) crosses a gray, textured picture every four seconds
paint://gate?show=FILE&who=vehicle      a blue one (vehicle) comes with the picture in FILE on it, stands, and leaves
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import cv2
import numpy as np
from numpy.typing import NDArray

from surveillance.domain.geometry import Box
from surveillance.domain.ports import SourceOptions
from surveillance.domain.values import Bgr, Frame
from surveillance.ingest.pictures import BgrPicture
from surveillance.perception.cards import Input

SEEN = "PAINTED_SEEN"
LABELS = ("animal", "background", "person", "vehicle")  # the embedded card's
SIZE = (320, 180)
RED, BLUE = (20, 20, 230), (230, 20, 20)
CLEARLY = 32  # of 255
PRESENT_SHARE = 0.7  # of its period, somebody is in the picture
_GROUND: Bgr = np.repeat(np.random.default_rng(5).integers(80, 130, (18, 32, 1), np.uint8), 3, axis=2)
GROUND: Bgr = np.asarray(cv2.resize(_GROUND, SIZE, interpolation=cv2.INTER_CUBIC), np.uint8)


class SeenPicture(BgrPicture):
    """Its worker took crops of it: that goes into a file of its camera where PAINTED_SEEN names a directory."""

    def __init__(self, pixels: Bgr, options: SourceOptions, at: datetime) -> None:
        super().__init__(pixels, options.masks)
        self._camera = options.camera
        self._at: datetime | None = at

    def crop(self, box: Box) -> Bgr:
        folder, at, self._at = os.environ.get(SEEN), self._at, None
        if folder and at is not None:
            with suppress(OSError), (Path(folder) / self._camera).open("a") as file:
                file.write(f"{at.isoformat()}\n")
        return super().crop(box)


class PaintedSource:
    """Live: dated by the host's clock, at `analyze_fps`, until it is closed."""

    live = True
    duration_s: float | None = None

    def __init__(self, url: str, options: SourceOptions) -> None:
        query = parse_qs(urlsplit(url).query)
        self._period_s = float(query.get("period", ["4"])[-1])
        self._show = query.get("show", [""])[-1]
        self._color = BLUE if query.get("who") == ["vehicle"] else RED
        self._options = options
        self._closed = threading.Event()

    def frames(self) -> Iterator[Frame]:
        number = 0
        step_s = 1 / self._options.analyze_fps
        due_s = time.monotonic()
        while not self._closed.wait(max(due_s - time.monotonic(), 0.0)):
            at = datetime.now(UTC)
            picture = SeenPicture(self._paint(number), self._options, at)
            yield Frame(self._options.camera, at, number, picture.luma(), picture)
            number, due_s = number + 1, due_s + step_s

    def close(self) -> None:
        self._closed.set()

    def _paint(self, number: int) -> Bgr:
        if not self._show:
            return painted(time.time(), self._period_s, number)
        shown = cv2.imread(self._show) if Path(self._show).is_file() else None
        return showing(time.time(), self._period_s, shown, self._color)


def painted(at_s: float, period_s: float, number: int = 0) -> Bgr:
    """(180, 320, 3) uint8: the block goes from left to right in the first part of each period."""
    pixels = GROUND.copy()
    part = at_s % period_s / period_s / PRESENT_SHARE
    if part < 1.0:
        left = int(part * (SIZE[0] + 40)) - 40
        pixels[50:130, max(left, 0) : max(left + 40, 0)] = RED
    pixels[0, 0] = number % 256  # no two pictures are the same
    return pixels


def showing(at_s: float, period_s: float, shown: NDArray[np.uint8] | None, color: tuple[int, int, int]) -> Bgr:
    """(540, 960, 3) uint8: a block comes from the left, stands with the picture on its lower half, and leaves."""
    pixels = cv2.resize(GROUND, (960, 540), interpolation=cv2.INTER_CUBIC)
    part = at_s % period_s / period_s / PRESENT_SHARE
    if part < 1.0:
        left = round(330 - 630 * max(0.25 - part, part - 0.75, 0.0) / 0.25)
        left += round(8 * np.sin(at_s * 4))  # nobody stands quite still
        columns = np.arange(max(left, 0), max(left + 300, 0))
        stripes = np.where((columns - left) // 12 % 2, 1.0, 0.6)[:, None] * color  # what is plain shows no motion
        pixels[100:480, columns[columns < 960]] = stripes[columns < 960]
        if shown is not None and left > 0 and left + 300 < 960:
            height, width = shown.shape[:2]
            x, y = left + (300 - width) // 2, 470 - height
            pixels[y : y + height, x : x + width] = shown
    noise = np.random.default_rng(int(at_s * 1000)).normal(0, 2, pixels.shape)
    return np.clip(pixels + noise, 0, 255).astype(np.uint8)


class ColorBackend:
    """Red is a person, blue a vehicle, all else background; sure of it."""

    def __init__(self, build: Callable[[], object], shape: Input, device: str = "auto") -> None:
        self._quarter = shape.size // 4

    def __call__(self, crops: Sequence[Bgr]) -> NDArray[np.float32]:
        """n fitted crops to (n, 4) logits."""
        logits = np.zeros((len(crops), len(LABELS)), np.float32)
        for row, crop in enumerate(crops):
            inner = crop[self._quarter : -self._quarter, self._quarter : -self._quarter]
            blue, _, red = inner.mean(axis=(0, 1))
            label = "person" if red - blue > CLEARLY else "vehicle" if blue - red > CLEARLY else "background"
            logits[row, LABELS.index(label)] = 8.0
        return logits
