"""Dividing data: nothing straddles, every class gets its share, and the same order gives the same parts."""

from collections import Counter, defaultdict
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from surveillance.domain.errors import DataError, UserMistake
from surveillance.training.datasets import Sample, load_samples, sample_key
from surveillance.training.splits import plan_split, split_data, write_split

SHARES = {"train": 0.7, "val": 0.15, "test": 0.15}


def _samples(labels: list[str], parts: list[str] | None = None) -> list[Sample]:
    told = parts or [""] * len(labels)
    return [
        Sample(Path(f"{index}.png"), label, "all", f"{label}/{index}.png", part=told[index])
        for index, label in enumerate(labels)
    ]


SHARED = st.tuples(st.integers(1, 8), st.integers(0, 4), st.integers(0, 4)).map(
    lambda whole: {part: size / sum(whole) for part, size in zip(("train", "val", "test"), whole, strict=True)}
)


@given(
    members=st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 30)), min_size=1, max_size=80),
    shares=SHARED,
    seed=st.integers(0, 9),
)
def test_families_stay_together_and_nothing_is_lost(
    members: list[tuple[str, int]], shares: dict[str, float], seed: int
) -> None:
    samples, kin = _samples([label for label, _ in members]), [family for _, family in members]
    parts = plan_split(samples, kin, shares, seed)
    there: dict[int, set[str]] = defaultdict(set)
    for family, part in zip(kin, parts, strict=True):
        there[family].add(part)
    assert {len(found) for found in there.values()} == {1}
    assert set(parts) <= {part for part, share in shares.items() if share}
    assert parts == plan_split(samples, kin, shares, seed)


@given(counts=st.lists(st.integers(1, 60), min_size=1, max_size=4), shares=SHARED, seed=st.integers(0, 9))
def test_every_class_is_shared_alike(counts: list[int], shares: dict[str, float], seed: int) -> None:
    labels = [label for label, count in zip("abcd", counts, strict=False) for _ in range(count)]
    parts = plan_split(_samples(labels), range(len(labels)), shares, seed)
    used = [part for part, share in shares.items() if share]
    for label, count in zip("abcd", counts, strict=False):
        found = Counter(part for name, part in zip(labels, parts, strict=True) if name == label)
        if count >= len(used):
            assert set(found) == set(used)
        for part in used:
            assert abs(found[part] - shares[part] * count) < 2


@given(sizes=st.lists(st.integers(1, 6), min_size=3, max_size=30), seed=st.integers(0, 9))
def test_each_part_has_some_of_a_class_with_three_families(sizes: list[int], seed: int) -> None:
    kin = [family for family, size in enumerate(sizes) for _ in range(size)]
    assert set(plan_split(_samples(["a"] * len(kin)), kin, SHARES, seed)) == set(SHARES)


def test_a_test_part_stays_and_what_resembles_it_is_left_out() -> None:
    samples = _samples(["a"] * 10, ["test", "test", *["train"] * 8])
    parts = plan_split(samples, [0, 1, 0, 2, 3, 4, 5, 6, 7, 8], {"train": 0.5, "val": 0.2, "test": 0.3})
    assert parts[:3] == ("test", "test", "")
    assert Counter(parts[3:]) == {"train": 5, "val": 2}


@pytest.mark.parametrize(
    ("shares", "said"),
    [
        ({"train": 0.7, "val": 0.2, "test": 0.2}, r"the shares 0\.7 \+ 0\.2 \+ 0\.2 make 1\.1; they must make 1"),
        ({"train": 1.2, "val": -0.2, "test": 0}, "they must make 1, none below 0"),
        ({"train": 0, "val": 0.5, "test": 0.5}, "the share of train is 0; nothing could be learned"),
    ],
)
def test_shares_that_cannot_be(tmp_path: Path, shares: dict[str, float], said: str) -> None:
    with pytest.raises(UserMistake, match=said):
        split_data(tmp_path, tmp_path / "out", shares)


def _scene(seed: int) -> np.ndarray:
    return cv2.resize(np.random.default_rng(seed).integers(0, 256, (6, 6, 3), np.uint8), (40, 40))


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Two classes of 12 scenes; every scene three times, a little brighter each time."""
    for index in range(72):
        path = tmp_path / "data" / ("cat", "dog")[index % 2] / "deep" / f"cam_{index:02}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), cv2.add(_scene(index % 24), np.full((40, 40, 3), index // 24 * 2, np.uint8)))
    return tmp_path / "data"


@pytest.mark.parametrize("link", [False, True])
def test_a_tree_divided(tree: Path, tmp_path: Path, link: bool) -> None:
    (tree / "dog" / "broken.jpg").write_bytes(b"\xff\xd8 no picture")
    assert split_data(tree, tmp_path / "out", SHARES, 1, link) == (0, 1)
    samples = load_samples(tmp_path / "out")
    scenes: dict[int, set[str]] = defaultdict(set)
    for sample in samples:
        scenes[int(sample.path.stem[-2:]) % 24].add(sample.part)
        original = tree / sample.label / "deep" / sample.path.name
        assert sample.path.is_symlink() is link
        assert sample.path.read_bytes() == original.read_bytes()
    assert len(samples) == 72
    assert {len(parts) for parts in scenes.values()} == {1}
    assert Counter((s.label, s.part) for s in samples) == {
        (label, part): count for label in ("cat", "dog") for part, count in (("train", 24), ("val", 6), ("test", 6))
    }
    split_data(tree, tmp_path / "again", SHARES, 1)
    split_data(tree, tmp_path / "other", SHARES, 2)
    manifests = [(tmp_path / name / "MANIFEST.tsv").read_text() for name in ("out", "again", "other")]
    assert manifests[0] == manifests[1] != manifests[2]
    assert manifests[0].splitlines()[:2] == [
        "file\tclass\tsource\tlicence_as_stated\tpart",
        f"{sample_key(samples[0])}\tcat\t\t\ttest",
    ]


def test_crops_of_one_picture_stay_together(tmp_path: Path) -> None:
    rows = ["file\tclass\tsource\tlicence_as_stated"]
    for index in range(30):
        name = f"{'ab'[index % 2]}/cam_{index}.png"
        (tmp_path / "data" / name).parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(tmp_path / "data" / name), _scene(index))
        rows.append(f"{name}\t{'ab'[index % 2]}\tme/set@1:frame{index // 3}.jpg#{index % 3}\tMIT")
    (tmp_path / "data" / "MANIFEST.tsv").write_text("\n".join(rows))
    split_data(tmp_path / "data", tmp_path / "out", SHARES)
    frames: dict[str, set[str]] = defaultdict(set)
    for sample in load_samples(tmp_path / "out"):
        frames[sample.origin.partition("#")[0]].add(sample.part)
        assert (sample.licence, sample.source) == ("MIT", "cam")
    assert len(frames) == 10
    assert {len(parts) for parts in frames.values()} == {1}


def test_pictures_out_of_one_file_become_files(tmp_path: Path) -> None:
    array = np.random.default_rng(1).integers(0, 256, (12, 9, 9), np.uint8)
    (tmp_path / "train-images-idx3-ubyte").write_bytes(
        bytes([0, 0, 8, 3, 0, 0, 0, 12, 0, 0, 0, 9, 0, 0, 0, 9]) + array.tobytes()
    )
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(bytes([0, 0, 8, 1, 0, 0, 0, 12]) + bytes([0, 1] * 6))
    (tmp_path / "labels.txt").write_text("T-shirt/top\nTrouser\n")
    split_data(tmp_path, tmp_path / "out", {"train": 0.5, "val": 0.5, "test": 0})
    samples = load_samples(tmp_path / "out")
    assert Counter((s.label, s.part) for s in samples) == {
        (label, part): 3 for label in ("T-shirt-top", "Trouser") for part in ("train", "val")
    }
    for sample in samples:
        row = int(sample.origin.rpartition(":")[2])
        assert sample.path.name == f"train_{row:06}.png"
        np.testing.assert_array_equal(sample.load()[..., 0], array[row])


def test_parts_that_are_mixed_anew_lose_no_picture_of_the_same_name(tmp_path: Path) -> None:
    for index in range(12):
        path = tmp_path / "data" / ("train", "val")[index % 2] / "ab"[index // 6] / f"{index // 2}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), _scene(index))
    split_data(tmp_path / "data", tmp_path / "out", {"train": 1, "val": 0, "test": 0})
    found = sorted(path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*.png"))
    names = [f"{label}/{below}" for label in "ab" for below in ("", "val/")]
    numbers = {"a": (0, 1, 2), "b": (3, 4, 5)}
    expected = [f"train/{name}{number}.png" for name in names for number in numbers[name[0]]]
    assert found == sorted(expected)


def test_a_folder_in_use_and_classes_that_are_no_folders(tree: Path, tmp_path: Path) -> None:
    with pytest.raises(UserMistake, match="data is not empty; name a folder that is not there yet"):
        split_data(tree, tree, SHARES)
    with pytest.raises(DataError, match="the classes a-b, a/b cannot be told apart as names of folders"):
        write_split(_samples(["a/b", "a-b"]), ["train", "train"], tmp_path / "out")
    assert not (tmp_path / "out").exists()
