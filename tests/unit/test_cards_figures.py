"""Figures on a card: each number worked out by hand."""

from pathlib import Path

import numpy as np
import pytest

from surveillance.perception.registry import Input, ModelCard
from surveillance.training.augment import augment
from surveillance.training.datasets import Sample, picture_of, source_of
from surveillance.training.evaluate import calibration_error, measure

CARD = ModelCard(
    name="two",
    version="1",
    architecture="compact_cnn",
    parameters={},
    labels=("cat", "dog"),
    input=Input(size=8),
    temperature=1.0,
    reject_below=0.5,
    weights_file="two.safetensors",
    weights_sha256="",
    licence="MIT",
)


def _sample(label: str, source: str) -> Sample:
    return Sample(Path(f"{source}_1.jpg"), label, source, f"{label}/{source}_1.jpg")


def test_figures_by_hand() -> None:
    samples = [_sample("cat", "a"), _sample("cat", "a"), _sample("cat", "b"), _sample("dog", "b")]
    logits = np.array([[9, 0], [9, 0], [0, 9], [0, 9]], np.float32)
    figures = measure(samples, logits, CARD)
    assert figures.pop("ece") == pytest.approx(0.25, abs=1e-3)
    assert figures == {
        "accuracy": 0.75,
        "macro_f1": 0.7333,
        "count": 4,
        "per_class": {
            "cat": {"precision": 1.0, "recall": 0.6667, "f1": 0.8, "support": 3},
            "dog": {"precision": 0.5, "recall": 1.0, "f1": 0.6667, "support": 1},
        },
        "per_source": {
            "a": {"accuracy": 1.0, "count": 2, "recall": {"cat": 1.0}},
            "b": {"accuracy": 0.5, "count": 2, "recall": {"cat": 0.0, "dog": 1.0}},
        },
        "confusion": {"cat": {"cat": 2, "dog": 1}, "dog": {"cat": 0, "dog": 1}},
    }


def test_class_without_crops_spoils_no_mean() -> None:
    figures = measure([_sample("cat", "a")], np.array([[1, 0]], np.float32), CARD)
    assert figures["macro_f1"] == 1.0
    assert figures["per_class"]["dog"] == {"precision": 0.0, "recall": 0.0, "f1": 0.0, "support": 0}


def test_calibration_error_is_the_gap_between_said_and_true() -> None:
    said = np.full(10, 0.9)
    assert calibration_error(said, np.arange(10) < 9) == pytest.approx(0.0)
    assert calibration_error(said, np.arange(10) < 4) == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("origin", "picture"),
    [
        ("me/set@1:train/cat-4.jpg.rf.9e1e905.jpg", "me/set@1:train/cat-4.jpg.jpg"),
        ("me/set@1:images/7.jpg#29,207,126,162", "me/set@1:images/7.jpg"),
        ("me/tfl@1:videos/04254/#04254_20_1489", "me/tfl@1:videos/04254/#04254_20_1489"),
        ("plain.png", "plain.png"),
    ],
)
def test_picture_that_a_crop_was_cut_from(origin: str, picture: str) -> None:
    assert picture_of(origin) == picture


def test_source_is_what_stands_before_the_last_underscore() -> None:
    assert [source_of(name) for name in ("coco_00012.jpg", "my_cam_3.png", "cat.jpg", "_7.jpg")] == [
        "coco",
        "my_cam",
        "all",
        "all",
    ]


@pytest.mark.parametrize("shape", [(1, 1, 3), (4, 90, 3), (128, 20, 3), (64, 64, 3)])
def test_augmented_crops_fit_the_network_and_repeat_by_seed(shape: tuple[int, int, int]) -> None:
    crop = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    backdrop = np.full((20, 30, 3), 90, np.uint8)
    first, second = ([_augmented(crop, backdrop, seed) for seed in range(60)] for _ in range(2))
    assert {image.shape for image in first} == {(32, 32, 3)}
    assert {image.dtype for image in first} == {np.dtype(np.uint8)}
    np.testing.assert_array_equal(first, second)


def _augmented(crop: np.ndarray, backdrop: np.ndarray, seed: int) -> np.ndarray:
    return augment(crop, backdrop, 32, "stretch", np.random.default_rng(seed), rotate_any=0.3)
