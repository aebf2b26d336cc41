"""A card of any kind becomes what can be asked: prepared pictures in, the network's raw answers out.

ONNX runs in OpenVINO on one CPU thread; torchvision's networks are built by name, filled with verified safetensors, and
run in OpenVINO too where their input has one size, else in torch.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from surveillance.domain.errors import ModelError
from surveillance.perception.cards import CLASSIFIER, DETECTOR, SEGMENTER, Input, ModelCard, read_weights
from surveillance.perception.registry import Batch, build_network, load_weights

if TYPE_CHECKING:
    from torch import nn

Answers = tuple[NDArray[np.float32], ...]  # the network's outputs, in their order
Run = Callable[[Batch], Answers]


def open_model(card: ModelCard, folder: Path | None = None) -> Run:
    """What the card's network answers. Raises ModelError for a file that is missing, altered or does not fit."""
    if card.is_onnx:
        return open_onnx(card, folder)
    network = _torchvision_network(card, folder)
    from surveillance.perception.backends.openvino_backend import run_module
    from surveillance.perception.backends.torch_backend import run_eagerly

    shape = card.input
    return run_eagerly(network) if shape.fit == "whole" else run_module(network, shape.channels, shape.size)


def open_onnx(card: ModelCard, folder: Path | None = None) -> Run:
    """The same for a card whose file is ONNX."""
    from surveillance.perception.backends.onnx_file import run_onnx

    path, data = read_weights(card, folder)
    try:
        return run_onnx(data)
    except RuntimeError as error:
        reason = " ".join(str(error).split())[:200]
        raise ModelError(f"{path} is no ONNX file that can be run: {reason}") from error


def check_model(card: ModelCard, folder: Path) -> None:
    """Raises ModelError for a model whose network cannot be built of its file."""
    if card.kind == CLASSIFIER:
        build_network(card, folder)
    elif card.is_onnx:
        open_onnx(card, folder)
    else:
        _torchvision_network(card, folder)


def _torchvision_network(card: ModelCard, folder: Path | None) -> nn.Module:
    """torchvision's detector or segmenter by name, its weights loaded, answering plain tensors."""
    from surveillance.perception import torchvision_models

    weights = load_weights(card, folder)
    build: Any = {DETECTOR: torchvision_models.detector, SEGMENTER: torchvision_models.segmenter}.get(card.kind)
    if build is None:
        raise ModelError(f"{card.name}: a {card.kind} is an ONNX file, not {card.weights_file}")
    try:
        network: nn.Module = build(len(card.labels), model=card.architecture, **card.parameters)
    except (TypeError, ValueError) as error:
        raise ModelError(f"{card.name} asks torchvision for what it cannot be: {error}") from error
    try:
        network.load_state_dict(weights)
    except RuntimeError as error:
        reason = str(error).splitlines()[-1].strip()
        raise ModelError(f"{card.weights_file} does not fit {card.architecture}: {reason}") from error
    return network.eval()


def unplaced(boxes: NDArray[np.float32], shape: Input, width: int, height: int) -> NDArray[np.float32]:
    """(n, 4) corners in pixels of the network's input become corners in 0..1 of a picture of that size."""
    size = float(shape.size)
    if shape.fit == "whole":
        scale, offset = (1 / width, 1 / height), (0.0, 0.0)
    elif shape.fit == "stretch":
        scale, offset = (1 / size, 1 / size), (0.0, 0.0)
    else:
        ratio = size / max(width, height)
        scale = (1 / (ratio * width), 1 / (ratio * height))
        middle = shape.fit == "letterbox"
        offset = ((size - ratio * width) / 2 * middle, (size - ratio * height) / 2 * middle)
    moved = (boxes - np.array([*offset, *offset], np.float32)) * np.array([*scale, *scale], np.float32)
    return np.asarray(moved.clip(0.0, 1.0), np.float32)
