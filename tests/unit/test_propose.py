"""Where to look: one box per body, one per hidden track, and a second look at what stands still."""

from __future__ import annotations

import itertools

import pytest
from moving import at, block, frame_at, track_of

from surveillance.domain.geometry import Box
from surveillance.domain.values import Detection, Motion
from surveillance.perception.propose import MotionProposer, join_fragments
from surveillance.perception.settings import ProposeSettings

ASPECT = 16 / 9
HEAD, TRUNK, LEGS = Box(0.40, 0.2, 0.45, 0.28), Box(0.38, 0.3, 0.47, 0.5), Box(0.39, 0.52, 0.46, 0.7)
BODY = Box(0.38, 0.2, 0.47, 0.7)
PLAIN = ProposeSettings(margin=0.0)


@pytest.mark.parametrize("regions", list(itertools.permutations((HEAD, TRUNK, LEGS))))
def test_head_trunk_and_legs_are_one_body(regions: tuple[Box, ...]) -> None:
    assert join_fragments(regions, (), ASPECT) == [BODY]


@pytest.mark.parametrize(
    "regions",
    [
        (block(0.2), block(0.3)),  # side by side
        (Box(0.4, 0.1, 0.45, 0.3), Box(0.4, 0.5, 0.45, 0.7)),  # one far behind the other
    ],
)
def test_two_bodies_stay_two(regions: tuple[Box, ...]) -> None:
    assert sorted(join_fragments(regions, (), ASPECT), key=lambda box: (box.x1, box.y1)) == list(regions)


def test_fragments_on_one_track_are_one_body() -> None:
    far_apart = (Box(0.38, 0.2, 0.45, 0.25), Box(0.4, 0.6, 0.47, 0.7))

    assert join_fragments(far_apart, (BODY,), ASPECT) == [BODY]


def test_shapes_get_a_margin_and_the_larger_comes_first() -> None:
    small, large = block(0.1), block(0.5, width=0.2)

    found = MotionProposer()(frame_at(0.0), Motion("motion", (small, large)), ())

    assert found == (Detection(large.grown(0.12), "motion"), Detection(small.grown(0.12), "motion"))


@pytest.mark.parametrize(
    ("changes", "is_known"),
    [
        ({}, True),
        ({"hits": 9}, False),  # it may still turn out to be something else
        ({"label": "unknown"}, False),
        ({"label": "background"}, False),
        ({"confirmed": False}, False),
        ({"box": block(0.35).grown(0.12)}, False),  # this may be somebody else
    ],
)
def test_what_surely_shows_a_settled_track_says_so(changes: dict[str, object], is_known: bool) -> None:
    track = track_of(**{"box": block(0.3).grown(0.12), "hits": 10, **changes})  # type: ignore[arg-type]

    (found,) = MotionProposer()(frame_at(0.0), Motion("motion", (block(0.3),)), (track,))

    assert found.known is (track if is_known else None)


def test_nobody_is_known_where_two_meet() -> None:
    box = block(0.3).grown(0.12)
    tracks = (track_of(box, hits=10), track_of(block(0.38), id=2, label="unknown", confirmed=False))

    (found,) = MotionProposer()(frame_at(0.0), Motion("motion", (block(0.3),)), tracks)

    assert found.known is None


def test_specks_and_what_is_beyond_the_cap_go() -> None:
    boxes = [block(0.1 * k, width=0.05, height=0.2 + 0.05 * k) for k in range(6)]
    speck = Box(0.9, 0.9, 0.91, 0.92)

    found = MotionProposer(ProposeSettings(margin=0.0, max_crops=3))(
        frame_at(0.0), Motion("motion", (*boxes, speck)), ()
    )

    assert [detection.box for detection in found] == [boxes[5], boxes[4], boxes[3]]


def test_a_closed_gate_proposes_nothing() -> None:
    assert MotionProposer()(frame_at(9.0), Motion("quiet"), (track_of(block(0.4)),)) == ()


def test_two_tracks_that_pass_each_other_stay_two() -> None:
    propose = MotionProposer(PLAIN)
    tracks = (track_of(block(0.40)), track_of(block(0.50), id=2))
    together = Box(0.40, 0.4, 0.58, 0.7)

    found = propose(frame_at(0.2), Motion("motion", (together,)), tracks)

    assert [detection.source for detection in found] == ["motion", "motion"]
    assert sorted(detection.box.x1 for detection in found) == [0.40, 0.50]


def test_a_still_track_is_looked_at_again_once_a_second() -> None:
    propose = MotionProposer(PLAIN)
    track = track_of(block(0.4))

    looks = [propose(frame_at(k * 0.2), Motion("motion", (block(0.8),)), (track,)) for k in range(11)]

    again = [k for k, found in enumerate(looks) if Detection(track.box, "track") in found]
    assert again == [5, 10]


@pytest.mark.parametrize(
    ("motion", "label", "looked"),
    [
        (Motion("track"), "person", True),
        (Motion("track", cleared=frozenset({1})), "person", False),
        (Motion("track"), "unknown", False),
        (Motion("probe"), "unknown", True),
        (Motion("motion", (block(0.4),)), "person", False),
    ],
)
def test_which_tracks_are_looked_at_again(motion: Motion, label: str, looked: bool) -> None:
    found = MotionProposer(PLAIN)(frame_at(1.0), motion, (track_of(block(0.4), label=label),))

    assert (Detection(block(0.4), "track") in found) is looked


def test_a_moving_track_is_expected_further_on() -> None:
    propose = MotionProposer(PLAIN)
    propose(frame_at(0.0), Motion("motion"), (track_of(block(0.20), 0.0), track_of(block(0.60), 0.0, id=2)))
    propose(frame_at(0.2), Motion("motion"), (track_of(block(0.25), 0.2), track_of(block(0.55), 0.2, id=2)))
    meeting = (track_of(block(0.30), 0.4, seen_at=at(0.4)), track_of(block(0.50), 0.4, id=2))

    found = propose(frame_at(0.6), Motion("motion", (Box(0.34, 0.4, 0.54, 0.7),)), meeting)

    assert [round(detection.box.x1, 3) for detection in sorted(found, key=lambda d: d.box.x1)] == [0.35, 0.45]
