"""Faces in pictures: found, judged by their quality, told apart on persons that set no threshold."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest
from face_models import photos_of, take_face_models

from surveillance.app import faces
from surveillance.cli import main
from surveillance.domain.errors import DataError, NotFound
from surveillance.perception.face_models import figures_of, open_faces
from surveillance.settings import Settings


@pytest.fixture(scope="module")
def settings(footage, tmp_path_factory):
    settings = Settings(data_dir=tmp_path_factory.mktemp("data"))
    take_face_models(footage, settings.data_dir)
    return settings


@pytest.fixture(scope="module")
def models(settings):
    return open_faces(settings.perception.faces, settings.model_dirs)


def said(capsys, *words):
    with pytest.raises(SystemExit) as ended:
        main(list(words))
    told = capsys.readouterr()
    return ended.value.code, told.out, told.err


def test_faces_are_told_apart_on_persons_that_set_no_threshold(settings, footage, tmp_path):
    report = tmp_path / "faces.png"
    measured = faces.evaluate(settings, footage / "faces" / "orl", report)
    test = measured.test
    assert (test["persons"], test["strangers"], test["gallery_persons"]) == (15, 7, 8)
    assert test["rank_1"] >= 0.98
    assert test["true_accept_rate"] >= 0.98
    assert test["false_accept_rate"] <= 0.002
    assert test["identified_rate"] >= 0.95
    assert test["wrongly_identified"] == 0
    assert test["false_identification_rate"] <= 0.02
    assert report.read_bytes().startswith(b"\x89PNG")


def test_what_was_measured_is_kept_on_the_card_and_used(settings, models, footage):
    measured = figures_of(models.card)
    assert measured is not None
    assert measured.source.startswith("AT&T (ORL)")
    assert measured.false_identifications(0) == 0
    assert measured.false_identifications(40) == pytest.approx(1 - (1 - measured.identify_far) ** 40)
    kept = faces.keep_figures(settings, measured)
    assert kept == settings.data_dir / "models" / "mobilefacenet.yaml"
    assert figures_of(open_faces(settings.perception.faces, settings.model_dirs).card) == measured


def test_a_poor_face_says_why_and_gets_no_say(models, footage):
    [file] = photos_of(footage, 1, range(1, 2))
    photo = cv2.imread(str(file))
    [good] = models.find(photo)
    small = cv2.copyMakeBorder(cv2.resize(photo, None, fx=0.4, fy=0.4), 100, 100, 150, 150, cv2.BORDER_REPLICATE)
    blurred = cv2.GaussianBlur(photo, (0, 0), 3)
    turned = cv2.imread(str(footage / "faces" / "orl" / "s2" / "5.pgm"))
    other = cv2.imread(str(photos_of(footage, 1, range(2, 3))[0]))
    height, width = other.shape[:2]
    turning = cv2.getRotationMatrix2D((width / 2, height / 2), 25, 0.8)
    tilted = cv2.warpAffine(other, turning, (width, height), borderMode=cv2.BORDER_REPLICATE)
    faults = [models.find(picture)[0].fault.partition(":")[0] for picture in (small, blurred, turned, tilted)]
    assert (good.fault, *faults) == ("", "too small", "blurred", "turned away", "tilted")
    assert models.find(np.full((240, 320, 3), 90, np.uint8)) == ()


def test_a_face_is_where_it_was_put(models, footage):
    [file] = photos_of(footage, 3, range(1, 2))
    photo = cv2.resize(cv2.imread(str(file)), (184, 224))
    wall = np.full((480, 640, 3), 128, np.uint8)
    wall[200:424, 400:584] = photo
    [face] = models.find(wall, 40)
    x, y = face.box.center
    assert abs(x - 492 / 640) < 0.05
    assert abs(y - 312 / 480) < 0.08


def test_the_command_says_what_it_finds_and_how_alike_it_is(settings, footage, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("SURVEILLANCE__DATA_DIR", str(settings.data_dir))
    one, same, other = (
        str(path) for path in (*photos_of(footage, 1, range(1, 3)), *photos_of(footage, 3, range(1, 2)))
    )
    code, out, _ = said(capsys, "faces", one, "--compare", same, "--save", str(tmp_path / "found.jpg"))
    assert not code
    assert f"{one}: 1 face" in out
    assert "good enough to be recognized" in out
    assert "one person (0.40 is needed)" in out
    assert cv2.imread(str(tmp_path / "found.jpg")) is not None
    code, out, _ = said(capsys, "faces", one, "--compare", other, "--json")
    told = json.loads(out)
    assert [(each["same"], each["threshold"]) for each in told["compared"]] == [(False, 0.4004)]
    assert told["faces"][0]["good"] is True


def test_what_is_missing_says_what_to_do(settings, footage, tmp_path, capsys):
    bare = Settings(data_dir=tmp_path)
    with pytest.raises(NotFound, match=r"no face detector is here: `surveillance models pull yunet` gets one"):
        list(faces.find_faces(bare, photos_of(footage, 1, range(1, 2))))
    with pytest.raises(DataError, match="must hold a folder for each person"):
        faces.evaluate(settings, footage / "faces", None)
