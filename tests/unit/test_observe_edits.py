"""Zones, lines and view edited while a camera is watched: its tracks go on; a line that is moved is not crossed."""

from __future__ import annotations

from dataclasses import replace

from moving import block, frame_at, track_of

from surveillance.domain.geometry import Box, Line, Zone
from surveillance.domain.site import Camera
from surveillance.domain.values import Observation
from surveillance.perception.observe import Observer

LEFT = Zone("left", ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0)))
WHOLE = Zone("whole", ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)))
CAMERA = Camera("yard", "file:none", zones=(LEFT,), lines=(Line("gate", (0.8, 1.0), (0.8, 0.0)),), zones_version=7)
STEP_S = 0.2


def stand(observer: Observer, box: Box, steps: range) -> list[Observation]:
    """The same track at the same place for so many frames."""
    told: list[Observation] = []
    for step in steps:
        told += observer(frame_at(step * STEP_S, box), (track_of(box, step * STEP_S),))
    return told


def test_a_track_goes_on_under_other_zones() -> None:
    observer = Observer(CAMERA)
    before = stand(observer, block(0.2), range(10))
    assert observer.change(replace(CAMERA, zones=(WHOLE,), zones_version=8))
    after = stand(observer, block(0.2), range(10, 20))

    assert {(told.track, told.zones_version, told.zones) for told in before} == {(1, 7, frozenset({"left"}))}
    assert [told.change for told in after if told.change == "appeared"] == [], "it is the same track as before"
    assert {told.zones_version for told in after} == {8}
    assert after[-1].zones == {"whole"}
    assert not any("left" in told.zones for told in after)


def test_a_line_that_is_moved_past_somebody_is_not_crossed() -> None:
    observer = Observer(CAMERA)
    stand(observer, block(0.4), range(10))
    assert observer.change(replace(CAMERA, lines=(Line("gate", (0.1, 1.0), (0.1, 0.0)),)))
    told = stand(observer, block(0.4), range(10, 20))
    told += stand(observer, block(0.6), range(20, 30))
    assert not any(observation.crossed for observation in told)


def test_a_line_that_stays_is_still_crossed_after_an_edit() -> None:
    observer = Observer(CAMERA)
    stand(observer, block(0.4), range(10))
    assert observer.change(replace(CAMERA, zones=()))
    told = stand(observer, block(0.9), range(10, 20))
    assert [set(observation.crossed) for observation in told if observation.crossed] == [{"gate:in"}]


def test_what_the_source_or_the_model_depends_on_is_not_taken_over() -> None:
    observer = Observer(CAMERA)
    for edited in (
        replace(CAMERA, url="file:other"),
        replace(CAMERA, masks=(((0.0, 0.0), (0.1, 0.0), (0.1, 0.1)),)),
        replace(CAMERA, model="mine"),
        replace(CAMERA, analyze_fps=2.0, zones=()),
    ):
        assert not observer.change(edited)
    assert stand(observer, block(0.2), range(3))[0].zones == {"left"}


def test_what_is_less_sure_than_the_camera_asks_for_is_told_as_unknown() -> None:
    observer = Observer(replace(CAMERA, min_confidence=0.95))
    doubted = stand(observer, block(0.2), range(3))
    assert observer.change(replace(CAMERA, min_confidence=0.8))
    believed = stand(observer, block(0.2), range(3, 6))
    assert observer.change(replace(CAMERA, min_confidence=0.93))
    kept = stand(observer, block(0.2), range(6, 16))
    assert observer.change(replace(CAMERA, min_confidence=0.96))
    given_up = stand(observer, block(0.2), range(16, 19))
    assert [(told.change, told.label) for told in doubted] == [("appeared", "unknown")]
    assert [(told.change, told.label) for told in believed] == [("changed", "person")]
    assert {(told.change, told.label) for told in kept} == {("heartbeat", "person")}, "it does not flutter"
    assert [(told.change, told.label) for told in given_up] == [("changed", "unknown")]


def test_background_stays_background_however_sure_the_camera_wants_to_be() -> None:
    observer = Observer(replace(CAMERA, min_confidence=0.95))
    told = observer(frame_at(0.0), (track_of(block(0.2), label="background"),))
    assert told == ()
