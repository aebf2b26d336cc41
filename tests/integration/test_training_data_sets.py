"""Public data sets as they are: read, checked and divided."""

from collections import Counter
from pathlib import Path

from surveillance.training.checks import check_data, faults_of
from surveillance.training.datasets import labels_of, load_samples, split_samples
from surveillance.training.splits import split_data


def test_fashion_mnist(footage: Path) -> None:
    samples = load_samples(footage / "fashion-mnist")
    assert labels_of(samples) == tuple("0123456789")
    assert Counter((s.label, s.part) for s in samples) == {(label, "train"): 6000 for label in "0123456789"}
    assert samples[59_999].load().shape == (28, 28, 3)
    split = split_samples(samples, validation=0.1)
    assert Counter(sample.label for sample in split.validation) == dict.fromkeys("0123456789", 600)


def test_pictures_each_with_a_prefix_of_its_own(footage: Path, tmp_path: Path) -> None:
    folder = footage / "transfer" / "hymenoptera"
    split = split_samples(load_samples(folder), validation=0.2)
    assert Counter(sample.label for sample in split.validation) == {"ants": 16, "bees": 13}
    assert split_data(folder, tmp_path / "out", {"train": 0.7, "val": 0.15, "test": 0.15}, link=True) == (0, 0)
    assert faults_of(check_data(tmp_path / "out")) == []
