"""What detectors answer becomes boxes with labels, and boxes become places to look; no network is run here."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from moving import block, frame_at, track_of

from surveillance.domain.errors import ModelError
from surveillance.domain.values import Classification, Detection, Motion
from surveillance.perception.cards import Input, ModelCard
from surveillance.perception.detect import Detector, Found
from surveillance.perception.opening import Answers
from surveillance.perception.propose import DetectorProposer
from surveillance.perception.registry import Batch

CARD = ModelCard(
    name="boxes",
    version="1",
    architecture="",
    parameters={},
    labels=("person", "car", "chair"),
    input=Input(size=32, color="bgr", fit="corner"),
    temperature=1.0,
    reject_below=0.4,
    weights_file="boxes.onnx",
    weights_sha256="0" * 64,
    licence="MIT",
    kind="detector",
    decoder="yolox",
    classes={"person": "person", "car": "vehicle"},
)
PICTURE = np.zeros((20, 40, 3), np.uint8)  # 32 x 16 of the network's pixels


def told(card: ModelCard, *answers: object) -> tuple[tuple[str, str | None, float, tuple[float, ...]], ...]:
    def run(batch: Batch) -> Answers:
        assert batch.shape == (1, 3, 32, 32)
        return tuple(np.asarray(answer, np.float32)[None] for answer in answers)

    return tuple(
        (
            thing.label,
            thing.ours,
            round(thing.confidence, 3),
            tuple(round(edge, 3) for edge in (thing.box.x1, thing.box.y1, thing.box.x2, thing.box.y2)),
        )
        for thing in Detector(card, run)(PICTURE)
    )


def cells(**rows: tuple[float, ...]) -> list[list[float]]:
    """The 16 + 4 + 1 cells of 32 pixels, those named filled: left, top, width, height by cell, object, chances."""
    page = [[0.0] * 8 for _ in range(21)]
    for name, row in rows.items():
        page[int(name[1:])] = list(row)
    return page


def test_yolox_cells_become_boxes_of_the_picture() -> None:
    """Cell 5 is the second of the second row, of 8 pixels; cell 20 the only one of 32. Doubles and doubts go."""
    size = float(np.log(2.0))
    rows = cells(
        c5=(0.0, 0.0, size, size, 0.9, 1.0, 0.1, 0.0),  # center 8, 8, side 16
        c6=(-1.0, 0.0, size, size, 0.5, 1.0, 0.0, 0.0),  # the same place, less sure
        c16=(0.5, 0.5, 0.0, 0.0, 0.5, 0.0, 0.0, 0.5),  # 0.25 is too little
        c20=(0.5, 0.25, 0.0, float(np.log(0.5)), 1.0, 0.0, 0.8, 0.0),
    )

    assert told(CARD, rows) == (
        ("person", "person", 0.9, (0.0, 0.0, 0.5, 1.0)),
        ("car", "vehicle", 0.8, (0.0, 0.0, 1.0, 1.0)),
    )
    with pytest.raises(ModelError, match=r"boxes answers \(20, 8\), and yolox of 32 pixels with 3 labels should"):
        told(CARD, rows[1:])


def test_nanodet_spreads_become_boxes_of_the_picture() -> None:
    """Cell 5 of 8 pixels lies at 8, 8; one bin of each side is sure: left 1, top 0, right 1, bottom 1 cells of 8."""
    card = replace(CARD, decoder="nanodet")
    rows = np.zeros((16 + 4 + 1 + 1, 3 + 4 * 2))
    rows[5, :3] = (0.1, 0.9, 0.0)
    rows[5, 3:] = np.ravel([(0, 50), (50, 0), (0, 50), (0, 50)])

    assert told(card, rows) == (("car", "vehicle", 0.9, (0.0, 0.5, 0.5, 1.0)),)
    with pytest.raises(ModelError, match=r"boxes answers \(21, 11\), and nanodet of 32 pixels with 3 labels"):
        told(card, rows[1:])


def test_ssd_answers_come_in_either_order() -> None:
    card = replace(CARD, decoder="ssd", labels=("background", "car"), classes={}, input=Input(size=32))
    boxes, chances = [[0.0, 0.0, 0.5, 0.5], [0.5, 0.5, 1.0, 1.0]], [[0.9, 0.1], [0.3, 0.7]]

    assert told(card, boxes, chances) == (("car", None, 0.7, (0.5, 0.5, 1.0, 1.0)),)
    assert told(card, chances, boxes) == told(card, boxes, chances)
    with pytest.raises(ModelError, match=r"ssd needs \(1, n, 4\) and \(1, n, 2\)"):
        told(card, boxes)


def test_a_frame_is_looked_at_once() -> None:
    asked = []

    def run(batch: Batch) -> Answers:
        asked.append(batch)
        return (np.zeros((1, 21, 8), np.float32),)

    detector = Detector(CARD, run)
    for seconds in (0.0, 0.0, 0.2):
        assert detector.see(frame_at(seconds)) == ()
    assert len(asked) == 2


# --- where to look -------------------------------------------------------------------------------------------------

PERSON = Found("person", "person", 0.9, block(0.1))
CAR = Found("car", "vehicle", 0.8, block(0.6, width=0.3))
DOUBLE = Found("dog", "animal", 0.5, PERSON.box)
CHAIR = Found("chair", None, 0.9, block(0.4))
OPEN = Motion("motion", (block(0.4),))


def proposed(*things: Found, labels: bool = True) -> tuple[Detection, ...]:
    return DetectorProposer(lambda frame: things, labels=labels, model="boxes")(frame_at(0.0), OPEN, ())


def test_things_that_rules_know_are_proposed_with_their_labels() -> None:
    assert proposed(PERSON, CAR, DOUBLE, CHAIR) == (
        Detection(PERSON.box, "detector", Classification("person", 0.9, {"person": 0.9}, "boxes")),
        Detection(CAR.box, "detector", Classification("vehicle", 0.8, {"vehicle": 0.8}, "boxes")),
    )
    assert proposed(PERSON, labels=False) == (Detection(PERSON.box, "detector"),)


def test_a_closed_gate_runs_no_detector() -> None:
    def see(frame: object) -> tuple[Found, ...]:
        raise AssertionError("the detector ran")

    assert DetectorProposer(see)(frame_at(0.0), Motion("quiet"), ()) == ()


def test_a_track_that_the_detector_misses_is_looked_at_again_once_a_second() -> None:
    proposer = DetectorProposer(lambda frame: (CAR,))
    missed, found = track_of(block(0.1), id=1), track_of(CAR.box, id=2)

    places = [
        [each.box for each in proposer(frame_at(seconds), OPEN, (missed, found)) if each.source == "track"]
        for seconds in (0.5, 1.0, 1.5, 2.0)
    ]

    assert places == [[], [block(0.1)], [], [block(0.1)]]
