"""A training or an evaluation as the command line asks for it.

A training is a recipe and what is changed in it, or a stopped run gone on with; a tuning searches what is left open.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from surveillance.domain.errors import UserMistake
from surveillance.domain.ports import SourceOptions
from surveillance.settings import Settings

if TYPE_CHECKING:
    from surveillance.training.recipes import Recipe
    from surveillance.training.tune import Tuning


def train(
    settings: Settings, data: Path, out: Path, recipe: str, changes: Mapping[str, Any], resume: bool = False
) -> None:
    """Trains, and ends with pictures in the run's folder: its curve, confusion on the validation part, worst mistakes.

    `changes` are a recipe's fields (None: as the recipe has it), `size`, and `parameters` as NAME=VALUE words.

    A run that is gone on with keeps its recipe but for what is changed. Raises UserMistake, NotFound, ModelError.
    """
    from surveillance.training.fit import fit
    from surveillance.training.report import write_pictures
    from surveillance.training.runs import load_parts, load_run

    held = out / "run.json"
    chosen, own_input, size = _chosen(settings, recipe, changes, held if resume and held.is_file() else None)
    fit(data, out, chosen, resume, own_input, size)
    write_pictures(out, load_parts(load_run(out), data)["validation"], chosen.device)


def tune(
    settings: Settings,
    data: Path,
    out: Path,
    recipe: str,
    changes: Mapping[str, Any],
    trials: int,
    minutes: float | None = None,
) -> tuple[Tuning, Mapping[str, Any]]:
    """Searches what `changes` leave open of the recipe; and the changes by which `train` trains the best in full.

    Of `changes`, which are those of `train`, the epochs are a trial's. The folder gets tuning.png and tuning.json.
    Raises UserMistake, NotFound, ModelError.
    """
    from surveillance.training import plots
    from surveillance.training.search import apart
    from surveillance.training.tune import plan_tuning
    from surveillance.training.tune import tune as tune_plan

    chosen, own_input, size = _chosen(settings, recipe, changes)
    fixed = {key for key, value in changes.items() if value is not None} | set(chosen.parameters)
    tuning = tune_plan(plan_tuning(data, chosen, fixed, own_input, size), out, trials, minutes)
    (out / "tuning.json").write_text(json.dumps(tuning.page(), indent=1), encoding="utf-8")
    scores, pruned = zip(*((trial.validation, trial.is_pruned) for trial in tuning.trials), strict=True)
    plots.save_png(partial(plots.draw_tuning, scores, pruned, tuning.importance), out / "tuning.png")
    fields, parameters = apart(tuning.best()[0].values)
    words = tuple(f"{name}={json.dumps(value, separators=(',', ':'))}" for name, value in parameters.items())
    return tuning, {**changes, "epochs": None, **fields, "parameters": (*changes.get("parameters", ()), *words)}


def train_tuned(settings: Settings, data: Path, out: Path, recipe: str, changes: Mapping[str, Any]) -> None:
    """Trains what was tuned in full, or goes on with that. Raises UserMistake for a folder with another run."""
    from surveillance.training.tune import check_same

    wanted, _, _ = _chosen(settings, recipe, changes)
    check_same(out, wanted)
    train(settings, data, out, recipe, changes, resume=True)


def evaluate(
    settings: Settings, model: str, data: Path, device: str, save: Path | None = None
) -> tuple[Mapping[str, Any], Path | None]:
    """A model's figures on labeled pictures, and where the report of them was written if it was to be.

    Raises NotFound, ModelError, or a mistake in the data.
    """
    from surveillance.training.evaluate import evaluate as evaluate_model
    from surveillance.training.runs import open_model

    card, weights = open_model(model, settings.all_model_dirs, settings.data_dir / "models")
    found = evaluate_model(card, weights, data, settings.perception.backend, device)
    if save is None:
        return found.figures, None
    from surveillance.training.report import write_report

    return found.figures, write_report(found, save, data.name or str(data), weights)


def inspect(
    settings: Settings, image: Path, model: str | None, layer: str | None, save: Path | None
) -> Mapping[str, Any]:
    """What a model makes of a picture; see training.inside. Raises SourceError, ModelError, NotFound."""
    from surveillance.ingest.sources import open_source
    from surveillance.training.inside import inspect_model
    from surveillance.training.runs import open_model

    card, weights = open_model(
        model or settings.perception.model, settings.all_model_dirs, settings.data_dir / "models"
    )
    frame = next(iter(open_source(f"file:{image}", SourceOptions(camera="image")).frames()))
    return inspect_model(card, weights, frame.picture.bgr(), layer, save)


def find_weights(settings: Settings, weights: str) -> str:
    """A published model's name becomes its card's path; anything else stays as it is."""
    for folder in settings.all_model_dirs:
        if (path := folder / f"{weights}.yaml").is_file():
            return str(path)
    return weights


def parse_parameters(words: tuple[str, ...]) -> dict[str, Any]:
    """`filters=[32,64]` and so on. Raises UserMistake."""
    found = {}
    for word in words:
        name, mark, value = word.partition("=")
        try:
            found[name] = json.loads(value) if mark else None
        except ValueError:
            found[name] = value
        if not mark or not name:
            raise UserMistake(f"--set {word}: say NAME=VALUE, such as --set dropout=0.3 or --set filters=[32,64]")
    return found


def _chosen(
    settings: Settings, name: str, changes: Mapping[str, Any], held: Path | None = None
) -> tuple[Recipe, bool, int | None]:
    """The recipe, or that of a `held` run, with its changes; whether its input is open still; the size asked for."""
    from surveillance.training.recipes import build_recipe

    given = {key: value for key, value in changes.items() if value is not None}
    words, size = given.pop("parameters", ()), given.pop("size", None)
    if "weights" in given:
        given["weights"] = find_weights(settings, given["weights"])
    chosen = build_recipe(name, **given) if held is None else _old_recipe(held, given)
    chosen = replace(chosen, parameters={**chosen.parameters, **parse_parameters(words)})
    own_input = held is None and chosen.name != "camera"
    if size is not None and not own_input:
        chosen = replace(chosen, input=replace(chosen.input, size=size))
    return chosen, own_input, size


def _old_recipe(held: Path, changes: Mapping[str, Any]) -> Recipe:
    from surveillance.training.recipes import parse_recipe

    old = parse_recipe(json.loads(held.read_text(encoding="utf-8"))["recipe"])
    lists = {key: changes[key] for key in ("hold_out", "skip") if changes.get(key)}
    return replace(old, **{key: value for key, value in changes.items() if key not in ("hold_out", "skip")}, **lists)
