"""Tracking: one track per visit, confirmed over time, labelled by a vote that can end undecided."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from moving import at, block, frame_of, picture, scene_at, seen

from surveillance.domain.geometry import Box
from surveillance.domain.values import Detection, Scene, Subject, Track
from surveillance.perception.settings import TrackSettings
from surveillance.perception.track import Vote, VoteTracker

STEP_S = 0.2


def follow(tracker: VoteTracker, labels: Sequence[str | None], start_s: float = 0.0, x: float = 0.1) -> list[Track]:
    """One thing that walks to the right, seen as those labels in turn; None when the answer came late."""
    told: list[Track] = []
    for step, label in enumerate(labels):
        told = list(tracker(scene_at(start_s + step * STEP_S, (block(x + 0.02 * step), label))))
    return told


def test_nothing_is_confirmed_before_its_third_frame() -> None:
    tracker = VoteTracker("yard")

    confirmed = [follow(tracker, ["person"], k * STEP_S, 0.1 + 0.02 * k)[0].confirmed for k in range(4)]

    assert confirmed == [False, False, True, True]


def test_three_sure_crops_make_a_label() -> None:
    (track,) = follow(VoteTracker("yard"), ["person"] * 3)

    assert (track.id, track.camera, track.hits, track.label) == (1, "yard", 3, "person")
    assert (track.started_at, track.seen_at) == (at(0.0), at(0.4))
    assert track.confidence == pytest.approx(0.9)
    assert track.box.iou(block(0.14)) > 0.8


@pytest.mark.parametrize(
    ("labels", "label"),
    [
        (["person"] * 6 + ["animal"] * 2, "person"),
        (["background", "person", "person", "person", "person"], "person"),
        (["person", "animal"] * 4, "unknown"),
        (["person", "animal", "vehicle"] * 3, "unknown"),
        (["background"] * 5, "background"),
        ([None] * 5, "unknown"),
        ([None, None, "person", "person", "person"], "person"),
    ],
)
def test_the_majority_decides_or_nobody(labels: list[str | None], label: str) -> None:
    (track,) = follow(VoteTracker("yard"), labels)

    assert track.label == label
    assert track.confirmed


def test_one_view_seen_often_is_one_witness() -> None:
    tracker = VoteTracker("yard")

    for step in range(30):
        (track,) = tracker(scene_at(step * STEP_S, (block(0.4), seen("vehicle", 0.85))))

    assert (track.label, track.hits) == ("unknown", 30)


def test_who_came_and_stands_is_heard_all_the_while() -> None:
    tracker = VoteTracker("yard")
    follow(tracker, ["animal"] * 4)
    for step in range(4, 40):
        tracker(scene_at(step * STEP_S, (block(0.2), "person")))

    assert [track.label for track in tracker.tracks] == ["person"]


def test_a_thing_that_never_moved_is_believed_to_be_background() -> None:
    tracker = VoteTracker("yard")

    for step in range(6):
        (track,) = tracker(scene_at(step * STEP_S, (block(0.4), "background" if step else "vehicle")))

    assert track.label == "background"


def test_crops_cut_by_the_border_and_unsure_ones_say_less() -> None:
    whole, cut, unsure = Vote(), Vote(), Vote()
    for _ in range(3):
        whole.add(seen("person"), 1.0, 1.0)
        cut.add(seen("person"), 0.5, 1.0)
        unsure.add(seen("person", 0.5), 1.0, 1.0)

    assert [vote.result(0.55, 2.0)[0] for vote in (whole, cut, unsure)] == ["person", "unknown", "unknown"]


def test_a_half_length_visitor_who_came_from_the_side_is_known_within_two_seconds() -> None:
    tracker = VoteTracker("door")
    for step in range(4):
        tracker(scene_at(step * STEP_S, (Box(0.0, 0.3, 0.1 + 0.05 * step, 1.0), "background")))
    for step in range(4, 14):
        x = min(0.05 * step, 0.4)
        tracker(scene_at(step * STEP_S, (Box(x, 0.3, x + 0.3, 1.0), seen("person", 0.95))))

    assert [track.label for track in tracker.tracks] == ["person"]


def test_an_empty_vote_is_undecided() -> None:
    assert Vote().result(0.5, 1.0) == ("unknown", 0.0)


def test_a_track_survives_a_gap_and_keeps_its_number() -> None:
    tracker = VoteTracker("yard")
    follow(tracker, ["person"] * 5)
    for step in range(5, 10):
        tracker(scene_at(step * STEP_S))

    (track,) = follow(tracker, ["person"] * 2, 10 * STEP_S, 0.26)

    assert (track.id, track.hits) == (1, 7)


def test_who_stays_away_is_ended_once() -> None:
    tracker = VoteTracker("yard")
    follow(tracker, ["person"] * 5)

    told = [tracker(scene_at(1.0 + step * STEP_S)) for step in range(20)]

    ended = [track for tracks in told for track in tracks if track.ended]
    assert [(track.id, track.label, track.seen_at) for track in ended] == [(1, "person", at(0.8))]
    assert tracker.tracks == ()


def test_a_new_visit_is_a_new_track_even_if_nothing_was_seen_between() -> None:
    tracker = VoteTracker("yard")
    follow(tracker, ["background"] * 5)

    told = tracker(scene_at(9.0, (block(0.2), "person")))

    assert [(track.id, track.ended) for track in told] == [(2, False), (1, True)]


def test_who_walks_out_of_the_picture_is_ended_soon() -> None:
    tracker = VoteTracker("yard")
    for step in range(6):
        tracker(scene_at(step * STEP_S, (Box(0.80 + 0.03 * step, 0.4, min(0.9 + 0.03 * step, 1.0), 0.7), "person")))

    ended = [[t.ended for t in tracker(scene_at(1.2 + step * STEP_S))] for step in range(5)]

    assert ended.index([True]) <= 3


def test_two_who_cross_keep_their_numbers() -> None:
    tracker = VoteTracker("yard")
    for step in range(21):
        right, left = block(0.2 + 0.02 * step, 0.30), block(0.6 - 0.02 * step, 0.45)
        tracks = tracker(scene_at(step * STEP_S, (right, "person"), (left, "animal")))

    assert [(track.id, track.label) for track in tracks] == [(1, "person"), (2, "animal")]
    assert tracks[0].box.x1 > tracks[1].box.x1


def test_a_fast_car_is_one_track() -> None:
    tracker = VoteTracker("yard")
    for step in range(6):
        tracks = tracker(scene_at(step * STEP_S, (Box(0.15 * step, 0.5, 0.15 * step + 0.12, 0.62), "vehicle")))

    assert [(track.id, track.label, track.hits) for track in tracks] == [(1, "vehicle", 6)]


def test_a_fragment_of_a_track_is_no_track() -> None:
    tracker = VoteTracker("yard")
    follow(tracker, ["person"] * 5)

    body = block(0.2)
    tracks = tracker(scene_at(1.0, (body, "person"), (Box(0.21, 0.5, 0.25, 0.6), "background")))

    assert [track.id for track in tracks] == [1]


def test_of_two_tracks_on_one_thing_the_older_stays() -> None:
    tracker = VoteTracker("yard")
    ended = []
    for step in range(14):
        large = block(0.1 + 0.02 * step, 0.3, 0.1, 0.4)
        inner = block(0.13 + 0.02 * step + 0.06 * max(3 - step, 0), 0.4, 0.07, 0.3)
        told = tracker(scene_at(step * STEP_S, (large, "person"), (inner, "person")))
        ended += [track.id for track in told if track.ended]

    assert ended == [2]
    assert [track.id for track in tracker.tracks] == [1]


def test_whom_a_detector_finds_behind_another_is_a_track_too() -> None:
    tracker = VoteTracker("yard")
    for step in range(14):
        front = block(0.1 + 0.02 * step, 0.3, 0.1, 0.4)
        behind = block(0.13 + 0.02 * step, 0.35, 0.06, 0.25)
        tracker(scene_at(step * STEP_S, (front, "person"), (behind, "person"), source="detector"))

    assert [(track.id, track.confirmed) for track in tracker.tracks] == [(1, True), (2, True)]


@pytest.mark.parametrize("fps", [2.0, 5.0, 25.0])
def test_a_walk_is_one_track_however_often_it_is_looked_at(fps: float) -> None:
    tracker = VoteTracker("yard")
    for frame in range(round(8 * fps)):
        seconds = frame / fps
        wobble = 0.01 * (-1) ** frame
        tracker(scene_at(seconds, (block(0.02 + 0.1 * seconds, 0.4 + wobble), "person"), source="detector"))

    (track,) = tracker.tracks
    assert (track.id, track.hits) == (1, round(8 * fps))
    assert track.box.iou(block(0.02 + 0.1 * seconds)) > 0.75


def still(tracker: VoteTracker, seconds: float, label: str, shown: bool) -> tuple[Track, ...]:
    """A second look at the place of a track that nothing moved on; `shown`: the picture still has it there."""
    gray = picture((block(0.18),) if shown else ())
    frame = frame_of(gray, seconds)
    look = Subject(Detection(tracker.tracks[0].box, "track"), seen(label))
    return tracker(Scene(frame, (look,)))


@pytest.mark.parametrize(
    ("label", "shown", "hits"), [("person", True, 10), ("background", True, 5), ("person", False, 5)]
)
def test_a_place_looked_at_again_counts_if_it_shows_the_same(label: str, shown: bool, hits: int) -> None:
    tracker = VoteTracker("yard", TrackSettings(coast_s=10.0))
    follow(tracker, ["person"] * 5)

    for second in range(1, 6):
        (track,) = still(tracker, 0.8 + second, label, shown)

    assert track.hits == hits


def test_a_track_whose_place_is_empty_ends() -> None:
    tracker = VoteTracker("yard", TrackSettings(empty_hits=4))
    follow(tracker, ["person"] * 20)

    told = follow(tracker, ["background"] * 4, 4.0, 0.5)

    assert [(track.label, track.ended) for track in told] == [("person", True)]


def test_the_end_of_the_source_ends_all() -> None:
    tracker = VoteTracker("yard")
    follow(tracker, ["person"] * 4)

    assert [(track.id, track.ended) for track in tracker.finish()] == [(1, True)]
    assert (tracker.tracks, tracker.finish()) == ((), ())


def test_the_same_scenes_give_the_same_tracks() -> None:
    runs = [follow(VoteTracker("yard"), ["person", "animal", "person", None, "person"]) for _ in range(2)]

    assert runs[0] == runs[1]
