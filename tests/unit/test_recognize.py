"""The recognizer: crops in one call, and late answers that stay visible."""

from __future__ import annotations

from collections.abc import Sequence

from moving import block, frame_at, seen, track_of

from surveillance.domain.errors import Expired
from surveillance.domain.values import Bgr, Classification, Detection, Scene, Subject
from surveillance.perception.recognize import Recognizer

DETECTIONS = (Detection(block(0.1), "motion"), Detection(block(0.5, width=0.2), "track"))


class Remembering:
    """A classifier that keeps the shapes it was asked for."""

    def __init__(self) -> None:
        self.shapes: list[list[tuple[int, ...]]] = []

    def __call__(self, crops: Sequence[Bgr]) -> tuple[Classification, ...]:
        self.shapes.append([crop.shape for crop in crops])
        return tuple(seen("person") for _ in crops)


def too_late(crops: Sequence[Bgr]) -> tuple[Classification, ...]:
    raise Expired("the recognizer answered after the deadline")


def test_all_crops_of_a_frame_go_in_one_call() -> None:
    classifier = Remembering()
    frame = frame_at(0.0)

    scene = Recognizer(classifier)(frame, DETECTIONS)

    assert scene == Scene(frame, tuple(Subject(detection, seen("person")) for detection in DETECTIONS))
    assert classifier.shapes == [[(54, 26, 3), (54, 64, 3)]]


def test_nothing_to_look_at_asks_nobody() -> None:
    classifier = Remembering()
    frame = frame_at(0.0)

    assert Recognizer(classifier)(frame, ()) == Scene(frame, ())
    assert classifier.shapes == []


def test_a_late_answer_leaves_every_subject_unseen() -> None:
    frame = frame_at(0.0)

    scene = Recognizer(too_late)(frame, DETECTIONS)

    assert scene == Scene(frame, tuple(Subject(detection, None) for detection in DETECTIONS))


def test_what_comes_with_a_label_is_not_asked_about() -> None:
    classifier = Remembering()
    frame = frame_at(0.0)
    car = Detection(block(0.3), "detector", seen("vehicle"))

    scene = Recognizer(classifier)(frame, (car, DETECTIONS[1]))

    assert scene.subjects == (Subject(car, seen("vehicle")), Subject(DETECTIONS[1], seen("person")))
    assert classifier.shapes == [[(54, 64, 3)]]


def test_a_settled_track_is_asked_about_once_a_second_and_its_answer_stands_until_then() -> None:
    """A stranger beside it is asked about in each picture; an answer that says something else ends the rest."""
    says = {"known": "person"}
    asked: list[int] = []

    def classify(crops: Sequence[Bgr]) -> tuple[Classification, ...]:
        asked.append(len(crops))
        return tuple(seen(says["known"] if crop.shape[1] == 64 else "animal") for crop in crops)

    recognize = Recognizer(classify, ask_again_s=1.0)
    stranger = Detection(block(0.1), "motion")
    known = Detection(block(0.5, width=0.2), "motion", known=track_of(block(0.5, width=0.2)))
    told = []
    for number in range(20):
        if number == 12:
            says["known"] = "vehicle"
        subjects = recognize(frame_at(number / 5), (stranger, known)).subjects
        told.append((subjects[1].seen and subjects[1].seen.label, subjects[1].held))

    first = [2, 1, 1, 1, 1]
    assert asked == [*first, *first, *first, *[2] * 5]
    once = [("person", False), *[("person", True)] * 4]
    assert told == [*once, *once, *once, *[("vehicle", False)] * 5]
