"""Read pictures: lines of text, number plates and badges."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from surveillance.app import badge_pictures, reading
from surveillance.cli.looking import box_json, looks
from surveillance.cli.words import cli, command
from surveillance.domain.values import rfc3339
from surveillance.settings import Settings

if TYPE_CHECKING:
    from surveillance.app.badge_pictures import ReadBadge
    from surveillance.app.reading import ReadPicture


@command(
    cli,
    "read",
    """
    surveillance read sign.jpg
    surveillance read car.jpg --plates --json
    surveillance read car.jpg --save read.jpg
    surveillance read badge.jpg --badge
    """,
)
@looks("Write the picture there, what was read numbered.")
@click.option("--plates", is_flag=True, help="Say the number plate only.")
@click.option("--badge", is_flag=True, help="Say whose badge its QR code is, never what it says.")
@click.pass_obj
def read(
    settings: Settings, images: tuple[Path, ...], plates: bool, badge: bool, as_json: bool, file: Path | None
) -> None:
    """Say what is written in each picture."""
    if badge:
        if plates or file is not None:
            raise click.UsageError("--badge only says whose badge it is; leave --plates and --save out")
        for found in badge_pictures.read_badges(settings, images, datetime.now(UTC)):
            click.echo(json.dumps(badge_json(found)) if as_json else badge_line(found))
        return
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


BADGES = {
    "none": "no code",
    "code": "a code, and no badge",
    "foreign": "a badge that was not signed here",
    "printed": "a printed badge",
    "phone": "the code of a badge on a phone",
    "link": "the link to a badge on a phone",
}


def badge_line(found: ReadBadge) -> str:
    """`badge.jpg: a printed badge of Ada, No. 1f0c..., until 2026-12-31T00:00:00.000Z`, and what is wrong with it."""
    words = f"{found.path}: {BADGES[found.kind]}"
    if found.person:
        words += f" of {found.person}, No. {found.mark}"
    if found.expires:
        words += f", until {rfc3339(found.expires)}"
    return words + "".join(f"; {fault.replace('_', ' ')}" for fault in found.faults)


def badge_json(found: ReadBadge) -> dict[str, Any]:
    return {
        "image": str(found.path),
        "badge": found.kind,
        "person": found.person,
        "mark": found.mark or None,
        "issued": None if found.issued is None else rfc3339(found.issued),
        "expires": None if found.expires is None else rfc3339(found.expires),
        "faults": list(found.faults),
    }


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
