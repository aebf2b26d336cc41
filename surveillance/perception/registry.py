"""A card becomes a network: verified weights that fit it, pictures prepared as it says, and answers by its labels.

Training and inference prepare crops alike; weights are unaltered safetensors whose labels are the card's.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from surveillance import plugins
from surveillance.domain.errors import ModelError
from surveillance.domain.values import Bgr, Classification
from surveillance.perception.cards import Input, ModelCard, read_weights

if TYPE_CHECKING:
    from torch import nn

LARGEST_BATCH = 64
GRAY = 128  # around a letterboxed crop
CORNER_GRAY = 114  # the same where the picture lies in the corner, as detectors are trained

Batch = NDArray[np.float32]  # (n, channels, size, size), prepared as the card says
Logits = NDArray[np.float32]  # (n, labels)
# What an entry point of surveillance.backends builds from (network, Input, device): fitted crops in, logits out.
Backend = Callable[[Sequence[Bgr]], Logits]


RESTORE = "put the weights back that were published, or train again"


# --- weights -------------------------------------------------------------------------------------------------------


def load_weights(card: ModelCard, folder: Path | None = None) -> dict[str, Any]:
    """Tensors by name, from `folder` or else from the package, once their checksum is the card's.

    Raises ModelError for weights that are missing, altered, no safetensors, or made for other labels.
    """
    path, data = read_weights(card, folder)
    return _parse_weights(data, path, card)


def build_network(card: ModelCard, folder: Path | None = None) -> nn.Module:
    """The card's network with its verified weights, ready for inference. Raises ModelError as `load_weights` does."""
    weights = load_weights(card, folder)
    build = plugins.load("architectures", card.architecture)
    try:
        network: nn.Module = build(len(card.labels), **card.parameters)
    except (TypeError, ValueError) as error:
        raise ModelError(f"{card.name} asks {card.architecture} for what it cannot be: {error}") from error
    try:
        network.load_state_dict(weights)
    except (RuntimeError, ValueError) as error:
        reason = str(error).splitlines()[-1].strip()
        raise ModelError(
            f"{card.weights_file} does not fit {card.architecture} with {len(card.labels)} labels: {reason}"
        ) from error
    return network.eval()


def _parse_weights(data: bytes, path: Path, card: ModelCard) -> dict[str, Any]:
    from safetensors import SafetensorError
    from safetensors.torch import load

    try:
        tensors = load(data)
    except SafetensorError as error:
        raise ModelError(f"{path} is no safetensors file: {error}") from error
    labels = _trained_for(data, path)
    if labels is not None and tuple(labels) != card.labels:
        raise ModelError(
            f"{path} was trained for {', '.join(labels)}, the card of {card.name} says {', '.join(card.labels)}; "
            "use the card that was published with these weights"
        )
    if not all(tensor.isfinite().all() for tensor in tensors.values()):
        raise ModelError(f"{path} holds what is no number; {RESTORE}")
    return {name: tensor.float() if tensor.is_floating_point() else tensor for name, tensor in tensors.items()}


def _trained_for(data: bytes, path: Path) -> list[str] | None:
    """The labels that a safetensors file names, if any."""
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    try:
        labels: list[str] | None = json.loads(header.get("__metadata__", {}).get("labels", "null"))
    except ValueError as error:
        raise ModelError(f"{path} names its labels in no list; {RESTORE}") from error
    if labels is not None and not (isinstance(labels, list) and all(isinstance(label, str) for label in labels)):
        raise ModelError(f"{path} names its labels in no list; {RESTORE}")
    return labels


# --- crops ---------------------------------------------------------------------------------------------------------


def preprocess(crops: Sequence[Bgr], shape: Input) -> Batch:
    """Crops of any size become (n, channels, size, size) float32, the same for training and for use."""
    if not crops:
        return np.empty((0, shape.channels, shape.size, shape.size), np.float32)
    return normalize(np.stack(fit_crops(crops, shape)), shape)


def fit_crops(crops: Sequence[Bgr], shape: Input) -> list[Bgr]:
    """Each as (size, size, 3) uint8, as the card says."""
    return [fit_crop(crop, shape.size, shape.fit, shape.resize) for crop in crops]


def fit_crop(crop: Bgr, size: int, fit: str = "stretch", resize: int = 0) -> Bgr:
    """One crop as (size, size, 3) uint8: stretched, letterboxed on gray, or its middle; `whole` leaves it as it is.

    Shrinking averages areas, but for `corner`: detectors learned from bilinear pictures.
    """
    height, width = crop.shape[:2]
    if fit == "whole" or (height == width == size and fit != "crop"):
        return crop
    if fit == "crop":
        return _middle(crop, size, max(resize, size))
    if fit == "stretch":
        shrinks = height * width > size * size
        return np.asarray(cv2.resize(crop, (size, size), interpolation=_kernel(shrinks)), np.uint8)
    scale = size / max(height, width)
    wide, high = max(1, round(width * scale)), max(1, round(height * scale))
    canvas = np.full((size, size, 3), CORNER_GRAY if fit == "corner" else GRAY, np.uint8)
    top, left = (0, 0) if fit == "corner" else ((size - high) // 2, (size - wide) // 2)
    kernel = _kernel(scale < 1 and fit != "corner")
    canvas[top : top + high, left : left + wide] = cv2.resize(crop, (wide, high), interpolation=kernel)
    return canvas


def normalize(fitted: NDArray[np.uint8], shape: Input) -> Batch:
    """(n, size, size, 3) uint8 in BGR becomes (n, channels, size, size) float32 as the network wants it."""
    pixels = _channels(fitted, shape.color)
    scale = 1 / (255 * np.asarray(shape.std, np.float32))
    offset = np.asarray(shape.mean, np.float32) / np.asarray(shape.std, np.float32)
    return np.ascontiguousarray((pixels * scale - offset).transpose(0, 3, 1, 2), np.float32)


def _channels(pixels: NDArray[np.uint8], color: str) -> NDArray[np.uint8]:
    if color == "gray":
        return np.stack([cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)[..., None] for picture in pixels])
    return pixels[..., ::-1] if color == "rgb" else pixels


def _middle(crop: Bgr, size: int, resize: int) -> Bgr:
    height, width = crop.shape[:2]
    scale = resize / min(height, width)
    wide, high = max(size, round(width * scale)), max(size, round(height * scale))
    whole = cv2.resize(crop, (wide, high), interpolation=_kernel(scale < 1))
    top, left = (high - size) // 2, (wide - size) // 2
    return np.asarray(whole[top : top + size, left : left + size], np.uint8)


def _kernel(shrinks: bool) -> int:
    return int(cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)


# --- classifying ---------------------------------------------------------------------------------------------------


def build_classifier(
    card: ModelCard,
    folder: Path | None = None,
    backend: str = "auto",
    device: str = "auto",
    are_fitted: bool = False,
    precision: str = "f32",
) -> CardClassifier:
    """A classifier of crops as the card says; `are_fitted` where they come as `fit_crop` left them.

    `auto` takes torch on CUDA where there is one, else OpenVINO on one CPU thread. Raises ModelError for weights that
    cannot be used, NotFound for an unknown backend.
    """
    if backend == "auto":
        backend = "torch" if device.startswith("cuda") or (device == "auto" and _has_cuda()) else "openvino"
    how = {} if precision == "f32" else {"precision": precision}
    run: Backend = plugins.load("backends", backend)(lambda: build_network(card, folder), card.input, device, **how)
    return CardClassifier(replace(card, input=replace(card.input, fit="whole")) if are_fitted else card, run)


class CardClassifier:
    """The domain's Classifier: crops in, one Classification each out. May be shared between threads."""

    def __init__(self, card: ModelCard, backend: Backend) -> None:
        self.card = card
        self._backend = backend
        self._one_at_a_time = Lock()

    def __call__(self, crops: Sequence[Bgr]) -> tuple[Classification, ...]:
        """(height, width, 3) uint8 crops, in order."""
        card = self.card
        return tuple(
            Classification(
                label=card.labels[int(row.argmax())],
                confidence=float(row.max()),
                scores={label: float(value) for label, value in zip(card.labels, row, strict=True)},
                model=card.name,
            )
            for row in softmax(self.logits(crops), card.temperature)
        )

    def logits(self, crops: Sequence[Bgr]) -> Logits:
        """(n, labels) float32, before temperature."""
        parts = [np.empty((0, len(self.card.labels)), np.float32)]
        for start in range(0, len(crops), LARGEST_BATCH):
            fitted = fit_crops(crops[start : start + LARGEST_BATCH], self.card.input)
            with self._one_at_a_time:
                parts.append(self._backend(fitted))
        found = np.concatenate(parts)
        if not np.isfinite(found).all():  # else whatever label comes first would seem to be seen
            raise ModelError(f"{self.card.name} answers what is no number; {RESTORE}")
        return found


def softmax(logits: Logits, temperature: float = 1.0) -> NDArray[np.float64]:
    """Rows that sum to 1; a higher temperature is less sure (Guo et al. 2017)."""
    scaled = logits.astype(np.float64) / temperature
    powers = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def _has_cuda() -> bool:
    import torch

    return torch.cuda.is_available()
