"""Train networks on labeled pictures, measure them, and make models of them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from surveillance.app import training
from surveillance.cli.words import cli, command, listed
from surveillance.settings import Settings


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
@click.option("--architecture", help="simple_cnn, resnet50, ...: an unknown one lists all. Default: the recipe's.")
@click.option("--weights", help="Start from torchvision's weights by name, a model, a checkpoint file, or none.")
@click.option("--set", "parameters", multiple=True, metavar="NAME=VALUE", help="A parameter of the architecture.")
@click.option(
    "--augment", type=click.Choice(("camera", "picture", "shift", "none")), help="How pictures are disturbed."
)
@click.option("--epochs", type=click.IntRange(1, 10_000))
@click.option("--patience", type=click.IntRange(0), help="End after so many epochs without a better one; 0: never.")
@click.option("--size", type=click.IntRange(8, 1024), help="Input side in pixels.")
@click.option("--batch", type=click.IntRange(2, 100_000))
@click.option("--optimizer", type=click.Choice(("adamw", "adam", "sgd")))
@click.option("--schedule", type=click.Choice(("cosine", "plateau", "constant")))
@click.option("--learning-rate", type=click.FloatRange(0, min_open=True))
@click.option("--weight-decay", type=click.FloatRange(0))
@click.option("--label-smoothing", type=click.FloatRange(0, 0.9))
@click.option("--mixup", type=click.FloatRange(0, 2), help="Blend pictures in pairs; 0.2 is usual, 0: never.")
@click.option("--class-weights/--no-class-weights", default=None, help="A mistake costs more in a rare class.")
@click.option("--validation", type=click.FloatRange(0, 0.9), help="Share of the pictures to watch the run on.")
@click.option("--hold-out", default="", help="Sources (file prefixes) never trained on, by comma.")
@click.option("--skip", default="", help="Sources left out altogether, by comma.")
@click.option("--seed", type=int, help="Same seed, data and machine: same result.")
@click.option("--threads", type=click.IntRange(1, 256), help="Of the processor.")
@click.option("--device", help="auto, cpu or cuda.")
@click.option("--resume", is_flag=True, help="Go on where the run was stopped.")
@click.pass_obj
def train(settings: Settings, /, data: Path, out: Path, name: str, resume: bool, **changes: Any) -> None:
    """Train a classifier on labeled pictures, by one of the recipes."""
    changes["hold_out"], changes["skip"] = (listed(changes[key]) for key in ("hold_out", "skip"))
    training.train(settings, data, out, name, changes, resume)
    click.echo(f"pictures of it: {out}/curve.png, confusion.png, mistakes.png")
    click.echo(f"trained: {out}; make a model of it by `surveillance publish {out} NAME`")


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
