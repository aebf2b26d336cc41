"""Crops and where they come from, and how they are disturbed."""

import numpy as np
import pytest

from surveillance.training.augment import augment
from surveillance.training.datasets import picture_of, source_of


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
