"""Whether the running service is well, and whether this machine is fit for it."""

from __future__ import annotations

import json

import click

from surveillance.app import health as service_health
from surveillance.cli.words import cli, command
from surveillance.settings import Settings


@command(
    cli,
    "health",
    """
    surveillance health
    surveillance health --json
    """,
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
@click.pass_context
def health(ctx: click.Context, as_json: bool) -> None:
    """Ask the running service how it fares. Exit code 0: healthy, 1: degraded, 2: down."""
    settings: Settings = ctx.obj
    found = service_health.diagnose(settings)
    if as_json:
        click.echo(json.dumps(found.as_json()))
    else:
        click.echo(found.status)
        for cause in found.causes:
            click.echo(f"  {cause}")
    ctx.exit(found.exit_code)
