"""Observing: what is told of a track, when, where it stood, and with which picture."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import cv2
import numpy as np
import pytest
from moving import HEIGHT, WIDTH, at, block, frame_at, frame_of, track_of

from surveillance.domain.geometry import Box, Line, Zone
from surveillance.domain.site import Camera
from surveillance.domain.values import Attribute, Doubt, Observation, Track
from surveillance.perception.observe import Observer, encode_shot
from surveillance.perception.settings import ObserveSettings

LEFT = Zone("left", ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0)))
GATE = Line("gate", (0.5, 1.0), (0.5, 0.0))
CAMERA = Camera("yard", "file:none", zones=(LEFT,), lines=(GATE,), zones_version=7)
STEP_S = 0.2


def watch(
    observer: Observer, steps: int, where: Callable[[int], Box], start: int = 0, **changes: object
) -> list[tuple[int, Observation]]:
    """One track over so many frames; what was told, with the number of its frame."""
    told = []
    for step in range(start, start + steps):
        box = where(step)
        track = track_of(box, step * STEP_S, **changes)  # type: ignore[arg-type]
        told += [(step, observation) for observation in observer(frame_at(step * STEP_S, box), (track,))]
    return told


def stays(step: int) -> Box:
    return block(0.2)


def walks(step: int) -> Box:
    return block(0.2 + 0.02 * step)


def changes_of(told: Sequence[tuple[int, Observation]]) -> list[tuple[int, str]]:
    return [(step, observation.change) for step, observation in told]


def test_one_appearance_then_a_heartbeat_a_second() -> None:
    told = watch(Observer(CAMERA, model="embedded"), 13, stays)

    assert changes_of(told) == [(0, "appeared"), (5, "heartbeat"), (10, "heartbeat")]
    first = told[0][1]
    assert replace(first, id="", shot=None) == Observation(
        id="",
        camera="yard",
        at=at(0.0),
        media_s=0.0,
        change="appeared",
        track=1,
        label="person",
        confidence=0.9,
        box=block(0.2),
        zones=frozenset({"left"}),
        zones_version=7,
        dwell_s={"left": 0.0},
        track_s=0.0,
        started_at=at(0.0),
        model="embedded",
    )


@pytest.mark.parametrize("unclear", [{"label": "background"}, {"confirmed": False}])
def test_what_is_nothing_is_not_told_until_it_is_something(unclear: dict[str, object]) -> None:
    observer = Observer(CAMERA)

    before = watch(observer, 7, stays, **unclear)
    after = watch(observer, 2, stays, start=7)

    assert (before, changes_of(after)) == ([], [(7, "appeared")])


def test_what_was_never_told_never_leaves() -> None:
    observer = Observer(CAMERA)
    watch(observer, 3, stays, label="background")

    assert watch(observer, 1, stays, start=3, label="background", ended=True) == []


def test_a_told_track_leaves_once_and_is_forgotten() -> None:
    observer = Observer(CAMERA)
    watch(observer, 3, stays)

    told = watch(observer, 1, stays, start=3, ended=True)

    assert changes_of(told) == [(3, "left")]
    assert changes_of(watch(observer, 1, stays, start=4)) == [(4, "appeared")]


def test_doubt_is_told_so_that_nobody_is_granted_on_it() -> None:
    observer = Observer(CAMERA)
    doubted = watch(observer, 3, stays, label="unknown")

    told = watch(observer, 1, stays, start=3, ended=True)

    assert changes_of(doubted)[0] == (0, "appeared")
    assert doubted[0][1].label == "unknown"
    assert changes_of(told) == [(3, "changed"), (3, "left")]
    assert {seen.label for _, seen in told} == {"person"}


def test_another_label_is_a_change() -> None:
    observer = Observer(CAMERA)
    watch(observer, 2, stays)

    told = watch(observer, 2, stays, start=2, label="unknown")

    assert [(step, o.change, o.label) for step, o in told] == [(2, "changed", "unknown")]


def test_a_change_of_zone_comes_with_its_own_picture() -> None:
    told = watch(Observer(CAMERA), 30, walks)
    moved = [observation for _, observation in told if observation.change == "changed"]

    assert [observation.zones for observation in moved] == [frozenset()]
    assert moved[0].shot is not None
    assert moved[0].shot.at == moved[0].at


def test_zones_and_dwell_follow_the_feet() -> None:
    told = watch(Observer(CAMERA), 20, walks)

    moves = [(step, o.zones, round(o.dwell_s["left"], 3)) for step, o in told if o.change != "heartbeat"]
    # the feet pass x = 0.5 after frame 13; leaving counts from the second frame beyond it
    assert moves == [(0, {"left"}, 0.0), (15, frozenset(), 3.0)]
    assert round(told[-1][1].dwell_s["left"], 3) == 3.0


def test_feet_on_an_edge_do_not_flutter() -> None:
    def sways(step: int) -> Box:
        return block(0.45 if step % 2 else 0.47)

    told = watch(Observer(CAMERA), 20, sways)

    assert {o.change for _, o in told} == {"appeared", "heartbeat"}
    assert {o.crossed for _, o in told} == {frozenset()}


def test_crossing_a_line_is_told_once_with_its_direction() -> None:
    observer = Observer(CAMERA)

    out = [o.crossed for _, o in watch(observer, 20, walks) if o.crossed]
    back = [o.crossed for _, o in watch(observer, 20, lambda step: block(0.58 - 0.02 * (step - 20)), 20) if o.crossed]

    assert (out, back) == ([{"gate:in"}], [{"gate:out"}])


def test_seen_straight_from_above_things_stand_at_their_center() -> None:
    upper = Zone("upper", ((0.0, 0.0), (1.0, 0.0), (1.0, 0.6), (0.0, 0.6)))
    zones = [
        watch(Observer(Camera("yard", "file:none", zones=(upper,), view=view)), 1, stays)[0][1].zones
        for view in ("side", "top")
    ]

    assert zones == [frozenset(), {"upper"}]


def test_a_track_out_of_sight_spends_no_time() -> None:
    observer = Observer(CAMERA)
    watch(observer, 3, stays)

    told = watch(observer, 10, stays, start=3, seen_at=at(0.4))

    assert [(o.change, round(o.dwell_s["left"], 3)) for _, o in told] == [("heartbeat", 0.4), ("heartbeat", 0.4)]


def test_a_better_picture_is_sent_and_no_other() -> None:
    def nears(step: int) -> Box:
        return block(0.2, 0.2, 0.05 + 0.01 * step, 0.1 + 0.03 * step)

    standing, nearing = watch(Observer(CAMERA), 20, stays), watch(Observer(CAMERA), 20, nears)

    assert [o.shot is not None for _, o in standing] == [True, False, False, False]
    shots = [o.shot for _, o in nearing if o.shot is not None]
    assert len(shots) >= 3
    assert [shot.box.area for shot in shots] == sorted(shot.box.area for shot in shots)


def test_a_cut_off_subject_gives_way_to_a_whole_one() -> None:
    def enters(step: int) -> Box:
        return Box(0.0, 0.4, 0.08 + 0.001 * step, 0.7) if step < 5 else block(0.02 * (step - 4))

    shots = [o.shot for _, o in watch(Observer(CAMERA), 12, enters) if o.shot is not None]

    assert [shot.box.x1 > 0.0 for shot in shots] == [False, True]


def test_tracks_of_one_frame_share_one_encoded_picture() -> None:
    observer = Observer(CAMERA)
    frame = frame_at(0.0, block(0.2), block(0.6))
    tracks: tuple[Track, ...] = (track_of(block(0.2)), track_of(block(0.6), id=2))

    first, second = observer(frame, tracks)

    assert first.shot is not None
    assert second.shot is not None
    assert first.shot.jpeg is second.shot.jpeg
    decoded = cv2.imdecode(np.frombuffer(first.shot.jpeg, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert decoded.shape == (HEIGHT, WIDTH)
    assert float(np.abs(decoded.astype(int) - frame.luma).mean()) < 12


def test_a_shot_stays_within_its_bytes() -> None:
    noise = np.random.default_rng(1).integers(0, 256, (720, 1280), dtype=np.uint8)

    jpeg = encode_shot(frame_of(noise, 0.0), ObserveSettings())

    assert len(jpeg) <= 48 * 1024


def test_the_same_tracks_give_the_same_observations() -> None:
    runs = [[replace(o, id="") for _, o in watch(Observer(CAMERA), 20, walks)] for _ in range(2)]

    assert runs[0] == runs[1]


def test_what_a_task_says_is_told_as_a_change_and_a_number_with_the_next_heartbeat() -> None:
    observer, told = Observer(CAMERA), []
    said: dict[int, dict[str, Attribute]] = {
        1: {"plate": "AB 1", "speed": 0.5},
        2: {"speed": 0.7},
        4: {"plate": Doubt("its reader is missing"), "kinds": frozenset({"van"})},
    }
    for step in range(7):
        track = track_of(block(0.2), step * STEP_S)
        described = {1: said[step], 2: {"plate": "of a track that is not told"}} if step in said else {}
        told += [
            (step, seen.change, seen.attributes)
            for seen in observer(frame_at(step * STEP_S, block(0.2)), (track,), described)
        ]

    assert told == [
        (0, "appeared", {}),
        (1, "changed", {"plate": "AB 1", "speed": 0.5}),
        (4, "changed", {"plate": Doubt("its reader is missing"), "kinds": frozenset({"van"}), "speed": 0.7}),
    ]
