"""Whether a live view is what it should be: faults are found, and what only looks like one is not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from itertools import count

import cv2
import numpy as np
import pytest
from fakes import NOON

from surveillance.domain.values import Frame, Gray
from surveillance.ingest.pictures import BgrPicture
from surveillance.ingest.settings import ViewSettings
from surveillance.ingest.view import LIVE, View, ViewCheck

SIZE = (320, 180)
FPS = 5
SETTINGS = ViewSettings(frozen_s=30.0, blinded_s=5.0, moved_s=10.0, learn_s=20.0)
Change = Callable[[Gray], Gray]
RANDOM = np.random.default_rng(7)


def painted() -> Gray:
    """A yard of boxes and poles in different grays."""
    random = np.random.default_rng(3)
    picture = np.full((SIZE[1], SIZE[0]), 110, np.uint8)
    for _ in range(60):
        x, y = int(random.integers(0, SIZE[0])), int(random.integers(0, SIZE[1]))
        width, height = (int(side) for side in random.integers(6, 60, 2))
        cv2.rectangle(picture, (x, y), (x + width, y + height), int(random.integers(30, 220)), -1)
    return picture


YARD = painted()


def noisy(picture: Gray) -> Gray:
    return np.clip(picture + RANDOM.normal(0, 2, picture.shape), 0, 255).astype(np.uint8)


def shifted(picture: Gray) -> Gray:
    move = np.array([[1, 0, 20], [0, 1, 8]], np.float32)
    return np.asarray(cv2.warpAffine(picture, move, SIZE, borderMode=cv2.BORDER_REFLECT), np.uint8)


def tilted(picture: Gray) -> Gray:
    turn = cv2.getRotationMatrix2D((SIZE[0] / 2, SIZE[1] / 2), 8, 1)
    return np.asarray(cv2.warpAffine(picture, turn, SIZE, borderMode=cv2.BORDER_REFLECT), np.uint8)


def turned_away(picture: Gray) -> Gray:
    return np.ascontiguousarray(picture[::-1, ::-1])


def at_night(picture: Gray) -> Gray:
    return (picture * 0.2 + 5).astype(np.uint8)


def in_infrared(picture: Gray) -> Gray:
    return (170 - picture * 0.5).astype(np.uint8)


def behind_a_truck(picture: Gray) -> Gray:
    return np.asarray(cv2.rectangle(picture.copy(), (40, 40), (250, 175), 150, -1), np.uint8)


def covered(picture: Gray) -> Gray:
    return np.full_like(picture, 18)


def covered_with_a_clock(picture: Gray) -> Gray:
    return np.asarray(cv2.putText(covered(picture), "2026-11-21 12:00:00", (4, 14), 0, 0.4, 255), np.uint8)


def glared(picture: Gray) -> Gray:
    return np.full_like(picture, 250)


def unfocused(picture: Gray) -> Gray:
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), 25), np.uint8)


class Feed:
    """Shows pictures to a check, five a second, and says what it said last."""

    def __init__(self, settings: ViewSettings = SETTINGS) -> None:
        self.check = ViewCheck(settings)
        self.number: Iterator[int] = count()
        self.at: datetime = NOON

    def __call__(self, seconds: float, change: Change | None = None, noise: bool = True) -> list[View]:
        """Each view that was told, without repetitions."""
        told: list[View] = []
        for _ in range(int(seconds * FPS)):
            picture = YARD if change is None else change(YARD)
            view = self.check(frame_of(noisy(picture) if noise else picture, self.at, next(self.number)))
            if not told or told[-1] != view:
                told.append(view)
            self.at += timedelta(seconds=1 / FPS)
        return told


def frame_of(luma: Gray, at: datetime, number: int = 0, media_s: float | None = None) -> Frame:
    return Frame("yard", at, number, luma, BgrPicture(np.zeros((4, 4, 3), np.uint8)), media_s)


@pytest.mark.parametrize(
    ("change", "state", "words"),
    [
        (shifted, "moved", "the view has shifted"),
        (tilted, "moved", "the view has shifted"),
        (turned_away, "moved", "the view is another one"),
        (covered, "blinded", "the picture is black"),
        (covered_with_a_clock, "blinded", "the picture is black"),
        (glared, "blinded", "the picture is white"),
        (unfocused, "blinded", "nothing can be made out"),
    ],
)
def test_a_view_that_is_not_what_it_was_is_told_until_it_is_back(change: Change, state: str, words: str) -> None:
    feed = Feed()
    assert feed(40) == [LIVE]
    before, after = feed(50, change)
    assert (before, after.state) == (LIVE, state)
    assert words in after.reason
    assert feed(20)[-1] == LIVE


@pytest.mark.parametrize("change", [at_night, in_infrared, behind_a_truck])
def test_another_light_or_a_parked_truck_is_no_other_view(change: Change) -> None:
    feed = Feed()
    feed(40)
    assert feed(60, change) == [LIVE]


def test_what_lasts_too_short_is_not_told() -> None:
    feed = Feed()
    feed(40)
    assert feed(3, covered) == [LIVE]
    assert feed(8, shifted) == [LIVE]
    assert feed(30) == [LIVE]
    assert feed(20, noise=False) == [LIVE]


def test_the_very_same_picture_is_frozen_and_noise_is_not() -> None:
    feed = Feed()
    assert feed(60) == [LIVE]
    assert feed(40, noise=False) == [LIVE, View("frozen", "the very same picture for 30 s and more")]
    assert feed(1) == [LIVE]


def test_a_gap_begins_anew_but_forgets_no_view() -> None:
    feed = Feed()
    feed(40)
    feed(25, noise=False)
    feed.at += timedelta(seconds=60)
    assert feed(25, noise=False) == [LIVE]
    assert feed(20, shifted)[-1].state == "moved"


def test_a_restart_accepts_the_view_as_it_is() -> None:
    assert Feed()(60, shifted) == [LIVE]


def test_each_check_can_be_switched_off() -> None:
    feed = Feed(ViewSettings(frozen_s=0, blinded_s=0, moved_s=0, learn_s=20.0))
    feed(40)
    for change in (shifted, covered):
        assert feed(60, change, noise=False) == [LIVE]


def test_a_file_may_stand_still() -> None:
    check = ViewCheck(SETTINGS)
    black = np.zeros((180, 320), np.uint8)
    views = {check(frame_of(black, NOON + timedelta(seconds=s), media_s=float(s))) for s in range(200)}
    assert views == {LIVE}


def test_what_is_masked_hides_no_move() -> None:
    def masked(change: Change) -> Change:
        def both(picture: Gray) -> Gray:
            return np.asarray(cv2.rectangle(change(picture).copy(), (0, 0), (90, 180), 0, -1), np.uint8)

        return both

    feed = Feed()
    assert feed(40, masked(lambda picture: picture), noise=False)[0] == LIVE
    assert feed(30, lambda picture: noisy_outside(masked(shifted)(picture)), noise=False)[-1].state == "moved"


def noisy_outside(picture: Gray) -> Gray:
    return np.where(picture == 0, 0, noisy(picture)).astype(np.uint8)
