"""The view check over real footage and the demo's scenes: no false word, and a real shift, turn or cover is told."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import cv2
import numpy as np
import pytest

from surveillance.domain.ports import SourceOptions
from surveillance.domain.values import Frame, Gray
from surveillance.ingest.pictures import BgrPicture
from surveillance.ingest.settings import ViewSettings
from surveillance.ingest.sources import open_source
from surveillance.ingest.view import ViewCheck

START = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
FPS = 5
NAMES = (
    "bottle-detection.mp4",
    "car-detection.mp4",
    "one-by-one-person-detection.mp4",
    "vtest_480x360.mp4",
    "preview_store-aisle-detection.gif",
    "traffic/04254_02h.mp4",
    "traffic/06710_13h.mp4",
    "traffic/09800_19h.mp4",
)
NOTHING = BgrPicture(np.zeros((4, 4, 3), np.uint8))


def lumas(url: str) -> list[Gray]:
    return [frame.luma for frame in open_source(url, SourceOptions("x", analyze_fps=FPS)).frames()]


def to_and_fro(pictures: list[Gray], seconds: float) -> Iterator[Gray]:
    """The pictures forward and back, so that nothing jumps, with a little of the noise that a still needs."""
    random = np.random.default_rng(1)
    there_and_back = [*pictures, *pictures[-2:0:-1]]
    for number in range(int(seconds * FPS)):
        picture = there_and_back[number % len(there_and_back)].astype(np.int16)
        yield np.clip(picture + random.integers(-1, 2, picture.shape), 0, 255).astype(np.uint8)


class Live:
    """Shows pictures to one check as a camera would, and says each state it told."""

    def __init__(self) -> None:
        self._check = ViewCheck(ViewSettings())
        self._number = 0

    def __call__(self, pictures: Iterator[Gray]) -> list[str]:
        told: list[str] = []
        for luma in pictures:
            at = START + timedelta(seconds=self._number / FPS)
            state = self._check(Frame("x", at, self._number, luma, NOTHING)).state
            self._number += 1
            if told[-1:] != [state]:
                told.append(state)
        return told


def warped(matrix: Callable[[int, int], np.ndarray]) -> Callable[[Gray], Gray]:
    def change(picture: Gray) -> Gray:
        height, width = picture.shape
        how = np.asarray(matrix(width, height), np.float32)
        return np.asarray(cv2.warpAffine(picture, how, (width, height), borderMode=cv2.BORDER_REFLECT), np.uint8)

    return change


CHANGES = {
    "shifted": warped(lambda width, height: np.array([[1, 0, 0.05 * width], [0, 1, 0.02 * height]])),
    "tilted": warped(lambda width, height: cv2.getRotationMatrix2D((width / 2, height / 2), 6, 1)),
    "turned": lambda picture: np.ascontiguousarray(picture[::-1, ::-1]),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_real_footage_is_live_until_its_view_is_moved(name: str, footage: Path) -> None:
    pictures = lumas(str(footage / "video" / name))
    live = Live()
    assert live(to_and_fro(pictures, 120)) == ["live"]
    for change in CHANGES.values():
        assert live(change(picture) for picture in to_and_fro(pictures, 100)) == ["live", "moved"]
        assert live(to_and_fro(pictures, 30))[-1] == "live"
    assert live(np.full_like(picture, 17) for picture in to_and_fro(pictures, 15)) == ["live", "blinded"]


@pytest.mark.parametrize("scene", ["front-door", "yard", "garden"])
@pytest.mark.parametrize("empty", ["0", "1"])
def test_the_demo_cameras_are_live(scene: str, empty: str) -> None:
    pictures = lumas(f"synthetic://{scene}?once=1&empty={empty}")
    assert Live()(iter(pictures * 4)) == ["live"]
