"""Folders of every known kind become samples: whole lists are compared, and mistakes name the place."""

import gzip
import os
import pickle
import shutil
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest

from surveillance.domain.errors import DataError
from surveillance.training.datasets import (
    Sample,
    labels_of,
    load_samples,
    named_by,
    part_for_evaluation,
    sample_key,
    split_samples,
)
from surveillance.training.formats import picture_at

DRAW = np.random.default_rng(4)
GRAY = DRAW.integers(0, 256, (6, 4, 5), np.uint8)
NUMBERS = np.asarray([2, 0, 1, 1, 10, 0], np.uint8)
COLOR = DRAW.integers(0, 256, (3, 3, 32, 32), np.uint8)


def _picture(path: Path, value: int = 90) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.full((6, 8, 3), value, np.uint8))
    return path


def _idx(path: Path, array: np.ndarray) -> None:
    head = bytes([0, 0, 8, array.ndim]) + np.asarray(array.shape, ">u4").tobytes()
    data = head + array.tobytes()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)


def _told(samples: tuple[Sample, ...]) -> list[tuple[str, str, str, str]]:
    return [(sample_key(sample), sample.label, sample.source, sample.part) for sample in samples]


def test_tree_with_deeper_folders_and_hidden_files(tmp_path: Path) -> None:
    for name in ("cat/cam_1.png", "cat/2024/may/cam_1.png", "dog/x.png", "dog/.thumbs/x.png", "dog/._x.png"):
        _picture(tmp_path / name)
    (tmp_path / "dog" / "notes.txt").write_text("no picture")
    assert _told(load_samples(tmp_path)) == [
        ("cat/2024/may/cam_1.png", "cat", "cam", ""),
        ("cat/cam_1.png", "cat", "cam", ""),
        ("dog/x.png", "dog", "all", ""),
    ]


@pytest.mark.parametrize("watched", ["val", "Validation", "valid"])
def test_tree_that_is_split_already(tmp_path: Path, watched: str) -> None:
    for name in ("train/cat/a.png", "train/dog/a.png", f"{watched}/cat/a.png", "test/dog/deep/a.png"):
        _picture(tmp_path / name)
    samples = load_samples(tmp_path)
    assert sorted((s.part, s.label) for s in samples) == [
        ("test", "dog"),
        ("train", "cat"),
        ("train", "dog"),
        ("val", "cat"),
    ]
    assert len({sample_key(sample) for sample in samples}) == 4
    split = split_samples(samples)
    assert [[(s.part, s.label) for s in part] for part in (split.train, split.validation, split.held_out)] == [
        [("train", "cat"), ("train", "dog")],
        [("val", "cat")],
        [],
    ]
    assert [s.part for s in part_for_evaluation(samples)] == ["test"]
    assert part_for_evaluation(split.train) == split.train


def test_a_class_may_be_called_train(tmp_path: Path) -> None:
    _picture(tmp_path / "train" / "a.png")
    _picture(tmp_path / "bus" / "a.png")
    assert labels_of(load_samples(tmp_path)) == ("bus", "train")


def test_parts_beside_classes_are_refused(tmp_path: Path) -> None:
    _picture(tmp_path / "train" / "cat" / "a.png")
    _picture(tmp_path / "dog" / "a.png")
    with pytest.raises(DataError, match="holds dog beside train; move one or the other"):
        load_samples(tmp_path)


def test_folders_without_data_say_what_is_there(tmp_path: Path) -> None:
    for path, said in (
        (tmp_path / "gone", "no data folder .*gone; give a folder that holds one folder of pictures per class"),
        (_picture(tmp_path / "data" / "a.png"), r"a\.png is a file; give a folder"),
        (tmp_path / "data", "data has its pictures in itself; put them into one folder per class, or name them in a"),
        (tmp_path, "holds no pictures; put them into one folder per class"),
    ):
        if path == tmp_path:
            (tmp_path / "data" / "a.png").unlink()
        with pytest.raises(DataError, match=said):
            load_samples(path)


def test_nothing_to_learn_from_a_test_part_alone(tmp_path: Path) -> None:
    _picture(tmp_path / "test" / "cat" / "a.png")
    with pytest.raises(DataError, match="nothing is left to train on"):
        split_samples(load_samples(tmp_path))


@pytest.mark.parametrize("end", ["", ".gz"])
@pytest.mark.parametrize("mark", ["-", "."])
@pytest.mark.parametrize("below", ["", "raw", "MNIST/raw"])
def test_idx_files(tmp_path: Path, mark: str, end: str, below: str) -> None:
    folder = tmp_path / below
    folder.mkdir(parents=True, exist_ok=True)
    for name, count in (("train", 6), ("t10k", 2)):
        _idx(folder / f"{name}-images{mark}idx3-ubyte{end}", GRAY[:count])
        _idx(folder / f"{name}-labels{mark}idx1-ubyte{end}", NUMBERS[:count])
    samples = load_samples(tmp_path)
    assert [(s.part, s.label, s.row, s.source) for s in samples] == [
        *[("test", label, row, "test") for row, label in enumerate("20")],
        *[("train", label, row, "train") for row, label in enumerate(["2", "0", "1", "1", "10", "0"])],
    ]
    assert labels_of(samples) == ("0", "1", "2", "10")
    assert len({sample_key(sample) for sample in samples}) == 8
    picture = samples[3].load()
    assert picture.dtype == np.uint8
    np.testing.assert_array_equal(picture, np.stack([GRAY[1]] * 3, axis=-1))
    picture[:] = 0
    np.testing.assert_array_equal(samples[3].load()[..., 0], GRAY[1])


def test_names_of_classes_keep_the_order_of_their_numbers(tmp_path: Path) -> None:
    _idx(tmp_path / "train-images-idx3-ubyte", GRAY[:4])
    _idx(tmp_path / "train-labels-idx1-ubyte", NUMBERS[:4])
    bare = load_samples(tmp_path)
    (tmp_path / "labels.txt").write_text("zebra\nyak\nox\n")
    samples = load_samples(tmp_path)
    assert labels_of(samples) == ("zebra", "yak", "ox")
    assert [s.label for s in named_by(bare, labels_of(samples))] == [s.label for s in samples]
    assert named_by(bare, ("0", "1", "2")) == bare
    assert named_by(samples, ("a", "b", "c")) == samples
    assert [s.label for s in named_by(samples, ("0", "1", "2"))] == [s.label for s in bare]
    assert named_by(bare, ("a", "b")) == bare  # one class too few: the caller tells which is strange
    (tmp_path / "labels.txt").write_text("zebra\nyak\n")
    with pytest.raises(DataError, match="has class 2, but only 2 classes are named"):
        load_samples(tmp_path)


def test_damaged_idx_files_are_named(tmp_path: Path) -> None:
    pictures, labels = tmp_path / "train-images-idx3-ubyte.gz", tmp_path / "train-labels-idx1-ubyte"
    _idx(pictures, GRAY)
    with pytest.raises(DataError, match=r"has no labels: put train-labels-idx1-ubyte\.gz beside it"):
        load_samples(tmp_path)
    _idx(labels, NUMBERS[:5])
    with pytest.raises(DataError, match="holds 6 pictures, its labels are 5; fetch both again"):
        load_samples(tmp_path)
    labels.write_bytes(labels.read_bytes()[:-1])
    with pytest.raises(DataError, match="idx1-ubyte is cut short: 4 bytes where 5 should be"):
        load_samples(tmp_path)
    labels.write_bytes(b"<html>not found</html>")
    with pytest.raises(DataError, match="is no IDX file of bytes"):
        load_samples(tmp_path)
    _idx(labels, NUMBERS)
    pictures.write_bytes(pictures.read_bytes()[:-30])
    with pytest.raises(DataError, match=r"cannot be unpacked \(.+\); fetch it again"):
        load_samples(tmp_path)[0].load()


def test_cifar_binary(tmp_path: Path) -> None:
    for name, rows in (("data_batch_1.bin", COLOR[:2]), ("test_batch.bin", COLOR[2:])):
        (tmp_path / name).write_bytes(b"".join(bytes([3 + i]) + row.tobytes() for i, row in enumerate(rows)))
    _check_cifar(tmp_path)
    (tmp_path / "test_batch.bin").write_bytes(b"123")
    with pytest.raises(DataError, match=r"test_batch\.bin is cut short: its size is no multiple of 3073 bytes"):
        load_samples(tmp_path)


@pytest.mark.parametrize("protocol", [2, 4])
def test_cifar_for_python(tmp_path: Path, protocol: int) -> None:
    for name, rows in (("data_batch_1", COLOR[:2]), ("test_batch", COLOR[2:])):
        page = {
            b"labels": [3 + i for i in range(len(rows))],
            b"data": rows.reshape(len(rows), -1),
            b"filenames": [b"x"],
        }
        (tmp_path / name).write_bytes(pickle.dumps(page, protocol))
    _check_cifar(tmp_path)
    names = {b"label_names": [f"kind {9 - i}".encode() for i in range(10)]}
    (tmp_path / "batches.meta").write_bytes(pickle.dumps(names, protocol))
    assert labels_of(load_samples(tmp_path)) == ("kind 6", "kind 5")


def _check_cifar(folder: Path) -> None:
    samples = load_samples(folder)
    assert [(s.part, s.label, s.row) for s in samples] == [("train", "3", 0), ("train", "4", 1), ("test", "3", 0)]
    for sample, planes in zip(samples, COLOR, strict=True):
        np.testing.assert_array_equal(sample.load(), planes.transpose(1, 2, 0)[..., ::-1])


class _Bomb:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, ("burst",)


def test_a_pickle_runs_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data_batch_1").write_bytes(pickle.dumps({b"labels": [1], b"data": _Bomb()}))
    with pytest.raises(DataError, match=r"can be read safely \(it asks for posix\.mkdir\); fetch it again"):
        load_samples(tmp_path)
    assert not (tmp_path / "burst").exists()


@pytest.mark.parametrize("page", [b"", b"\x80\x04.", pickle.dumps([1]), pickle.dumps({b"labels": [1], b"data": b"x"})])
def test_a_batch_that_is_none(tmp_path: Path, page: bytes) -> None:
    (tmp_path / "data_batch_1").write_bytes(page)
    with pytest.raises(DataError, match="data_batch_1 is no CIFAR-10"):
        load_samples(tmp_path)[0].load()


def test_label_file(tmp_path: Path) -> None:
    for name in ("a_1.png", "deep/b.png", "c.png"):
        _picture(tmp_path / name)
    (tmp_path / "labels.csv").write_text(
        "\ufefffile,label,source,part\na_1.png,cat,,train\ndeep/b.png,dog,yard,Valid\n"
    )
    assert _told(load_samples(tmp_path)) == [
        ("cat/a_1.png", "cat", "a", "train"),
        ("dog/deep/b.png", "dog", "yard", "val"),
    ]
    (tmp_path / "labels.csv").write_text("file;label\nc.png;ñandú\n")
    assert _told(load_samples(tmp_path)) == [("ñandú/c.png", "ñandú", "all", "")]
    assert load_samples(tmp_path)[0].load().shape == (6, 8, 3)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("../out.png,cat,,", r"line 2: \.\./out\.png lies outside the folder; move it below and name it from there"),
        ("/etc/passwd,cat,,", r"line 2: /etc/passwd lies outside the folder"),
        ("link.png,cat,,", r"line 2: link\.png lies outside the folder"),
        ("gone.png,cat,,", r"line 2: there is no gone\.png; paths count from the folder of the label file"),
        ("a.png,,,", "line 2: a file and a label are needed"),
        ("a.png,cat,,exam", "line 2: 'exam' is no part; say train, val or test"),
        ("a.png,cat,,\na.png,dog,,", r"line 3: a\.png is named twice; keep one of the lines"),
    ],
)
def test_mistakes_in_a_label_file(tmp_path: Path, line: str, said: str) -> None:
    _picture(tmp_path / "data" / "a.png")
    _picture(tmp_path / "out.png")
    (tmp_path / "data" / "link.png").symlink_to(tmp_path / "out.png")
    (tmp_path / "data" / "labels.csv").write_text(f"file,label,source,part\n{line}\n")
    with pytest.raises(DataError, match=said):
        load_samples(tmp_path / "data")


def test_label_file_without_its_columns(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text("a.png,cat\n")
    with pytest.raises(DataError, match=r"labels\.csv needs the columns file and label in its first line"):
        load_samples(tmp_path)


def test_validation_holds_a_share_of_every_class(tmp_path: Path) -> None:
    """Also where every picture's name looks like a source of its own, and for a rare class."""
    for label, count in (("ant", 80), ("bee", 60), ("wasp", 3)):
        for index in range(count):
            path = tmp_path / label / f"{index:05}_{index * 7919 % 1000}.png"
            path.parent.mkdir(exist_ok=True)
            path.touch()
    split = split_samples(load_samples(tmp_path), validation=0.2, seed=1)
    assert Counter(sample.label for sample in split.validation) == {"ant": 16, "bee": 12, "wasp": 1}
    assert not set(split.train) & set(split.validation)
    assert split == split_samples(load_samples(tmp_path), validation=0.2, seed=1)
    assert split != split_samples(load_samples(tmp_path), validation=0.2, seed=2)


def test_a_rare_class_of_traced_pictures_is_watched_too(tmp_path: Path) -> None:
    rows = ["file\tclass\tsource\tlicence_as_stated"]
    for index in range(200):
        label = "cat" if index % 50 == 0 else "dog"
        (tmp_path / label).mkdir(exist_ok=True)
        (tmp_path / label / f"cam_{index}.png").touch()
        rows.append(f"{label}/cam_{index}.png\t{label}\tclip/frame{index}.jpg\t")
    (tmp_path / "MANIFEST.tsv").write_text("\n".join(rows))
    for seed in range(20):
        split = split_samples(load_samples(tmp_path), validation=0.1, seed=seed)
        assert {sample.label for sample in split.validation} == {sample.label for sample in split.train}


def test_pictures_of_one_file_are_decoded_once(tmp_path: Path) -> None:
    _idx(tmp_path / "train-images-idx3-ubyte", GRAY)
    _idx(tmp_path / "train-labels-idx1-ubyte", NUMBERS)
    path = tmp_path / "train-images-idx3-ubyte"
    first = picture_at(path, 0)
    stat = path.stat()
    shutil.copyfile(path, tmp_path / "kept")
    path.write_bytes(bytes(stat.st_size))
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))  # unchanged by its date and size: not read again
    np.testing.assert_array_equal(picture_at(path, 0), first)
    _idx(path, GRAY[::-1])
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns + 10**9))
    np.testing.assert_array_equal(picture_at(path, 5), first)
