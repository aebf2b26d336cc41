"""The way to a recognizer in another process: every ask is answered in time or expires, whatever becomes of it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from patience import eventually

from surveillance.domain.errors import Expired, ModelError
from surveillance.domain.values import Bgr, Classification
from surveillance.engines.link import Switchboard
from surveillance.engines.recognizer import SharedRecognizer
from surveillance.engines.remote import RecognizerDesk, RecognizerLine, RemoteLane
from surveillance.engines.slots import SlotWriter
from surveillance.engines.supervise import Supervised
from surveillance.walk import RecognizerWalk

SECRET = b"known to both"
SIDE, SLOTS, SLOT_BYTES = 4, 4, 3 * 4 * 4 * 3


def crop(value: int) -> Bgr:
    return np.full((9, 7, 3), value, np.uint8)


def brightness(crops: Sequence[Bgr]) -> tuple[Classification, ...]:
    return tuple(Classification(str(int(each[0, 0, 0])), 1.0, {}, "stub") for each in crops)


class Recognizing:
    """A recognizer behind a socket, which a test can take away and bring back."""

    def __init__(self, path: Path, classify: Callable[[Sequence[Bgr]], tuple[Classification, ...]]) -> None:
        self.recognizer = SharedRecognizer(RecognizerWalk(classify))
        self.thread = Supervised("recognizer", self.recognizer.run, lambda name, error: None)
        self.thread.start()
        self.switchboard = Switchboard(path, SECRET, RecognizerDesk(self._of).serve)

    def close(self) -> None:
        self.switchboard.close()
        self.thread.stop()
        self.recognizer.stop()

    def _of(self, model: str) -> SharedRecognizer:
        if model != "stub":
            raise ModelError(f"no model is called {model!r}")
        return self.recognizer


class Asking:
    """A worker's end of the line."""

    def __init__(self, folder: Path) -> None:
        self.slots = SlotWriter(folder / "slots", SLOTS, SLOT_BYTES)
        self.line = RecognizerLine(folder / "recognizer.sock", SECRET, "worker-1", self.slots, SLOTS)
        self.told: list[bool] = []

    def lane(self, model: str = "stub", within_s: float = 10.0) -> RemoteLane:
        fit = lambda picture: picture[:SIDE, :SIDE]  # noqa: E731
        return RemoteLane(self.line, "yard", model, fit, 3, within_s, self.told.append, lambda: False)

    def close(self) -> None:
        self.line.close()
        self.slots.close()


@pytest.fixture
def asking(tmp_path: Path) -> Iterator[Asking]:
    asking = Asking(tmp_path)
    yield asking
    asking.close()


def test_crops_go_out_and_answers_come_back_in_order(asking: Asking, tmp_path: Path) -> None:
    recognizing = Recognizing(tmp_path / "recognizer.sock", brightness)
    assert asking.line.wait_open(60)
    labels = [seen.label for seen in asking.lane()([crop(value) for value in range(7)])]
    assert labels == ["0", "1", "2", "3", "4", "5", "6"], "more than one slot holds goes in parts"
    assert (asking.told, asking.slots.free) == ([True, True, True], SLOTS)
    recognizing.close()


def test_without_a_recognizer_every_ask_expires_and_with_one_again_none(asking: Asking, tmp_path: Path) -> None:
    with pytest.raises(Expired):
        asking.lane()([crop(1)])
    for _ in range(2):
        recognizing = Recognizing(tmp_path / "recognizer.sock", brightness)
        assert eventually(lambda: answers(asking))
        recognizing.close()
        assert eventually(lambda: not answers(asking))
    assert asking.slots.free == SLOTS


def test_a_recognizer_that_dies_over_an_ask_expires_it_at_once(asking: Asking, tmp_path: Path) -> None:
    entered, go = threading.Event(), threading.Event()

    def hangs(crops: Sequence[Bgr]) -> tuple[Classification, ...]:
        entered.set()
        go.wait(120)
        return brightness(crops)

    recognizing = Recognizing(tmp_path / "recognizer.sock", hangs)
    assert asking.line.wait_open(60)
    failed = threading.Event()

    def ask() -> None:
        try:
            asking.lane(within_s=3600)([crop(1)])
        except Expired:
            failed.set()

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    assert entered.wait(60)
    recognizing.close()
    assert failed.wait(60)
    go.set()
    assert asking.slots.free == SLOTS


def test_an_ask_past_its_deadline_is_answered_as_expired(asking: Asking, tmp_path: Path) -> None:
    recognizing = Recognizing(tmp_path / "recognizer.sock", brightness)
    assert asking.line.wait_open(60)
    with pytest.raises(Expired):
        asking.lane(within_s=-1.0)([crop(1)])
    assert eventually(lambda: recognizing.recognizer.expired == {"yard": 1})
    recognizing.close()


def test_a_model_that_cannot_be_is_no_answer_that_says_why(asking: Asking, tmp_path: Path) -> None:
    recognizing = Recognizing(tmp_path / "recognizer.sock", brightness)
    assert asking.line.wait_open(60)
    with pytest.raises(Expired, match="no model is called 'missing'"):
        asking.lane("missing")([crop(1)])
    assert answers(asking)
    with pytest.raises(Expired, match="no model is called 'missing'"):
        asking.lane("missing")([crop(1)])
    recognizing.close()


def answers(asking: Asking) -> bool:
    try:
        return asking.lane()([crop(3)])[0].label == "3"
    except Expired:
        return False
