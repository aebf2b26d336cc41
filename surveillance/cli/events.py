"""Read what was decided, and why."""

from __future__ import annotations

import json
from datetime import datetime

import click

from surveillance.app import commands
from surveillance.cli.printing import explanation_of, line_of
from surveillance.cli.words import Ago, cli, command
from surveillance.settings import Settings


@cli.group()
def events() -> None:
    """Read what was decided, and why."""


@command(
    events,
    "list",
    """
    surveillance events list --since 24h --camera yard
    surveillance events list --kind access.denied --json
    """,
)
@click.option("--since", type=Ago(), help="24h, 7d, or a moment.")
@click.option("--camera", help="Only this camera.")
@click.option("--kind", help="Only this kind, such as access.denied.")
@click.option("--limit", default=100, show_default=True, type=click.IntRange(1, 100_000))
@click.option("--json", "as_json", is_flag=True, help="One JSON event per line.")
@click.pass_obj
def list_events(
    settings: Settings, since: datetime | None, camera: str | None, kind: str | None, limit: int, as_json: bool
) -> None:
    """List events, newest first."""
    found = False
    for event in commands.list_events(settings, since, camera, kind, limit):
        click.echo(json.dumps(event) if as_json else line_of(event))
        found = True
    if not found and not as_json:
        asked = since is not None or camera is not None or kind is not None
        click.echo("no such events on record" if asked else "no events on record yet", err=True)


@command(events, "explain", "surveillance events explain 01939f3e-0000-7000-8000-000000000000")
@click.argument("id")
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def explain(settings: Settings, id: str, as_json: bool) -> None:
    """Show why an event was decided as it was: every rule, every clause, every value."""
    event = commands.one_event(settings, id)
    if as_json:
        click.echo(json.dumps(event))
        return
    for line in explanation_of(event):
        click.echo(line)
