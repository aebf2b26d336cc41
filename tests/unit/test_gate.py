"""The gate: what counts as motion, when it opens, and what it never learns."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from moving import GROUND, block, frame_at, frame_of, picture, track_of

from surveillance.domain.geometry import Box
from surveillance.domain.site import Camera
from surveillance.domain.values import Frame, Motion
from surveillance.ingest.gate import PREVIEWED, GateSettings, MotionGate
from surveillance.ingest.shapes import find_shapes, split_columns

STEP_S = 0.2
NEAR = 0.03


def learned(gate: MotionGate, until_s: float = 3.0, *blocks: Box) -> float:
    """Shows the same picture until then; returns the time of the next frame."""
    for step in range(round(until_s / STEP_S)):
        gate(frame_at(step * STEP_S, *blocks), ())
    return until_s


def is_near(found: Box, wanted: Box) -> bool:
    pairs = zip((found.x1, found.y1, found.x2, found.y2), (wanted.x1, wanted.y1, wanted.x2, wanted.y2), strict=True)
    return all(abs(a - b) <= NEAR for a, b in pairs)


def test_a_still_scene_opens_as_a_probe_only() -> None:
    gate = MotionGate()

    reasons = [gate(frame_at(second), ()).reason for second in range(22)]

    assert reasons == ["probe", *["quiet"] * 9, "probe", *["quiet"] * 9, "probe", "quiet"]


def test_what_moves_is_boxed_tightly() -> None:
    gate = MotionGate()
    now = learned(gate)

    motion = gate(frame_at(now, block(0.2), block(0.6)), ())

    assert motion.reason == "motion"
    assert len(motion.regions) == 2
    left, right = sorted(motion.regions, key=lambda box: box.x1)
    assert is_near(left, block(0.2))
    assert is_near(right, block(0.6))


def test_specks_are_no_motion() -> None:
    gate = MotionGate(GateSettings(min_area=0.005))
    now = learned(gate)

    assert gate(frame_at(now, block(0.2, width=0.03, height=0.05)), ()) == Motion("quiet")


def stand(gate: MotionGate, start_s: float, seconds: float, label: str) -> Motion:
    """Somebody comes, stands that long, and is a live track of that label."""
    where = block(0.4)
    motion = Motion("quiet")
    for step in range(round(seconds / STEP_S)):
        now = start_s + step * STEP_S
        motion = gate(frame_at(now, where), (track_of(where, now, label, started_at=frame_at(start_s).captured_at),))
    return motion


def test_a_person_who_stands_still_stays_a_moving_shape() -> None:
    gate = MotionGate()

    motion = stand(gate, learned(gate), 120.0, "person")

    assert motion.reason == "motion"
    assert is_near(motion.regions[0], block(0.4))


@pytest.mark.parametrize(("label", "seconds"), [("background", 15.0), ("unknown", 120.0)])
def test_what_no_one_vouches_for_becomes_background(label: str, seconds: float) -> None:
    gate = MotionGate()

    assert stand(gate, learned(gate), seconds, label).regions == ()


def test_the_place_that_something_left_is_no_shape() -> None:
    gate = MotionGate()
    now = learned(gate, 3.0, block(0.2))

    first = gate(frame_at(now, block(0.6)), ())
    second = gate(frame_at(now + STEP_S, block(0.62)), ())

    assert [is_near(box, block(0.6)) for box in first.regions] == [True]
    assert [is_near(box, block(0.62)) for box in second.regions] == [True]


@pytest.mark.parametrize("gain", [0.8, 1.2, 1.7, 0.4])
def test_a_change_of_light_is_no_motion(gain: float) -> None:
    gate = MotionGate()
    now = learned(gate)
    changed = np.clip(GROUND * gain, 0, 255).astype(np.uint8)

    motions = [gate(frame_of(changed, now + step * STEP_S), ()) for step in range(5)]

    assert [motion.regions for motion in motions] == [()] * 5


def test_a_soft_shadow_is_no_shape() -> None:
    gate = MotionGate()
    now = learned(gate)
    y, x = np.mgrid[0:180, 0:320]
    darker = 1 - 0.3 * np.exp(-((((x - 160) / 60) ** 2 + ((y - 90) / 40) ** 2) ** 3))

    assert gate(frame_of((GROUND * darker).astype(np.uint8), now), ()).regions == ()


def test_one_large_subject_is_not_a_change_of_light() -> None:
    gate = MotionGate()
    now = learned(gate)
    large = Box(0.25, 0.05, 0.75, 1.0)

    motion = gate(frame_at(now, large), ())

    assert [is_near(box, large) for box in motion.regions] == [True]


def test_it_opens_every_second_for_a_live_track() -> None:
    gate = MotionGate()
    now = learned(gate)
    track = track_of(block(0.4), now)

    reasons = [gate(frame_at(now + step * 0.5), (track,)).reason for step in range(5)]

    assert reasons.count("track") >= 2
    assert "motion" not in reasons


def test_it_tells_that_a_track_has_left_its_place() -> None:
    gate = MotionGate()
    now = learned(gate)
    came = track_of(block(0.4), now, started_at=frame_at(now).captured_at)
    for step in range(10):
        standing = gate(frame_at(now + step * STEP_S, block(0.4)), (came,))

    gone = gate(frame_at(now + 3.0), (came,))

    assert standing.cleared == frozenset()
    assert gone.cleared == {1}


def test_restless_foliage_is_learned() -> None:
    gate = MotionGate()
    rng = np.random.default_rng(3)
    leaves = np.s_[20:80, 200:300]
    regions = []
    for step in range(200):
        gray = picture(())
        shift = int(rng.integers(-2, 3))
        gray[leaves] = np.roll(GROUND, shift, axis=1)[leaves]
        regions.append(len(gate(frame_of(gray, step * STEP_S), ()).regions))

    assert sum(regions[-50:]) <= sum(regions[:50])
    assert sum(count > 0 for count in regions[-50:]) <= 10


def two_people(gap: int) -> np.ndarray:
    shape = np.zeros((40, 32 + gap), bool)
    shape[4:, 2:14] = shape[4:, 16 + gap : 28 + gap] = True
    shape[24:27, :] = True
    return shape


def test_two_upright_shapes_side_by_side_are_parted() -> None:
    parts = split_columns(two_people(4))

    assert len(parts) == 2
    assert 14 <= parts[0][1] <= 20


@pytest.mark.parametrize("shape", [np.ones((40, 16), bool), np.ones((20, 60), bool), np.ones((8, 8), bool)])
def test_one_shape_stays_whole(shape: np.ndarray) -> None:
    assert split_columns(shape) == [(0, shape.shape[1])]


def test_a_trembling_camera_shows_the_walker_only() -> None:
    gate = MotionGate()
    now = learned(gate)
    found = []
    for step in range(10):
        moved = np.roll(picture([block(0.3 + 0.02 * step)]), 1 if step % 2 else 0, axis=1)
        motion = gate(frame_of(moved, now + step * STEP_S), ())
        found.append([box.iou(block(0.3 + 0.02 * step)) > 0.5 for box in motion.regions])

    assert found == [[True]] * 10


def test_a_street_linked_up_by_small_shapes_is_parted() -> None:
    mask = np.zeros((180, 320), np.uint8)
    for k in range(9):  # a slanting row of cars, each a pixel from the next
        mask[10 + 18 * k : 25 + 18 * k, 20 + 30 * k : 50 + 30 * k] = 255

    windows = [window for window, _ in find_shapes(mask, 0.001)]

    assert sorted((rows.start, columns.start) for rows, columns in windows) == [
        (10 + 18 * k, 20 + 30 * k) for k in range(9)
    ]


def test_a_large_hollow_body_stays_whole() -> None:
    mask = np.zeros((180, 320), np.uint8)
    mask[20:160, 100:180] = 255
    mask[25:155, 105:175] = 0

    (window, shape), *others = find_shapes(mask, 0.001)

    assert others == []
    assert (window[0].start, window[0].stop) == (17, 163)
    assert shape.sum() == (mask > 0).sum()


FAINT = Box(0.4, 0.4, 0.5, 0.7)


def faint(seconds: float, levels: int) -> Frame:
    """The ground with a checkered patch that is a little brighter there."""
    gray = picture(())
    left, top, right, bottom = FAINT.pixels(gray.shape[1], gray.shape[0])
    part = np.indices((bottom - top, right - left)).sum(axis=0) // 6 % 2
    gray[top:bottom, left:right] += (levels * (part + 1) // 2).astype(np.uint8)
    return frame_of(gray, seconds)


@pytest.mark.parametrize(("sensitivity", "reason"), [(25, "quiet"), (50, "quiet"), (75, "motion"), (100, "motion")])
def test_a_more_sensitive_gate_opens_for_less(sensitivity: int, reason: str) -> None:
    gate = MotionGate(sensitivity=sensitivity)
    now = learned(gate)

    assert gate(faint(now, 9), ()).reason == reason


def test_sensitivity_changes_from_one_frame_to_the_next() -> None:
    gate = MotionGate()
    now = learned(gate)
    before = gate(faint(now, 9), ())
    gate.change(Camera("yard", "file:none", sensitivity=90))

    assert (before.reason, gate(faint(now + STEP_S, 9), ()).reason) == ("quiet", "motion")


def test_a_preview_shows_what_each_sensitivity_would_see_and_changes_nothing() -> None:
    gate, watched = MotionGate(), MotionGate()
    watched.preview(True)
    now = learned(gate)
    learned(watched)
    for step in range(10):
        frame = faint(now + step * STEP_S, 9 * (step % 2))
        plain, motion = gate(frame, ()), watched(frame, ())
        assert replace(motion, preview={}) == plain
    shown = {sensitivity: len(boxes) for sensitivity, boxes in motion.preview.items()}
    assert set(shown) == set(PREVIEWED)
    assert (shown[25], shown[50], shown[75], shown[100]) == (0, 0, 1, 1)
    assert is_near(motion.preview[75][0], FAINT)
