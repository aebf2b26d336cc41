"""Samples and a recipe become weights in a run folder: seeded, resumable, watched on crops that are not learned from.

A run folder holds run.json (recipe, labels, split), last.pt (everything needed to go on) and one best.safetensors
chosen on the validation part; figures by epoch are in epochs.jsonl.
"""

from __future__ import annotations

import hashlib
import json
import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.random import Generator
from safetensors.torch import save_file
from torch import Tensor, nn
from tqdm import tqdm

from surveillance import plugins
from surveillance.domain.errors import DataError, UserMistake
from surveillance.domain.values import BACKGROUND, Bgr
from surveillance.perception.registry import Input, fit_crop, normalize
from surveillance.training.augment import augment
from surveillance.training.datasets import Sample, Split, labels_of, load_samples, sample_key, split_samples

RARE_TURN = 0.03  # how often what has an upright side is turned by any angle


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to train. The defaults made the embedded model."""

    architecture: str = "compact_cnn"
    parameters: Mapping[str, Any] = field(default_factory=dict)
    input: Input = field(default_factory=lambda: Input(size=64))
    small_size: int = 48  # crops are this small until `small_until` of the epochs are done: half the work
    small_until: float = 0.35
    calm: float = 0.4  # share of the crops, once they are full size, that keep their light and optics
    epochs: int = 45
    batch: int = 128
    learning_rate: float = 3e-3
    weight_decay: float = 0.05
    warmup_epochs: float = 1.0
    label_smoothing: float = 0.05
    ema: float = 0.998  # of the weights, a step
    balance: float = 0.6  # a source's share of its class grows with its size to this power; classes share alike
    hold_out: tuple[str, ...] = ()
    any_angle: Mapping[str, float] = field(default_factory=lambda: {"vehicle": 0.4, "background": 0.3})  # by label
    skip: tuple[str, ...] = ()  # sources never trained on, such as test footage
    validation: float = 0.1
    seed: int = 0
    threads: int = 2
    device: str = "auto"


def fit(data_dir: Path, run_dir: Path, recipe: Recipe, resume: bool = False) -> Path:
    """Trains on a class-per-folder tree and returns `run_dir`. Raises UserMistake.

    That is a device that is not there, a folder that holds a run which is not to be resumed, or (DataError) data that
    cannot be used.
    """
    samples = [sample for sample in load_samples(data_dir) if sample.source not in recipe.skip]
    labels = labels_of(samples)
    if len(labels) < 2:
        raise DataError(f"{data_dir} has one class only ({labels[0]}); training needs at least two folders")
    split = split_samples(samples, recipe.hold_out, recipe.validation, recipe.seed)
    run = _Run(run_dir, data_dir.resolve(), recipe, labels, split)
    run.go(resume)
    return run_dir


def sampling_weights(samples: Sequence[Sample], balance: float) -> np.ndarray[Any, np.dtype[np.float64]]:
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
    """Crops decoded once and kept; batches of them, augmented ahead of their use."""

    def __init__(self, samples: Sequence[Sample], labels: Sequence[str], recipe: Recipe) -> None:
        self._recipe = recipe
        self._crops = [sample.load() for sample in tqdm(samples, "reading", unit="crop", leave=False)]
        self._answers = np.asarray([labels.index(sample.label) for sample in samples])
        self._turns = np.asarray([recipe.any_angle.get(sample.label, RARE_TURN) for sample in samples])
        self._weights = sampling_weights(samples, recipe.balance)
        empty = [i for i, sample in enumerate(samples) if sample.label == BACKGROUND]
        self._backdrops = np.asarray(empty or range(len(samples)))

    def __len__(self) -> int:
        return len(self._crops)

    def epoch(self, draw: Generator, size: int) -> Iterator[tuple[Tensor, Tensor]]:
        """As many crops as there are, drawn by weight; the next batch is made while one is being used."""
        order = draw.choice(len(self), len(self), p=self._weights)
        batches = [order[i : i + self._recipe.batch] for i in range(0, len(order), self._recipe.batch)]
        seeds = draw.integers(0, 2**63, len(batches))
        with ThreadPoolExecutor(1) as ahead:
            pending = [ahead.submit(self._make, batches[0], int(seeds[0]), size)]
            for index in range(len(batches)):
                if index + 1 < len(batches):
                    pending.append(ahead.submit(self._make, batches[index + 1], int(seeds[index + 1]), size))
                yield pending.pop(0).result()

    def plain(self, batch: int = 256) -> Iterator[tuple[Tensor, Tensor]]:
        """Every crop once, in order, as it is used after training."""
        shape = self._recipe.input
        for start in range(0, len(self), batch):
            fitted = np.stack([fit_crop(crop, shape.size, shape.fit) for crop in self._crops[start : start + batch]])
            yield torch.from_numpy(normalize(fitted, shape)), torch.from_numpy(self._answers[start : start + batch])

    def _make(self, picked: np.ndarray[Any, np.dtype[np.int64]], seed: int, size: int) -> tuple[Tensor, Tensor]:
        draw, shape = np.random.default_rng(seed), self._recipe.input
        calm = self._recipe.calm if size == shape.size else 0.0
        made: list[Bgr] = []
        for index, behind in zip(picked, draw.choice(self._backdrops, len(picked)), strict=True):
            crop, backdrop, turn = self._crops[index], self._crops[behind], float(self._turns[index])
            made.append(augment(crop, backdrop, size, shape.fit, draw, turn, calm))
        return torch.from_numpy(normalize(np.stack(made), shape)), torch.from_numpy(self._answers[picked])


class _Run:
    """One training in its folder."""

    def __init__(self, folder: Path, data: Path, recipe: Recipe, labels: tuple[str, ...], split: Split) -> None:
        self._data = data
        torch.manual_seed(recipe.seed)
        torch.set_num_threads(recipe.threads)
        self._folder, self._recipe, self._labels, self._split = folder, recipe, labels, split
        self._device = torch.device(pick_device(recipe.device))
        build = plugins.load("architectures", recipe.architecture)
        self._net: nn.Module = build(len(labels), **recipe.parameters).to(self._device)
        self._net = self._net.to(memory_format=torch.channels_last)
        self._ema = {name: value.detach().clone() for name, value in self._net.state_dict().items()}
        self._optimizer = torch.optim.AdamW(_groups(self._net, recipe.weight_decay), lr=recipe.learning_rate)
        self._epoch, self._best, self._step = 0, -1.0, 0

    def go(self, resume: bool) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        held = (self._folder / "last.pt").is_file()
        if held and not resume:
            raise UserMistake(f"{self._folder} holds a run already: go on with it by --resume, or name another folder")
        if held:
            self._restore()
        else:
            (self._folder / "epochs.jsonl").unlink(missing_ok=True)
        self._describe()
        pictures = Pictures(self._split.train, self._labels, self._recipe)
        watched = Pictures(self._split.validation, self._labels, self._recipe)
        while self._epoch < self._recipe.epochs:
            loss = self._train_epoch(pictures)
            accuracy = self._watch(watched)
            self._epoch += 1
            self._keep(loss, accuracy)

    def _train_epoch(self, pictures: Pictures) -> float:
        recipe = self._recipe
        draw = np.random.default_rng((recipe.seed, self._epoch))
        steps = math.ceil(len(pictures) / recipe.batch)
        loss_of = nn.CrossEntropyLoss(label_smoothing=recipe.label_smoothing)
        self._net.train()
        total = 0.0
        title = f"epoch {self._epoch + 1}/{recipe.epochs}"
        for index, (crops, answers) in enumerate(tqdm(pictures.epoch(draw, self._size()), title, steps, leave=False)):
            for group in self._optimizer.param_groups:
                group["lr"] = _rate(recipe, self._epoch + index / steps)
            crops = crops.to(self._device, memory_format=torch.channels_last)
            with torch.autocast(self._device.type, torch.bfloat16):
                loss = loss_of(self._net(crops), answers.to(self._device))
            self._optimizer.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(self._net.parameters(), 2.0)
            self._optimizer.step()
            self._average()
            total += float(loss.detach())
        return total / steps

    def _size(self) -> int:
        recipe = self._recipe
        is_early = self._epoch < recipe.small_until * recipe.epochs
        return min(recipe.small_size, recipe.input.size) if is_early else recipe.input.size

    def _average(self) -> None:
        self._step += 1
        keep = min(self._recipe.ema, (1 + self._step) / (10 + self._step))
        with torch.no_grad():
            for name, value in self._net.state_dict().items():
                if value.dtype.is_floating_point:
                    self._ema[name].lerp_(value, 1 - keep)
                else:
                    self._ema[name].copy_(value)

    def _watch(self, watched: Pictures) -> float:
        """Balanced accuracy of the averaged weights on the validation part."""
        own = {name: value.clone() for name, value in self._net.state_dict().items()}
        self._net.load_state_dict(self._ema)
        self._net.eval()
        right, count = np.zeros(len(self._labels)), np.zeros(len(self._labels))
        with torch.inference_mode(), torch.autocast(self._device.type, torch.bfloat16):
            for crops, answers in watched.plain():
                crops = crops.to(self._device, memory_format=torch.channels_last)
                found = self._net(crops).argmax(1).cpu().numpy()
                np.add.at(count, answers.numpy(), 1)
                np.add.at(right, answers.numpy(), found == answers.numpy())
        self._net.load_state_dict(own)
        return float(np.mean(right[count > 0] / count[count > 0]))

    def _keep(self, loss: float, accuracy: float) -> None:
        averaged = {name: value.cpu().contiguous() for name, value in self._ema.items()}
        if accuracy > self._best:
            self._best = accuracy
            part = self._folder / "best.part"
            save_file(averaged, part)
            part.replace(self._folder / "best.safetensors")
        state = {
            "net": self._net.state_dict(),
            "ema": self._ema,
            "optimizer": self._optimizer.state_dict(),
            "epoch": self._epoch,
            "best": self._best,
            "step": self._step,
        }
        part = self._folder / "last.part"
        torch.save(state, part)
        part.replace(self._folder / "last.pt")
        line = {"epoch": self._epoch, "loss": round(loss, 4), "validation": round(accuracy, 4)}
        with (self._folder / "epochs.jsonl").open("a") as log:
            log.write(json.dumps(line) + "\n")
        tqdm.write(f"epoch {self._epoch}: loss {loss:.4f}, validation {accuracy:.4f}", file=sys.stderr)

    def _restore(self) -> None:
        state = torch.load(self._folder / "last.pt", map_location=self._device, weights_only=True)
        self._net.load_state_dict(state["net"])
        self._ema = state["ema"]
        self._optimizer.load_state_dict(state["optimizer"])
        self._epoch, self._best, self._step = state["epoch"], state["best"], state["step"]

    def _describe(self) -> None:
        run = {
            "recipe": asdict(self._recipe),
            "labels": list(self._labels),
            "data": str(self._data),
            "split": {name: [sample_key(s) for s in getattr(self._split, name)] for name in ("train", "validation")},
        }
        (self._folder / "run.json").write_text(json.dumps(run))


def pick_device(wish: str) -> str:
    """`cuda` where `auto` finds one, else what was asked for. Raises UserMistake for a device that is not there."""
    there = ("cuda", "cpu") if torch.cuda.is_available() else ("cpu",)
    if wish == "auto":
        return there[0]
    if wish not in there:
        raise UserMistake(f"cannot train on device {wish!r}: this machine has {' and '.join(there)}; or say auto")
    return wish


def _rate(recipe: Recipe, epoch: float) -> float:
    if epoch < recipe.warmup_epochs:
        return recipe.learning_rate * (epoch + 0.05) / (recipe.warmup_epochs + 0.05)
    done = (epoch - recipe.warmup_epochs) / max(recipe.epochs - recipe.warmup_epochs, 1e-9)
    return recipe.learning_rate * (0.01 + 0.99 * (1 + math.cos(math.pi * min(done, 1))) / 2)


def _groups(net: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Biases and normalization are not decayed."""
    decayed = [p for p in net.parameters() if p.ndim > 1]
    free = [p for p in net.parameters() if p.ndim <= 1]
    return [{"params": decayed, "weight_decay": weight_decay}, {"params": free, "weight_decay": 0.0}]


def split_digest(samples: Sequence[Sample]) -> str:
    """SHA-256 over the sorted names: tells whether two lists hold the same crops."""
    return hashlib.sha256("\n".join(sorted(map(sample_key, samples))).encode()).hexdigest()
