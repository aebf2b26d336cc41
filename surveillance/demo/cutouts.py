"""Photographs that come inside matplotlib and scikit-image in, cut-out figures out.

The outlines are polygons in pixels of the photograph. None of these pictures is in the embedded model's training set.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from surveillance.domain.errors import SourceError
from surveillance.domain.values import Bgr

Alpha = NDArray[np.float32]  # (height, width), 0..1


@dataclass(frozen=True)
class Cutout:
    """Where a photograph lies and what of it is the figure. `above` rows are added on top by reflection."""

    package: str
    path: str
    outline: tuple[tuple[int, int], ...]
    above: int = 0


@dataclass(frozen=True)
class Figure:
    """A figure to be drawn: (height, width, 3) uint8 and its opacity."""

    bgr: Bgr
    alpha: Alpha

    @property
    def proportion(self) -> float:
        """Width by height."""
        return float(self.bgr.shape[1] / self.bgr.shape[0])


# fmt: off
CUTOUTS = {
    "officer": Cutout(  # Grace Hopper, US Navy, public domain
        "matplotlib", "mpl-data/sample_data/grace_hopper.jpg", (
            (174, 85), (176, 70), (186, 55), (200, 46), (216, 41), (222, 30), (235, 25), (258, 23), (280, 26),
            (295, 32), (303, 42), (318, 46), (335, 56), (348, 70), (353, 87), (362, 86), (368, 93), (370, 120),
            (371, 140), (368, 165), (366, 182), (374, 186), (375, 195), (372, 215), (368, 235), (362, 255),
            (361, 270), (358, 285), (350, 300), (343, 305), (335, 304), (331, 313), (345, 327), (362, 340),
            (385, 352), (410, 362), (440, 370), (465, 379), (485, 387), (494, 395), (500, 412), (511, 445),
            (511, 599), (14, 599), (18, 560), (23, 510), (28, 450), (31, 428), (37, 412), (46, 397), (56, 385),
            (76, 377), (110, 367), (150, 353), (176, 341), (191, 331), (201, 316), (198, 300), (184, 293),
            (170, 282), (163, 270), (167, 255), (161, 240), (158, 220), (154, 205), (155, 190), (152, 178),
            (149, 160), (150, 130), (154, 107), (164, 94),
        )),
    "astronaut": Cutout(  # Eileen Collins, NASA, public domain
        "skimage", "data/astronaut.png", (
            (154, 78), (158, 60), (168, 48), (188, 36), (200, 25), (215, 18), (235, 16), (255, 22), (272, 30),
            (285, 45), (295, 60), (300, 75), (300, 92), (295, 108), (285, 120), (277, 130), (269, 138), (264, 150),
            (257, 168), (270, 178), (285, 192), (297, 212), (304, 235), (318, 241), (332, 252), (345, 272),
            (352, 290), (358, 310), (361, 330), (364, 348), (380, 344), (400, 344), (430, 352), (455, 368),
            (475, 390), (488, 415), (494, 440), (500, 455), (510, 475), (511, 511), (34, 511), (30, 480), (24, 455),
            (27, 425), (21, 405), (25, 380), (28, 345), (36, 320), (43, 295), (51, 270), (66, 250), (83, 236),
            (101, 224), (116, 210), (114, 190), (122, 185), (126, 170), (135, 158), (150, 150), (168, 148),
            (184, 150), (183, 135), (176, 128), (166, 112), (156, 98),
        )),
    "cat": Cutout(  # Chelsea, CC0 by Stefan van der Walt; the ears' tips are reflected fur
        "skimage", "data/chelsea.png", (
            (42, 0), (44, -30), (52, -52), (68, -46), (92, -26), (120, -14), (170, -22), (220, -25), (270, -20),
            (305, -10), (335, -28), (360, -46), (368, -48), (376, -40), (388, -18), (396, 0), (390, 20), (375, 45),
            (362, 68), (357, 80), (362, 100), (362, 125), (360, 145), (352, 170), (340, 190), (330, 205), (320, 225),
            (315, 250), (305, 270), (300, 299), (0, 299), (0, 136), (20, 124), (33, 110), (32, 80), (35, 50),
            (38, 20),
        ), above=60),
}
# fmt: on


@cache
def load_figure(name: str) -> Figure:
    """The cut-out of that name, tight around its outline, with soft edges. Raises SourceError."""
    cutout = CUTOUTS[name]
    bgr = cv2.copyMakeBorder(load_photograph(cutout.package, cutout.path), cutout.above, 0, 0, 0, cv2.BORDER_REFLECT)
    outline = np.asarray(cutout.outline, np.int32) + np.asarray((0, cutout.above), np.int32)
    mask = np.zeros(bgr.shape[:2], np.uint8)
    cv2.fillPoly(mask, [outline], 255)
    # Blurring and then cutting off the lower half of the ramp draws the edge inwards, off the old background.
    soft = np.clip(cv2.GaussianBlur(mask, (0, 0), 2.0).astype(np.float32) / 127.5 - 1.0, 0.0, 1.0)
    left, top, width, height = cv2.boundingRect(outline)
    part = np.s_[max(top, 0) : top + height, max(left, 0) : left + width]
    return Figure(np.ascontiguousarray(bgr[part]), np.ascontiguousarray(soft[part]))


def load_photograph(package: str, path: str) -> Bgr:
    """A picture inside an installed package, which is found without being imported. Raises SourceError."""
    spec = find_spec(package)
    for folder in (spec.submodule_search_locations or []) if spec else []:
        picture = cv2.imread(str(Path(folder) / path), cv2.IMREAD_COLOR)
        if picture is not None:
            return np.asarray(picture, np.uint8)
    raise SourceError(
        f"the demo cameras need a picture of the package {package} ({path}): pip install matplotlib scikit-image",
        "not_found",
    )
