"""A published model and a tree of labeled crops become figures: per class, per source, and how honest it is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from surveillance.domain.errors import DataError
from surveillance.perception.registry import CardClassifier, Logits, ModelCard, build_classifier, softmax
from surveillance.training.datasets import Sample, load_samples

Index = NDArray[np.int64]
BINS = 15


def evaluate_card(
    card: ModelCard,
    folder: Path | None,
    data_dir: Path,
    backend: str = "auto",
    device: str = "auto",
    sources: Iterable[str] | None = None,
) -> dict[str, Any]:
    """Figures of the card's model on a class-per-folder tree, of all its sources or of those named.

    `folder` holds the weights (None: what ships). Raises DataError for a tree with other classes than the card's
    labels, ModelError for weights that cannot be used.
    """
    samples = load_samples(data_dir)
    if sources is not None:
        wanted = frozenset(sources)
        samples = tuple(sample for sample in samples if sample.source in wanted)
    if not samples:
        raise DataError(f"{data_dir} has no crops of those sources")
    strange = sorted({sample.label for sample in samples} - set(card.labels))
    if strange:
        raise DataError(f"{data_dir} has the classes {', '.join(strange)}; {card.name} knows {', '.join(card.labels)}")
    return measure(samples, classify(build_classifier(card, folder, backend, device), samples), card)


def classify(classifier: CardClassifier, samples: Sequence[Sample]) -> Logits:
    """(n, labels) logits of the samples in order."""
    parts = []
    for start in tqdm(range(0, len(samples), 64), "evaluating", unit="batch", leave=False):
        parts.append(classifier.logits([sample.load() for sample in samples[start : start + 64]]))
    return np.concatenate(parts)


def measure(samples: Sequence[Sample], logits: Logits, card: ModelCard) -> dict[str, Any]:
    """accuracy, macro_f1, ece, count, per_class, per_source and confusion (true class -> said class -> crops)."""
    chances = softmax(logits, card.temperature)
    truth = np.asarray([card.labels.index(sample.label) for sample in samples])
    said = chances.argmax(axis=1)
    per_class = {label: _class_figures(truth, said, index) for index, label in enumerate(card.labels)}
    sources = np.asarray([sample.source for sample in samples])
    scores = [figures["f1"] for figures in per_class.values() if figures["support"]]
    return {
        "accuracy": _round(np.mean(truth == said)),
        "macro_f1": _round(np.mean(scores)),
        "ece": _round(calibration_error(chances.max(axis=1), truth == said)),
        "count": len(samples),
        "per_class": per_class,
        "per_source": {
            source: _source_figures(truth[sources == source], said[sources == source], card.labels)
            for source in sorted(set(sources.tolist()))
        },
        "confusion": {
            label: {other: int(np.sum((truth == i) & (said == j))) for j, other in enumerate(card.labels)}
            for i, label in enumerate(card.labels)
        },
    }


def calibration_error(confidence: NDArray[np.float64], right: NDArray[np.bool_]) -> float:
    """Expected calibration error over 15 bins (Guo et al. 2017): 0 means that confidence is the chance to be right."""
    bins = np.minimum((confidence * BINS).astype(int), BINS - 1)
    total = 0.0
    for index in range(BINS):
        inside = bins == index
        if inside.any():
            total += inside.mean() * abs(right[inside].mean() - confidence[inside].mean())
    return float(total)


def _class_figures(truth: Index, said: Index, index: int) -> dict[str, Any]:
    hits = int(np.sum((truth == index) & (said == index)))
    support, named = int(np.sum(truth == index)), int(np.sum(said == index))
    precision, recall = hits / max(named, 1), hits / max(support, 1)
    return {
        "precision": _round(precision),
        "recall": _round(recall),
        "f1": _round(2 * hits / max(named + support, 1)),
        "support": support,
    }


def _source_figures(truth: Index, said: Index, labels: Sequence[str]) -> dict[str, Any]:
    recall = {
        label: _round(np.mean(said[truth == index] == index))
        for index, label in enumerate(labels)
        if np.any(truth == index)
    }
    return {"accuracy": _round(np.mean(truth == said)), "count": len(truth), "recall": recall}


def _round(value: Any) -> float:
    return round(float(value), 4)
