"""Textures from scikit-image in, the empty pictures of the demo cameras out: what they see when nobody is there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from surveillance.demo.cutouts import load_photograph
from surveillance.domain.values import Bgr, Gray

WIDTH, HEIGHT = 640, 360
Color = tuple[float, float, float]  # blue, green, red, 0..1 at full light
Corner = tuple[float, float]
Canvas = NDArray[np.float32]  # (HEIGHT, WIDTH, 3), 0..255


@dataclass(frozen=True)
class Backdrop:
    """An empty scene, and the part of it (0..1 opacity) that stands in front of whoever comes."""

    bgr: Bgr
    front: NDArray[np.float32]


class Painter:
    """Lays textures into a picture, in perspective, and lights it. The same seed gives the same picture."""

    def __init__(self, seed: int) -> None:
        self._rng = np.random.default_rng(seed)
        self.canvas: Canvas = np.zeros((HEIGHT, WIDTH, 3), np.float32)

    def gradient(self, top: Color, bottom: Color, rows: tuple[int, int]) -> None:
        share = np.linspace(0, 1, rows[1] - rows[0], dtype=np.float32)[:, None, None]
        colors = (np.asarray(top, np.float32) * (1 - share) + np.asarray(bottom, np.float32) * share) * 255
        self.canvas[rows[0] : rows[1]] = colors

    def clouds(self, strength: float, rows: tuple[int, int], size: float) -> None:
        """Soft, irregular light and shade."""
        noise = self._noise(size)[rows[0] : rows[1], :, None]
        self.canvas[rows[0] : rows[1]] *= 1 + strength * noise

    def surface(
        self, texture: Gray, corners: Sequence[Corner], color: Color, repeat: tuple[int, int], contrast: float = 1.0
    ) -> None:
        """A tiled texture in the four-cornered area (clockwise from its upper left corner)."""
        tiled = np.tile(texture, (repeat[1], repeat[0]))
        height, width = tiled.shape
        own = np.asarray([(0, 0), (width, 0), (width, height), (0, height)], np.float32)
        target = np.asarray(corners, np.float32)
        transform = cv2.getPerspectiveTransform(own, target)
        blurred = cv2.GaussianBlur(tiled, (0, 0), 1.2)
        laid = cv2.warpPerspective(blurred, transform, (WIDTH, HEIGHT), flags=cv2.INTER_AREA).astype(np.float32) / 255
        level = float(texture.mean()) / 255
        light = np.clip(1 + (laid - level) / level * contrast, 0.2, 2.0)[..., None]
        self._blend(np.asarray(light * np.asarray(color) * 255, np.float32), self.area(corners))

    def plain(self, corners: Sequence[Corner], color: Color, opacity: float = 1.0) -> None:
        filled = np.full_like(self.canvas, np.asarray(color, np.float32) * 255)
        self._blend(filled, self.area(corners) * opacity)

    def shadow(self, corners: Sequence[Corner], strength: float, softness: float) -> None:
        mask = np.asarray(cv2.GaussianBlur(self.area(corners), (0, 0), softness), np.float32)[..., None]
        self.canvas *= 1 - strength * mask

    def hedge(self, texture: Gray, rows: tuple[int, int], color: Color, ragged: float) -> None:
        """Leaves from edge to edge, uneven on top."""
        edge = rows[0] + ragged * self._noise(14.0)[0]
        mask = (np.arange(HEIGHT)[:, None] >= edge[None, :]).astype(np.float32)
        mask[rows[1] :] = 0
        leaves = cv2.resize(np.tile(texture, (1, 3)), (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
        light = np.clip(leaves / float(texture.mean()), 0.3, 1.8)
        light *= 1 + 0.35 * self._noise(18.0)
        colors = np.asarray(light[..., None] * np.asarray(color) * 255, np.float32)
        self._blend(colors, np.asarray(cv2.GaussianBlur(mask, (0, 0), 0.8), np.float32))

    def area(self, corners: Sequence[Corner]) -> NDArray[np.float32]:
        """0..1 with a smooth edge."""
        mask = np.zeros((HEIGHT, WIDTH), np.uint8)
        points = np.rint(np.asarray(corners, np.float64) * 16).astype(np.int32)
        cv2.fillPoly(mask, [points], 255, lineType=cv2.LINE_AA, shift=4)
        return np.asarray(mask / 255, np.float32)

    def finish(self) -> Bgr:
        """The picture as a camera would give it: a little soft, darker in the corners."""
        picture = cv2.GaussianBlur(self.canvas, (0, 0), 0.7)
        y, x = np.mgrid[-1 : 1 : HEIGHT * 1j, -1 : 1 : WIDTH * 1j]
        picture = picture * (1 - 0.22 * (x**2 + y**2) / 2)[..., None]
        pixels: Bgr = np.clip(picture, 0, 255).astype(np.uint8)
        return pixels

    def _noise(self, size: float) -> NDArray[np.float32]:
        noise = cv2.GaussianBlur(self._rng.normal(0, 1, (HEIGHT, WIDTH)).astype(np.float32), (0, 0), size)
        return np.asarray(noise / (np.abs(noise).max() + 1e-6), np.float32)

    def _blend(self, colors: Canvas, opacity: NDArray[np.float32]) -> None:
        self.canvas += (colors - self.canvas) * opacity[..., None]


def paint_front_door(seed: int) -> Backdrop:
    """The hall inside the front door, over the desk: light walls, a door with panes, a stone floor and a mat."""
    gravel = _texture("gravel")
    paint = Painter(seed)
    paint.gradient((0.74, 0.80, 0.83), (0.66, 0.73, 0.76), (0, 250))
    paint.clouds(0.05, (0, 250), 60.0)
    paint.surface(gravel, [(-200, 250), (840, 250), (1300, 380), (-660, 380)], (0.50, 0.55, 0.58), (14, 3), 0.12)
    for x in range(-9, 12):
        paint.plain([(320 + x * 70, 250), (321 + x * 70, 250), (324 + x * 150, 362), (320 + x * 150, 362)], _dark(0.44))
    for y, thickness in ((262, 1), (281, 1), (308, 2), (344, 2)):
        paint.plain([(0, y), (640, y), (640, y + thickness), (0, y + thickness)], _dark(0.44))
    paint.plain([(0, 240), (640, 240), (640, 252), (0, 252)], (0.84, 0.87, 0.88))
    paint.shadow([(0, 250), (640, 250), (640, 258), (0, 258)], 0.35, 5.0)
    _paint_door(paint, (448, 34), (570, 252))
    paint.plain([(430, 266), (590, 266), (624, 304), (412, 304)], (0.26, 0.30, 0.36))
    paint.clouds(0.10, (264, 306), 1.2)
    paint.plain([(404, 130), (424, 130), (424, 160), (404, 160)], (0.30, 0.30, 0.30))
    paint.plain([(408, 134), (420, 134), (420, 146), (408, 146)], (0.55, 0.75, 0.45))
    paint.plain([(60, 64), (190, 64), (190, 158), (60, 158)], (0.36, 0.42, 0.48))
    paint.plain([(66, 70), (184, 70), (184, 152), (66, 152)], (0.86, 0.88, 0.89))
    paint.plain([(80, 84), (170, 84), (170, 88), (80, 88)], (0.55, 0.55, 0.55))
    for y in range(98, 144, 9):
        paint.plain([(80, y), (160 - y % 4 * 9, y), (160 - y % 4 * 9, y + 3), (80, y + 3)], (0.70, 0.70, 0.70))
    paint.shadow([(640, 0), (640, 360), (560, 360), (610, 0)], 0.25, 26.0)
    desk = [(-10.0, 326.0), (650.0, 326.0), (650.0, 372.0), (-10.0, 372.0)]
    paint.shadow(_corners(-10, 314, 650, 330), 0.35, 6.0)
    paint.plain(desk, (0.22, 0.32, 0.43))
    paint.clouds(0.12, (326, 360), 3.0)
    paint.plain(_corners(-10, 326, 650, 331), (0.36, 0.48, 0.60))
    return Backdrop(paint.finish(), paint.area(desk))


def _paint_door(paint: Painter, upper: tuple[int, int], lower: tuple[int, int]) -> None:
    """A wooden door in a white frame, with four panes that let daylight in."""
    (x1, y1), (x2, y2) = upper, lower
    paint.shadow(_corners(x1 - 12, y1 - 10, x2 + 14, y2), 0.25, 7.0)
    paint.plain(_corners(x1 - 10, y1 - 10, x2 + 10, y2), (0.86, 0.89, 0.90))
    paint.plain(_corners(x1, y1, x2, y2), (0.24, 0.36, 0.50))
    middle = (x1 + x2) // 2
    for left, right in ((x1 + 12, middle - 5), (middle + 5, x2 - 12)):
        for top, bottom in ((y1 + 12, y1 + 54), (y1 + 62, y1 + 104)):
            paint.plain(_corners(left, top, right, bottom), (0.95, 0.93, 0.88))
        paint.plain(_corners(left, y1 + 122, right, y2 - 16), (0.20, 0.31, 0.44))
        paint.plain(_corners(left + 4, y1 + 126, right - 4, y2 - 20), (0.26, 0.39, 0.53))
    paint.plain(_corners(x2 - 9, y1 + 110, x2 - 4, y1 + 128), (0.72, 0.78, 0.80))


def paint_yard(seed: int) -> Backdrop:
    """A yard with a brick wall and a store's shutter behind, and a low wall in front."""
    gravel, brick = _texture("gravel"), np.rot90(_texture("brick"))
    paint = Painter(seed)
    paint.gradient((0.88, 0.80, 0.72), (0.93, 0.90, 0.87), (0, 60))
    paint.surface(brick, [(-20, 38), (660, 24), (660, 214), (-20, 206)], (0.40, 0.47, 0.60), (4, 2), 0.75)
    paint.plain([(-20, 30), (660, 16), (660, 26), (-20, 40)], (0.50, 0.53, 0.55))
    paint.surface(gravel, [(-300, 204), (940, 212), (1500, 380), (-860, 380)], (0.55, 0.58, 0.60), (9, 4), 0.35)
    paint.shadow([(0, 200), (640, 208), (640, 232), (0, 226)], 0.5, 8.0)
    paint.plain([(404, 52), (586, 48), (588, 220), (404, 216)], (0.30, 0.32, 0.34))
    for row in range(14):
        y, shade = 58 + row * 11.2, 0.56 + 0.10 * (row % 2)
        paint.plain([(412, y), (578, y - 3), (578, y + 7), (412, y + 9)], (shade * 1.02, shade, shade * 0.96))
    paint.plain([(70, 92), (148, 90), (148, 150), (70, 152)], (0.82, 0.85, 0.86))
    paint.plain([(76, 98), (142, 96), (142, 144), (76, 146)], (0.34, 0.30, 0.26))
    paint.plain([(106, 97), (110, 97), (110, 145), (106, 145)], (0.82, 0.85, 0.86))
    paint.plain([(236, 150), (300, 149), (302, 222), (234, 222)], (0.28, 0.36, 0.24))
    paint.plain([(230, 144), (306, 143), (306, 154), (230, 154)], (0.24, 0.31, 0.21))
    paint.shadow([(0, 30), (0, 210), (330, 330), (-60, 400)], 0.22, 30.0)
    wall = [(-10.0, 306.0), (650.0, 300.0), (650.0, 372.0), (-10.0, 372.0)]
    paint.shadow([(-10, 292), (650, 286), (650, 306), (-10, 310)], 0.4, 6.0)
    paint.surface(brick, [(-40, 306), (680, 300), (680, 400), (-40, 400)], (0.34, 0.41, 0.54), (3, 1), 0.8)
    cap = [(-10.0, 298.0), (650.0, 292.0), (650.0, 306.0), (-10.0, 312.0)]
    paint.plain(cap, (0.60, 0.63, 0.65))
    return Backdrop(paint.finish(), np.maximum(paint.area(wall), paint.area(cap)))


def paint_garden(seed: int) -> Backdrop:
    """A gravel path through a lawn, a hedge and a fence behind, the house's brick pillar at the right."""
    grass, gravel, brick = _texture("grass"), _texture("gravel"), _texture("brick")
    paint = Painter(seed)
    paint.gradient((0.90, 0.78, 0.66), (0.96, 0.92, 0.88), (0, 150))
    paint.clouds(0.10, (0, 150), 40.0)
    paint.hedge(grass, (62, 176), (0.22, 0.36, 0.26), ragged=34)
    paint.surface(grass, [(-500, 168), (1140, 168), (1800, 380), (-1160, 380)], (0.26, 0.50, 0.38), (10, 4), 0.7)
    paint.surface(gravel, [(276, 168), (352, 168), (560, 372), (20, 372)], (0.56, 0.62, 0.66), (2, 5), 0.55)
    paint.shadow([(0, 168), (640, 168), (640, 184), (0, 184)], 0.45, 9.0)
    for x in range(-6, 640, 34):
        paint.plain([(x, 128), (x + 4, 123), (x + 8, 128), (x + 8, 178), (x, 178)], (0.86, 0.89, 0.90))
    for y in (138, 162):
        paint.plain([(0, y), (640, y), (640, y + 5), (0, y + 5)], (0.80, 0.83, 0.84))
    paint.plain([(284, 118), (344, 118), (344, 182), (284, 182)], (0.34, 0.40, 0.42))
    for x in range(288, 344, 14):
        paint.plain([(x, 122), (x + 10, 122), (x + 10, 178), (x, 178)], (0.42, 0.50, 0.54))
    paint.shadow([(520, 0), (640, 0), (640, 360), (430, 360)], 0.35, 22.0)
    paint.surface(np.rot90(brick), [(566, -8), (650, -8), (650, 368), (556, 368)], (0.34, 0.42, 0.62), (1, 3), 0.8)
    paint.shadow([(556, 0), (580, 0), (572, 360), (540, 360)], 0.5, 6.0)
    return Backdrop(paint.finish(), np.zeros((HEIGHT, WIDTH), np.float32))


BACKDROPS: dict[str, Callable[[int], Backdrop]] = {
    "front-door": paint_front_door,
    "yard": paint_yard,
    "garden": paint_garden,
}


def _corners(x1: float, y1: float, x2: float, y2: float) -> list[Corner]:
    return [(x1, y1), (x2, y1), (x2, y2), (x1, y2)]


def _dark(light: float) -> Color:
    return (light, light * 1.04, light * 1.06)


def _texture(name: str) -> Gray:
    photograph = load_photograph("skimage", f"data/{name}.png")
    return np.asarray(cv2.cvtColor(photograph, cv2.COLOR_BGR2GRAY), np.uint8)
