"""A model and labeled crops become figures: per class, per source, and how honest its confidence is.

The model answers through the very code that serves it; the figures are torchmetrics' own.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torchmetrics.functional.classification import (
    binary_calibration_error,
    multiclass_confusion_matrix,
    multiclass_f1_score,
    multiclass_precision,
    multiclass_recall,
)
from tqdm import tqdm

from surveillance.domain.errors import DataError
from surveillance.perception.cards import ModelCard
from surveillance.perception.registry import CardClassifier, Logits, build_classifier, softmax
from surveillance.training.datasets import Sample, load_samples, named_by, part_for_evaluation

BINS = 15


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What a model said of each sample, and the figures that follow."""

    card: ModelCard
    samples: tuple[Sample, ...]
    logits: Logits
    figures: dict[str, Any]

    @property
    def truth(self) -> NDArray[np.int64]:
        """(n,) the place of each sample's label on the card."""
        return _truth(self.samples, self.card)

    @property
    def chances(self) -> NDArray[np.float64]:
        """(n, labels) the probability of each label, as the running system tells it."""
        return softmax(self.logits, self.card.temperature)


def evaluate_card(
    card: ModelCard,
    folder: Path | None,
    data_dir: Path,
    backend: str = "auto",
    device: str = "auto",
    sources: Iterable[str] | None = None,
) -> dict[str, Any]:
    """The figures alone of what `evaluate` finds."""
    return evaluate(card, folder, data_dir, backend, device, sources).figures


def evaluate(
    card: ModelCard,
    folder: Path | None,
    data_dir: Path,
    backend: str = "auto",
    device: str = "auto",
    sources: Iterable[str] | None = None,
) -> Evaluation:
    """The card's model on the labeled pictures of a folder (its test part, if it has one), or of the sources named.

    Classes that are only numbers are the labels at those places. `folder` holds the weights (None: what ships).
    Raises DataError for pictures of other classes than the card's labels, ModelError for weights that cannot be used.
    """
    samples = named_by(part_for_evaluation(load_samples(data_dir)), card.labels)
    if sources is not None:
        wanted = frozenset(sources)
        samples = tuple(sample for sample in samples if sample.source in wanted)
    if not samples:
        raise DataError(f"{data_dir} has no crops of those sources")
    strange = sorted({sample.label for sample in samples} - set(card.labels))
    if strange:
        raise DataError(f"{data_dir} has the classes {_some(strange)}; {card.name} knows {_some(card.labels)}")
    return evaluate_samples(card, folder, samples, backend, device)


def evaluate_samples(
    card: ModelCard, folder: Path | None, samples: Sequence[Sample], backend: str = "auto", device: str = "auto"
) -> Evaluation:
    """The card's model on samples of its own labels. Raises ModelError for weights that cannot be used."""
    logits = classify(build_classifier(card, folder, backend, device), samples)
    return Evaluation(card, tuple(samples), logits, measure(samples, logits, card))


def classify(classifier: CardClassifier, samples: Sequence[Sample]) -> Logits:
    """(n, labels) logits of the samples in order."""
    parts = []
    with tqdm(total=len(samples), desc="evaluating", unit="picture", leave=False) as bar:
        for start in range(0, len(samples), 64):
            crops = [sample.load() for sample in samples[start : start + 64]]
            parts.append(classifier.logits(crops))
            bar.update(len(crops))
    return np.concatenate(parts)


def measure(samples: Sequence[Sample], logits: Logits, card: ModelCard) -> dict[str, Any]:
    """accuracy, macro_f1, ece, count, per_class, per_source and confusion (true class -> said class -> crops).

    `ece_raw` is the calibration error that the same answers have without the card's temperature.
    """
    chances = softmax(logits, card.temperature)
    truth, said = torch.from_numpy(_truth(samples, card)), torch.from_numpy(chances.argmax(axis=1))
    right = (truth == said).numpy()
    confusion = multiclass_confusion_matrix(said, truth, len(card.labels))
    per_class = _class_figures(said, truth, confusion, card.labels)
    scores = [figures["f1"] for figures in per_class.values() if figures["support"]]
    sources = np.asarray([sample.source for sample in samples])
    return {
        "accuracy": _round(right.mean()),
        "macro_f1": _round(np.mean(scores)),
        "ece": _round(calibration_error(chances.max(axis=1), right)),
        "ece_raw": _round(calibration_error(softmax(logits).max(axis=1), right)),
        "count": len(samples),
        "per_class": per_class,
        "per_source": {
            source: _source_figures(said[sources == source], truth[sources == source], card.labels)
            for source in sorted(set(sources.tolist()))
        },
        "confusion": {
            label: dict(zip(card.labels, row, strict=True))
            for label, row in zip(card.labels, confusion.tolist(), strict=True)
        },
    }


def calibration_error(confidence: NDArray[np.float64], right: NDArray[np.bool_]) -> float:
    """Expected calibration error over 15 bins (Guo et al. 2017): 0 means that confidence is the chance to be right."""
    return float(binary_calibration_error(torch.from_numpy(confidence), torch.from_numpy(right).long(), BINS))


def _some(names: Sequence[str], most: int = 12) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _truth(samples: Sequence[Sample], card: ModelCard) -> NDArray[np.int64]:
    place = {label: index for index, label in enumerate(card.labels)}
    return np.asarray([place[sample.label] for sample in samples], np.int64)


def _class_figures(said: Tensor, truth: Tensor, confusion: Tensor, labels: Sequence[str]) -> dict[str, dict[str, Any]]:
    columns = {
        "precision": multiclass_precision(said, truth, len(labels), average=None),
        "recall": multiclass_recall(said, truth, len(labels), average=None),
        "f1": multiclass_f1_score(said, truth, len(labels), average=None),
    }
    support = confusion.sum(dim=1).tolist()
    return {
        label: {**{name: _round(column[index]) for name, column in columns.items()}, "support": support[index]}
        for index, label in enumerate(labels)
    }


def _source_figures(said: Tensor, truth: Tensor, labels: Sequence[str]) -> dict[str, Any]:
    recall = multiclass_recall(said, truth, len(labels), average=None)
    there = np.unique(truth.numpy()).tolist()
    return {
        "accuracy": _round((said == truth).double().mean()),
        "count": len(truth),
        "recall": {labels[index]: _round(recall[index]) for index in there},
    }


def _round(value: Any) -> float:
    return round(float(value), 4)
