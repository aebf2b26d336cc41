"""The shared recognizer: every ask gets its own answers, door cameras first, late ones expire."""

import threading
import time
from collections.abc import Sequence

import numpy as np
import pytest

from surveillance.domain.errors import Expired
from surveillance.domain.values import Bgr, Classification
from surveillance.engines.recognizer import Ask, SharedRecognizer, Waiting
from surveillance.engines.supervise import Supervised
from surveillance.walk import RecognizerWalk


def crop(value: int) -> Bgr:
    return np.full((4, 4, 3), value, np.uint8)


class BrightnessClassifier:
    """Labels a crop by its brightness; `batches` tells what came together. Waits for `go` before each batch."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.go = threading.Semaphore(0)
        self.entered = threading.Semaphore(0)

    def __call__(self, crops: Sequence[Bgr]) -> tuple[Classification, ...]:
        values = [int(each[0, 0, 0]) for each in crops]
        self.batches.append(values)
        self.entered.release()
        self.go.acquire(timeout=60)
        return tuple(Classification(str(value), 1.0, {str(value): 1.0}, "stub") for value in values)


def asking(recognizer: SharedRecognizer, camera: str, values: list[int], got: dict[str, object]) -> threading.Thread:
    def ask() -> None:
        try:
            got[camera] = [
                seen.label
                for seen in recognizer.lane(camera, urgent=lambda: camera == "door")([crop(value) for value in values])
            ]
        except Expired as late:
            got[camera] = late

    thread = threading.Thread(target=ask)
    thread.start()
    return thread


def waiting(recognizer: SharedRecognizer, count: int) -> None:
    while recognizer.waiting < count:
        threading.Event().wait(0.001)


def test_what_waits_goes_in_one_batch_and_door_cameras_go_first() -> None:
    classify = BrightnessClassifier()
    recognizer = SharedRecognizer(RecognizerWalk(classify), max_batch=3, deadline_s=100)
    runner = Supervised("recognizer", recognizer.run, lambda name, error: None)
    runner.start()
    got: dict[str, object] = {}
    threads = [asking(recognizer, "first", [1], got)]
    assert classify.entered.acquire(timeout=60)
    for number, (camera, values) in enumerate((("a", [2, 3]), ("b", [4]), ("door", [5]))):
        threads.append(asking(recognizer, camera, values, got))
        waiting(recognizer, number + 1)
    for _ in range(3):
        classify.go.release()
    for thread in threads:
        thread.join(60)
    recognizer.stop()
    assert runner.join(60)
    assert got == {"first": ["1"], "a": ["2", "3"], "b": ["4"], "door": ["5"]}
    assert classify.batches == [[1], [5, 2, 3], [4]]


def test_a_failing_model_expires_its_asks_and_the_next_ones_are_answered() -> None:
    failures: list[str] = []

    class FailsOnce:
        def __init__(self) -> None:
            self.failed = False

        def __call__(self, crops: Sequence[Bgr]) -> tuple[Classification, ...]:
            if not self.failed:
                self.failed = True
                raise RuntimeError("out of memory")
            return tuple(Classification("person", 1.0, {}, "stub") for _ in crops)

    recognizer = SharedRecognizer(RecognizerWalk(FailsOnce()), deadline_s=100)
    runner = Supervised("recognizer", recognizer.run, lambda name, error: failures.append(f"{name}: {error}"))
    runner.start()
    with pytest.raises(Expired):
        recognizer.lane("yard")([crop(1)])
    assert [seen.label for seen in recognizer.lane("yard")([crop(1)])] == ["person"]
    recognizer.stop()
    assert runner.join(60)
    assert failures == ["recognizer: out of memory"]
    assert recognizer.expired == {"yard": 1}


def test_an_ask_that_nobody_answers_expires() -> None:
    recognizer = SharedRecognizer(RecognizerWalk(BrightnessClassifier()), deadline_s=0.01)
    with pytest.raises(Expired):
        recognizer.lane("yard")([crop(1)])


def test_a_late_ask_is_answered_as_expired_and_never_classified() -> None:
    classify = BrightnessClassifier()
    recognizer = SharedRecognizer(RecognizerWalk(classify), deadline_s=0.01)
    with pytest.raises(Expired):
        recognizer.lane("yard")([crop(1)])
    runner = Supervised("recognizer", recognizer.run, lambda name, error: None)
    classify.go.release()
    runner.start()
    recognizer.submit(ask_until("front", time.monotonic() + 60, answered := Waiting()))
    assert answered.answer_within(60) is not None
    recognizer.stop()
    assert runner.join(60)
    assert classify.batches == [[2]]
    assert recognizer.expired == {"yard": 1}


def ask_until(camera: str, deadline_s: float, wait: Waiting) -> Ask:
    return Ask(camera, [crop(2)], time.monotonic(), deadline_s, False, wait.done)
