"""Train networks on labeled pictures, measure them, and make models of them."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from surveillance.app import training
from surveillance.cli.words import cli, command, counted, listed
from surveillance.settings import Settings

if TYPE_CHECKING:
    from surveillance.training.tune import Tuning


CHANGES = (  # what may be changed in a recipe
    click.option("--architecture", help="simple_cnn, resnet50, ...: an unknown one lists all. Default: the recipe's."),
    click.option("--weights", help="Start from torchvision's weights by name, a model, a checkpoint file, or none."),
    click.option("--set", "parameters", multiple=True, metavar="NAME=VALUE", help="A parameter of the architecture."),
    click.option(
        "--augment", type=click.Choice(("camera", "picture", "shift", "none")), help="How pictures are disturbed."
    ),
    click.option("--patience", type=click.IntRange(0), help="End after so many epochs without a better one; 0: never."),
    click.option("--size", type=click.IntRange(8, 1024), help="Input side in pixels."),
    click.option("--batch", type=click.IntRange(2, 100_000)),
    click.option("--optimizer", type=click.Choice(("adamw", "adam", "sgd"))),
    click.option("--schedule", type=click.Choice(("cosine", "plateau", "constant"))),
    click.option("--learning-rate", type=click.FloatRange(0, min_open=True)),
    click.option(
        "--old-rate", type=click.FloatRange(0, 1, min_open=True), help="Share of the rate for what was learned before."
    ),
    click.option("--weight-decay", type=click.FloatRange(0)),
    click.option("--label-smoothing", type=click.FloatRange(0, 0.9)),
    click.option("--mixup", type=click.FloatRange(0, 2), help="Blend pictures in pairs; 0.2 is usual, 0: never."),
    click.option("--class-weights/--no-class-weights", default=None, help="A mistake costs more in a rare class."),
    click.option("--validation", type=click.FloatRange(0, 0.9), help="Share of the pictures to watch the run on."),
    click.option("--hold-out", default="", help="Sources (file prefixes) never trained on, by comma."),
    click.option("--skip", default="", help="Sources left out altogether, by comma."),
    click.option("--seed", type=int, help="Same seed, data and machine: same result."),
    click.option("--threads", type=click.IntRange(1, 256), help="Of the processor."),
    click.option("--loaders", type=click.IntRange(0, 256), help="Processes that make batches; a GPU wants several."),
    click.option("--device", help="auto, cpu or cuda."),
)


def recipe_options(run: Callable[..., None]) -> Callable[..., None]:
    for option in reversed(CHANGES):
        run = option(run)
    return run


@command(
    cli,
    "train",
    """
    surveillance train --recipe scratch --data fashion-mnist --out runs/fashion
    surveillance train --recipe transfer --architecture resnet50 --data animals --out runs/animals
    surveillance train --recipe finetune --weights embedded --data crops --out runs/mine
    surveillance train --data crops --out runs/mine --resume
    """,
)
@click.option("--data", required=True, type=click.Path(path_type=Path), help="Labeled pictures.")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="The run's folder.")
@click.option("--recipe", "name", default="camera", show_default=True, help="scratch, transfer, finetune or camera.")
@recipe_options
@click.option("--epochs", type=click.IntRange(1, 10_000), help="How often all pictures are seen.")
@click.option("--resume", is_flag=True, help="Go on where the run was stopped.")
@click.pass_obj
def train(settings: Settings, /, data: Path, out: Path, name: str, resume: bool, **changes: Any) -> None:
    """Train a classifier on labeled pictures, by one of the recipes."""
    training.train(settings, data, out, name, _listed(changes), resume)
    click.echo(f"pictures of it: {out}/curve.png, confusion.png, mistakes.png")
    click.echo(f"trained: {out}; make a model of it by `surveillance publish {out} NAME`")


def _listed(changes: Mapping[str, Any]) -> dict[str, Any]:
    return {**changes, "hold_out": listed(changes["hold_out"]), "skip": listed(changes["skip"])}


@command(
    cli,
    "tune",
    """
    surveillance tune --recipe scratch --data fashion-mnist --out tuned/fashion
    surveillance tune --recipe scratch --data fashion-mnist --out tuned/fashion --batch 128 --trials 40
    surveillance tune --recipe finetune --data animals --out tuned/animals --minutes 60 --train
    """,
)
@click.option("--data", required=True, type=click.Path(path_type=Path), help="Labeled pictures.")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="The tuning's folder.")
@click.option("--recipe", "name", default="scratch", show_default=True, help="scratch, transfer, finetune or camera.")
@click.option("--trials", default=20, show_default=True, type=click.IntRange(1, 10_000), help="With those before.")
@click.option("--epochs", default=8, show_default=True, type=click.IntRange(1, 10_000), help="Of a trial.")
@click.option("--minutes", type=click.FloatRange(0, min_open=True), help="Begin no trial after so many.")
@recipe_options
@click.option("--train", "is_trained", is_flag=True, help="Then train the best in full, into the folder's best.")
@click.option("--json", "as_json", is_flag=True, help="All trials as one JSON object.")
@click.pass_obj
def tune(
    settings: Settings,
    /,
    data: Path,
    out: Path,
    name: str,
    trials: int,
    minutes: float | None,
    is_trained: bool,
    as_json: bool,
    **changes: Any,
) -> None:
    """Search the values of a recipe that validate best, by short trainings.

    What you give (--batch 64, --set dropout=0.3) stays as it is; the rest is searched. The same command goes on
    where it was stopped. No test part is looked at.
    """
    tuning, best = training.tune(settings, data, out, name, _listed(changes), trials, minutes)
    command = train_command(data, out / "best", name, best)
    if as_json:
        click.echo(json.dumps({**tuning.page(), "command": command}))
    else:
        for line in lines_of_tuning(tuning):
            click.echo(line)
        click.echo(f"picture: {out}/tuning.png\ntrain the best in full by\n{command}")
    if is_trained:
        training.train_tuned(settings, data, out / "best", name, best)
        click.echo(f"trained: {out}/best; make a model of it by `surveillance publish {out}/best NAME`", err=as_json)


def train_command(data: Path, out: Path, recipe: str, changes: Mapping[str, Any]) -> str:
    """The words that a shell takes for a training with these changes."""
    words = ["surveillance", "train", "--recipe", recipe, "--data", str(data), "--out", str(out)]
    for name, value in changes.items():
        option = f"--{name.replace('_', '-')}"
        if name == "parameters":
            words += [word for parameter in value for word in ("--set", parameter)]
        elif isinstance(value, bool):
            words.append(option if value else f"--no-{option[2:]}")
        elif isinstance(value, tuple):
            words += [option, ",".join(value)] if value else []
        elif value is not None:
            words += [option, str(value)]
    return shlex.join(words)


def lines_of_tuning(tuning: Tuning) -> Iterator[str]:
    """The best five as a table, below them what the recipe reached as it is, and how many trials there were."""
    best = tuning.best()
    names = list(best[0].values)
    rows = [["trial", "validation", *(name.replace("_", " ") for name in names)]]
    for trial in [*best, *(trial for trial in tuning.trials[:1] if trial not in best)]:
        shown = (json.dumps(trial.values[name], separators=(",", ":")).strip('"') for name in names)
        reached = f"{trial.validation:.4f}" + (" stopped" if trial.is_pruned else "")
        rows.append([str(trial.number), reached, *shown])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    yield from ("  ".join(map(str.rjust, row, widths)) for row in rows)
    stopped = sum(trial.is_pruned for trial in tuning.trials)
    yield f"{counted(len(tuning.trials), 'trial')}, {stopped} stopped early; trial 1 is the recipe as it is"


@command(
    cli,
    "evaluate",
    """
    surveillance evaluate embedded --data crops --json
    surveillance evaluate runs/mine --data crops --save report.html
    """,
)
@click.argument("model")
@click.option("--data", required=True, type=click.Path(path_type=Path), help="A folder with a folder per label.")
@click.option("--device", default="auto", show_default=True, help="auto, cpu or cuda.")
@click.option("--json", "as_json", is_flag=True, help="All figures as one JSON object.")
@click.option("--save", type=click.Path(path_type=Path), help="Where a report with pictures goes: a folder, or a file.")
@click.pass_obj
def evaluate(settings: Settings, model: str, data: Path, device: str, as_json: bool, save: Path | None) -> None:
    """Measure a model on labeled pictures: a model's name, its card's path, or a training run's folder."""
    figures, saved = training.evaluate(settings, model, data, device, save)
    if as_json:
        click.echo(json.dumps(figures))
    else:
        for line in lines_of(figures):
            click.echo(line)
    if saved is not None:
        click.echo(f"report: {saved}", err=as_json)


def lines_of(figures: Mapping[str, Any]) -> Iterator[str]:
    """The figures of a model as a table: all together, then class by class."""
    ece = f"calibration error {figures['ece']:.4f} ({figures['ece_raw']:.4f} without temperature)"
    yield f"accuracy {figures['accuracy']:.4f}   macro F1 {figures['macro_f1']:.4f}   {ece}"
    width = max(map(len, figures["per_class"]))
    yield f"{'':{width}}  precision  recall     F1  pictures"
    for label, row in figures["per_class"].items():
        yield f"{label:{width}}  {row['precision']:9.3f}  {row['recall']:6.3f}  {row['f1']:5.3f}  {row['support']:8}"


@command(
    cli,
    "publish",
    """
    surveillance publish runs/mine mine
    surveillance publish runs/mine mine --onnx --openvino --licence "CC BY 4.0"
    surveillance publish runs/embedded embedded --out config/models --weights surveillance/perception/weights
    """,
)
@click.argument("run", type=click.Path(path_type=Path))
@click.argument("name")
@click.option("--out", type=click.Path(path_type=Path), help="Where the card goes (default: the data directory).")
@click.option("--weights", type=click.Path(path_type=Path), help="Where the weights go (default: beside the card).")
@click.option("--data", type=click.Path(path_type=Path), help="The training data, where it was moved.")
@click.option("--version", "card_version", default="1", show_default=True)
@click.option("--licence", help="Of the weights (default: this project's; each source's is under data).")
@click.option("--test-only", default="", help="Footage the card reserves for tests, by comma.")
@click.option("--onnx", is_flag=True, help="Export it as ONNX as well, for other programs.")
@click.option("--openvino", is_flag=True, help="Export it as OpenVINO IR as well, for other programs.")
@click.pass_obj
def publish(
    settings: Settings,
    /,
    run: Path,
    name: str,
    out: Path | None,
    weights: Path | None,
    data: Path | None,
    card_version: str,
    licence: str | None,
    test_only: str,
    **exports: bool,
) -> None:
    """Make a model of a finished run: checked weights with a card that says how good and how fast they are."""
    from surveillance.training.publish import LICENCE
    from surveillance.training.publish import publish as publish_run

    folder = out or settings.data_dir / "models"
    formats = tuple(sorted(form for form, is_wanted in exports.items() if is_wanted))
    reserved = listed(test_only)
    card = publish_run(run, name, folder, weights, data, card_version, licence or LICENCE, reserved, formats)
    click.echo(f"published: {card}; `surveillance models show {name}` says how good it is")
