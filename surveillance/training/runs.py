"""What a person calls a model (a name, a card's path, a training run's folder) becomes a card and its weights' place.

The best weights of a run can be used at any moment after its first epoch, finished or not.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from surveillance.domain.errors import DataError, ModelError, NotFound
from surveillance.domain.suggest import no_such
from surveillance.perception.cards import ModelCard, list_cards, load_card
from surveillance.training.datasets import Sample, load_samples, sample_key
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
    run, best = load_run(run_dir), run_dir / BEST
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


def load_run(run_dir: Path) -> Mapping[str, Any]:
    """What a run says of itself: recipe, labels, data, split. Raises ModelError before its first epoch's end."""
    if not (run_dir / "run.json").is_file() or not (run_dir / BEST).is_file():
        raise ModelError(f"{run_dir} holds no run with a finished epoch; give a model's name, a card or a run's folder")
    try:
        run: Mapping[str, Any] = json.loads((run_dir / "run.json").read_text(encoding="utf-8"))
        parse_recipe(run["recipe"])
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        words = " ".join(str(error).split())
        raise ModelError(f"{run_dir / 'run.json'} is no page of a run ({words}); train again") from error
    return run


def load_parts(run: Mapping[str, Any], data_dir: Path | None = None) -> dict[str, tuple[Sample, ...]]:
    """train, validation and held_out, from where the data lies now. Raises DataError when it has changed since."""
    samples = load_samples(data_dir or Path(run["data"]))
    by_key = {sample_key(sample): sample for sample in samples}
    try:
        parts = {part: tuple(by_key[key] for key in run["split"][part]) for part in ("train", "validation")}
    except KeyError as error:
        raise DataError(f"the data has changed since the run: {error} is gone; train again") from error
    parts["held_out"] = tuple(sample for sample in samples if sample.source in run["recipe"]["hold_out"])
    return parts
