"""Train networks on labeled pictures, measure them, and make models of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from surveillance.app import commands
from surveillance.cli.words import cli, command, listed
from surveillance.settings import Settings


@command(
    cli,
    "train",
    """
    surveillance train --data crops --out runs/mine --hold-out coco,pf
    surveillance train --data crops --out runs/mine --resume
    """,
)
@click.option("--data", required=True, type=click.Path(path_type=Path), help="A folder with a folder per label.")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="The run's folder.")
@click.option("--architecture", default="compact_cnn", show_default=True)
@click.option("--epochs", default=45, show_default=True, type=click.IntRange(1, 10_000))
@click.option("--size", default=64, show_default=True, type=click.IntRange(8, 1024), help="Input side in pixels.")
@click.option("--batch", default=128, show_default=True, type=click.IntRange(1, 100_000))
@click.option("--hold-out", default="", help="Sources (file prefixes) never trained on, by comma.")
@click.option("--skip", default="", help="Sources left out altogether, by comma.")
@click.option("--seed", default=0, show_default=True)
@click.option("--device", default="auto", show_default=True, help="auto, cpu or cuda.")
@click.option("--resume", is_flag=True, help="Go on where the run was stopped.")
def train(data: Path, out: Path, hold_out: str, skip: str, size: int, resume: bool, **recipe: Any) -> None:
    """Train a classifier on a folder of pictures, one folder per label."""
    from surveillance.perception.registry import Input
    from surveillance.training.fit import Recipe, fit

    order = Recipe(input=Input(size=size), hold_out=listed(hold_out), skip=listed(skip), **recipe)
    click.echo(f"trained: {fit(data, out, order, resume)}")


@command(cli, "evaluate", "surveillance evaluate embedded --data crops --json")
@click.argument("model")
@click.option("--data", required=True, type=click.Path(path_type=Path), help="A folder with a folder per label.")
@click.option("--device", default="auto", show_default=True, help="auto, cpu or cuda.")
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def evaluate(settings: Settings, model: str, data: Path, device: str, as_json: bool) -> None:
    """Measure a model on labeled pictures: accuracy, and precision and recall per class."""
    figures = commands.evaluate(settings, model, data, device)
    if as_json:
        click.echo(json.dumps(figures))
        return
    click.echo(f"accuracy {figures['accuracy']:.4f}   macro F1 {figures['macro_f1']:.4f}   ECE {figures['ece']:.4f}")
    for label, row in figures["per_class"].items():
        ratios = f"precision {row['precision']:.3f}  recall {row['recall']:.3f}  F1 {row['f1']:.3f}"
        click.echo(f"{label:16} {ratios}  of {row['support']}")


@command(
    cli,
    "publish",
    """
    surveillance publish runs/mine mine
    surveillance publish runs/embedded embedded --out config/models --weights surveillance/perception/weights
    """,
)
@click.argument("run", type=click.Path(path_type=Path))
@click.argument("name")
@click.option("--out", type=click.Path(path_type=Path), help="Where the card goes (default: the data directory).")
@click.option("--weights", type=click.Path(path_type=Path), help="Where the weights go (default: beside the card).")
@click.option("--data", type=click.Path(path_type=Path), help="The training data, where it was moved.")
@click.option("--version", "card_version", default="1", show_default=True)
@click.option("--test-only", default="", help="Footage the card reserves for tests, by comma.")
@click.pass_obj
def publish(
    settings: Settings,
    run: Path,
    name: str,
    out: Path | None,
    weights: Path | None,
    data: Path | None,
    card_version: str,
    test_only: str,
) -> None:
    """Make a model of a finished run: checked weights with a card that says how good they are."""
    from surveillance.training.publish import publish as publish_run

    folder = out or settings.data_dir / "models"
    reserved = listed(test_only)
    card = publish_run(run, name, folder, weights, data, card_version, test_only=reserved)
    click.echo(f"published: {card}")
