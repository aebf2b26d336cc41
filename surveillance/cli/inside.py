"""Look inside a model."""

from __future__ import annotations

import json
from pathlib import Path

import click

from surveillance.app import training
from surveillance.cli.words import cli, command
from surveillance.settings import Settings


@command(
    cli,
    "inspect",
    """
    surveillance inspect person.jpg --save inside
    surveillance inspect boot.png --model runs/fashion --layer 4 --save inside
    """,
)
@click.argument("image", type=click.Path(path_type=Path))
@click.option("--model", help="A model's name, its card, or a run's folder (default: the settings' model).")
@click.option("--layer", help="Draw the maps of this layer, or of all in this part (default: four of all).")
@click.option(
    "--save", type=click.Path(path_type=Path), help="Write pictures of kernels, maps and where it looked here."
)
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def inspect(
    settings: Settings, image: Path, model: str | None, layer: str | None, save: Path | None, as_json: bool
) -> None:
    """Show what a model makes of a picture: labels, first kernels, feature maps, and where it looked."""
    told = training.inspect(settings, image, model, layer, save)
    if as_json:
        click.echo(json.dumps({**told, "saved": [str(path) for path in told["saved"]]}))
        return
    for label, chance in told["labels"]:
        click.echo(f"{label:16} {chance:6.1%}")
    look = told["look"]
    click.echo(f"looked by layer {look['layer']}" if "layer" in look else look["fault"])
    click.echo(f"layers: {', '.join(dict.fromkeys(told['layers']))}")
    for path in told["saved"]:
        click.echo(f"saved: {path}")
    if save is None:
        click.echo("say --save FOLDER for the pictures")
