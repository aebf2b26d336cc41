"""Two models asked about the same labeled pictures, so that their answers can be compared one by one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from surveillance.app.worker import build_classifier
from surveillance.domain.errors import DataError
from surveillance.settings import Settings

if TYPE_CHECKING:
    from surveillance.training.compare import Comparison
    from surveillance.training.datasets import Sample


def compare_models(settings: Settings, current: str, candidate: str, data: Path) -> Comparison:
    """Both on every labeled picture of a folder. Raises NotFound, ModelError, DataError."""
    from surveillance.training.compare import compare_answers
    from surveillance.training.datasets import load_samples

    samples = load_samples(data)
    truth = [sample.label for sample in samples]
    return compare_answers(truth, said_by(settings, current, samples), said_by(settings, candidate, samples))


def said_by(settings: Settings, model: str, samples: Sequence[Sample]) -> list[str]:
    """What a model calls each of them, in order. Raises DataError where they have a label that it does not know."""
    from surveillance.training.evaluate import classify

    classifier = build_classifier(settings, model)
    labels = classifier.card.labels
    strange = sorted({sample.label for sample in samples} - set(labels))
    if strange:
        raise DataError(f"the pictures are labeled {', '.join(strange)}; {model} knows {', '.join(labels)}")
    return [labels[index] for index in classify(classifier, samples).argmax(axis=1)]
