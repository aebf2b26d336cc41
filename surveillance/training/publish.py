"""A run folder becomes a published model: verified weights beside a card that says what they are and how good.

`perception.shelf` writes both. Temperature and the reject threshold come from the run's validation part; figures of
held-out sources are measured on the published file itself, through the same code that uses it later.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.torch import load_file, save
from torch import Tensor

from surveillance.perception.cards import ModelCard
from surveillance.perception.registry import Logits, build_classifier, softmax
from surveillance.perception.shelf import check_name, write_model
from surveillance.training.datasets import Sample, sample_key
from surveillance.training.drift import profile_of
from surveillance.training.evaluate import classify, measure
from surveillance.training.exports import CROPS, with_exports
from surveillance.training.fit import split_digest
from surveillance.training.pretrained import SIDE_HEADS
from surveillance.training.recipes import Recipe, all_parameters, parse_recipe, recipe_page
from surveillance.training.runs import load_parts, load_run

LICENCE = "this project's, for the weights; what each source states is listed under data, and several state nothing"
FEW = 3  # pictures that make a source of their own on a card
SINGLE = "single pictures"
KEPT = 0.97  # the reject threshold lets this share of right answers through


def publish(
    run_dir: Path,
    name: str,
    out_dir: Path,
    weights_dir: Path | None = None,
    data_dir: Path | None = None,
    version: str = "1",
    licence: str = LICENCE,
    test_only: Sequence[str] = (),
    formats: Sequence[str] = (),
) -> Path:
    """Writes `out_dir`/NAME.yaml and its safetensors (beside it, or in `weights_dir`); returns the card's path.

    `data_dir` is where the run's data lies now, if it has moved; `formats` are of `exports`. Raises ModelError for a
    folder without a finished epoch or an export that answers otherwise, DataError when its data has changed,
    UserMistake for a name that cannot be a file's.
    """
    check_name(name)
    run = load_run(run_dir)
    recipe, labels = parse_recipe(run["recipe"]), tuple(run["labels"])
    parts = load_parts(run, data_dir)
    weights = _pack_weights(run_dir / "best.safetensors", labels)
    card = ModelCard(
        name=name,
        version=version,
        architecture=recipe.architecture,
        parameters=_without_side_heads(all_parameters(recipe)),
        labels=labels,
        input=recipe.input,
        temperature=1.0,
        reject_below=0.0,
        weights_file=f"{name}.safetensors",
        weights_sha256=hashlib.sha256(weights).hexdigest(),
        licence=licence,
        data=_data(parts, test_only),
        training=_training(recipe, parts),
    )
    with TemporaryDirectory() as folder:
        (Path(folder) / card.weights_file).write_bytes(weights)
        card = _with_figures(card, Path(folder), parts)
        card, files = with_exports(card, Path(folder), [sample.load() for sample in _few(parts["validation"])], formats)
    return write_model(card, {card.weights_file: weights, **files}, out_dir, weights_dir)


def fit_temperature(logits: Logits, answers: NDArray[np.int64]) -> float:
    """The temperature with the least negative log-likelihood, between 0.25 and 4 (Guo et al. 2017)."""
    rows = np.arange(len(answers))

    def loss(temperature: float) -> float:
        return float(-np.log(softmax(logits, temperature)[rows, answers] + 1e-12).mean())

    return round(float(min(np.geomspace(0.25, 4, 200), key=loss)), 4)


def choose_reject(chances: NDArray[np.float64], right: NDArray[np.bool_], kept: float = KEPT) -> float:
    """The highest confidence that `kept` of the right answers reach, to two places."""
    if not right.any():
        return 0.0
    return round(float(np.floor(np.quantile(chances.max(axis=1)[right], 1 - kept) * 100) / 100), 2)


def _pack_weights(best: Path, labels: Sequence[str]) -> bytes:
    """Matrices in half precision, the rest as it is; the labels go into the file's own header."""
    tensors: dict[str, Tensor] = {
        key: tensor.half() if tensor.is_floating_point() and tensor.ndim > 1 else tensor
        for key, tensor in load_file(best).items()
        if not key.startswith(SIDE_HEADS)
    }
    return save(tensors, metadata={"labels": json.dumps(list(labels))})


def _without_side_heads(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Heads that help in training only are not published."""
    return {**parameters, **({"aux_logits": False} if "aux_logits" in parameters else {})}


def _few(samples: Sequence[Sample]) -> Sequence[Sample]:
    """So many as answers are compared on, from the whole part."""
    return samples[:: max(1, len(samples) // CROPS)][:CROPS]


def _data(parts: Mapping[str, Sequence[Sample]], test_only: Sequence[str]) -> dict[str, Any]:
    learned = [*parts["train"], *parts["validation"]]
    return {
        "sources": _source_pages(learned),
        "held_out": _source_pages(parts["held_out"]),
        "test_only": list(test_only),
    }


def _source_pages(samples: Sequence[Sample]) -> dict[str, Any]:
    """source -> where it is from, its licence as stated there, and crops by class; photographs named singly as one."""
    pages: dict[str, Any] = {}
    sizes = Counter(sample.source for sample in samples)
    for sample in samples:
        page = pages.setdefault(
            sample.source if sizes[sample.source] >= FEW else SINGLE,
            {"origin": _collection(sample), "licence": sample.licence or "not stated", "crops": {}},
        )
        page["crops"][sample.label] = page["crops"].get(sample.label, 0) + 1
    return {source: pages[source] for source in sorted(pages)}


def _collection(sample: Sample) -> str:
    """The repository at its revision, or the top folder, that a crop was found in."""
    origin = sample.origin
    if origin == sample_key(sample):
        return "not stated"
    return origin.partition(":")[0] if ":" in origin else origin.partition("/")[0]


def _training(recipe: Recipe, parts: Mapping[str, Sequence[Sample]]) -> dict[str, Any]:
    return {
        "recipe": recipe_page(replace(recipe, weights=Path(recipe.weights).name)),  # no place on this machine
        "trained_on": {"crops": len(parts["train"]), "sha256": split_digest(parts["train"])},
        "validated_on": {"crops": len(parts["validation"]), "sha256": split_digest(parts["validation"])},
    }


def _with_figures(card: ModelCard, weights_dir: Path, parts: Mapping[str, Sequence[Sample]]) -> ModelCard:
    classifier = build_classifier(card, weights_dir)
    watched = parts["validation"]
    logits = classify(classifier, watched)
    answers = np.asarray([card.labels.index(sample.label) for sample in watched])
    temperature = fit_temperature(logits, answers)
    chances = softmax(logits, temperature)
    right = chances.argmax(axis=1) == answers
    card = replace(card, temperature=temperature, reject_below=choose_reject(chances, right))
    sure = zip((card.labels[index] for index in chances.argmax(axis=1)), chances.max(axis=1).tolist(), strict=True)
    metrics: dict[str, Any] = {"validation": measure(watched, logits, card), "baseline": profile_of(sure).as_json()}
    if parts["held_out"]:
        metrics["held_out"] = measure(parts["held_out"], classify(classifier, parts["held_out"]), card)
    return replace(card, metrics=metrics)
