"""The embedded model's card, held against the crops it names: what was trained on, what was not, and its figures."""

import hashlib
import json
import tarfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from cards import embedded_card
from safetensors.torch import load_file, save_file

from surveillance.perception.cards import WEIGHTS, ModelCard
from surveillance.perception.registry import build_classifier
from surveillance.training.datasets import Sample, load_samples, parse_manifest, source_of, split_samples
from surveillance.training.evaluate import classify, evaluate_card, measure
from surveillance.training.fit import split_digest
from surveillance.training.recipes import parse_recipe

TEST_ONLY = (
    "one-by-one-person-detection",
    "car-detection",
    "bottle-detection",
    "vtest",
    "PETS09",
    "TUD-Campus",
)


@pytest.fixture(scope="module")
def card() -> ModelCard:
    return embedded_card()


@pytest.fixture(scope="module")
def crops(footage: Path, card: ModelCard, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The manifest and the held-out crops alone."""
    folder = tmp_path_factory.mktemp("crops")
    with tarfile.open(footage / "crops.tar") as tar:
        for member in tar:
            name = Path(member.name)
            if name.name == "MANIFEST.tsv" or source_of(name.name) in card.data["held_out"]:
                tar.extract(member, folder, filter="data")
    return folder / "crops"


@pytest.fixture(scope="module")
def samples(crops: Path) -> tuple[Sample, ...]:
    """All samples of the manifest, in the order in which a run reads them; most have no file here."""
    rows = parse_manifest((crops / "MANIFEST.tsv").read_text(encoding="utf-8"))
    return tuple(
        Sample(Path(file), row["class"], source_of(Path(file).name), row["source"], row["licence_as_stated"])
        for file, row in sorted(rows.items(), key=lambda item: Path(item[0]))
    )


def test_weights_are_small_and_shipped(card: ModelCard) -> None:
    assert (WEIGHTS / card.weights_file).stat().st_size <= 8 * 2**20


def test_two_whole_sources_of_each_class_are_held_out(card: ModelCard) -> None:
    held, learned = card.data["held_out"], card.data["sources"]
    assert not set(held) & set(learned)
    assert set(held) == set(card.metrics["held_out"]["per_source"])
    for label in card.labels:
        assert sum(label in page["crops"] for page in held.values()) >= 2, label


def test_nothing_held_out_was_trained_on(card: ModelCard, samples: tuple[Sample, ...]) -> None:
    recipe = parse_recipe(card.training["recipe"])
    split = split_samples(samples, recipe.hold_out, recipe.validation, recipe.seed)
    assert set(recipe.hold_out) == set(card.data["held_out"])
    assert {sample.source for sample in split.train}.isdisjoint(recipe.hold_out)
    assert card.training["trained_on"] == {"crops": len(split.train), "sha256": split_digest(split.train)}
    assert card.training["validated_on"] == {"crops": len(split.validation), "sha256": split_digest(split.validation)}


def test_no_test_footage_was_trained_on(card: ModelCard, samples: tuple[Sample, ...]) -> None:
    learned = [sample for sample in samples if sample.source in card.data["sources"]]
    assert len(learned) == sum(sum(page["crops"].values()) for page in card.data["sources"].values())
    assert [s.origin for s in learned if any(name.lower() in s.origin.lower() for name in TEST_ONLY)] == []
    listed = " ".join(card.data["test_only"])
    assert [name for name in TEST_ONLY if name not in listed] == []


def test_no_picture_of_the_demo_was_trained_on(card: ModelCard, samples: tuple[Sample, ...]) -> None:
    demo = ("scikit", "skimage", "matplotlib", "astronaut", "chelsea", "grace_hopper")
    assert [s.origin for s in samples if any(name in s.origin.lower() for name in demo)] == []


def test_card_figures_are_reproduced(card: ModelCard, crops: Path) -> None:
    figures, told = evaluate_card(card, None, crops), card.metrics["held_out"]
    assert figures["count"] == told["count"]
    assert figures["accuracy"] == pytest.approx(told["accuracy"], abs=0.005)
    for source, page in told["per_source"].items():
        assert figures["per_source"][source]["accuracy"] == pytest.approx(page["accuracy"], abs=0.005), source


def test_random_weights_know_nothing(card: ModelCard, crops: Path, tmp_path: Path) -> None:
    torch.manual_seed(3)
    noise = {
        name: torch.randn_like(tensor) * 0.05 if tensor.ndim > 1 else tensor
        for name, tensor in load_file(WEIGHTS / card.weights_file).items()
    }
    file = tmp_path / card.weights_file
    save_file(noise, file, metadata={"labels": json.dumps(list(card.labels))})
    blind = replace(card, weights_sha256=hashlib.sha256(file.read_bytes()).hexdigest())
    some = load_samples(crops)[::20]
    figures = measure(some, classify(build_classifier(blind, tmp_path), some), blind)
    recalls = [page["recall"] for page in figures["per_class"].values()]
    assert float(np.mean(recalls)) < 0.45
