"""The models of this machine as the command line lists, shows, fetches and carries them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from surveillance.app.commands import known_site
from surveillance.app.detectors import told_how_to_get
from surveillance.domain.errors import NotFound, UserMistake
from surveillance.settings import Settings

if TYPE_CHECKING:
    from surveillance.domain.site import Camera, Site
    from surveillance.perception.cards import ModelCard

FILES = (".onnx", ".pth", ".pt", ".tar", ".safetensors")  # a model in a single file, without a card
MEASURED = ("test", "held_out", "validation", "stated")  # parts with an accuracy, the one that says most first


@dataclass(frozen=True, slots=True)
class Shelved:
    """A model with what its card does not say. `size_bytes` is None where a file of it is missing."""

    card: ModelCard
    origin: str  # shipped | example | trained | torchvision | the name of a file
    size_bytes: int | None
    cameras: tuple[str, ...]
    is_default: bool

    @property
    def accuracy(self) -> tuple[float, str] | None:
        """The accuracy that says most, and what it was measured on."""
        for part in MEASURED:
            found = self.card.metrics.get(part, {}).get("accuracy")
            if found is not None:
                return float(found), part.replace("_", " ")
        return None

    def as_json(self) -> dict[str, Any]:
        accuracy = self.accuracy
        return {
            "kind": self.card.kind,
            **self.card.as_yaml(),
            "from": self.origin,
            "size_bytes": self.size_bytes,
            "accuracy": accuracy and {"value": accuracy[0], "on": accuracy[1]},
            "cameras": list(self.cameras),
            "is_default": self.is_default,
        }


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of one model of a bundle: added, replaced, or there already."""

    name: str
    version: str
    how: str


# --- looking -------------------------------------------------------------------------------------------------------


def list_models(settings: Settings) -> list[Shelved]:
    """Every model that is there, by name."""
    from surveillance.perception.cards import list_cards

    site = known_site(settings)
    return [_shelved(settings, card, site) for card in list_cards(settings.all_model_dirs, None)]


def one_model(settings: Settings, name: str) -> Shelved:
    """Raises NotFound, with what to do for a model that could be pulled."""
    from surveillance.perception.cards import find_card

    try:
        card = find_card(name, settings.all_model_dirs, None)
    except NotFound as mistake:
        raise told_how_to_get(name, mistake) from None
    return _shelved(settings, card, known_site(settings))


def _shelved(settings: Settings, card: ModelCard, site: Site | None) -> Shelved:
    from surveillance.perception import shelf

    own = settings.data_dir / "models"
    default = settings.perception.model
    cameras = site.cameras if site is not None else ()
    used_by = tuple(camera.name for camera in cameras if _uses(settings, camera, card))
    origin = _origin(card, settings.model_dirs)
    return Shelved(card, origin, shelf.size_of(card, [own]), used_by, card.name == default)


def _uses(settings: Settings, camera: Camera, card: ModelCard) -> bool:
    """Whether a model, of whatever kind, looks at a camera's tracks or pictures."""
    perception = settings.perception
    used = {camera.model or perception.model, *(scene.model for scene in camera.scenes)}
    if camera.proposer == "detector" or "kind" in camera.tasks:
        used.add(perception.detect.model)
    if camera.blur == "people":
        used.add(perception.segment.model)
    if {"faces", "identify"} & set(camera.tasks):
        chosen = {"face_detector": perception.faces.detector, "face_embedding": perception.faces.embedding}.get(
            card.kind
        )
        used.add(card.name if chosen == "auto" else chosen or "")
    return card.name in used


def _origin(card: ModelCard, folders: tuple[Path, ...]) -> str:
    own, shipped = ((folder / f"{card.name}.yaml").is_file() for folder in folders)
    if not own:
        return "shipped" if shipped else "example"
    pulled = card.training.get("pulled")
    if pulled is None:
        return "trained"
    return "torchvision" if "weights" in pulled else f"file {pulled['file']}"


# --- fetching and carrying -----------------------------------------------------------------------------------------


def pull(
    settings: Settings, text: str, name: str | None, file: Path | None, sha256: str | None, replace: bool
) -> Shelved:
    """Gets known weights, from `file` where it is given. Raises NotFound, ModelError, UserMistake."""
    from surveillance.training.known_weights import find_known, pull

    known = find_known(text)
    _refuse_taken(settings, name or known.name, replace)
    pull(known, settings.data_dir / "models", name, file, sha256)
    return one_model(settings, name or known.name)


def export(settings: Settings, names: tuple[str, ...], to: Path) -> int:
    """Packs these models into a bundle; returns its size in bytes. Raises NotFound, ModelError, UserMistake."""
    from surveillance.perception import shelf

    cards = [one_model(settings, name).card for name in dict.fromkeys(names)]
    return shelf.pack(cards, [settings.data_dir / "models"], to)


def bring_in(settings: Settings, source: Path, replace: bool, name: str | None = None) -> list[Imported]:
    """Takes over every model of a bundle, or of a card beside its files, or a known file; none where one cannot be.

    `name` is what a known file is called here. Raises ModelError for what is damaged, UserMistake for a name that
    another model has.
    """
    if source.suffix in FILES:
        return [_bring_in_file(settings, source, name, replace)]
    if name is not None:
        raise UserMistake("a bundle and a card have names of their own; leave --name out")
    from surveillance.perception import shelf
    from surveillance.perception.cards import list_cards

    own = settings.data_dir / "models"
    there = {card.name: card for card in list_cards(settings.model_dirs, None)}
    with shelf.unpacked(source, own) as models:
        fates = []
        for model in models:
            known = there.get(model.card.name)
            is_same = known == model.card and shelf.same_files(model.card, [own])
            if known is not None and not is_same:
                _refuse_taken(settings, model.card.name, replace)
            fates.append("is there already" if is_same else "added" if known is None else f"replaced {known.version}")
        for model, fate in zip(models, fates, strict=True):
            if fate != "is there already":
                shelf.put_in_place(model, own)
        return [Imported(m.card.name, m.card.version, fate) for m, fate in zip(models, fates, strict=True)]


def _bring_in_file(settings: Settings, file: Path, name: str | None, replace: bool) -> Imported:
    """A single file of weights, known by its digest, or by what it shall be called."""
    from surveillance.training.known_weights import find_by_file, find_known, known_names, pull

    if not file.is_file():
        raise UserMistake(f"cannot read {file}: there is no such file")
    known = find_by_file(file) or (find_known(name) if name in known_names() else None)
    if known is None:
        raise UserMistake(
            f"{file.name} is no file that is known: put a card beside it and import that (docs/models.md says what is "
            "in it), or say by --name which known model it is"
        )
    _refuse_taken(settings, name or known.name, replace)
    pull(known, settings.data_dir / "models", name, file)
    return Imported(name or known.name, one_model(settings, name or known.name).card.version, "added")


def _refuse_taken(settings: Settings, name: str, replace: bool) -> None:
    from surveillance.perception.cards import list_cards

    there: Mapping[str, ModelCard] = {card.name: card for card in list_cards(settings.model_dirs, None)}
    if name in there and not replace:
        raise UserMistake(
            f"there is a model called {name} already (version {there[name].version}); --replace puts this in its place"
        )
