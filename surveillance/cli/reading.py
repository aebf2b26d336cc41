"""Read pictures: lines of text and number plates."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from surveillance.app import reading
from surveillance.cli.looking import box_json, looks
from surveillance.cli.words import cli, command

if TYPE_CHECKING:
    from surveillance.app.reading import ReadPicture


@command(
    cli,
    "read",
    """
    surveillance read sign.jpg
    surveillance read car.jpg --plates --json
    surveillance read car.jpg --save read.jpg
    """,
)
@looks("Write the picture there, what was read numbered.")
@click.option("--plates", is_flag=True, help="Say the number plate only.")
def read(images: tuple[Path, ...], plates: bool, as_json: bool, file: Path | None) -> None:
    """Say what is written in each picture."""
    for told in reading.read_pictures(images):
        if as_json:
            click.echo(json.dumps(json_of(told), ensure_ascii=False))
        else:
            for line in lines_of(told, plates):
                click.echo(line)
        if file is not None:
            reading.save_found(file, told.picture, told.found(plates))


def lines_of(told: ReadPicture, plates: bool) -> Iterator[str]:
    """What was read, a line each; a single plate beside the name of its picture."""
    found = told.found(plates)
    if plates:
        words = " ".join(f"{text} {sure:.0%}" for _, text, sure in found)
        yield f"{told.path}: {words or 'no plate'}"
        return
    yield f"{told.path}:{'' if found else ' no text'}"
    yield from (f"  {number}  {sure:4.0%}  {text}" for number, (_, text, sure) in enumerate(found, 1))


def json_of(told: ReadPicture) -> dict[str, Any]:
    """`plate` is spelled without blanks and dashes; null where no line is one. Boxes are x1, y1, x2, y2 in 0..1."""
    plate = told.plate
    return {
        "image": str(told.path),
        "lines": [
            {
                "text": line.text,
                "confidence": round(line.confidence, 4),
                "box": box_json(line.box),
            }
            for line in told.lines
        ],
        "plate": None if plate is None else plate.plate,
        "plate_confidence": None if plate is None else round(plate.confidence, 4),
    }
