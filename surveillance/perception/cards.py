"""Model cards: what a network is and does, how its pictures are prepared, and whether its file is the one published.

A card is YAML. `kind` says what for: a classifier of crops, a detector, a segmenter, a face detector, a face embedding;
all but classifiers name the `decoder` that reads the network's answers. Files are safetensors or ONNX, never a pickle.
Only `shelf` writes cards.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

import yaml

from surveillance.domain.errors import ModelError, NotFound
from surveillance.domain.suggest import no_such

WEIGHTS = Path(__file__).resolve().parent / "weights"  # what ships with the package

CLASSIFIER, DETECTOR, SEGMENTER = "classifier", "detector", "segmenter"
FACE_DETECTOR, FACE_EMBEDDING = "face_detector", "face_embedding"
DECODERS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        CLASSIFIER: (),
        DETECTOR: ("yolox", "nanodet", "ssd", "torchvision_detector"),
        SEGMENTER: ("torchvision_segmenter",),
        FACE_DETECTOR: ("yunet",),
        FACE_EMBEDDING: ("embedding",),
    }
)
WORDS: Mapping[str, str] = MappingProxyType({kind: kind.replace("_", " ") for kind in DECODERS})
FITS = ("stretch", "letterbox", "crop", "corner", "whole")


@dataclass(frozen=True, slots=True)
class Input:
    """How a picture becomes numbers: fitted to a square of `size` pixels, scaled to 0..1, normalized.

    `crop` is what torchvision's own weights were trained with: the shorter side becomes `resize` pixels, and the middle
    is cut out. `corner` is a letterbox whose picture lies at the top left; `whole` leaves the picture as it is.
    """

    size: int
    mean: tuple[float, ...] = (0.5, 0.5, 0.5)  # one for each of the network's channels
    std: tuple[float, ...] = (0.25, 0.25, 0.25)
    color: str = "rgb"  # rgb | bgr | gray: the network's channels in their order
    fit: str = "stretch"  # one of FITS
    resize: int = 0  # of `crop`; 0: as `size`

    @property
    def channels(self) -> int:
        return 1 if self.color == "gray" else 3


@dataclass(frozen=True, slots=True)
class ModelCard:
    """Everything about one model that is not its weights."""

    name: str
    version: str
    architecture: str  # an entry point of surveillance.architectures, a torchvision name, or "" of an ONNX file
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
    kind: str = CLASSIFIER
    decoder: str = ""  # of DECODERS; classifiers have none
    options: Mapping[str, Any] = field(default_factory=dict)  # what the decoder can be told
    classes: Mapping[str, str] = field(default_factory=dict)  # the model's label -> ours, which rules know

    @property
    def is_onnx(self) -> bool:
        return self.weights_file.endswith(".onnx")

    def as_yaml(self) -> dict[str, Any]:
        """The card as its file holds it."""
        page = {
            "name": self.name,
            "version": self.version,
            **self._what(),
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

    def _what(self) -> dict[str, Any]:
        """Of a classifier its architecture alone, as cards always had it."""
        built = {"architecture": {"name": self.architecture, "parameters": dict(self.parameters)}}
        if self.kind == CLASSIFIER:
            return built
        decoder = {"name": self.decoder, **self.options}
        named = {"kind": self.kind, "decoder": decoder, "classes": dict(self.classes)}
        return named | (built if self.architecture else {})

    def files(self) -> dict[str, str]:
        """Every file that belongs to the model, with its sha256."""
        exported = [each["files"] for each in self.exports.values()]
        digests = {name: str(digest) for files in exported for name, digest in files.items()}
        return {self.weights_file: self.weights_sha256, **digests}


# --- finding -------------------------------------------------------------------------------------------------------


def list_cards(folders: Iterable[Path], kind: str | None = CLASSIFIER) -> tuple[ModelCard, ...]:
    """Every card of that kind (None: of any) in the folders by name; the first folder that has a name wins."""
    found: dict[str, ModelCard] = {}
    for folder in folders:
        for path in sorted(folder.glob("*.yaml")):
            card = load_card(path)
            found.setdefault(card.name, card)
    return tuple(found[name] for name in sorted(found) if kind in (None, found[name].kind))


def find_card(name: str, folders: Iterable[Path], kind: str | None = CLASSIFIER) -> ModelCard:
    """The card called `name`. Raises NotFound, with the names there are, ModelError for a model of another kind."""
    cards = {card.name: card for card in list_cards(folders, None)}
    fitting = [card.name for card in cards.values() if kind in (None, card.kind)]
    if name in fitting:
        return cards[name]
    word = WORDS.get(kind or "", "model")
    if name in cards:
        there = f"; there are: {', '.join(fitting)}" if fitting else ""
        raise ModelError(f"{name} is a {WORDS[cards[name].kind]}, and a {word} is needed{there}")
    raise NotFound(no_such("model" if kind == CLASSIFIER else word, name, fitting))


def load_card(path: Path) -> ModelCard:
    """Raises ModelError for a card that is missing or cannot be used."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ModelError(f"cannot read the model card {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ModelError(f"the model card {path} is no UTF-8 text: {error.reason}") from error
    return parse_card(text, str(path))


# --- reading -------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=64)
def parse_card(text: str, where: str) -> ModelCard:
    """Raises ModelError that names `where` and the key at fault. Remembered: pages ask often."""
    try:
        card = _card_of(yaml.safe_load(text))
        card.files()
    except yaml.YAMLError as error:
        raise ModelError(f"{where} is no valid YAML: {' '.join(str(error).split())}") from error
    except KeyError as error:
        raise ModelError(f"{where} is no model card: it lacks {error}") from error
    except (TypeError, ValueError, AttributeError, OverflowError) as error:
        raise ModelError(f"{where} is no model card: {error}") from error
    except RecursionError as error:
        raise ModelError(f"{where} is no model card: it is nested too deeply") from error
    _check_card(card, where)
    return card


def _card_of(page: Mapping[str, Any]) -> ModelCard:
    weights, kind = page["weights"], str(page.get("kind", CLASSIFIER))
    architecture = page["architecture"] if kind == CLASSIFIER else page.get("architecture") or {"name": ""}
    decoder = dict(page["decoder"]) if kind != CLASSIFIER else {"name": ""}
    shape: dict[str, Any] = {key: INPUTS.get(key, str)(value) for key, value in page["input"].items()}
    return ModelCard(
        name=str(page["name"]),
        version=str(page["version"]),
        architecture=str(architecture["name"]),
        parameters=architecture.get("parameters") or {},
        labels=tuple(str(label) for label in page["labels"]),
        input=Input(**shape),
        temperature=float(page["temperature"] if kind == CLASSIFIER else page.get("temperature", 1.0)),
        reject_below=float(page["reject"]["confidence"]),
        weights_file=str(weights["file"]),
        weights_sha256=str(weights["sha256"]),
        licence=str(page["licence"]),
        data=page.get("data") or {},
        training=page.get("training") or {},
        metrics=page.get("metrics") or {},
        exports=page.get("exports") or {},
        kind=kind,
        decoder=str(decoder.pop("name")),
        options=decoder,
        classes={str(label): str(ours) for label, ours in (page.get("classes") or {}).items()},
    )


def _numbers(values: Iterable[Any]) -> tuple[float, ...]:
    return tuple(float(value) for value in values)


INPUTS: Mapping[str, Callable[[Any], Any]] = {"size": int, "resize": int, "mean": _numbers, "std": _numbers}


def _check_card(card: ModelCard, where: str) -> None:
    if card.kind not in DECODERS:
        raise ModelError(f"{where}: kind must be one of {', '.join(DECODERS)}, not {card.kind!r}")
    _check_labels(card, where)
    shape = card.input
    if shape.color not in ("rgb", "bgr", "gray") or shape.fit not in FITS:
        raise ModelError(f"{where}: input needs color rgb, bgr or gray and fit {', '.join(FITS[:-1])} or {FITS[-1]}")
    if len(shape.mean) != shape.channels or len(shape.std) != shape.channels or not min(shape.std) > 0:
        raise ModelError(f"{where}: mean and std need {shape.channels} numbers for {shape.color}, std above 0")
    if card.temperature <= 0 or shape.size < 1 or (shape.resize and shape.resize < shape.size):
        raise ModelError(f"{where}: temperature and input size must be above 0, and resize at least the size")
    suffixes = (".safetensors",) if card.kind == CLASSIFIER else (".safetensors", ".onnx")
    if Path(card.weights_file).name != card.weights_file or not card.weights_file.endswith(suffixes):
        raise ModelError(
            f"{where}: weights must be the plain name of a {' or '.join(suffixes)} file, not {card.weights_file!r}"
        )


def _check_labels(card: ModelCard, where: str) -> None:
    if card.kind == CLASSIFIER:
        if len(set(card.labels)) != len(card.labels) or len(card.labels) < 2:
            raise ModelError(f"{where}: labels must be at least two and differ; they are {', '.join(card.labels)}")
        return
    known = DECODERS[card.kind]
    if card.decoder not in known:
        raise ModelError(
            f"{where}: a {WORDS[card.kind]} needs decoder {' or '.join(known)}, not {card.decoder or 'none'!r}"
        )
    unknown = sorted(set(card.classes) - set(card.labels))
    if unknown:
        raise ModelError(f"{where}: classes name {unknown[0]!r}, which is none of its labels")
    if card.kind in (DETECTOR, SEGMENTER) and card.input.fit == "crop":
        raise ModelError(f"{where}: a {WORDS[card.kind]} sees all of a picture: fit cannot be crop")
    if card.kind in (DETECTOR, SEGMENTER) and not card.labels:
        raise ModelError(f"{where}: a {WORDS[card.kind]} needs labels, in the order of its outputs")


# --- files ---------------------------------------------------------------------------------------------------------


def read_weights(card: ModelCard, folder: Path | None = None) -> tuple[Path, bytes]:
    """The model's file and what is in it, from `folder` or else from the package, once its checksum is the card's.

    Raises ModelError for one that is missing or altered.
    """
    path = _weights_path(card, folder)
    data = path.read_bytes()
    found = hashlib.sha256(data).hexdigest()
    if found != card.weights_sha256:
        raise ModelError(
            f"{path} is not what was published as {card.name} {card.version}: expected sha256 {card.weights_sha256}, "
            f"found {found}; restore the file, or publish it again to make a new card"
        )
    return path, data


def _weights_path(card: ModelCard, folder: Path | None) -> Path:
    folders = (WEIGHTS,) if folder is None else (folder, WEIGHTS)
    for candidate in folders:
        if (candidate / card.weights_file).is_file():
            return candidate / card.weights_file
    tried = " or ".join(str(candidate) for candidate in folders)
    raise ModelError(f"the weights {card.weights_file} of {card.name} are not in {tried}; put them there or retrain")
