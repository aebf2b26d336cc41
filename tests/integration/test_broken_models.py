"""Weights that are broken are refused in one line, and a model that answers nonsense is never believed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from damage import bytes_changed
from hypothesis import HealthCheck, given, settings
from safetensors.numpy import load, save

from surveillance import places
from surveillance.domain.errors import ModelError
from surveillance.perception.cards import ModelCard, load_card
from surveillance.perception.registry import CardClassifier, build_network, read_weights

EMBEDDED = places.shipped("config") / "models" / "embedded.yaml"


@pytest.fixture(scope="module")
def card() -> ModelCard:
    return load_card(EMBEDDED)


@pytest.fixture(scope="module")
def whole(card: ModelCard) -> bytes:
    return read_weights(card)[1]


def saved(card: ModelCard, folder: Path, data: bytes) -> ModelCard:
    """A card whose digest fits those weights."""
    (folder / card.weights_file).write_bytes(data)
    return replace(card, weights_sha256=hashlib.sha256(data).hexdigest())


def poisoned(data: bytes, value: float) -> bytes:
    tensors = {name: np.array(tensor) for name, tensor in load(data).items()}
    first = next(name for name, tensor in tensors.items() if tensor.dtype.kind == "f")
    tensors[first].flat[0] = value
    return save(tensors)


def relabeled(data: bytes, labels: object) -> bytes:
    return save(load(data), {"labels": labels if isinstance(labels, str) else json.dumps(labels)})


BROKEN: tuple[tuple[str, Callable[[bytes], bytes], str], ...] = (
    ("weights that are cut off", lambda data: data[: len(data) // 2], "is no safetensors file"),
    ("weights that are empty", lambda data: b"", "is no safetensors file"),
    ("weights with one that is no number", lambda data: poisoned(data, float("nan")), "holds what is no number"),
    ("weights with an endless one", lambda data: poisoned(data, float("inf")), "holds what is no number"),
    ("weights of other labels", lambda data: relabeled(data, ["cat", "dog"]), "was trained for cat, dog"),
    ("weights whose labels are no list", lambda data: relabeled(data, {"cat": 1}), "names its labels in no list"),
    ("weights whose labels are cut off", lambda data: relabeled(data, '["cat'), "names its labels in no list"),
)


@pytest.mark.parametrize(("what", "damage", "words"), BROKEN, ids=[what for what, _, _ in BROKEN])
def test_broken_weights_are_refused_although_their_digest_fits(
    what: str, damage: Callable[[bytes], bytes], words: str, card: ModelCard, whole: bytes, tmp_path: Path
) -> None:
    with pytest.raises(ModelError, match=words) as told:
        build_network(saved(card, tmp_path, damage(whole)), tmp_path)
    assert "\n" not in str(told.value)


def test_weights_of_another_digest_are_not_even_read(card: ModelCard, whole: bytes, tmp_path: Path) -> None:
    (tmp_path / card.weights_file).write_bytes(whole[:-1] + b"\1")
    with pytest.raises(ModelError, match="sha256"):
        build_network(card, tmp_path)


def test_damaged_weights_are_refused_or_whole(card: ModelCard, whole: bytes, tmp_path: Path) -> None:
    @settings(max_examples=20, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(bytes_changed(whole[:4000]))
    def refuses(head: bytes) -> None:
        try:
            build_network(saved(card, tmp_path, head + whole[len(head) :]), tmp_path)
        except ModelError as error:
            assert len(str(error).splitlines()) == 1  # noqa: PT017

    refuses()


@pytest.mark.parametrize("answer", [float("nan"), float("inf")])
def test_an_answer_that_is_no_number_is_a_failure_and_no_label(card: ModelCard, answer: float) -> None:
    """The largest of them would be the first label, whatever it stands for."""
    broken = CardClassifier(card, lambda crops: np.full((len(crops), len(card.labels)), answer, np.float32))
    with pytest.raises(ModelError, match="answers what is no number"):
        broken([np.zeros((32, 32, 3), np.uint8)])
