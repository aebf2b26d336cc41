"""The two models that recognize faces, by their cards: one finds them, the other tells one from another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

from surveillance.domain.errors import ModelError, NotFound
from surveillance.domain.faces import FaceFigures
from surveillance.perception.cards import (
    FACE_DETECTOR,
    FACE_EMBEDDING,
    WORDS,
    ModelCard,
    find_card,
    list_cards,
    read_weights,
)
from surveillance.perception.faces import FaceEmbedder, FaceFinder
from surveillance.perception.settings import FaceSettings

AUTO = "auto"
FIGURES = "faces"  # under metrics of an embedding's card
PULLED = {FACE_DETECTOR: "yunet", FACE_EMBEDDING: "sface"}  # what `models pull` gets


@dataclass(frozen=True, slots=True)
class FaceModels:
    """Both, opened."""

    find: FaceFinder
    embed: FaceEmbedder
    card: ModelCard  # of the embedding


def open_finder(settings: FaceSettings, folders: Sequence[Path]) -> FaceFinder:
    """Raises NotFound where there is none, ModelError for a file that cannot be used."""
    card = chosen_card(FACE_DETECTOR, settings.detector, folders)
    return FaceFinder(_data(card, folders), settings)


def open_faces(settings: FaceSettings, folders: Sequence[Path]) -> FaceModels:
    """Raises NotFound where one is not here, ModelError for a file that cannot be used."""
    card = chosen_card(FACE_EMBEDDING, settings.embedding, folders)
    return FaceModels(open_finder(settings, folders), FaceEmbedder(_data(card, folders), card.input), card)


def chosen_card(kind: str, name: str, folders: Sequence[Path]) -> ModelCard:
    """The card of that name; by `auto` the only one of its kind. Raises NotFound, in words that say what to do."""
    if name != AUTO:
        return find_card(name, folders, kind)
    cards = list_cards(folders, kind)
    if len(cards) == 1:
        return cards[0]
    if not cards:
        raise NotFound(
            f"no {WORDS[kind]} is here: `surveillance models pull {PULLED[kind]}` gets one; without a network, carry "
            "the file here and `surveillance models import FILE.onnx`"
        )
    setting = "detector" if kind == FACE_DETECTOR else "embedding"
    names = ", ".join(card.name for card in cards)
    raise NotFound(f"there are several {WORDS[kind]}s ({names}): say which by the setting perception.faces.{setting}")


def figures_of(card: ModelCard) -> FaceFigures | None:
    """What the embedding was measured to do; None where nobody measured it. Raises ModelError for a damaged card."""
    page = card.metrics.get(FIGURES)
    if page is None:
        return None
    try:
        return FaceFigures(**{field.name: page[field.name] for field in fields(FaceFigures)})
    except (KeyError, TypeError) as error:
        raise ModelError(f"{card.name}: metrics.{FIGURES} of its card cannot be read: {error}") from None


def model_id(card: ModelCard) -> str:
    """By which templates know what made them: vectors of two networks have nothing in common."""
    return f"{card.name}@{card.weights_sha256[:16]}"


def _data(card: ModelCard, folders: Sequence[Path]) -> bytes:
    return read_weights(card, folders[0])[1]
