"""What a person calls a model (a name, a card's path, a training run's folder) becomes a card and its weights' place.

The best weights of a run can be used at any moment after its first epoch, finished or not.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path

from surveillance.domain.errors import ModelError, NotFound
from surveillance.domain.suggest import no_such
from surveillance.perception.registry import ModelCard, list_cards, load_card
from surveillance.training.recipes import parse_recipe

BEST = "best.safetensors"


def open_model(model: str, card_dirs: Iterable[Path], weights_dir: Path) -> tuple[ModelCard, Path]:
    """The card, and the folder where its weights are looked for first.

    Raises NotFound for a name that no card has, ModelError for a path that leads to none.
    """
    cards = {card.name: card for card in list_cards(card_dirs)}
    if model in cards:
        return cards[model], weights_dir
    path = Path(model)
    if path.is_dir():
        return run_card(path), path
    if path.suffix in (".yaml", ".yml"):
        return load_card(path), path.parent
    raise NotFound(no_such("model", model, cards))


def run_card(run_dir: Path) -> ModelCard:
    """The card that a run's best weights would have now, without temperature and figures. Raises ModelError."""
    best = run_dir / BEST
    if not (run_dir / "run.json").is_file() or not best.is_file():
        raise ModelError(f"{run_dir} holds no run with a finished epoch; give a model's name, a card or a run's folder")
    run = json.loads((run_dir / "run.json").read_text(encoding="utf-8"))
    recipe = parse_recipe(run["recipe"])
    return ModelCard(
        name=run_dir.resolve().name,
        version="unpublished",
        architecture=recipe.architecture,
        parameters=recipe.parameters,
        labels=tuple(run["labels"]),
        input=recipe.input,
        temperature=1.0,
        reject_below=0.0,
        weights_file=BEST,
        weights_sha256=hashlib.sha256(best.read_bytes()).hexdigest(),
        licence="not published",
    )
