"""Samples and a recipe become weights in a run folder: seeded, resumable, watched on pictures not learned from.

A run folder holds run.json (recipe, labels, split), last.pt (everything needed to go on) and one best.safetensors
chosen on the validation part; figures by epoch are in epochs.jsonl. A run that is killed goes on to the same result.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from tqdm import tqdm

from surveillance import plugins
from surveillance.domain.errors import DataError, UserMistake
from surveillance.perception.cards import Input
from surveillance.training.datasets import Sample, Split, labels_of, load_samples, sample_key, split_samples
from surveillance.training.freezing import freeze, keep_still
from surveillance.training.pictures import Pictures, common_input
from surveillance.training.pretrained import adopt, load_start
from surveillance.training.recipes import NO_WEIGHTS, Recipe, all_parameters, recipe_page, takes_gray

PLATEAU = 2  # epochs without a better validation after which the rate is halved
MOST_LOADERS = 15
NO_SCORE = (-1.0, 0.0)
SIDE_HEAD = 0.3  # share of a side head's loss (Szegedy et al. 2015)


def fit(
    data_dir: Path,
    run_dir: Path,
    recipe: Recipe,
    resume: bool = False,
    own_input: bool = False,
    size: int | None = None,
) -> Path:
    """Trains on labeled pictures and returns `run_dir`.

    `own_input` takes the input, but for a `size` that is given, from the weights or, from scratch, from the pictures.

    Raises UserMistake: a device that is not there, a folder that holds a run which is not to be resumed, an input that
    the architecture cannot take, or (DataError) data that cannot be used. ModelError for weights that do not fit.
    """
    recipe, labels, split = prepare(data_dir, recipe, own_input, size)
    Run(run_dir, data_dir.resolve(), recipe, labels, split).go(resume)
    return run_dir


def prepare(
    data_dir: Path, recipe: Recipe, own_input: bool = False, size: int | None = None
) -> tuple[Recipe, tuple[str, ...], Split]:
    """What a run is made of: the recipe with its input, labels, which pictures are for what. Raises as `fit` does."""
    samples = [sample for sample in load_samples(data_dir) if sample.source not in recipe.skip]
    labels = labels_of(samples)
    if len(labels) < 2:
        raise DataError(f"{data_dir} has one class only ({labels[0]}); training needs at least two folders")
    split = split_samples(samples, recipe.hold_out, recipe.validation, recipe.seed)
    if own_input:
        recipe = replace(recipe, input=_own_input(recipe, split.train, size))
    return recipe, labels, split


def _own_input(recipe: Recipe, samples: Sequence[Sample], size: int | None) -> Input:
    start = load_start(recipe.weights, recipe.architecture)
    if start is None:
        return common_input(samples, takes_gray(recipe.architecture), size)
    return start.input if size is None else replace(start.input, size=size, resize=_resize(start.input, size))


def _resize(shape: Input, size: int) -> int:
    return round(shape.resize * size / shape.size)


class Run:
    """One training in its folder; `epochs` gives each epoch's figures as they come."""

    def __init__(self, folder: Path, data: Path, recipe: Recipe, labels: tuple[str, ...], split: Split) -> None:
        self._data = data
        torch.manual_seed(recipe.seed)
        torch.set_num_threads(recipe.threads)
        self._folder, self._labels, self._split = folder, labels, split
        self._recipe = recipe = replace(recipe, parameters=all_parameters(recipe))
        self._device = torch.device(pick_device(recipe.device))
        self._loaders = pick_loaders(recipe.loaders, self._device.type)
        self._net, fresh = _build(recipe, len(labels))
        self._net = self._net.to(self._device).to(memory_format=torch.channels_last)
        self._ema = {name: value.detach().clone() for name, value in self._net.state_dict().items()}
        self._optimizer = _optimizer(self._net, recipe, fresh)
        self._half = _half_precision(self._device)
        self._scaler = torch.amp.GradScaler(self._device.type, enabled=self._half is torch.float16)
        self._step = 0
        self._lines: list[dict[str, Any]] = []

    def go(self, resume: bool) -> None:
        """Trains to the end, or until it gets no better for the recipe's patience."""
        for line in self.epochs(resume):
            told = f"loss {line['loss']:.4f}, validation {line['validation']:.4f}"
            tqdm.write(f"epoch {line['epoch']}: {told}", file=sys.stderr)

    def epochs(self, resume: bool = False) -> Iterator[Mapping[str, Any]]:
        """Trains an epoch for each one asked for; everything needed to go on is on disk before it is given."""
        self._open(resume)
        if self._is_over():
            return
        pictures = Pictures(self._split.train, self._labels, replace(self._recipe, loaders=self._loaders))
        watched = Pictures(self._split.validation, self._labels, replace(self._recipe, augment="none"))
        loss_of = self._loss(pictures)
        while not self._is_over():
            loss = self._train_epoch(pictures, loss_of)
            self._keep({"loss": round(loss, 4), **self._watch(watched)})
            yield self._lines[-1]

    def _open(self, resume: bool) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        held = (self._folder / "last.pt").is_file()
        if held and not resume:
            raise UserMistake(f"{self._folder} holds a run already: go on with it by --resume, or name another folder")
        if held:
            self._restore()
        self._write_lines()
        self._describe()

    def _is_over(self) -> bool:
        done, patience = len(self._lines), self._recipe.patience
        return done >= self._recipe.epochs or bool(patience and self._stale() >= patience)

    def _stale(self) -> int:
        """Epochs since the best one."""
        scores = [score(line) for line in self._lines]
        return len(scores) - 1 - scores.index(max(scores)) if scores else 0

    # --- an epoch --------------------------------------------------------------------------------------------------

    def _train_epoch(self, pictures: Pictures, loss_of: nn.Module) -> float:
        recipe, epoch = self._recipe, len(self._lines)
        draw = np.random.default_rng((recipe.seed, epoch))
        torch.manual_seed(int(draw.integers(2**62)))  # so that a resumed run drops the same units out
        steps = math.ceil(len(pictures) / recipe.batch)
        self._net.train()
        keep_still(self._net)
        halved = 0.5 ** self._plateaus() if recipe.schedule == "plateau" else 1.0
        total = 0.0
        title = f"epoch {epoch + 1}/{recipe.epochs}"
        for index, (crops, answers) in enumerate(tqdm(pictures.epoch(draw, self._size()), title, steps, leave=False)):
            for group in self._optimizer.param_groups:
                group["lr"] = group["share"] * halved * _rate(recipe, epoch + index / steps)
            share = float(draw.beta(recipe.mixup, recipe.mixup)) if recipe.mixup else 1.0
            total += self._learn(crops, answers, loss_of, share)
        return total / steps

    def _learn(self, crops: Tensor, answers: Tensor, loss_of: nn.Module, share: float = 1.0) -> float:
        """One step; each picture counts `share`, the rest is the one opposite in the batch (Zhang et al. 2018)."""
        crops, answers = self._placed(crops), answers.to(self._device)
        if share < 1.0:
            crops = share * crops + (1 - share) * crops.flip(0)
        with self._mixed():
            said = self._net(crops)
            loss = share * _loss_with_side_heads(said, answers, loss_of)
            if share < 1.0:
                loss = loss + (1 - share) * _loss_with_side_heads(said, answers.flip(0), loss_of)
        self._optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(self._scaler.scale(loss))
        self._scaler.unscale_(self._optimizer)
        nn.utils.clip_grad_norm_(self._net.parameters(), 2.0)
        self._scaler.step(self._optimizer)
        self._scaler.update()
        self._average()
        return float(loss.detach())

    def _loss(self, pictures: Pictures) -> nn.Module:
        weight = None
        if self._recipe.class_weights:
            counts = np.bincount(pictures.answers, minlength=len(self._labels))
            weight = torch.tensor(len(pictures) / np.maximum(counts, 1) / len(self._labels), dtype=torch.float32)
            weight = weight.to(self._device)
        return nn.CrossEntropyLoss(weight=weight, label_smoothing=self._recipe.label_smoothing)

    def _plateaus(self) -> int:
        """How often the rate has been halved: after each PLATEAU epochs without a better validation."""
        best, waited, times = NO_SCORE, 0, 0
        for line in self._lines:
            best, waited = (score(line), 0) if score(line) > best else (best, waited + 1)
            if waited == PLATEAU:
                times, waited = times + 1, 0
        return times

    def _size(self) -> int:
        recipe = self._recipe
        is_early = recipe.weights == NO_WEIGHTS and len(self._lines) < recipe.small_until * recipe.epochs
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

    @contextmanager
    def _averaged(self) -> Iterator[None]:
        own = {name: value.clone() for name, value in self._net.state_dict().items()}
        self._net.load_state_dict(self._ema)
        self._net.eval()
        yield
        self._net.load_state_dict(own)

    def _watch(self, watched: Pictures) -> dict[str, float]:
        """Of the averaged weights on the validation part, in single precision as in use: balanced accuracy, loss."""
        right, count, loss = np.zeros(len(self._labels)), np.zeros(len(self._labels)), 0.0
        with self._averaged(), torch.inference_mode():
            for crops, answers in watched.plain():
                logits = self._net(self._placed(crops)).float().cpu()
                loss += float(nn.functional.cross_entropy(logits, answers, reduction="sum"))
                np.add.at(count, answers.numpy(), 1)
                np.add.at(right, answers.numpy(), logits.argmax(1).numpy() == answers.numpy())
        balanced = float(np.mean(right[count > 0] / count[count > 0]))
        return {"validation": round(balanced, 4), "validation_loss": round(loss / len(watched), 4)}

    def _placed(self, crops: Tensor) -> Tensor:
        return crops.to(self._device, memory_format=torch.channels_last)

    def _mixed(self) -> torch.autocast:
        return torch.autocast(self._device.type, self._half, enabled=self._half is not torch.float32)

    # --- what is on disk -------------------------------------------------------------------------------------------

    def _keep(self, figures: dict[str, float]) -> None:
        is_best = score(figures) > max(map(score, self._lines), default=NO_SCORE)
        self._lines.append({"epoch": len(self._lines) + 1, **figures})
        if is_best:
            averaged = {name: value.cpu().contiguous() for name, value in self._ema.items()}
            part = self._folder / "best.part"
            save_file(averaged, part)
            part.replace(self._folder / "best.safetensors")
        state = {
            "net": self._net.state_dict(),
            "ema": self._ema,
            "optimizer": self._optimizer.state_dict(),
            "scaler": self._scaler.state_dict(),
            "step": self._step,
            "lines": self._lines,
        }
        part = self._folder / "last.part"
        torch.save(state, part)
        part.replace(self._folder / "last.pt")
        self._write_lines()

    def _write_lines(self) -> None:
        text = "".join(json.dumps(line) + "\n" for line in self._lines)
        (self._folder / "epochs.jsonl").write_text(text, encoding="utf-8")

    def _restore(self) -> None:
        state = torch.load(self._folder / "last.pt", map_location=self._device, weights_only=True)
        self._net.load_state_dict(state["net"])
        self._ema = state["ema"]
        self._optimizer.load_state_dict(state["optimizer"])
        self._scaler.load_state_dict(state["scaler"])
        self._step, self._lines = state["step"], state["lines"]

    def _describe(self) -> None:
        run = {
            "recipe": recipe_page(self._recipe),
            "labels": list(self._labels),
            "data": str(self._data),
            "split": {name: [sample_key(s) for s in getattr(self._split, name)] for name in ("train", "validation")},
        }
        (self._folder / "run.json").write_text(json.dumps(run), encoding="utf-8")


def score(line: Mapping[str, Any]) -> tuple[float, float]:
    """By which epochs are compared: balanced accuracy on the validation part; where it is the same, the loss there."""
    return line["validation"], -line["validation_loss"]


def pick_device(wish: str) -> str:
    """`cuda` where `auto` finds one, else what was asked for. Raises UserMistake for a device that is not there."""
    there = ("cuda", "cpu") if torch.cuda.is_available() else ("cpu",)
    if wish == "auto":
        return there[0]
    if wish not in there:
        raise UserMistake(f"cannot train on device {wish!r}: this machine has {' and '.join(there)}; or say auto")
    return wish


def pick_loaders(wish: int | None, device: str) -> int:
    """Processes that make batches: one thread keeps up with a CPU, a GPU has use for all cores but one."""
    if wish is not None or device == "cpu" or sys.platform != "linux":
        return wish or 0
    return min(MOST_LOADERS, (os.cpu_count() or 1) - 1)


def _build(recipe: Recipe, labels: int) -> tuple[nn.Module, frozenset[str]]:
    """The network as it starts, frozen as the recipe says, and the names of the parameters that start anew."""
    try:
        network: nn.Module = plugins.load("architectures", recipe.architecture)(labels, **recipe.parameters)
        network.eval()
        with torch.inference_mode():
            network(torch.zeros(1, recipe.input.channels, recipe.input.size, recipe.input.size))
    except (RuntimeError, ValueError, AssertionError, TypeError) as error:
        size, reason = recipe.input.size, str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UserMistake(
            f"{recipe.architecture} cannot take {recipe.input.color} pictures of {size} pixels ({reason}); "
            "try another --size, such as 64 or 224"
        ) from error
    start = load_start(recipe.weights, recipe.architecture)
    fresh = frozenset(network.state_dict())
    if start is not None:
        fresh = adopt(network, start, recipe.weights)
    elif recipe.unfreeze != "all":
        raise UserMistake(f"recipe {recipe.name} builds on what was learned before: give it --weights")
    freeze(network, recipe.unfreeze)
    return network, fresh


def _half_precision(device: torch.device) -> torch.dtype:
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
    return torch.bfloat16 if torch.cpu._is_avx512_bf16_supported() else torch.float32


def _loss_with_side_heads(out: Any, answers: Tensor, loss_of: nn.Module) -> Tensor:
    """googlenet gives (logits, side head, side head) while it learns, others a tensor."""
    heads = (out,) if isinstance(out, Tensor) else tuple(head for head in out if head is not None)
    loss: Tensor = loss_of(heads[0], answers)
    for head in heads[1:]:
        loss = loss + SIDE_HEAD * loss_of(head, answers)
    return loss


def _rate(recipe: Recipe, epoch: float) -> float:
    if epoch < recipe.warmup_epochs:
        return recipe.learning_rate * (epoch + 0.05) / (recipe.warmup_epochs + 0.05)
    if recipe.schedule != "cosine":
        return recipe.learning_rate
    done = (epoch - recipe.warmup_epochs) / max(recipe.epochs - recipe.warmup_epochs, 1e-9)
    return recipe.learning_rate * (0.01 + 0.99 * (1 + math.cos(math.pi * min(done, 1))) / 2)


OPTIMIZERS: Mapping[str, Any] = {
    "adamw": torch.optim.AdamW,
    "adam": torch.optim.Adam,
    "sgd": lambda groups, lr: torch.optim.SGD(groups, lr=lr, momentum=0.9, nesterov=True),
}


def _optimizer(net: nn.Module, recipe: Recipe, fresh: frozenset[str]) -> torch.optim.Optimizer:
    """Biases and normalization are not decayed; what was there before learns at its own share of the rate."""
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for name, parameter in net.named_parameters():
        if parameter.requires_grad:
            share = 1.0 if name in fresh else recipe.old_rate
            decay = recipe.weight_decay if parameter.ndim > 1 else 0.0
            groups.setdefault((share, decay), []).append(parameter)
    listed = [{"params": params, "share": share, "weight_decay": decay} for (share, decay), params in groups.items()]
    optimizer: torch.optim.Optimizer = OPTIMIZERS[recipe.optimizer](listed, lr=recipe.learning_rate)
    return optimizer


def split_digest(samples: Sequence[Sample]) -> str:
    """SHA-256 over the sorted names: tells whether two lists hold the same crops."""
    return hashlib.sha256("\n".join(sorted(map(sample_key, samples))).encode()).hexdigest()
