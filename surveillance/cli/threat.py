"""The threat level of the site."""

from __future__ import annotations

import click

from surveillance.app import threats
from surveillance.app.site_edit import author
from surveillance.cli.access import access
from surveillance.cli.words import command
from surveillance.domain.threats import LOCKDOWN
from surveillance.domain.values import rfc3339
from surveillance.settings import Settings


@command(
    access,
    "threat",
    """
    surveillance access threat
    surveillance access threat elevated --reason "a call to the gate"
    surveillance access threat lockdown --reason "an intruder in the yard"
    """,
)
@click.argument("level", required=False)
@click.option("--reason", help="Why; it goes on record.")
@click.pass_obj
def threat(settings: Settings, level: str | None, reason: str | None) -> None:
    """Show the threat level, or set it. The level lockdown locks down every door that is not exempt."""
    if level is None:
        now, levels = threats.threat_now(settings)
        since = "" if now.at is None else f" since {rfc3339(now.at)} by {now.by}: {now.reason}"
        click.echo(f"{now.level}{since} (levels: {', '.join(levels)})")
        return
    if not reason:
        raise click.UsageError("say why with --reason; it goes on record")
    doors = threats.set_threat(settings, level, reason, author())
    done = "locked down" if level == LOCKDOWN else "released"
    click.echo(f"{level}; {done}: {', '.join(doors)}" if doors else level)
