"""Pictures of stripes, upright or lying: what a small network learns in seconds on one thread."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from surveillance.perception.cards import Input
from surveillance.training.recipes import Recipe

RECIPE = Recipe(
    parameters={"stem": 8, "widths": [8, 16], "depths": [1, 1], "attend_from": 1},
    input=Input(size=24),
    small_size=24,
    epochs=5,
    batch=16,
    learning_rate=1e-2,
    warmup_epochs=0.5,
    ema=0.9,
    validation=0.2,
    threads=1,
    device="cpu",
)


def stripes(upright: bool, draw: np.random.Generator) -> Any:
    """A crop of stripes, upright or lying, in any color, width and light."""
    period, start = draw.uniform(6, 10), draw.uniform(0, 6)
    wave = np.sin((np.arange(32) + start) * 2 * np.pi / period)[None, :].repeat(32, axis=0)
    wave = wave if upright else wave.T
    color = draw.uniform(60, 120, 3)
    noisy = 128 + wave[..., None] * color + draw.normal(0, 8, (32, 32, 3))
    return np.asarray(noisy.clip(0, 255), np.uint8)


def write_tree(folder: Path, count: int, shuffled: bool = False) -> Path:
    """A class-per-folder tree of two sources, odd and even; `shuffled` labels say nothing of the pictures."""
    draw = np.random.default_rng(1)
    labels = [index % 2 for index in range(count)]
    told = random.Random(3).sample(labels, count) if shuffled else labels
    for index in range(count):
        name = ("lying", "upright")[told[index]]
        (folder / name).mkdir(parents=True, exist_ok=True)
        source = "odd" if index % 5 == 0 else "even"
        cv2.imwrite(str(folder / name / f"{source}_{index:04}.png"), stripes(bool(labels[index]), draw))
    return folder
