"""The whole camera walk on test-only footage, with the embedded model: figures counted after the vote.

None of these videos was trained on, and no threshold was tuned to them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import pytest

from surveillance import places
from surveillance.domain.ports import SourceOptions
from surveillance.domain.site import Camera
from surveillance.domain.values import BACKGROUND, REJECTED, Observation, Scene, Track
from surveillance.engines.worker import walk_source
from surveillance.ingest.gate import MotionGate
from surveillance.ingest.sources import FileSource
from surveillance.perception.cards import find_card
from surveillance.perception.describe import Describer
from surveillance.perception.observe import Observer
from surveillance.perception.propose import MotionProposer
from surveillance.perception.recognize import Recognizer
from surveillance.perception.registry import CardClassifier, build_classifier
from surveillance.perception.scenes import SceneWatcher
from surveillance.perception.track import VoteTracker
from surveillance.walk import WorkerWalk

pytestmark = pytest.mark.slow

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
CAMERA = Camera("figures", "file:figures")
VISITS_S = ((7.0, 19.0), (23.0, 44.0), (51.0, 69.0), (75.0, 86.0), (94.0, 119.0), (124.0, 135.0))


class Remembered:
    """A tracker that also keeps how each of its tracks was told last."""

    def __init__(self, tracker: VoteTracker) -> None:
        self._tracker = tracker
        self.last: dict[int, Track] = {}

    @property
    def tracks(self) -> Sequence[Track]:
        return self._tracker.tracks

    def __call__(self, scene: Scene) -> tuple[Track, ...]:
        return self._keep(self._tracker(scene))

    def finish(self) -> tuple[Track, ...]:
        return self._keep(self._tracker.finish())

    def _keep(self, tracks: tuple[Track, ...]) -> tuple[Track, ...]:
        self.last.update({track.id: track for track in tracks})
        return tracks


@dataclass(frozen=True)
class Watched:
    """What one video gave: its confirmed tracks as they ended, and everything told."""

    tracks: tuple[Track, ...]
    told: tuple[Observation, ...]

    def labelled(self, label: str) -> list[Track]:
        return [track for track in self.tracks if track.label == label]

    def described(self) -> str:
        lines = [
            f"{track.label} {track.confidence:.2f}, {span(track)[0]:.1f}-{span(track)[1]:.1f} s, {track.hits} hits"
            for track in self.tracks
        ]
        return "\n".join(lines)


def span(track: Track) -> tuple[float, float]:
    """Seconds of the video between which it was seen."""
    return (track.started_at - START).total_seconds(), (track.seen_at - START).total_seconds()


@cache
def classifier() -> CardClassifier:
    return build_classifier(find_card("embedded", [places.shipped("config") / "models"]), device="cpu")


@cache
def watched(video: Path) -> Watched:
    tracker = Remembered(VoteTracker(CAMERA.name))
    walk = WorkerWalk(
        receive=FileSource(str(video), SourceOptions(CAMERA.name, analyze_fps=5.0, start_at=START)),
        gate=MotionGate(),
        propose=MotionProposer(),
        recognize=Recognizer(classifier(), ask_again_s=1.0),
        track=tracker,
        describe=Describer(),
        observe=Observer(CAMERA, model="embedded"),
        look=SceneWatcher(CAMERA),
    )
    told = [observation for looked in walk_source(walk) for observation in looked.told]
    return Watched(tuple(track for track in tracker.last.values() if track.confirmed), tuple(told))


@pytest.fixture
def watch(footage: Path) -> Callable[[str], Watched]:
    return lambda name: watched(footage / "video" / name)


def covered(visit: tuple[float, float], track: Track) -> float:
    """Share of the visit during which the track was followed."""
    first, last = span(track)
    return max(min(last, visit[1]) - max(first, visit[0]), 0.0) / (visit[1] - visit[0])


def test_each_of_six_visits_is_one_person(watch: Callable[[str], Watched]) -> None:
    result = watch("one-by-one-person-detection.mp4")
    people = result.labelled("person")

    mains = [max(people, key=lambda track, visit=visit: covered(visit, track)) for visit in VISITS_S]  # type: ignore[misc]
    shares = [round(covered(visit, track), 2) for visit, track in zip(VISITS_S, mains, strict=True)]

    print(f"one-by-one: visits covered {[round(share, 2) for share in shares]}, {len(people)} person tracks in all")
    assert min(shares) >= 0.8, f"{shares}\n{result.described()}"
    assert len({track.id for track in mains}) == 6, result.described()
    assert len(people) <= 8, result.described()


def test_the_walkers_of_vtest_are_people(watch: Callable[[str], Watched]) -> None:
    result = watch("vtest_480x360.mp4")
    long = [track for track in result.tracks if span(track)[1] - span(track)[0] >= 2.0]

    people = [track for track in long if track.label == "person"]

    print(f"vtest: {len(people)} of {len(long)} confirmed tracks of 2 s or more are person")
    assert len(people) >= 15, result.described()
    assert len(people) >= 0.95 * len(long), result.described()


def test_hands_and_bottles_are_no_subjects(watch: Callable[[str], Watched]) -> None:
    result = watch("bottle-detection.mp4")

    wrong = [track for track in result.tracks if track.label not in (BACKGROUND, REJECTED)]

    print(f"bottle-detection: {len(wrong)} tracks wrong")
    assert len(wrong) <= 1, result.described()


def test_cars_from_straight_above_are_vehicles(watch: Callable[[str], Watched]) -> None:
    result = watch("car-detection.mp4")
    people_and_animals = result.labelled("person") + result.labelled("animal")

    print(f"car-detection: {len(result.labelled('vehicle'))} of 4 vehicles, {len(people_and_animals)} others")
    assert len(result.labelled("vehicle")) in (3, 4), result.described()
    assert people_and_animals == [], result.described()


VIDEOS = ("one-by-one-person-detection.mp4", "vtest_480x360.mp4", "bottle-detection.mp4", "car-detection.mp4")


@pytest.mark.parametrize("video", VIDEOS)
def test_what_is_told_is_whole(watch: Callable[[str], Watched], video: str) -> None:
    """Each told track appears once, with a picture, and leaves once; background never appears."""
    stories: dict[int, list[Observation]] = {}
    for observation in watch(video).told:
        stories.setdefault(observation.track, []).append(observation)

    for story in stories.values():
        changes = [observation.change for observation in story]
        assert (changes[0], changes.count("appeared")) == ("appeared", 1)
        assert (changes[-1], changes.count("left")) == ("left", 1)
        assert story[0].label != BACKGROUND
        assert story[0].shot is not None
        assert all(len(observation.shot.jpeg) <= 48 * 1024 for observation in story if observation.shot is not None)
