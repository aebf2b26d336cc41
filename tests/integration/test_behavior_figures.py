"""Behavior and objects on real people: who stays is told, nobody runs or falls, and a bag set down among them is found.

The bag is painted into the test-only footage, beneath somebody who walks by; the rest is as it was filmed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from judging import judge, rule

from surveillance.app.worker import build_classifier, build_worker
from surveillance.domain.ports import SourceOptions
from surveillance.domain.site import Camera, Site
from surveillance.domain.values import Decision, Frame
from surveillance.engines.worker import walk_source
from surveillance.ingest.pictures import BgrPicture
from surveillance.ingest.sources import FileSource
from surveillance.settings import Settings

pytestmark = pytest.mark.slow

CAMERA = Camera("square", "file:square", tasks=("behavior", "objects"))
SITE = Site(cameras=(CAMERA,))
RULES = (
    rule("bag", "sighting", "alert", 'object == "left" and track_s >= 10'),
    rule("stays", "sighting", "alert", 'label == "person" and loiter_s >= 12'),
    rule("hints", "sighting", "alert", "running or fallen"),
)
SET_DOWN_S, ENDS_S = 20.4, 45.0
LEFT, TOP = 118, 152  # where somebody walks at that moment


class WithBag:
    """The first seconds of a film, in which somebody's feet leave a pale bag behind."""

    live = False
    duration_s: float | None = ENDS_S

    def __init__(self, film: Path) -> None:
        options = SourceOptions(CAMERA.name, analyze_fps=5.0, start_at=datetime(2026, 3, 1, 12, tzinfo=UTC))
        self._film = FileSource(str(film), options)
        self._bag = np.clip(np.random.default_rng(3).normal(235, 8, (20, 22, 3)), 0, 255).astype(np.uint8)

    def frames(self) -> Iterator[Frame]:
        for frame in self._film.frames():
            if (frame.media_s or 0.0) >= ENDS_S:
                return
            yield frame if (frame.media_s or 0.0) < SET_DOWN_S else self._with_bag(frame)

    def _with_bag(self, frame: Frame) -> Frame:
        pixels = frame.picture.bgr().copy()
        pixels[TOP : TOP + 20, LEFT : LEFT + 22] = self._bag
        picture = BgrPicture(pixels)
        return replace(frame, picture=picture, luma=picture.luma())

    def close(self) -> None:
        self._film.close()


@pytest.fixture(scope="module")
def alerts(footage: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Decision]:
    settings = Settings(data_dir=tmp_path_factory.mktemp("data"))
    source = WithBag(footage / "video" / "vtest_480x360.mp4")
    walk = build_worker(settings, CAMERA, source, build_classifier(settings))
    judged_by = judge(*RULES, site=SITE)
    seen = (observation for looked in walk_source(walk) for observation in looked.told)
    return [decision for each in seen for decision in judged_by(each) if decision.kind == "sighting.alerted"]


def test_a_bag_that_somebody_left_fires_once_and_says_how_long_it_lay(alerts: list[Decision]) -> None:
    (bag,) = [alert for alert in alerts if alert.rule == "bag"]

    assert bag.label == "left object"
    assert bag.reasons[0] == 'object = "left"'
    assert 10 <= float(bag.reasons[1].removeprefix("track_s = ")) <= 20


def test_people_who_stand_are_told_with_their_time_and_nobody_runs_or_falls(alerts: list[Decision]) -> None:
    staying = [alert for alert in alerts if alert.rule == "stays"]

    assert len({alert.track for alert in staying}) == len(staying) >= 1
    assert all(12 <= float(alert.reasons[1].removeprefix("loiter_s = ")) <= 13.5 for alert in staying)
    assert [alert.reasons for alert in alerts if alert.rule == "hints"] == []
