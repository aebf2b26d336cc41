"""Samples become batches: decoded once and kept, disturbed ahead of their use, the same for the same seed.

`camera` disturbs a crop as cameras do (augment.py), `picture` as is usual for photographs (torchvision: part of it,
mirrored, other colors), `shift` moves, mirrors and covers small pictures, all of a batch at once, `none` nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import cv2
import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset
from tqdm import tqdm

from surveillance.domain.values import BACKGROUND, Bgr
from surveillance.perception.cards import Input
from surveillance.perception.registry import Batch, fit_crops, normalize
from surveillance.training.augment import augment
from surveillance.training.datasets import Sample
from surveillance.training.recipes import Recipe

RARE_TURN = 0.03  # how often what has an upright side is turned by any angle
SHIFT = 0.08  # of the side, at most
COVER = 0.25  # how often a patch is covered

Picked = NDArray[np.int64]
Batches = Iterator[tuple[Tensor, Tensor]]


def sampling_weights(samples: Sequence[Sample], balance: float) -> NDArray[np.float64]:
    """Chance of each sample to be drawn: classes alike; within one, a source of n crops has a share of n**balance."""
    sizes: dict[tuple[str, str], int] = {}
    for sample in samples:
        key = (sample.label, sample.source)
        sizes[key] = sizes.get(key, 0) + 1
    totals: dict[str, float] = {}
    for (label, _), size in sizes.items():
        totals[label] = totals.get(label, 0.0) + size**balance
    weights = [sizes[s.label, s.source] ** (balance - 1) / totals[s.label] / len(totals) for s in samples]
    return np.asarray(np.asarray(weights) / np.sum(weights), np.float64)


class Pictures:
    """Crops decoded once and kept; batches of them, disturbed ahead of their use."""

    def __init__(self, samples: Sequence[Sample], labels: Sequence[str], recipe: Recipe) -> None:
        self._recipe = recipe
        self._crops = [sample.load() for sample in tqdm(samples, "reading", unit="picture", leave=False)]
        places = {label: index for index, label in enumerate(labels)}
        self.answers = np.asarray([places[sample.label] for sample in samples])
        self._weights = None if recipe.balance is None else sampling_weights(samples, recipe.balance)
        self._disturb = _DISTURBED[recipe.augment](self._crops, samples, recipe)

    def __len__(self) -> int:
        return len(self._crops)

    def epoch(self, draw: Generator, size: int) -> Batches:
        """As many crops as there are, drawn by weight; the next batch is made while one is being used."""
        count = len(self)
        order = draw.permutation(count) if self._weights is None else draw.choice(count, count, p=self._weights)
        batches = [order[i : i + self._recipe.batch] for i in range(0, count, self._recipe.batch)]
        if len(batches) > 1 and len(batches[-1]) == 1:  # BatchNorm cannot learn from one
            batches.pop()
        seeds = draw.integers(0, 2**63, len(batches))
        if self._recipe.loaders:
            yield from self._made_by_loaders(batches, seeds, size)
            return
        with ThreadPoolExecutor(1) as ahead:
            pending = [ahead.submit(self._make, batches[0], int(seeds[0]), size)]
            for index in range(len(batches)):
                if index + 1 < len(batches):
                    pending.append(ahead.submit(self._make, batches[index + 1], int(seeds[index + 1]), size))
                yield pending.pop(0).result()

    def _made_by_loaders(self, batches: Sequence[Picked], seeds: Picked, size: int) -> Batches:
        """The same batches in the same order, each made by one of several processes: a GPU asks for more than one."""
        jobs = [(picked, int(seed), size) for picked, seed in zip(batches, seeds, strict=True)]
        yield from DataLoader(
            _Jobs(self._make, jobs),
            batch_size=None,
            num_workers=self._recipe.loaders or 0,
            prefetch_factor=4,
            multiprocessing_context="fork",  # the crops are there already, and are not copied
        )

    def plain(self, batch: int = 256) -> Batches:
        """Every crop once, in order, as it is used after training."""
        shape = self._recipe.input
        for start in range(0, len(self), batch):
            fitted = _fitted(self._crops[start : start + batch], shape)
            yield torch.from_numpy(normalize(fitted, shape)), torch.from_numpy(self.answers[start : start + batch])

    def _make(self, picked: Picked, seed: int, size: int) -> tuple[Tensor, Tensor]:
        made = self._disturb(picked, np.random.default_rng(seed), size)
        return torch.from_numpy(made), torch.from_numpy(self.answers[picked])


class _Jobs(Dataset[tuple[Tensor, Tensor]]):
    """Batches by number, each made when it is asked for."""

    def __init__(
        self, make: Callable[[Picked, int, int], tuple[Tensor, Tensor]], jobs: Sequence[tuple[Picked, int, int]]
    ) -> None:
        self._make, self._jobs = make, jobs

    def __len__(self) -> int:
        return len(self._jobs)

    def __getitem__(self, number: int) -> tuple[Tensor, Tensor]:
        return self._make(*self._jobs[number])


def _fitted(crops: Sequence[Bgr], shape: Input) -> NDArray[np.uint8]:
    return np.stack(fit_crops(crops, shape))


# --- ways to disturb: built once for all crops, then asked for (picked, draw, size) ---------------------------------

Disturb = Callable[[Picked, Generator, int], Batch]


def _as_cameras_do(crops: Sequence[Bgr], samples: Sequence[Sample], recipe: Recipe) -> Disturb:
    shape = recipe.input
    turns = np.asarray([recipe.any_angle.get(sample.label, RARE_TURN) for sample in samples])
    empty = [i for i, sample in enumerate(samples) if sample.label == BACKGROUND]
    backdrops = np.asarray(empty or range(len(samples)))

    def disturb(picked: Picked, draw: Generator, size: int) -> Batch:
        calm = recipe.calm if size == shape.size else 0.0
        made = [
            augment(crops[index], crops[behind], size, shape.fit, draw, float(turns[index]), calm)
            for index, behind in zip(picked, draw.choice(backdrops, len(picked)), strict=True)
        ]
        return normalize(np.stack(made), shape)

    return disturb


def _as_photographs(crops: Sequence[Bgr], samples: Sequence[Sample], recipe: Recipe) -> Disturb:
    from torchvision.transforms import v2

    shape = recipe.input
    small = [_shrunk(crop, 2 * shape.size) for crop in crops]  # a photograph of a phone would be cut up at full size
    transform = v2.Compose(
        [
            v2.RandomResizedCrop(shape.size, scale=(0.35, 1.0), antialias=True),
            v2.RandomHorizontalFlip(),
            v2.ColorJitter(0.3, 0.3, 0.3, 0.03),
        ]
    )

    def disturb(picked: Picked, draw: Generator, size: int) -> Batch:
        # the library draws from torch's one generator, which the network's dropout uses too: a fork keeps them apart
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(int(draw.integers(2**62)))
            made = [transform(torch.from_numpy(np.ascontiguousarray(small[i].transpose(2, 0, 1)))) for i in picked]
        return normalize(np.stack([picture.numpy().transpose(1, 2, 0) for picture in made]), shape)

    return disturb


def _shrunk(crop: Bgr, side: int) -> Bgr:
    """With a shorter side of at most that."""
    height, width = crop.shape[:2]
    scale = side / min(height, width)
    if scale >= 1:
        return crop
    size = (max(side, round(width * scale)), max(side, round(height * scale)))
    return np.asarray(cv2.resize(crop, size, interpolation=cv2.INTER_AREA), np.uint8)


def _as_small_pictures(crops: Sequence[Bgr], samples: Sequence[Sample], recipe: Recipe) -> Disturb:
    shape = recipe.input
    kept = np.concatenate([_compact(crops[start : start + 1024], shape) for start in range(0, len(crops), 1024)])
    farthest = max(1, round(SHIFT * shape.size))

    def disturb(picked: Picked, draw: Generator, size: int) -> Batch:
        count, side = len(picked), kept.shape[1]
        padded = np.pad(kept[picked], ((0, 0), (farthest, farthest), (farthest, farthest), (0, 0)))
        tops, lefts = draw.integers(0, 2 * farthest + 1, (2, count, 1))
        steps = np.arange(side)
        columns = np.where(draw.random((count, 1)) < 0.5, steps, steps[::-1])
        rows_at, columns_at = (tops + steps)[:, :, None], (lefts + columns)[:, None, :]
        made = padded[np.arange(count)[:, None, None], rows_at, columns_at]
        _cover(made, draw)
        return _scaled(made, shape)

    return disturb


def _undisturbed(crops: Sequence[Bgr], samples: Sequence[Sample], recipe: Recipe) -> Disturb:
    shape = recipe.input
    return lambda picked, draw, size: normalize(_fitted([crops[index] for index in picked], shape), shape)


def _compact(crops: Sequence[Bgr], shape: Input) -> NDArray[np.uint8]:
    """(n, size, size, channels): gray pictures have three equal channels when decoded."""
    fitted = _fitted(crops, shape)
    return fitted[..., :1] if shape.channels == 1 and _is_gray(fitted) else fitted


def _is_gray(pictures: NDArray[np.uint8]) -> bool:
    return bool((pictures[..., 0] == pictures[..., 1]).all() and (pictures[..., 0] == pictures[..., 2]).all())


def _scaled(pictures: NDArray[np.uint8], shape: Input) -> Batch:
    if pictures.shape[-1] == 3:
        return normalize(pictures, shape)
    scale = 1 / (255 * np.float32(shape.std[0]))
    return np.asarray((pictures * scale - np.float32(shape.mean[0] / shape.std[0])).transpose(0, 3, 1, 2), np.float32)


def _cover(pictures: NDArray[np.uint8], draw: Generator) -> None:
    """A patch of one brightness over some of them (Zhong et al. 2017, random erasing)."""
    side = pictures.shape[1]
    for index in np.flatnonzero(draw.random(len(pictures)) < COVER):
        high, wide = (draw.uniform(0.15, 0.45, 2) * side).astype(int) + 1
        top, left = int(draw.integers(0, side - high + 1)), int(draw.integers(0, side - wide + 1))
        pictures[index, top : top + high, left : left + wide] = draw.integers(0, 256)


_DISTURBED: dict[str, Callable[[Sequence[Bgr], Sequence[Sample], Recipe], Disturb]] = {
    "camera": _as_cameras_do,
    "picture": _as_photographs,
    "shift": _as_small_pictures,
    "none": _undisturbed,
}
AUGMENTS = tuple(_DISTURBED)


def common_input(samples: Sequence[Sample], gray: bool, size: int | None = None) -> Input:
    """An input for training from scratch: `size`, else the pictures' own where all are alike and small, else 64.

    One channel if `gray` is allowed and all are gray; mean and std are the pictures' own, channel by channel.
    """
    few = [sample.load() for sample in samples[:: max(1, len(samples) // 2000)]]
    sides = {side for crop in few for side in crop.shape[:2]}
    size = size or (sides.pop() if len(sides) == 1 and max(sides) <= 96 else 64)
    fitted = _fitted(few, Input(size=size))
    one = gray and _is_gray(fitted)
    pixels: Any = fitted[..., :1] if one else fitted[..., ::-1]
    mean, std = pixels.mean(axis=(0, 1, 2)) / 255, pixels.std(axis=(0, 1, 2)) / 255
    means, stds = (tuple(round(float(value), 4) for value in values) for values in (mean, np.maximum(std, 0.01)))
    return Input(size=size, mean=means, std=stds, color="gray" if one else "rgb")
