"""A service runs for months: what is kept of tracks, visits and codes that are over does not grow with their number."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from fakes import NOON, observation
from kept import things_kept
from moving import block, frame_at, scene_at, track_of

from surveillance.access.camera_desk import MOST_VISITS, CameraDesk
from surveillance.access.seen_factors import SeenFactors
from surveillance.domain.errors import ModelError
from surveillance.domain.geometry import Box
from surveillance.domain.ports import Task
from surveillance.domain.site import Camera, Site
from surveillance.domain.values import Observation, Shot
from surveillance.engines.picking import TRACKS, Picker
from surveillance.perception.behavior import BehaviorTask
from surveillance.perception.codes import CodeTask
from surveillance.perception.describe import Describer
from surveillance.perception.kind_task import KindTask
from surveillance.perception.observe import Observer
from surveillance.perception.plate_task import PlateTask
from surveillance.perception.text_task import TextTask
from surveillance.perception.track import VoteTracker
from surveillance.rules.book import RuleDocument, parse_rulebook
from surveillance.rules.judge import RuleJudge
from surveillance.rules.settings import RuleSettings
from surveillance.storage.shots import Shots

RULES = "- {name: seen, on: sighting, verdict: log, when: track_s >= 0}"


def broken(picture: object) -> tuple[()]:
    raise ModelError("nothing can be read")


@pytest.mark.parametrize(
    "task",
    [KindTask(broken), PlateTask(broken), TextTask(broken), BehaviorTask()],
    ids=lambda task: type(task).__name__,
)
def test_a_task_forgets_tracks_that_are_over_also_where_every_look_fails(task: Task) -> None:
    describe, box = Describer([task]), block(0.3, width=0.4)

    def kept_after(*numbers: int) -> int:
        for number in numbers:
            now = track_of(box, number, "vehicle", id=number)
            over = track_of(box, number, "vehicle", id=number - 1, ended=True)
            describe(frame_at(number, box), [now, over])
        return things_kept(task)

    assert kept_after(*range(1, 10)) >= kept_after(*range(10, 60))


def test_of_codes_that_change_before_somebody_who_stays_only_the_last_ones_are_remembered() -> None:
    codes, box = itertools.count(), block(0.3, width=0.4)
    task = CodeTask(lambda told: None, lambda picture: f"SB2.{next(codes)}")

    def kept_after(*seconds: int) -> int:
        for second in seconds:
            task(frame_at(second, box), [track_of(box, second)])
        return things_kept(task)

    assert kept_after(*range(10)) >= kept_after(*range(10, 60))


def test_a_camera_forgets_who_has_left() -> None:
    tracker, observer = VoteTracker("yard"), Observer(Camera("yard", "synthetic://yard"))

    def kept_after(*visits: int) -> int:
        for visit, step in itertools.product(visits, range(5)):
            there = [(block(0.2 + 0.4 * thing + 0.01 * step), "person") for thing in range(2)] if step < 4 else []
            scene = scene_at(8.0 * visit + 0.2 * step, *there)
            observer(scene.frame, tracker(scene))
        return things_kept(tracker, observer)

    assert kept_after(*range(5)) >= kept_after(*range(5, 20))


Hear = Callable[[Observation], object]


def core_steps() -> dict[str, tuple[object, Hear, int]]:
    """What core keeps something in for each observation, how it is told, and after how many tracks it is full."""
    site = Site(cameras=(Camera("yard", "synthetic://yard"),))
    bounds = RuleSettings(max_tracks=50, track_keep_s=60)
    judge = RuleJudge(parse_rulebook([RuleDocument(RULES, "rules")], site), site, bounds)
    shots, picks, factors = Shots(50), Picker(0.6, 0.5), SeenFactors()
    desk = CameraDesk(lambda: site, lambda presented: pytest.fail("no door asks"), lambda request: None)
    return {
        "judge": (judge, judge, 150),
        "shots": (shots, shots.remember, 150),
        "picks": (picks, lambda seen: picks([(seen, ())]), 2 * TRACKS),
        "factors": (factors, factors.hear, 2 * MOST_VISITS),
        "desk": (desk, desk.hear, 2 * MOST_VISITS),
    }


@pytest.mark.parametrize("name", core_steps())
def test_core_forgets_tracks_however_many_there_were(name: str) -> None:
    """Those too of which nobody says that they have left."""
    step, hear, full = core_steps()[name]

    def kept_after(*tracks: int) -> int:
        for track in tracks:
            at = NOON + timedelta(seconds=track)
            shot = Shot(b"jpeg", Box(0.4, 0.4, 0.6, 0.8), at)
            seen = observation(track, at=at, started_at=at, shot=shot, attributes={"plate": f"AB{track}"})
            for change in ("appeared", "left") if track % 2 else ("appeared",):
                hear(replace(seen, change=change))
        return things_kept(step)

    assert kept_after(*range(full + 50)) * 1.01 >= kept_after(*range(full + 50, 2 * full))
