"""Who may pass: lists of people in and out, and single people."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from surveillance.access.credentials import GIVEN
from surveillance.access.roster import mark_of
from surveillance.app import people, privacy, site_edit
from surveillance.cli.cameras import tell_edit
from surveillance.cli.site import tell_plan
from surveillance.cli.words import cli, command, counted
from surveillance.domain.site import Person
from surveillance.domain.values import rfc3339
from surveillance.settings import Settings

FILE = click.Path(path_type=Path, dir_okay=False)


@cli.group(name="people")
def group() -> None:
    """Who may pass doors: their groups, badges, cards and PINs."""


@command(
    group,
    "list",
    """
    surveillance people list
    surveillance people list night --json
    """,
)
@click.argument("words", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="One JSON object per line.")
@click.pass_obj
def list_people(settings: Settings, words: tuple[str, ...], as_json: bool) -> None:
    """List people whose name or groups hold these words. Of credentials only kind and mark are shown."""
    found = people.list_people(settings, " ".join(words))
    if as_json:
        for person in found:
            click.echo(json.dumps(as_object(person), ensure_ascii=False))
        return
    if not found:
        click.echo("nobody; add somebody: surveillance people add NAME --group staff --card -", err=True)
        return
    width = max(len(person.name) for person in found)
    for person in found:
        held = ", ".join(
            f"{item.kind} {mark_of(item.value)}{'' if item.enabled else ' (off)'}" for item in person.credentials
        )
        with_whom = f"  with somebody of {person.escort}" if person.escort else ""
        click.echo(f"{person.name:{width}}  {', '.join(sorted(person.groups)) or '-':20}  {held or '-'}{with_whom}")


@command(
    group,
    "add",
    """
    surveillance people add "Grace Hopper" --group staff --card - --until 2027-06-30
    surveillance people add Ada --group staff --group "night shift" --badge - --pin -
    """,
)
@click.argument("name")
@click.option("--group", "groups", multiple=True, help="A group that rules name; several may be given.")
@click.option("--badge", help="Text of a badge; - asks for it.")
@click.option("--card", help="Number of a card; - asks for it.")
@click.option("--pin", help="PIN; - asks for it.")
@click.option("--duress", help="A second PIN, typed under duress; - asks for it.")
@click.option("--plate", help="Number plate.")
@click.option("--until", help="When the credentials end, such as 2027-06-30.")
@click.option("--escort", help="Let in only just after somebody of this group.")
@click.pass_obj
def add(
    settings: Settings,
    /,
    name: str,
    groups: tuple[str, ...],
    until: str | None,
    escort: str | None,
    **values: str | None,
) -> None:
    """Add a person. Values are hashed and never shown again; given as - they are asked for."""
    given = {kind: asked_for(kind, value) for kind in GIVEN if (value := values.get(kind)) is not None}
    tell_edit(settings, people.add_person(settings, name, groups, given, until, escort))


@command(
    group,
    "escort",
    """
    surveillance people escort Vera --by staff
    surveillance people escort Vera --none
    """,
)
@click.argument("name")
@click.option("--by", "by", help="The group of which somebody has to be let in just before, at the same door.")
@click.option("--none", "nobody", is_flag=True, help="They need nobody.")
@click.pass_obj
def set_escort(settings: Settings, name: str, by: str | None, nobody: bool) -> None:
    """Say who has to let a visitor in: somebody of a group, seconds before them at the same door."""
    if nobody is bool(by):
        raise click.UsageError("give --by GROUP, or --none")
    tell_edit(settings, people.set_escort(settings, name, by))


@command(group, "remove", "surveillance people remove 'Grace Hopper'")
@click.argument("name")
@click.pass_obj
def remove(settings: Settings, name: str) -> None:
    """Remove a person with all credentials. What is on record stays."""
    tell_edit(settings, people.remove_person(settings, name))


@command(group, "disable", "surveillance people disable Ada")
@click.argument("name")
@click.pass_obj
def disable(settings: Settings, name: str) -> None:
    """Switch all credentials of a person off."""
    tell_edit(settings, people.switch_person(settings, name, enabled=False))


@command(group, "enable", "surveillance people enable Ada")
@click.argument("name")
@click.pass_obj
def enable(settings: Settings, name: str) -> None:
    """Switch all credentials of a person on."""
    tell_edit(settings, people.switch_person(settings, name, enabled=True))


@command(
    group,
    "import",
    """
    surveillance people import staff.csv --dry-run
    surveillance people import staff.csv --yes
    surveillance people import everybody.csv --replace
    """,
)
@click.argument("file", type=FILE)
@click.option("--replace", "replaces", is_flag=True, help="Remove people and credentials that the file does not name.")
@click.option("--dry-run", is_flag=True, help="Show what it would change; exit code 1 where it would.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_context
def take_in(ctx: click.Context, file: Path, replaces: bool, dry_run: bool, yes: bool) -> None:
    """Take over a CSV file: name, groups, kind, value, valid_from, valid_until, enabled, escort; a line per credential.

    Shows every change first and asks, on a terminal. With a bad line nothing is changed, and each is named.
    """
    made = people.plan_people(ctx.obj, file, replaces)
    if made.faults:
        for fault in made.faults:
            click.echo(f"{file}: {fault}", err=True)
        click.echo(f"surveillance: {counted(len(made.faults), 'fault')}, so nothing was changed", err=True)
        ctx.exit(2)
    tell_plan(made.plan, file)
    if dry_run or not made.plan.changes:
        ctx.exit(1 if made.plan.changes else 0)
    if not yes and sys.stdin.isatty():
        click.confirm("apply this?", abort=True)
    click.echo(f"applied as configuration version {site_edit.apply_plan(ctx.obj, made.plan)}")


@command(
    group,
    "export",
    """
    surveillance people export people.csv
    surveillance people export > people.csv
    surveillance people export "Grace Hopper" grace.zip
    """,
)
@click.argument("target", required=False, metavar="[FILE|NAME|ID]")
@click.argument("zip_file", required=False, type=FILE)
@click.pass_obj
def take_out(settings: Settings, target: str | None, zip_file: Path | None) -> None:
    """Write everybody as CSV without secrets, or all that is held of one person as a ZIP.

    In the CSV `kept:` and a mark stand for what is on record. The ZIP (by default NAME.zip) holds whatever names that
    person, with their faces, pictures and clips.
    """
    of_one = target is not None and (zip_file is not None or not Path(target).suffix)  # a list is a file such as x.csv
    if target is not None and target != "-" and (of_one or privacy.is_known(settings, target)):
        hand_over(settings, target, zip_file or Path(f"{target}.zip"))
        return
    file = None if target is None else Path(target)
    text = people.export_people(settings)
    if file is None or str(file) == "-":
        click.echo(text, nl=False)
    else:
        file.write_text(text, encoding="utf-8", newline="")
        click.echo(f"wrote {file}")


def hand_over(settings: Settings, name: str, file: Path) -> None:
    """Writes what is held of a person."""
    if file.exists():
        raise click.UsageError(f"{file} is there already: give another name")
    held = privacy.export(settings, name, file).held
    click.echo(f"wrote {file}: {counted(len(held.events), 'event')} and {counted(held.files + held.faces, 'file')}")


def as_object(person: Person) -> dict[str, object]:
    return {
        "name": person.name,
        "groups": sorted(person.groups),
        "escort": person.escort,
        "credentials": [
            {
                "kind": item.kind,
                "mark": mark_of(item.value),
                "enabled": item.enabled,
                "valid_from": None if item.valid_from is None else rfc3339(item.valid_from),
                "valid_until": None if item.valid_until is None else rfc3339(item.valid_until),
            }
            for item in person.credentials
        ],
    }


def asked_for(kind: str, value: str) -> str:
    """The value, or what is typed for -: so it is in no list of processes and no shell's history."""
    return str(click.prompt(kind, hide_input=True)) if value == "-" else value
