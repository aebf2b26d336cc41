"""Checking data: each fault is planted, found and named, and clean data passes."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from surveillance.cli import cli
from surveillance.domain.errors import DataError, UserMistake
from surveillance.training.checks import check_data, page_of, rows_of
from surveillance.training.datasets import load_samples
from surveillance.training.duplicates import near_pairs, take_prints
from surveillance.training.sheets import contact_sheet, save_sheet
from surveillance.training.splits import split_data


def _scene(seed: int, side: int = 48) -> np.ndarray:
    return cv2.resize(np.random.default_rng(seed).integers(0, 256, (6, 6, 3), np.uint8), (side, side))


def _write(path: Path, picture: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), picture)


@pytest.fixture
def clean(tmp_path: Path) -> Path:
    for index in range(60):
        _write(tmp_path / "data" / "train" / ("cat", "dog")[index % 2] / f"{index:02}.jpg", _scene(index))
    for index in range(60, 70):
        _write(tmp_path / "data" / "test" / ("cat", "dog")[index % 2] / f"{index:02}.jpg", _scene(index))
    return tmp_path / "data"


def test_clean_data_passes(clean: Path) -> None:
    assert page_of(check_data(clean)) == {
        "pictures": 70,
        "classes": {"cat": {"test": 5, "train": 30}, "dog": {"test": 5, "train": 30}},
        "sizes": {"smallest": [48, 48], "median": [48, 48], "largest": [48, 48]},
        "broken": [],
        "same": [],
        "nearly_same": [],
        "across_parts": [],
        "faults": [],
        "advice": [],
    }
    assert rows_of(check_data(clean)) == []


def test_broken_pictures_are_named(clean: Path) -> None:
    whole = (clean / "train" / "cat" / "00.jpg").read_bytes()
    png = cv2.imencode(".png", _scene(3))[1].tobytes()
    for name, data in (("empty.jpg", b""), ("cut.jpg", whole[:-200]), ("page.jpg", b"<html>"), ("cut.png", png[:-40])):
        (clean / "train" / "cat" / name).write_bytes(data)
    page = page_of(check_data(clean))
    assert page["broken"] == [
        {"picture": "train/cat/cut.jpg", "class": "cat", "fault": "the file is cut short"},
        {"picture": "train/cat/cut.png", "class": "cat", "fault": "the file is cut short"},
        {"picture": "train/cat/empty.jpg", "class": "cat", "fault": "the file is empty"},
        {"picture": "train/cat/page.jpg", "class": "cat", "fault": "no readable picture"},
    ]
    assert page["faults"] == [
        "4 pictures cannot be read; remove or replace them (train/cat/cut.jpg: the file is cut short;"
        " train/cat/cut.png: the file is cut short; train/cat/empty.jpg: the file is empty; and 1 more)"
    ]


def test_nothing_readable_at_all(tmp_path: Path) -> None:
    (tmp_path / "data" / "cat").mkdir(parents=True)
    (tmp_path / "data" / "cat" / "a.png").touch()
    page = page_of(check_data(tmp_path / "data"))
    assert page["faults"] == ["1 picture cannot be read; remove or replace them (cat/a.png: the file is empty)"]
    assert (page["pictures"], page["sizes"]) == (0, {"smallest": None, "median": None, "largest": None})
    assert CliRunner().invoke(cli, ["dataset", "check", str(tmp_path / "data")]).exit_code == 1
    with pytest.raises(DataError, match=r"none of the 1 pictures in .*data can be read; nothing was written"):
        split_data(tmp_path / "data", tmp_path / "out", {"train": 1.0, "val": 0.0, "test": 0.0})


def test_what_leaks_into_another_part_or_class(clean: Path) -> None:
    _write(clean / "test" / "dog" / "again.jpg", cv2.resize(_scene(1), (40, 44)))
    (clean / "train" / "dog" / "torn.jpg").write_bytes((clean / "train" / "cat" / "02.jpg").read_bytes())
    (clean / "train" / "cat" / "copy.jpg").write_bytes((clean / "train" / "cat" / "04.jpg").read_bytes())
    checked = check_data(clean)
    page = page_of(checked)
    assert page["faults"] == [
        "1 picture in several classes at once; keep each in one (train/cat/02.jpg = train/dog/torn.jpg)",
        "2 pictures nearly or wholly the same as one of another part; split anew by `surveillance dataset split`"
        " (test/dog/again.jpg ~ train/dog/01.jpg)",
    ]
    assert page["advice"] == [
        "1 copy of another picture of the same class (train/cat/04.jpg = train/cat/copy.jpg)",
        "2 pictures nearly the same as another, in 1 group",
    ]
    assert [title for title, _ in rows_of(checked)] == [
        "In two parts, 1 of 1: 2 pictures",
        "The same, in several classes, 1 of 1: 2 pictures",
        "The same, 1 of 1: 2 pictures",
        "Nearly the same, 1 of 1: 2 pictures",
    ]


def test_near_is_not_alike(tmp_path: Path) -> None:
    """Noise, another size and JPEG's losses keep a picture near; another scene, a mirror and a negative do not."""
    scene = _scene(1, 96)
    noise = np.random.default_rng(9).normal(0, 4, scene.shape)
    variants = {
        "a": scene,
        "b-noise": np.clip(scene + noise, 0, 255).astype(np.uint8),
        "c-small": cv2.resize(scene, (50, 60), interpolation=cv2.INTER_AREA),
        "d-brighter": cv2.add(scene, np.full_like(scene, 4)),
        "e-mirror": scene[:, ::-1],
        "f-negative": 255 - scene,
        "g-other": _scene(2, 96),
    }
    for name, picture in variants.items():
        _write(tmp_path / "x" / f"{name}.png", picture)
    assert near_pairs(take_prints(load_samples(tmp_path))).tolist() == [[0, 1], [0, 2], [0, 3], [1, 2], [1, 3], [2, 3]]


def test_classes_that_cannot_be_learned(tmp_path: Path) -> None:
    _write(tmp_path / "train" / "cat" / "a.png", _scene(1))
    assert page_of(check_data(tmp_path))["faults"] == ["there is one class only (cat); training needs at least two"]
    _write(tmp_path / "val" / "dog" / "a.png", _scene(2, 12))
    for index in range(3, 8):
        _write(tmp_path / "train" / "cat" / f"{index}.png", _scene(index))
    page = page_of(check_data(tmp_path))
    assert page["faults"] == ["the train part has no pictures of dog; add some, or take the class away"]
    assert page["advice"] == [
        "1 picture less than 16 pixels wide or high",
        "less than 20 pictures of 2 classes (cat; dog)",
        "6 times as many pictures of cat as of dog: train by class weights",
    ]


def test_commands_tell_and_end_as_they_should(clean: Path, tmp_path: Path) -> None:
    run = CliRunner().invoke
    said = run(cli, ["dataset", "check", str(clean)])
    assert (said.exit_code, said.stdout) == (
        0,
        "cat  train      30  test       5       35   50%\n"
        "dog  train      30  test       5       35   50%\n"
        "all  70 pictures of 2 classes\n"
        "sizes: smallest 48x48, median 48x48, largest 48x48\n"
        "nothing to mend\n",
    )
    (clean / "train" / "cat" / "empty.jpg").touch()
    (clean / "train" / "cat" / "copy.jpg").write_bytes((clean / "train" / "cat" / "04.jpg").read_bytes())
    said = run(cli, ["dataset", "check", str(clean), "--json", "--save", str(tmp_path / "found.png")])
    assert said.exit_code == 1
    assert json.loads(said.stdout) == page_of(check_data(clean))
    assert cv2.imread(str(tmp_path / "found.png")) is not None
    said = run(cli, ["dataset", "split", str(clean), "--out", str(tmp_path / "out"), "--val", "0.3", "--test", "0"])
    assert said.exit_code == 0
    assert said.stdout.splitlines() == [
        "cat  train      22  val       9  test       5       36   51%",
        "dog  train      21  val       9  test       5       35   49%",
        "all  71 pictures of 2 classes",
        f"left out: 1 picture that cannot be read (see `surveillance dataset check {clean}`)",
        f"split: {tmp_path / 'out'}",
    ]
    said = run(cli, ["dataset", "show", str(clean), "--save", str(tmp_path / "sheet.jpg"), "--per-class", "4"])
    assert said.stdout.splitlines()[-1] == f"saved: {tmp_path / 'sheet.jpg'}"
    assert cv2.imread(str(tmp_path / "sheet.jpg")).shape[1] == 2 * 16 + 4 * 112 + 3 * 8


def test_sheet_of_rows() -> None:
    red = np.zeros((20, 40, 3), np.uint8)
    red[..., 2] = 255
    sheet = contact_sheet([("ñandú 猫", [(red, "one\ntwo lines")] * 5), ("empty", [])], cell=50, across=3)
    is_red = (sheet == (0, 0, 255)).all(axis=2)
    assert is_red.sum() == 5 * 50 * 25
    assert sheet.shape == (16 + 31 + 2 * (50 + 8 + 36) + 8 + 31 + 8, 360, 3)


def test_long_captions_stay_in_their_cell() -> None:
    gray = np.full((9, 9, 3), 200, np.uint8)
    sheet = contact_sheet([("x", [(gray, "a very long caption that goes on"), (gray, "")])], cell=60, across=2)
    right = sheet[:, 16 + 60 + 8 : 16 + 60 + 8 + 60]
    assert int((right[-30:] < 128).sum()) == 0


def test_sheet_is_saved_as_a_picture_only(tmp_path: Path) -> None:
    sheet = contact_sheet([("nothing", [])])
    with pytest.raises(UserMistake, match=r"cannot save a picture as 'sheet\.doc': let its name end in \.png or \.jpg"):
        save_sheet(sheet, tmp_path / "sheet.doc")
    assert save_sheet(sheet, tmp_path / "new" / "sheet.PNG").stat().st_size > 0
