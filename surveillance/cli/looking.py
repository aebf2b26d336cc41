"""Look at pictures: what things are in them, and where."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from surveillance.app import looking
from surveillance.cli.words import cli, command
from surveillance.domain.geometry import Box
from surveillance.settings import Settings

if TYPE_CHECKING:
    from surveillance.app.looking import Detected, Segmented

PATH = click.Path(path_type=Path)


def looks(saved: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """What every command that looks at pictures takes: IMAGE..., --json and --save, which says what it writes."""

    def with_words(function: Callable[..., Any]) -> Callable[..., Any]:
        function = click.option("--save", "file", type=PATH, callback=only_one, help=saved)(function)
        function = click.option("--json", "as_json", is_flag=True, help="One JSON object per picture.")(function)
        return click.argument("images", nargs=-1, required=True, type=PATH, is_eager=True)(function)

    return with_words


def only_one(ctx: click.Context, parameter: click.Parameter, file: Path | None) -> Path | None:
    """One file holds one picture, of a kind that can be written. Raises UserMistake."""
    if file is not None:
        looking.suffix_of(file)
    if file is not None and len(ctx.params.get("images", ())) > 1:
        raise click.UsageError("--save takes one picture; name one image")
    return file


def box_json(box: Box) -> list[float]:
    """x1, y1, x2, y2 in 0..1."""
    return [round(edge, 4) for edge in (box.x1, box.y1, box.x2, box.y2)]


@command(
    cli,
    "detect",
    """
    surveillance detect yard.jpg
    surveillance detect yard.jpg --json --save found.jpg
    surveillance detect *.jpg --model ssdlite320_mobilenet_v3_large
    """,
)
@looks("Write the picture there, with a box around each thing.")
@click.option("--model", help="A detector's card (default: the settings' detector).")
@click.pass_obj
def detect(settings: Settings, images: tuple[Path, ...], model: str | None, as_json: bool, file: Path | None) -> None:
    """Say which things are in each picture, and where."""
    for told in looking.detect(settings, images, model):
        if as_json:
            click.echo(json.dumps(detected_json(told)))
        else:
            show(told.path, [named(thing.label, thing.ours, thing.confidence) for thing in told.found], "nothing found")
        if file is not None:
            boxes = [(thing.box, f"{thing.label} {thing.confidence:.0%}") for thing in told.found]
            looking.save_boxes(file, told.picture, boxes)


def show(path: Path, lines: Sequence[str], nothing: str) -> None:
    """The picture's name, and a line for each thing in it."""
    click.echo(f"{path}:{'' if lines else f' {nothing}'}")
    for line in lines:
        click.echo(f"  {line}")


def named(label: str, ours: str | None, share: float) -> str:
    """`87%  car (vehicle)`"""
    return f"{share:4.0%}  {label}{f' ({ours})' if ours not in (None, label) else ''}"


def detected_json(told: Detected) -> dict[str, Any]:
    """`label` is the model's word, `class` the one that rules know or null. Boxes are x1, y1, x2, y2 in 0..1."""
    return {
        "image": str(told.path),
        "model": told.model,
        "found": [
            {
                "label": thing.label,
                "class": thing.ours,
                "confidence": round(thing.confidence, 4),
                "box": box_json(thing.box),
            }
            for thing in told.found
        ],
    }


@command(
    cli,
    "segment",
    """
    surveillance segment yard.jpg --save colored.png
    surveillance segment yard.jpg --json --model deeplabv3_mobilenet_v3_large
    """,
)
@looks("Write the picture there, each label in a color of its own.")
@click.option("--model", help="A segmenter's card (default: the settings' segmenter).")
@click.pass_obj
def segment(settings: Settings, images: tuple[Path, ...], model: str | None, as_json: bool, file: Path | None) -> None:
    """Say how much of each picture shows what, by the label of each pixel."""
    for told in looking.segment(settings, images, model):
        if as_json:
            click.echo(json.dumps(segmented_json(told)))
        else:
            lines = [named(label, told.ours.get(label), share) for label, share in told.shares.items()]
            show(told.path, lines, "nothing but background")
        if file is not None:
            looking.save_labels(file, told)


def segmented_json(told: Segmented) -> dict[str, Any]:
    """`share` is of the picture's pixels; `class` the word that rules know or null."""
    labels = [
        {"label": label, "class": told.ours.get(label), "share": round(share, 4)}
        for label, share in told.shares.items()
    ]
    return {"image": str(told.path), "model": told.model, "labels": labels}
