"""A small model with random weights, published into a folder, for tests of what is done with models."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save

from surveillance.perception.architectures import compact_cnn
from surveillance.perception.cards import Input, ModelCard
from surveillance.perception.shelf import write_model
from surveillance.perception.torchvision_models import detector, segmenter
from surveillance.training.known_weights import card_of, find_known

SHAPE: Mapping[str, Any] = {"stem": 8, "widths": [8, 16], "depths": [1, 1], "attend_from": 1}
LABELS = ("cat", "dog")
Tensors = dict[str, torch.Tensor]


def made(
    name: str, folder: Path, seed: int = 0, version: str = "1", change: Callable[[Tensors], Tensors] = lambda held: held
) -> ModelCard:
    """The model's card; `change` alters its weights before they are written."""
    torch.manual_seed(seed)
    tensors = {key: value.contiguous() for key, value in compact_cnn(2, **SHAPE).state_dict().items()}
    weights = save(change(tensors), metadata={"labels": json.dumps(LABELS)})
    card = ModelCard(
        name=name,
        version=version,
        architecture="compact_cnn",
        parameters=SHAPE,
        labels=LABELS,
        input=Input(size=32),
        temperature=1.0,
        reject_below=0.5,
        weights_file=f"{name}.safetensors",
        weights_sha256=hashlib.sha256(weights).hexdigest(),
        licence="MIT",
    )
    write_model(card, {card.weights_file: weights}, folder)
    return card


def random_task(name: str, folder: Path, **changes: Any) -> tuple[ModelCard, torch.nn.Module]:
    """A known detector or segmenter of torchvision with random weights, and its bare network."""
    known = find_known(name)
    torch.manual_seed(3)
    kind = {"detector": detector, "segmenter": segmenter}[known.kind]
    network = kind(len(known.labels), model=known.architecture).network.eval()
    tensors = {key: value.contiguous() for key, value in network.state_dict().items()}
    data = save(tensors, metadata={"labels": json.dumps(known.labels)})
    card = replace(card_of(known, name, "0" * 64, data), **changes)
    write_model(card, {card.weights_file: data}, folder)
    return card, network
