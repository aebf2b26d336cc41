"""The whole way of a scene: pictures of its states collected, a model trained and published, and rules that ask it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import av
import pytest
from clips import encode_mp4

from surveillance.app.scene_pictures import CollectOrder, collect
from surveillance.app.training import train
from surveillance.app.watch import WatchOrder, heartbeats, watch
from surveillance.app.worker import build_classifier, build_worker, source_options
from surveillance.domain.site import Camera, Door, SceneWatch, Site
from surveillance.domain.values import AccessRequest, Bgr
from surveillance.engines.worker import walk_source
from surveillance.ingest.sources import open_source
from surveillance.rules.book import RuleDocument, parse_rulebook
from surveillance.rules.judge import RuleJudge
from surveillance.settings import Settings
from surveillance.training.publish import publish

DUSK = datetime(2026, 11, 26, 16, 0, tzinfo=UTC)
RULES = """\
- name: dark
  on: camera
  verdict: alert
  when: scene("light") == "night"
- name: dark-for-long
  on: camera
  verdict: log
  when: scene("light") == "night" and scene_s("light") >= 12
"""


def pictures(video: Path, seconds: float) -> Iterator[Bgr]:
    """Five a second, as a camera would give them."""
    with av.open(str(video)) as container:
        for number, frame in enumerate(container.decode(video=0)):
            if number >= 25 * seconds:
                return
            if number % 5 == 0:
                yield frame.to_ndarray(format="bgr24")


@pytest.fixture(scope="module")
def taught(footage: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Settings, Path]:
    """A data directory with a model of day and night, learned from a camera's morning and evening; and its noon."""
    folder, traffic = tmp_path_factory.mktemp("light"), footage / "video" / "traffic"
    settings = Settings(data_dir=folder / "data")
    for hour, state in (("08", "day"), ("19", "night")):
        collect(
            settings, CollectOrder(str(traffic / f"09800_{hour}h.mp4"), "light", state, every_s=0.2, to=folder / "seen")
        )
    words = {"size": 16, "epochs": 12, "batch": 16, "threads": 1, "parameters": ("filters=[8,16]", "hidden=16")}
    train(settings, folder / "seen", folder / "run", "scratch", words)
    publish(folder / "run", "daylight", settings.data_dir / "models")
    return settings, traffic


@pytest.fixture(scope="module")
def dusk(taught: tuple[Settings, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The camera's noon, then its small hours, twice over: 36 seconds."""
    _, traffic = taught
    noon, night = (traffic / f"09800_{hour}h.mp4" for hour in ("13", "02"))
    clip = tmp_path_factory.mktemp("dusk") / "road.mp4"
    parts = ((noon, 9), (night, 9), (night, 9), (noon, 9))
    return encode_mp4(clip, (picture for video, seconds in parts for picture in pictures(video, seconds)), fps=5)


def test_a_change_is_told_once_and_explained(taught: tuple[Settings, Path], dusk: Path, tmp_path: Path) -> None:
    settings, _ = taught
    (tmp_path / "rules.yaml").write_text(RULES)
    light = SceneWatch("light", "daylight", every_s=1.0)
    order = WatchOrder(str(dusk), tmp_path / "rules.yaml", start_at=DUSK, scenes=(light,))
    events = [event for event in watch(settings, order) if event.decision.kind.startswith("scene.")]
    assert [(event.decision.kind, event.decision.rule, event.decision.details["state"]) for event in events] == [
        ("scene.changed", None, "day"),
        ("scene.changed", None, "night"),
        ("scene.alerted", "dark", "night"),
        ("scene.logged", "dark-for-long", "night"),
        ("scene.changed", None, "day"),
    ]
    told = [event.decision.media_s or 0.0 for event in events]
    assert 9 + light.hold_s <= told[1] <= 9 + light.hold_s + 2.5
    assert told[2] == told[1]
    assert 9 + 12 <= told[3] <= 9 + 12 + 10.5
    (why,) = events[2].decision.judged
    assert (why.clause.text, why.clause.result) == ('scene("light") == "night"', True)
    assert why.clause.found == 'scene("light") = "night"'
    assert json.loads(json.dumps(events[1].as_json()))["reasons"] == ["light: day -> night"]


def test_a_missing_model_denies_and_says_what_to_do(dusk: Path, tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "data")
    camera = Camera("road", str(dusk), scenes=(SceneWatch("light", "dalight"),))
    site = Site(cameras=(camera,), doors=(Door("barrier", "road"),))
    by_day = (
        "- name: by-day\n  on: access\n  verdict: authorize\n"
        '  when: door == "barrier" and "badge" in factors and scene("light") == "day"\n'
    )
    judge = RuleJudge(parse_rulebook([RuleDocument(by_day, "rules.yaml")], site), site)
    source = open_source(camera.url, source_options(settings, camera, DUSK))
    walk = build_worker(settings, camera, source, build_classifier(settings))
    inputs = [entry for entries in islice(heartbeats(camera.name, walk_source(walk)), 12) for entry in entries]
    told = [decision for entry in inputs for decision in judge(entry)]
    (cause,) = next(decision.reasons for decision in told if decision.kind == "health.degraded")
    assert cause.startswith("scene light of camera road: no model is called 'dalight'; there are: animals, embedded")
    assert cause.endswith(
        "; train and publish it, or choose another: surveillance camera scene set road SCENE --model MODEL"
    )
    at = inputs[-1].at
    denied, *_ = judge(
        AccessRequest("1", at, "barrier", "road", frozenset({"badge"}), "Ada", frozenset({"staff"}), "valid", at)
    )
    assert denied.kind == "access.denied"
    assert any(cause in reason for reason in denied.reasons), denied.reasons
