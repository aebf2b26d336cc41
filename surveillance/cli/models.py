"""Use the models that are there."""

from __future__ import annotations

import json
from pathlib import Path

import click

from surveillance.app import commands
from surveillance.cli.words import cli, command
from surveillance.settings import Settings


@cli.group()
def models() -> None:
    """The models that can be used."""


@command(cli, "classify", "surveillance classify picture.jpg --json")
@click.argument("images", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--model", help="Model card (default: the settings' model).")
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def classify(settings: Settings, images: tuple[Path, ...], model: str | None, as_json: bool) -> None:
    """Say what each picture shows."""
    for path, seen, sure in commands.classify(settings, images, model):
        if as_json:
            scores = {label: round(score, 4) for label, score in seen.scores.items()}
            answer = {"image": str(path), "label": seen.label, "confidence": round(seen.confidence, 4)}
            click.echo(json.dumps({**answer, "sure": sure, "scores": scores, "model": seen.model}))
        else:
            click.echo(f"{path}: {seen.label} {seen.confidence:.0%}{'' if sure else ' (not sure)'}")


@command(models, "list", "surveillance models list --json")
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def list_models(settings: Settings, as_json: bool) -> None:
    """List the model cards that are there."""
    for card in commands.list_models(settings):
        if as_json:
            click.echo(json.dumps(card))
        else:
            architecture = card["architecture"]["name"]
            click.echo(f"{card['name']:16} {card['version']:6} {architecture:20} {', '.join(card['labels'])}")
