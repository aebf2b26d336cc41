"""Detectors and segmenters on real pictures, by the commands that a person uses; torchvision's with random weights."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import islice, takewhile
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from click.testing import CliRunner, Result
from judging import book, rule
from models import random_task

from surveillance.app.detectors import build_blur
from surveillance.app.doctor import look_at_models
from surveillance.app.watch import heartbeats
from surveillance.app.worker import build_classifier, build_worker, source_options
from surveillance.cli import load_commands
from surveillance.domain.geometry import Box, Line
from surveillance.domain.site import Camera, Door, Site
from surveillance.domain.values import AccessRequest, Bgr, Decision
from surveillance.engines.worker import Looked, walk_source
from surveillance.ingest.sources import FileSource
from surveillance.perception.detect import build_detector
from surveillance.perception.segment import build_segmenter
from surveillance.rules.judge import RuleJudge
from surveillance.rules.settings import RuleSettings
from surveillance.settings import Settings
from surveillance.training.known_weights import find_known


@pytest.fixture(scope="module")
def house(footage: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory with yolox-nano, and two pictures of the test-only footage."""
    folder = tmp_path_factory.mktemp("house")
    for name, video, number in (("people", "vtest_480x360.mp4", 300), ("hands", "bottle-detection.mp4", 600)):
        opened = cv2.VideoCapture(str(footage / "video" / video))
        opened.set(cv2.CAP_PROP_POS_FRAMES, number)
        cv2.imwrite(str(folder / f"{name}.png"), opened.read()[1])
    told = ask(folder, "models", "import", str(footage / "models" / "yolox_nano.onnx"))
    assert told.output == "yolox-nano 1: added\n"
    return folder


def ask(house: Path, *words: str) -> Result:
    return CliRunner(env={"SURVEILLANCE__DATA_DIR": str(house)}).invoke(load_commands(words), words)


def test_the_people_of_a_picture_are_found_and_drawn(house: Path) -> None:
    picture, shown = house / "people.png", house / "found.png"
    told = ask(house, "detect", str(picture), "--json", "--save", str(shown))
    answer = json.loads(told.output)
    people = [thing for thing in answer["found"] if thing["class"] == "person"]
    assert (answer["image"], answer["model"]) == (str(picture), "yolox-nano")
    assert 6 <= len(people) <= 10
    assert {thing["label"] for thing in answer["found"] if thing["class"] == "vehicle"} <= {"car", "truck", "bus"}
    assert all(0 <= edge <= 1 for thing in answer["found"] for edge in thing["box"])
    assert cv2.imread(str(shown)).shape == cv2.imread(str(picture)).shape
    assert "%  car (vehicle)\n" in ask(house, "detect", str(picture)).output


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("detect", "VIDEO"), "is a video, and this looks at pictures; `surveillance watch"),
        (("detect", "PICTURE", "--model", "embedded"), "embedded is a classifier, and a detector is needed"),
        (("detect", "PICTURE", "--model", "ssdlite320_mobilenet_v3_large"), "surveillance models pull ssdlite320"),
        (("detect", "PICTURE", "--save", "found.gif"), "pictures are saved as .jpg or .png"),
        (("detect", "PICTURE", "PICTURE", "--save", "found.jpg"), "name one image"),
        (("segment", "PICTURE"), "`surveillance models pull lraspp_mobilenet_v3_large` gets it"),
    ],
)
def test_mistakes_are_one_line(house: Path, footage: Path, words: tuple[str, ...], said: str) -> None:
    real = {"VIDEO": str(footage / "video" / "vtest_480x360.mp4"), "PICTURE": str(house / "people.png")}
    failed = ask(house, *(real.get(word, word) for word in words))
    assert said in (failed.output + str(failed.exception))
    assert failed.exit_code != 0


BUSES = """
- {name: bus, on: sighting, verdict: alert, when: kind == "bus"}
"""


def test_a_rule_that_asks_for_buses_fires_on_a_bus(house: Path, footage: Path) -> None:
    """Footage in, the rule fires, and the explanation names the word with its value."""
    rules, video = house / "buses.yaml", str(footage / "video" / "traffic" / "06710_13h.mp4")
    rules.write_text(BUSES)
    words = ["watch", video, "--proposer", "detector", "--task", "kind", "--rules", str(rules), "--record", "--json"]

    [event] = map(json.loads, ask(house, *words).stdout.splitlines())

    assert (event["kind"], event["rule"], event["label"], event["reasons"]) == (
        "sighting.alerted",
        "bus",
        "vehicle",
        ['kind = "bus"'],
    )
    assert 'yes kind == "bus"   [kind = "bus"]' in ask(house, "events", "explain", event["id"]).output


def test_a_camera_that_does_not_tell_the_kind_says_how_to_switch_it_on(house: Path, footage: Path) -> None:
    rules, video = house / "buses.yaml", str(footage / "video" / "traffic" / "06710_13h.mp4")
    rules.write_text(BUSES)
    told = ask(house, "watch", video, "--rules", str(rules), "--json").stdout
    assert "kind is not told by camera 06710_13h: switch its task kind on" in told
    assert "sighting.alerted" not in told


def test_a_detector_in_onnx_loads_no_torch(house: Path) -> None:
    """A worker without a recognizer of its own holds half a gigabyte less."""
    program = (
        "import sys\n"
        "from surveillance.app.detectors import detector_of\n"
        "from surveillance.settings import Settings\n"
        f"detector_of(Settings(data_dir={str(house)!r}))\n"
        "print('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True).stdout == "False\n"


@pytest.mark.parametrize("proposer", ["motion", "detector"])
def test_people_are_blurred_in_the_pictures_of_their_events(house: Path, footage: Path, proposer: str) -> None:
    """The same shots as without the blur, but for the people: their boxes have lost their detail."""
    settings = Settings(data_dir=house)
    plain, blurred = (shots_of(settings, footage, proposer, blur) for blur in ("none", "people"))
    assert [box for _, box in plain] == [box for _, box in blurred]
    for (before, box), (after, _) in zip(plain, blurred, strict=True):
        assert detail(after, box) < 0.1 * detail(before, box)
        assert detail(after, Box(0.0, 0.75, 0.5, 1.0)) > 0.9 * detail(before, Box(0.0, 0.75, 0.5, 1.0))


def shots_of(settings: Settings, footage: Path, proposer: str, blur: str) -> list[tuple[Bgr, Box]]:
    """The first shots of people outdoors, decoded, with the box of each one's subject."""
    video = footage / "video" / "vtest_480x360.mp4"
    camera = Camera("yard", f"file:{video}", proposer=proposer, blur=blur)
    source = FileSource(str(video), source_options(settings, camera, datetime(2026, 3, 1, tzinfo=UTC)))
    walk = build_worker(settings, camera, source, build_classifier(settings), blur=build_blur(settings, camera))
    told = (observation for looked in walk_source(walk) for observation in looked.told)
    people = (seen for seen in told if seen.shot is not None and seen.label == "person")
    return [
        (np.asarray(cv2.imdecode(np.frombuffer(seen.shot.jpeg, np.uint8), cv2.IMREAD_COLOR)), seen.shot.box)
        for seen in islice(people, 4)
        if seen.shot is not None
    ]


def detail(picture: Bgr, box: Box) -> float:
    """How sharp that part is: the variance of its edges."""
    left, top, right, bottom = box.pixels(picture.shape[1], picture.shape[0])
    return float(cv2.Laplacian(picture[top:bottom, left:right], cv2.CV_64F).var())


def test_a_camera_takes_a_detector_that_is_there(house: Path, footage: Path, tmp_path: Path) -> None:
    """Where it is missing, the edit is refused with what to do; where it is there, the doctor checks it too."""
    video = str(footage / "video" / "vtest_480x360.mp4")
    without = tmp_path / "without"
    for place in (without, house):
        assert ask(place, "camera", "add", "yard", video, "--no-test").exit_code == 0
    refused = ask(without, "camera", "set", "yard", "proposer=detector")
    taken = ask(house, "camera", "set", "yard", "proposer=detector", "blur=people", "tasks=kind")
    assert "camera yard: yolox-nano is not here yet: `surveillance models pull" in str(refused.exception)
    assert taken.exit_code == 0
    shown = {
        model["name"]: model for model in map(json.loads, ask(house, "models", "list", "--json").output.splitlines())
    }
    assert (shown["yolox-nano"]["kind"], shown["yolox-nano"]["cameras"]) == ("detector", ["yard"])
    assert shown["embedded"]["cameras"] == ["yard"]
    site = Site(cameras=(Camera("yard", video, proposer="detector"),))
    assert [finding.what for finding in look_at_models(Settings(data_dir=house), site)] == [
        "model embedded 2: its weights are what was published",
        "model yolox-nano 1: its weights are what was published",
    ]


def test_torchvisions_detector_answers_as_torchvision_does(tmp_path: Path) -> None:
    card, network = random_task("ssdlite320_mobilenet_v3_large", tmp_path, reject_below=0.0, options={"iou": 1.0})
    picture = np.random.default_rng(1).integers(0, 255, (320, 320, 3), np.uint8)
    found = build_detector(card, tmp_path)(picture)
    with torch.inference_mode():
        [wanted] = network([torch.from_numpy(picture[..., ::-1].copy()).permute(2, 0, 1) / 255])
    scores = np.array([thing.confidence for thing in found])
    np.testing.assert_allclose(scores, wanted["scores"].numpy()[: len(scores)], atol=1e-3)
    assert len(found) > 100


def test_torchvisions_segmenter_answers_as_torchvision_does(tmp_path: Path) -> None:
    small = replace(find_known("lraspp_mobilenet_v3_large").input, size=64)
    card, network = random_task("lraspp_mobilenet_v3_large", tmp_path, reject_below=0.0, input=small)
    picture = np.random.default_rng(1).integers(0, 255, (32, 64, 3), np.uint8)
    segmenter = build_segmenter(card, tmp_path)
    labels = segmenter(picture)
    square = np.full((64, 64, 3), 128, np.uint8)
    square[16:48] = picture
    pixels = (square[..., ::-1] / 255 - small.mean) / small.std
    with torch.inference_mode():
        logits = network(torch.from_numpy(pixels.transpose(2, 0, 1)[None].astype(np.float32)))["out"]
    np.testing.assert_array_equal(labels, logits[0].argmax(dim=0).numpy()[16:48])
    assert sum(segmenter.shares(labels).values()) == pytest.approx((labels > 0).mean())
    np.testing.assert_array_equal(segmenter.people(picture), labels == card.labels.index("person"))


def test_who_went_through_after_a_grant_is_counted_on_real_people(house: Path, footage: Path) -> None:
    """Over a line that people cross outdoors: one after a grant, two close together after one, and then nobody."""
    began = datetime(2026, 3, 1, tzinfo=UTC)
    video, sill = footage / "video" / "vtest_480x360.mp4", Line("sill", (1.0, 0.5), (0.0, 0.5))
    camera = Camera("yard", f"file:{video}", proposer="detector", lines=(sill,))
    site = Site(cameras=(camera,), doors=(Door("gate", "yard", line="sill", pulse_s=0.5),))
    staff = rule("staff", "access", "authorize", '"badge" in factors')
    judge = RuleJudge(book(staff, site), site, RuleSettings(taken_within_s=1.0, settle_s=0))
    asked = [request_at(began + timedelta(seconds=second)) for second in (1.0, 5.8, 9.5)]
    made: list[Decision] = []
    for entries in heartbeats("yard", first_seconds(Settings(data_dir=house), camera, str(video), began, 15.0)):
        for entry in sorted((*entries, *(one for one in asked if one.at <= entries[0].at)), key=lambda one: one.at):
            made += judge(entry)
        asked = [one for one in asked if one.at > entries[0].at]
    told = [(one.kind, one.subject) for one in made if one.kind.startswith(("access.", "tailgating."))]
    first, second, third = ("1", "5.8", "9.5")
    behind = next(one for one in made if one.kind == "tailgating.detected")
    assert told == [
        ("access.granted", first), ("access.taken", first),
        ("access.granted", second), ("access.taken", second), ("tailgating.detected", behind.subject),
        ("access.granted", third), ("access.not_taken", third),
    ]  # fmt: skip
    assert (behind.label, behind.door, behind.reasons) == ("person", "gate", ("2 went through, 1 let in",))


def request_at(at: datetime) -> AccessRequest:
    second = f"{at.second + at.microsecond / 1e6:g}"
    badge, until = frozenset({"badge"}), at + timedelta(seconds=2)
    return AccessRequest(second, at, "gate", "yard", badge, "Ada", frozenset(), "valid", until)


def first_seconds(settings: Settings, camera: Camera, video: str, began: datetime, until_s: float) -> Iterator[Looked]:
    source = FileSource(video, source_options(settings, camera, began))
    walk = build_worker(settings, camera, source, build_classifier(settings))
    return takewhile(lambda looked: (looked.frame.media_s or 0) < until_s, walk_source(walk))
