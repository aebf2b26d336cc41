"""Who may pass which door, and why: the judge asked about a request that nobody made."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import click

from surveillance.app import simulation
from surveillance.cli.printing import explanation_of
from surveillance.cli.words import Ago, cli, command
from surveillance.settings import Settings


@cli.group()
def access() -> None:
    """Ask who may pass which door, and why."""


@command(
    access,
    "simulate",
    """
    surveillance access simulate --person Grace --door front --people 1
    surveillance access simulate --person Grace --door front --at 2026-11-20T22:30:00Z --factors badge,face
    surveillance access simulate --door front --people 1
    """,
)
@click.option("--person", help="Who asks; everybody without it.")
@click.option("--door", help="Where; at every door without it.")
@click.option("--at", type=Ago(), help="24h (ago), or a moment, also one to come; now without it.")
@click.option("--factors", help="What is presented, with commas between: badge,pin. Default: what the person holds.")
@click.option("--people", type=click.IntRange(0, 20), help="Persons whom the door's camera is assumed to see.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a question.")
@click.pass_obj
def simulate(
    settings: Settings,
    person: str | None,
    door: str | None,
    at: datetime | None,
    factors: str | None,
    people: int | None,
    as_json: bool,
) -> None:
    """Say whether somebody would be let in, and why, by the rules of that time; nothing acts, nothing is recorded."""
    kinds = None if factors is None else frozenset(filter(None, map(str.strip, factors.split(","))))
    assumed = {"at": at or datetime.now(UTC), "factors": kinds, "people": people}
    asked = simulation.questions(settings, person, door, assumed)
    if not asked:
        click.echo("the site has no door or nobody who could ask; see `surveillance people add`", err=True)
    for one, told in simulation.simulate(settings, asked):
        if as_json:
            click.echo(json.dumps({"person": one.person, "door": one.door, **told}))
        elif len(asked) == 1:
            for line in explanation_of(told):
                click.echo(line)
        else:
            verdict = "may pass" if told["verdict"] == "authorize" else "denied"
            click.echo(f"{one.person:24} {one.door:16} {verdict:9} {'; '.join(told['reasons'])}")
