"""The keys of the site: listed, and exchanged for new ones."""

from __future__ import annotations

import click

from surveillance.app import keys
from surveillance.cli.words import cli, command, counted
from surveillance.settings import Settings


@cli.group(name="keys")
def group() -> None:
    """The keys of the site, which lie outside the database and its backups."""


@command(group, "list", "surveillance keys list")
@click.pass_obj
def list_(settings: Settings) -> None:
    """List the keys: since when each counts, how many before it are kept, and what it is for."""
    found, people = keys.list_keys(settings)
    for one in found:
        retired = f" ({one.retired} retired)" if one.retired else ""
        note = "" if not one.purpose.refusal else "; cannot be exchanged"
        click.echo(f"{one.name:14} since {one.since:%Y-%m-%d}{retired}  {one.purpose.words}{note}")
    click.echo(f"{counted(people, 'key')} of people, in keys/people")


@command(group, "rotate", "surveillance keys rotate\nsurveillance keys rotate chain")
@click.argument("name", required=False)
@click.pass_obj
def rotate(settings: Settings, name: str | None) -> None:
    """Put new keys in place of the ones there are, with the service stopped. All is still read and proved afterwards.

    Without a name, all but those that somebody outside must be told of. What old keys sealed or signed is read with
    them: they stay in keys/retired.
    """
    for one, purpose in keys.rotate(settings, name):
        click.echo(f"exchanged {one}{': ' + purpose.after if purpose.after else ''}")
    click.echo("next: copy keys/ again, and keep the older copy with the backups from before")
