"""What is held of a person: shown, handed over, or erased for good."""

from __future__ import annotations

import sys

import click

from surveillance.app import privacy
from surveillance.cli.house import rows_shown
from surveillance.cli.roster import group
from surveillance.cli.words import command, counted


@command(
    group,
    "erase",
    """
    surveillance people erase "Grace Hopper" --dry-run
    surveillance people erase "Grace Hopper" --yes
    """,
)
@click.argument("name", metavar="NAME|ID")
@click.option("--dry-run", is_flag=True, help="Only show what would be erased.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_context
def erase(ctx: click.Context, name: str, dry_run: bool, yes: bool) -> None:
    """Erase a person, also one who was removed: name, faces, credentials, and every picture and clip of them.

    Events stay, without who it was: the key that opens the name is erased, so that no backup shows it either. Nothing
    brings any of it back.
    """
    outlook = privacy.look_at(ctx.obj, name)
    for line in lines_of(outlook):
        click.echo(line)
    if dry_run:
        return
    if not yes:
        if not sys.stdin.isatty():
            raise click.UsageError("say --yes, or --dry-run to see what would be erased")
        click.confirm("erase all this for good?", abort=True)
    with rows_shown() as progress:
        done = privacy.erase(ctx.obj, name, progress=progress)
    held = done.outlook.held
    click.echo(f"erased; {counted(len(held.events), 'event')} now say {held.pseudonym}, whom nothing names any more")
    if done.rewritten:
        click.echo(f"{counted(done.rewritten, 'row')} had the name in clear and were written anew")
    click.echo("next: `surveillance audit verify` shows that the record is sound")


def lines_of(outlook: privacy.Outlook) -> list[str]:
    """What erasing would take away, a line each, and what it would not."""
    held = outlook.held
    lines = [
        f"{held.name} ({held.pseudonym}){'' if outlook.in_site else ', who was removed from the site'}",
        f"  {counted(held.credentials, 'credential')} and {counted(held.faces, 'enrolled face')} go",
        f"  {counted(len(held.pictures), 'picture')}, {counted(len(held.clips), 'recording')} and "
        f"{counted(len(held.crops), 'crop')} go",
        f"  {counted(len(held.events), 'event')} and {counted(held.observations, 'observation')} stay, without a name",
    ]
    lines += [
        f"  rule {name} names them: change it first, for nobody whom a rule names is erased" for name in outlook.rules
    ]
    lines += [f"  {file} holds the name in clear, and is not touched: delete it" for file in outlook.files]
    return lines
