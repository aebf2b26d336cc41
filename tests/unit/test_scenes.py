"""Scenes as a camera's worker tells them: by the clock, after several looks, and a doubt where nobody can tell."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from surveillance.domain.errors import Expired, NotFound
from surveillance.domain.geometry import Box, Zone
from surveillance.domain.ports import Classifier
from surveillance.domain.site import Camera, SceneWatch
from surveillance.domain.values import Bgr, Classification, Frame, SceneReport
from surveillance.ingest.pictures import BgrPicture
from surveillance.perception.scenes import SceneWatcher, watched_part

NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)
GATE = SceneWatch("gate", "gate-states", every_s=2.0, hold_s=3.0)
Says = Callable[[float], tuple[str, float]]


def frame(second: float) -> Frame:
    """Its brightness is its second, so that a model can tell when it was."""
    pixels = np.full((36, 64, 3), int(second), np.uint8)
    return Frame("yard", NOON + timedelta(seconds=second), int(second * 5), pixels[..., 0], BgrPicture(pixels), second)


def model(says: Says) -> Classifier:
    def classify(crops: Sequence[Bgr]) -> tuple[Classification, ...]:
        label, confidence = says(float(crops[0].mean()))
        return (Classification(label, confidence, {label: confidence}, "gate-states"),)

    return classify


def watched(says: Says, until: float = 60, scene: SceneWatch = GATE, start: float = 0) -> list[SceneReport]:
    watcher = SceneWatcher(Camera("yard", "synthetic://yard", scenes=(scene,)), lambda name: model(says))
    return [report for fifth in range(int(start * 5), int(until * 5)) for report in watcher(frame(fifth / 5))]


def brief(reports: list[SceneReport]) -> list[tuple[Any, ...]]:
    """When, which state, since when, and whether it is new."""
    return [(told.media_s, told.state or told.doubt, seconds_of(told.since), told.changed) for told in reports]


def seconds_of(at: datetime | None) -> int:
    return (at - NOON).seconds if at else -1


def test_told_after_it_showed_for_a_while_and_as_a_heartbeat() -> None:
    told = watched(lambda second: ("closed", 0.9) if second < 15 else ("open", 0.8), until=32)
    assert brief(told) == [
        (4.0, "closed", 0, True), (14.0, "closed", 0, False),
        (20.0, "open", 16, True), (30.0, "open", 16, False),
    ]  # fmt: skip
    assert [(report.confidence, report.shot is not None) for report in told] == [
        (0.9, True), (0.9, False), (0.8, True), (0.8, False),
    ]  # fmt: skip


def test_single_looks_do_not_flutter() -> None:
    told = watched(
        lambda second: ("open", 0.99) if 20 <= second < 22 or 30 <= second < 32 else ("closed", 0.9), until=60
    )
    assert {(report.state, report.doubt) for report in told} == {("closed", "")}


def test_what_is_unsure_is_a_doubt() -> None:
    told = watched(lambda second: ("closed", 0.9) if second < 11 else ("open", 0.5), until=24)
    assert brief(told) == [
        (4.0, "closed", 0, True),
        (14.0, "closed", 0, False),
        (16.0, "its model is unsure", 12, True),
    ]
    disagreeing = watched(lambda second: ("open" if int(second) % 4 else "closed", 0.9), until=30)
    assert brief(disagreeing)[0] == (14.0, "its looks do not agree", 14, True)


def test_a_gap_begins_anew() -> None:
    watcher = SceneWatcher(
        Camera("yard", "synthetic://yard", scenes=(GATE,)), lambda name: model(lambda s: ("open", 0.9))
    )
    told = [report for second in (0, 2, 4, 100, 102, 104, 50, 52, 54) for report in watcher(frame(second))]
    assert brief(told) == [(4, "open", 0, True), (104, "open", 100, True), (54, "open", 50, True)]


def test_a_model_that_is_missing_or_late() -> None:
    missing = {"there is no model 'gate-states'; train it"}

    def ask(name: str) -> Classifier:
        for reason in missing:
            raise NotFound(reason)
        return model(lambda second: late() if 20 <= second < 36 else ("closed", 0.9))

    def late() -> tuple[str, float]:
        raise Expired("no answer within 1 s")

    watcher = SceneWatcher(Camera("yard", "synthetic://yard", scenes=(GATE,)), ask)
    told = [report for second in range(9) for report in watcher(frame(second))]
    missing.clear()  # it was published
    told += [report for second in range(9, 50) for report in watcher(frame(second))]
    assert brief(told) == [
        (0, "there is no model 'gate-states'; train it", 0, True),
        (10, "there is no model 'gate-states'; train it", 0, False), (14, "closed", 10, True),
        (28, "no answer within 1 s", 28, True), (38, "no answer within 1 s", 28, False), (42, "closed", 38, True),
    ]  # fmt: skip
    assert [report.failed for report in told][:2] == [True, False]


def test_the_watched_part() -> None:
    zone = Zone("gate", ((0.2, 0.5), (0.6, 0.4), (0.5, 0.9)))
    camera = Camera("yard", "synthetic://yard", zones=(zone,))
    assert watched_part(camera, GATE) == Box(0, 0, 1, 1)
    assert watched_part(camera, SceneWatch("gate", "m", zone="gate")) == Box(0.2, 0.4, 0.6, 0.9)
    gone = SceneWatcher(Camera("yard", "synthetic://yard", scenes=(SceneWatch("gate", "m", zone="bridge"),)))
    assert [report.doubt for report in gone(frame(0))] == [
        "there is no zone bridge; draw it, or watch the whole picture"
    ]
