"""Who may pass which door: access levels, and the judge asked about a request that nobody made."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import click

from surveillance.access.levels import level_document
from surveillance.app import levels, simulation
from surveillance.app.site_edit import open_site
from surveillance.cli.cameras import tell_edit
from surveillance.cli.models import columns
from surveillance.cli.printing import explanation_of
from surveillance.cli.words import Ago, cli, command
from surveillance.domain.levels import AccessLevel
from surveillance.rules.levels import hints
from surveillance.settings import Settings


@cli.group()
def access() -> None:
    """Say who may pass which doors and when, and ask why."""


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


# --- access levels -------------------------------------------------------------------------------------------------


@access.group(name="levels")
def group() -> None:
    """Access levels: which groups may pass which doors, and when. Rules ask for them by the word permitted."""


@command(
    group,
    "list",
    """
    surveillance access levels list
    surveillance access levels list --json
    """,
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object per line.")
@click.pass_obj
def list_levels(settings: Settings, as_json: bool) -> None:
    """List the access levels, and what is odd about them."""
    site = open_site(settings).site.read()
    if as_json:
        for level in site.access_levels:
            click.echo(json.dumps(level_document(level), ensure_ascii=False))
        return
    for line in lines_of(site.access_levels):
        click.echo(line)
    for hint in hints(site) if site.access_levels else ():
        click.echo(hint, err=True)


def lines_of(found: tuple[AccessLevel, ...]) -> Iterator[str]:
    if not found:
        yield "no access levels yet; add one: surveillance access levels add NAME --group GROUP --door DOOR"
        return
    rows = [
        (level.name, ", ".join(sorted(level.groups)), ", ".join(sorted(level.doors)), when_of(level)) for level in found
    ]
    yield from columns([("LEVEL", "GROUPS", "DOORS", "WHEN"), *rows])


def when_of(level: AccessLevel) -> str:
    more = ", two persons" if level.two_persons else ""
    more += f", after somebody of {level.opened_by}" if level.opened_by else ""
    return (level.schedule or "always") + more


@command(
    group,
    "add",
    """
    surveillance access levels add staff-day --group staff --door front --door side --schedule office-hours
    surveillance access levels add guards --group guards --door front
    surveillance access levels add vault --group staff --door vault --two-persons
    surveillance access levels add shop --group staff --door shop --schedule office-hours --opened-by managers
    """,
)
@click.argument("name")
@click.option("--group", "groups", multiple=True, required=True, help="A group that may pass; several may be given.")
@click.option("--door", "doors", multiple=True, required=True, help="A door that they may pass; several may be given.")
@click.option("--schedule", help="Only while this schedule is open; always without it.")
@click.option("--two-persons", is_flag=True, help="It takes two different persons within seconds.")
@click.option("--opened-by", help="Only after somebody of this group was let in at the door in the present window.")
@click.pass_obj
def add_level(settings: Settings, /, name: str, **values: Any) -> None:
    """Let groups through doors, always or while a schedule is open."""
    tell_edit(settings, levels.add_level(settings, {"name": name, **listed(values)}))


@command(
    group,
    "set",
    """
    surveillance access levels set staff-day --door front --door back
    surveillance access levels set staff-day --always
    """,
)
@click.argument("name")
@click.option("--group", "groups", multiple=True, help="Groups that may pass, in place of those it has.")
@click.option("--door", "doors", multiple=True, help="Doors that they may pass, in place of those it has.")
@click.option("--schedule", help="Only while this schedule is open.")
@click.option("--always", is_flag=True, help="Whatever the time.")
@click.option("--two-persons/--one-person", default=None, help="Whether it takes two different persons.")
@click.option("--opened-by", help="Only after somebody of this group was let in; an empty text for nobody.")
@click.pass_obj
def set_level(settings: Settings, /, name: str, always: bool, **values: Any) -> None:
    """Change what is given of an access level."""
    given = {key: value for key, value in listed(values).items() if value not in (None, [])}
    if given.get("opened_by") == "":
        given["opened_by"] = None
    if always and "schedule" in given:
        raise click.UsageError("--schedule and --always exclude each other")
    tell_edit(settings, levels.change_level(settings, name, given | ({"schedule": None} if always else {})))


@command(group, "remove", "surveillance access levels remove staff-day")
@click.argument("name")
@click.pass_obj
def remove_level(settings: Settings, name: str) -> None:
    """Remove an access level: nobody is permitted by it any more."""
    tell_edit(settings, levels.remove_level(settings, name))


def listed(values: dict[str, Any]) -> dict[str, Any]:
    return {key: list(value) if isinstance(value, tuple) else value for key, value in values.items()}
