"""Whose face is known: enroll people from photos and events, list them, take faces away again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from surveillance.app import enrolling
from surveillance.cli.roster import group
from surveillance.cli.words import command, counted
from surveillance.domain.values import rfc3339
from surveillance.settings import Settings
from surveillance.storage.faces import EnrolledFace

PHOTO = click.Path(path_type=Path, dir_okay=False)


@group.group(name="face")
def face() -> None:
    """Faces by which a door's camera confirms whose badge is presented."""


@command(
    face,
    "add",
    """
    surveillance people face add "Grace Hopper" grace-1.jpg grace-2.jpg
    surveillance people face add Ada --event 0199aaaa-0000-7000-8000-000000000001
    """,
)
@click.argument("name")
@click.argument("photos", nargs=-1, type=PHOTO)
@click.option("--event", "events", multiple=True, help="Take the picture of this event; several may be given.")
@click.pass_obj
def add(settings: Settings, name: str, photos: tuple[Path, ...], events: tuple[str, ...]) -> None:
    """Enroll a person's face from photos that show nobody else. All are taken, or none.

    Only the face itself and the numbers that stand for it are kept, sealed with a key of that person.
    """
    if not photos and not events:
        raise click.UsageError("give a photo, or an event by --event")
    done = enrolling.enroll_files(settings, name, photos, events)
    for warning in done.warnings:
        click.echo(f"note: {warning}", err=True)
    click.echo(f"enrolled {counted(done.count, 'face')} of {name} as configuration version {done.version}")


@command(face, "list", "surveillance people face list\nsurveillance people face list Ada --json")
@click.argument("name", required=False)
@click.option("--json", "as_json", is_flag=True, help="One JSON object per line.")
@click.pass_obj
def list_(settings: Settings, name: str | None, as_json: bool) -> None:
    """List the enrolled faces, of everybody or of one person."""
    found = enrolling.list_faces(settings, name)
    if not found and not as_json:
        click.echo("no face is enrolled; add one: surveillance people face add NAME PHOTO", err=True)
    for one in found:
        if as_json:
            click.echo(json.dumps(as_object(one), ensure_ascii=False))
        else:
            model = one.model.partition("@")[0]
            click.echo(f"{one.id}  {one.person:24}  {one.source:32}  {model}  {rfc3339(one.at)}  by {one.author}")


@command(
    face,
    "remove",
    """
    surveillance people face remove Ada 0199aaaa-0000-7000-8000-000000000001
    surveillance people face remove Ada --all
    """,
)
@click.argument("name")
@click.argument("id", required=False)
@click.option("--all", "every", is_flag=True, help="All faces of that person, and the key.")
@click.pass_obj
def remove(settings: Settings, name: str, id: str | None, every: bool) -> None:
    """Remove one face of a person, or all. With the last one the key is erased: no backup can show it again."""
    if (id is None) != every:
        raise click.UsageError("give the id of a face (`surveillance people face list`), or --all")
    version = enrolling.remove_faces(settings, name, id)
    click.echo(f"removed as configuration version {version}")


@command(face, "rate", "surveillance people face rate\nsurveillance people face rate --json")
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def rate(settings: Settings, as_json: bool) -> None:
    """Say how often a stranger is taken for one of those enrolled, by what was measured.

    1 - (1 - FAR)^N, for N enrolled faces: what identifying (1:N) risks with each stranger who passes.
    """
    told = enrolling.rate_of(settings)
    if as_json:
        click.echo(json.dumps(told))
        return
    for line in rate_lines(told):
        click.echo(line)


def rate_lines(told: dict[str, Any]) -> list[str]:
    enrolled = f"enrolled: {counted(told['faces'], 'face')} of {counted(told['persons'], 'person')}, by {told['model']}"
    if told["far"] is None:
        return [enrolled, "the embedding was never measured: `surveillance evaluate-faces FOLDER --save` does it"]
    return [
        enrolled,
        f"one pair of different persons passes at most {told['far']:.2g} of the time at {told['threshold']:.4f}, by "
        f"{told['pairs']} pairs ({told['source']})",
        f"so a stranger is taken for somebody enrolled at most {told['rate']:.2%} of the time",
        "confirming a badge (1:1) compares with that person's faces only: "
        f"{told['far_1_to_1']:.2g} a pair at {told['threshold_1_to_1']:.4f}",
    ]


def as_object(one: EnrolledFace) -> dict[str, Any]:
    return {
        "id": one.id,
        "person": one.person,
        "model": one.model,
        "source": one.source,
        "at": rfc3339(one.at),
        "author": one.author,
    }
