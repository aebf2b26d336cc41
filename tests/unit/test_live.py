"""Live pictures: encoded only while somebody watches, each read whole with what the worker saw in that very frame."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from moving import block, frame_at, track_of

from surveillance.domain.values import Motion
from surveillance.engines.live import WATCHED_S, LivePictures, facts_of
from surveillance.engines.worker import Looked
from surveillance.ingest.pictures import BgrPicture, encode_jpeg

FACTS = {
    "camera": "yard",
    "number": 10,
    "size": [320, 180],
    "at": "2026-03-01T12:00:02.000Z",
    "boxes": [
        {"track": 1, "box": [0.4, 0.4, 0.48, 0.7], "label": "person", "confidence": 0.9, "confirmed": True},
        {"track": 2, "box": [0.1, 0.4, 0.18, 0.7], "label": "unknown", "confidence": 0.312, "confirmed": False},
    ],
    "regions": [[0.4, 0.4, 0.48, 0.7]],
    "gate": "motion",
    "drops": {"busy": 3},
}


@pytest.fixture
def live(tmp_path: Path) -> LivePictures:
    return LivePictures(tmp_path / "live")


class Encoder:
    """Remembers which sizes it was asked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __call__(self, size: str) -> bytes:
        self.asked.append(size)
        return f"{size} {len(self.asked)}".encode()


def test_what_the_worker_saw_in_a_frame_is_told_with_it() -> None:
    doubted = track_of(block(0.1), id=2, label="unknown", confidence=0.31234, confirmed=False)
    motion = Motion("motion", (block(0.4),))
    looked = Looked(frame_at(2.0, block(0.4)), motion, (track_of(block(0.4), confidence=0.9), doubted), ())
    assert facts_of(looked, {"busy": 3}) == FACTS


def test_a_size_is_encoded_only_while_it_is_watched(live: LivePictures) -> None:
    encode = Encoder()
    live.show("yard", dict, encode)
    live.watch("yard", "tile")
    live.show("yard", dict, encode)
    live.show("gate", dict, encode)
    live.watch("yard", "full")
    live.show("yard", dict, encode)
    assert encode.asked == ["tile", "tile", "full"]
    late = time.time() - WATCHED_S
    for place in live._directory.glob("*.watched"):
        os.utime(place, (late, late))
    live.show("yard", dict, encode)
    assert encode.asked == ["tile", "tile", "full"]


def test_any_number_of_viewers_cost_one_encoding_a_frame(live: LivePictures) -> None:
    encode = Encoder()
    for _ in range(16):
        live.watch("yard", "full")
    live.show("yard", lambda: FACTS, encode)
    seen = [live.latest("yard", "full") for _ in range(16)]
    assert [(picture.facts, picture.jpeg) for picture in seen if picture] == [(FACTS, b"full 1")] * 16
    assert encode.asked == ["full"]


def test_a_picture_is_told_once_and_never_when_it_is_old(live: LivePictures) -> None:
    live.watch("a/b", "tile")
    assert live.latest("a/b", "tile") is None
    live.show("a/b", lambda: {"number": 1}, Encoder())
    first = live.latest("a/b", "tile")
    assert first is not None
    assert live.latest("a/b", "tile", after=first.shown_ns) is None
    assert live.latest("a/b", "full") is None
    place = next(live._directory.glob("*.picture"))
    for old in (time.time() - WATCHED_S, time.time() + 3600):  # an hour ahead: the clock was set back since
        os.utime(place, (old, old))
        assert live.latest("a/b", "tile") is None


def test_picture_and_facts_are_of_one_frame_however_often_they_are_replaced(live: LivePictures) -> None:
    live.watch("yard", "full")
    over = threading.Event()

    def work() -> None:
        for number in range(2000):
            told = {"number": number, "padding": "x" * (number % 97)}
            live.show("yard", lambda told=told: told, lambda size, number=number: str(number).encode() * 500)  # type: ignore[misc]
        over.set()

    worker = threading.Thread(target=work)
    worker.start()
    seen, after = [], 0
    while not over.is_set():
        picture = live.latest("yard", "full", after)
        if picture is not None:
            after = picture.shown_ns
            seen.append((str(picture.facts["number"]).encode() * 500, picture.jpeg))
    worker.join()
    assert len(seen) > 10
    assert [told for told, _ in seen] == [shown for _, shown in seen]


def test_a_full_disk_stops_no_camera(live: LivePictures) -> None:
    live.watch("yard", "tile")
    (live._directory / "yard.tile.new").mkdir()
    live.show("yard", dict, Encoder())
    assert live.latest("yard", "tile") is None


def test_live_pictures_have_the_size_asked_for_at_most_and_no_pixel_under_a_mask() -> None:
    white = np.full((90, 160, 3), 255, np.uint8)
    masked = BgrPicture(white, (((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0)),))
    sizes = []
    for width in (80, 160, 1280):
        shown = cv2.imdecode(np.frombuffer(encode_jpeg(masked, width, 90), np.uint8), cv2.IMREAD_COLOR)
        assert shown is not None
        half = shown.shape[1] // 2
        assert shown[:, : half - 4].max() < 20
        assert shown[:, half + 4 :].min() > 235
        sizes.append(shown.shape)
    assert sizes == [(45, 80, 3), (90, 160, 3), (90, 160, 3)]
