"""Whether the running service is well, and whether this machine is fit for it."""

from __future__ import annotations

import json

import click

from surveillance.app import health as service_health
from surveillance.cli.words import cli, command, counted
from surveillance.settings import Settings

MARKS = {"ok": "ok  ", "warn": "WARN", "fail": "FAIL"}
COLORS = {"ok": "green", "warn": "yellow", "fail": "red"}


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


@command(
    cli,
    "doctor",
    """
    surveillance doctor
    surveillance doctor --cameras
    surveillance doctor --json
    """,
)
@click.option("--cameras", is_flag=True, help="Also open every camera.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per line.")
@click.pass_context
def doctor(ctx: click.Context, cameras: bool, as_json: bool) -> None:
    """Look at everything an installer gets wrong, and say what to do. Exit code 1 when something fails."""
    from surveillance.app.doctor import examine

    levels = []
    for finding in examine(ctx.obj, cameras):
        levels.append(finding.level)
        if as_json:
            click.echo(json.dumps(finding.as_json()))
            continue
        click.echo(f"{click.style(MARKS[finding.level], fg=COLORS[finding.level])}  {finding.what}")
        if finding.todo:
            click.echo(f"      do: {finding.todo}")
    if not as_json:
        click.echo(f"{counted(levels.count('fail'), 'failure')}, {counted(levels.count('warn'), 'warning')}")
    ctx.exit(1 if "fail" in levels else 0)
