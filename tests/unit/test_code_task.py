"""The task `badges`: codes beside confirmed tracks are told to core for the moment, and never with an observation."""

from __future__ import annotations

import io

import cv2
import numpy as np
import segno
from moving import START, at, block, frame_at, track_of

from surveillance.access.badges import BadgeSeal
from surveillance.domain.values import Bgr, CodeSeen, Track
from surveillance.perception.codes import CodeTask, read_code

SEAL = BadgeSeal(b"k" * 32)


class Reading:
    """A task whose reader finds what the test says; what it told, and how often it looked."""

    def __init__(self, code: str = "SB2.one") -> None:
        self.code = code
        self.looks = 0
        self.told: list[CodeSeen] = []
        self.task = CodeTask(self.told.append, self.read)

    def read(self, picture: Bgr) -> str:
        self.looks += 1
        return self.code

    def look(self, seconds: float, *tracks: Track) -> None:
        shown = tracks or (track_of(block(0.4), seconds),)
        assert self.task(frame_at(seconds), shown) == {}


def test_a_code_is_told_with_its_track_and_again_each_second() -> None:
    reading = Reading()
    for tick in range(8):
        reading.look(tick * 0.2)
    assert reading.told == [CodeSeen("yard", 1, START, at(seconds), "SB2.one") for seconds in (0.0, 1.2)]
    assert reading.looks == 4  # at 0, 0.4, 0.8 and 1.2 s


def test_only_confirmed_tracks_of_something_are_looked_at() -> None:
    reading = Reading()
    reading.look(0.0, track_of(block(0.4), confirmed=False), track_of(block(0.4), id=2, label="background"))
    assert reading.looks == 0


def test_a_code_within_reach_of_two_belongs_to_the_smaller() -> None:
    reading = Reading()
    reading.look(0.0, track_of(block(0.4, width=0.3)), track_of(block(0.4, width=0.1), id=2))
    assert [(told.track, told.text) for told in reading.told] == [(2, "SB2.one")]


def test_who_shows_nothing_for_long_is_looked_at_less_often() -> None:
    reading = Reading("")
    for tick in range(5 * 40):
        reading.look(tick * 0.2)
    assert reading.told == []
    assert 80 < reading.looks < 95  # some 76 in 30 s, then one each second


def test_a_code_that_is_no_text_is_none() -> None:
    drawn = io.BytesIO()
    segno.make("é" * 20, error="m", micro=False, encoding="latin1").save(drawn, kind="png", scale=8, border=4)
    code = cv2.imdecode(np.frombuffer(drawn.getvalue(), np.uint8), cv2.IMREAD_COLOR)
    assert read_code(np.asarray(code, np.uint8)) == ""


def test_a_code_of_a_phone_is_read_from_a_noisy_picture() -> None:
    link, _ = SEAL.issue_link(START, at(86400))
    _, text = SEAL.show(link, START)
    drawn = io.BytesIO()
    segno.make(text, error="m", micro=False).save(drawn, kind="png", scale=4, border=4)
    code = cv2.imdecode(np.frombuffer(drawn.getvalue(), np.uint8), cv2.IMREAD_COLOR)
    noise = np.random.default_rng(2).normal(90, 12, (400, 500, 3))
    noise[80:280, 150:350] = cv2.resize(code, (200, 200), interpolation=cv2.INTER_AREA)
    picture = np.clip(cv2.GaussianBlur(noise, (0, 0), 0.7), 0, 255).astype(np.uint8)
    assert read_code(picture) == text
    assert read_code(picture[:60]) == ""
