"""Model cards: what a network is, how its crops are prepared, and whether its weights are the ones published.

A card is YAML; it promises that training and inference prepare crops alike, that weights are unaltered safetensors
(never a pickle) and that labels fit the network's head. Only `shelf` writes cards.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import yaml
from numpy.typing import NDArray

from surveillance import plugins
from surveillance.domain.errors import ModelError, NotFound
from surveillance.domain.suggest import no_such
from surveillance.domain.values import Bgr, Classification

if TYPE_CHECKING:
    from torch import nn

WEIGHTS = Path(__file__).resolve().parent / "weights"  # what ships with the package
LARGEST_BATCH = 64

Batch = NDArray[np.float32]  # (n, channels, size, size), prepared as the card says
Logits = NDArray[np.float32]  # (n, labels)
Backend = Callable[
    [Batch], Logits
]  # what an entry point of surveillance.backends builds from (network, channels, size, device)


@dataclass(frozen=True, slots=True)
class Input:
    """How a crop becomes numbers: fitted to a square of `size` pixels, scaled to 0..1, normalized.

    `crop` is what torchvision's own weights were trained with: the shorter side becomes `resize` pixels, and the middle
    is cut out.
    """

    size: int
    mean: tuple[float, ...] = (0.5, 0.5, 0.5)  # one for each of the network's channels
    std: tuple[float, ...] = (0.25, 0.25, 0.25)
    color: str = "rgb"  # rgb | bgr | gray: the network's channels in their order
    fit: str = "stretch"  # stretch | letterbox | crop
    resize: int = 0  # of `crop`; 0: as `size`

    @property
    def channels(self) -> int:
        return 1 if self.color == "gray" else 3


@dataclass(frozen=True, slots=True)
class ModelCard:
    """Everything about one model that is not its weights."""

    name: str
    version: str
    architecture: str  # an entry point of surveillance.architectures
    parameters: Mapping[str, Any]
    labels: tuple[str, ...]  # in the order of the head's outputs
    input: Input
    temperature: float  # logits are divided by it, so that confidence means what it says
    reject_below: float  # one crop's confidence under it is doubt: `classify` says so; a track's doubt is its vote's
    weights_file: str
    weights_sha256: str
    licence: str
    data: Mapping[str, Any] = field(default_factory=dict)
    training: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, Any] = field(default_factory=dict)
    exports: Mapping[str, Any] = field(default_factory=dict)  # format -> files with their sha256, and parity with torch

    def as_yaml(self) -> dict[str, Any]:
        """The card as its file holds it."""
        page = {
            "name": self.name,
            "version": self.version,
            "architecture": {"name": self.architecture, "parameters": dict(self.parameters)},
            "labels": list(self.labels),
            "input": {key: list(v) if isinstance(v, tuple) else v for key, v in asdict(self.input).items()},
            "temperature": self.temperature,
            "reject": {"confidence": self.reject_below},
            "weights": {"file": self.weights_file, "sha256": self.weights_sha256},
            "licence": self.licence,
            "data": dict(self.data),
            "training": dict(self.training),
            "metrics": dict(self.metrics),
        }
        return page | ({"exports": dict(self.exports)} if self.exports else {})

    def files(self) -> dict[str, str]:
        """Every file that belongs to the model, with its sha256."""
        exported = [each["files"] for each in self.exports.values()]
        digests = {name: str(digest) for files in exported for name, digest in files.items()}
        return {self.weights_file: self.weights_sha256, **digests}


# --- cards ---------------------------------------------------------------------------------------------------------


def list_cards(folders: Iterable[Path]) -> tuple[ModelCard, ...]:
    """Every card in the folders by name; the first folder that has a name wins."""
    found: dict[str, ModelCard] = {}
    for folder in folders:
        for path in sorted(folder.glob("*.yaml")):
            card = load_card(path)
            found.setdefault(card.name, card)
    return tuple(found[name] for name in sorted(found))


def find_card(name: str, folders: Iterable[Path]) -> ModelCard:
    """The card called `name`. Raises NotFound, with the names there are."""
    cards = list_cards(folders)
    for card in cards:
        if card.name == name:
            return card
    raise NotFound(no_such("model", name, (card.name for card in cards)))


def load_card(path: Path) -> ModelCard:
    """Raises ModelError for a card that is missing or cannot be used."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ModelError(f"cannot read the model card {path}: {error.strerror}") from error
    return parse_card(text, str(path))


@lru_cache(maxsize=64)
def parse_card(text: str, where: str) -> ModelCard:
    """Raises ModelError that names `where` and the key at fault. Remembered: pages ask often."""
    try:
        page = yaml.safe_load(text)
        weights, architecture = page["weights"], page["architecture"]
        shape: dict[str, Any] = {key: tuple(v) if isinstance(v, list) else v for key, v in page["input"].items()}
        card = ModelCard(
            name=str(page["name"]),
            version=str(page["version"]),
            architecture=str(architecture["name"]),
            parameters=architecture.get("parameters") or {},
            labels=tuple(str(label) for label in page["labels"]),
            input=Input(**shape),
            temperature=float(page["temperature"]),
            reject_below=float(page["reject"]["confidence"]),
            weights_file=str(weights["file"]),
            weights_sha256=str(weights["sha256"]),
            licence=str(page["licence"]),
            data=page.get("data") or {},
            training=page.get("training") or {},
            metrics=page.get("metrics") or {},
            exports=page.get("exports") or {},
        )
        card.files()
    except yaml.YAMLError as error:
        raise ModelError(f"{where} is no valid YAML: {' '.join(str(error).split())}") from error
    except KeyError as error:
        raise ModelError(f"{where} is no model card: it lacks {error}") from error
    except (TypeError, ValueError, AttributeError) as error:
        raise ModelError(f"{where} is no model card: {error}") from error
    _check_card(card, where)
    return card


def _check_card(card: ModelCard, where: str) -> None:
    if len(set(card.labels)) != len(card.labels) or len(card.labels) < 2:
        raise ModelError(f"{where}: labels must be at least two and differ; they are {', '.join(card.labels)}")
    shape = card.input
    if shape.color not in ("rgb", "bgr", "gray") or shape.fit not in ("stretch", "letterbox", "crop"):
        raise ModelError(f"{where}: input needs color rgb, bgr or gray and fit stretch, letterbox or crop")
    if len(shape.mean) != shape.channels or len(shape.std) != shape.channels or min(shape.std) <= 0:
        raise ModelError(f"{where}: mean and std need {shape.channels} numbers for {shape.color}, std above 0")
    if card.temperature <= 0 or shape.size < 1 or (shape.resize and shape.resize < shape.size):
        raise ModelError(f"{where}: temperature and input size must be above 0, and resize at least the size")
    if Path(card.weights_file).name != card.weights_file or not card.weights_file.endswith(".safetensors"):
        raise ModelError(f"{where}: weights must be the plain name of a .safetensors file, not {card.weights_file!r}")


# --- weights -------------------------------------------------------------------------------------------------------


def load_weights(card: ModelCard, folder: Path | None = None) -> dict[str, Any]:
    """Tensors by name, from `folder` or else from the package, once their checksum is the card's.

    Raises ModelError for weights that are missing, altered, no safetensors, or made for other labels.
    """
    path, data = read_weights(card, folder)
    return _parse_weights(data, path, card)


def read_weights(card: ModelCard, folder: Path | None = None) -> tuple[Path, bytes]:
    """The weights' file and what is in it, once its checksum is the card's. Raises ModelError."""
    path = _weights_path(card, folder)
    data = path.read_bytes()
    found = hashlib.sha256(data).hexdigest()
    if found != card.weights_sha256:
        raise ModelError(
            f"{path} is not what was published as {card.name} {card.version}: expected sha256 {card.weights_sha256}, "
            f"found {found}; restore the file, or publish it again to make a new card"
        )
    return path, data


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


def _weights_path(card: ModelCard, folder: Path | None) -> Path:
    folders = (WEIGHTS,) if folder is None else (folder, WEIGHTS)
    for candidate in folders:
        if (candidate / card.weights_file).is_file():
            return candidate / card.weights_file
    tried = " or ".join(str(candidate) for candidate in folders)
    raise ModelError(f"the weights {card.weights_file} of {card.name} are not in {tried}; put them there or retrain")


def _parse_weights(data: bytes, path: Path, card: ModelCard) -> dict[str, Any]:
    from safetensors import SafetensorError
    from safetensors.torch import load

    try:
        tensors = load(data)
    except SafetensorError as error:
        raise ModelError(f"{path} is no safetensors file: {error}") from error
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    labels = json.loads(header.get("__metadata__", {}).get("labels", "null"))
    if labels is not None and tuple(labels) != card.labels:
        raise ModelError(
            f"{path} was trained for {', '.join(labels)}, the card of {card.name} says {', '.join(card.labels)}; "
            "use the card that was published with these weights"
        )
    return {name: tensor.float() if tensor.is_floating_point() else tensor for name, tensor in tensors.items()}


# --- crops ---------------------------------------------------------------------------------------------------------


def preprocess(crops: Sequence[Bgr], shape: Input) -> Batch:
    """Crops of any size become (n, channels, size, size) float32, the same for training and for use."""
    if not crops:
        return np.empty((0, shape.channels, shape.size, shape.size), np.float32)
    return normalize(np.stack([fit_crop(crop, shape.size, shape.fit, shape.resize) for crop in crops]), shape)


def fit_crop(crop: Bgr, size: int, fit: str = "stretch", resize: int = 0) -> Bgr:
    """One crop as (size, size, 3) uint8: stretched, letterboxed on gray, or its middle. Shrinking averages areas."""
    height, width = crop.shape[:2]
    if fit == "crop":
        return _middle(crop, size, max(resize, size))
    if fit == "stretch":
        shrinks = height * width > size * size
        return np.asarray(cv2.resize(crop, (size, size), interpolation=_kernel(shrinks)), np.uint8)
    scale = size / max(height, width)
    wide, high = max(1, round(width * scale)), max(1, round(height * scale))
    canvas = np.full((size, size, 3), 128, np.uint8)
    top, left = (size - high) // 2, (size - wide) // 2
    canvas[top : top + high, left : left + wide] = cv2.resize(crop, (wide, high), interpolation=_kernel(scale < 1))
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
    card: ModelCard, folder: Path | None = None, backend: str = "auto", device: str = "auto"
) -> CardClassifier:
    """A classifier of crops as the card says.

    `auto` takes torch on CUDA where there is one, else OpenVINO on one CPU thread. Raises ModelError for weights that
    cannot be used, NotFound for an unknown backend.
    """
    if backend == "auto":
        backend = "torch" if device.startswith("cuda") or (device == "auto" and _has_cuda()) else "openvino"
    run: Backend = plugins.load("backends", backend)(
        lambda: build_network(card, folder), card.input.channels, card.input.size, device
    )
    return CardClassifier(card, run)


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
            batch = preprocess(crops[start : start + LARGEST_BATCH], self.card.input)
            with self._one_at_a_time:
                parts.append(self._backend(batch))
        return np.concatenate(parts)


def softmax(logits: Logits, temperature: float = 1.0) -> NDArray[np.float64]:
    """Rows that sum to 1; a higher temperature is less sure (Guo et al. 2017)."""
    scaled = logits.astype(np.float64) / temperature
    powers = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def _has_cuda() -> bool:
    import torch

    return torch.cuda.is_available()
