"""Where people are by record, and forgiving whoever the record has wrong."""

from __future__ import annotations

import json

import click

from surveillance.app import areas
from surveillance.app.site_edit import author
from surveillance.cli.access import access
from surveillance.cli.words import command, counted
from surveillance.domain.values import rfc3339
from surveillance.rules.places import Place
from surveillance.settings import Settings


@command(
    access,
    "areas",
    """
    surveillance access areas
    surveillance access areas --json
    """,
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.pass_obj
def list_areas(settings: Settings, as_json: bool) -> None:
    """Say who is in which area by record, since when and by which door."""
    found = areas.whereabouts(settings)
    if as_json:
        told = {area: [_json(name, place) for name, place in people.items()] for area, people in found.items()}
        click.echo(json.dumps(told))
        return
    if not found:
        click.echo("no door of this site leads into an area; see `from` and `to` in docs/access.md", err=True)
    for area, people in found.items():
        click.echo(f"{area}: {counted(len(people), 'person')}")
        for name, place in people.items():
            click.echo(f"  {name:24} since {rfc3339(place.since)} by door {place.door}")


def _json(name: str, place: Place) -> dict[str, str]:
    return {"person": name, "since": rfc3339(place.since), "door": place.door}


@command(
    access,
    "forgive",
    """
    surveillance access forgive Grace --reason "left by the loading gate"
    surveillance access forgive --all --reason "fire drill"
    """,
)
@click.argument("person", required=False)
@click.option("--all", "everybody", is_flag=True, help="Everybody.")
@click.option("--reason", required=True, help="Why; it goes on record.")
@click.pass_obj
def forgive(settings: Settings, person: str | None, everybody: bool, reason: str) -> None:
    """Forget where somebody is by record, so that whichever door they use next is the right one."""
    if (person is None) is not everybody:
        raise click.UsageError("name a person, or write --all")
    event = areas.forgive(settings, person, reason, author())
    click.echo(f"{person or 'everybody'}: forgiven; on record as event {event}")
