"""Plan, apply and export the whole site as a file, and read who changed it when."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from surveillance.app import site_edit
from surveillance.cli.words import cli, command, counted
from surveillance.domain.values import rfc3339
from surveillance.settings import Settings
from surveillance.storage.site_plan import Change, FieldChange

MARKS = {"added": ("+", "green"), "changed": ("~", "yellow"), "removed": ("-", "red")}


@cli.group()
def site() -> None:
    """The whole site as a file: cameras, doors, people, schedules, rules and where notifications go."""


@command(
    site,
    "plan",
    """
    surveillance site plan site.yaml
    """,
)
@click.argument("file", type=click.Path(path_type=Path))
@click.pass_context
def plan(ctx: click.Context, file: Path) -> None:
    """Show what applying a site file would change. Changes nothing.

    The file is the whole site: what it does not name would be removed. Exit code 0: no difference, 1: there are
    differences, 2: the file has a fault.
    """
    planned = site_edit.plan_site(ctx.obj, file)
    tell_plan(planned, file)
    ctx.exit(1 if planned.changes else 0)


@command(
    site,
    "apply",
    """
    surveillance site apply site.yaml
    surveillance site apply site.yaml --yes
    """,
)
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def apply(settings: Settings, file: Path, yes: bool) -> None:
    """Make the site as the file says, in one version; shows the difference first and asks, on a terminal.

    The file is the whole site: what it does not name is removed. `***` keeps the secret that the database has.
    """
    planned = site_edit.plan_site(settings, file)
    tell_plan(planned, file)
    if not planned.changes:
        return
    if not yes and sys.stdin.isatty():
        click.confirm("apply this?", abort=True)
    click.echo(f"applied as configuration version {site_edit.apply_plan(settings, planned)}")


@command(
    site,
    "export",
    """
    surveillance site export site.yaml
    surveillance site export > site.yaml
    """,
)
@click.argument("file", required=False, type=click.Path(path_type=Path, dir_okay=False))
@click.pass_obj
def export(settings: Settings, file: Path | None) -> None:
    """Write the site as a file that `site plan` finds no difference with. Secrets are `***`, credentials are hashes."""
    text = site_edit.export_site(settings)
    if file is None or str(file) == "-":
        click.echo(text, nl=False)
    else:
        file.write_text(text, encoding="utf-8")
        click.echo(f"wrote {file}")


@command(
    site,
    "history",
    """
    surveillance site history --limit 5
    surveillance site history --json
    """,
)
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 100_000))
@click.option("--json", "as_json", is_flag=True, help="One JSON object per line.")
@click.pass_obj
def history(settings: Settings, limit: int, as_json: bool) -> None:
    """Who changed the site when, newest first."""
    edits = site_edit.open_site(settings).site.history(limit)
    if not edits and not as_json:
        click.echo("nothing was configured yet; begin: surveillance site apply FILE", err=True)
    for edit in edits:
        at = rfc3339(edit.at)
        if as_json:
            click.echo(json.dumps({"version": edit.version, "at": at, "author": edit.author, "change": edit.change}))
        else:
            click.echo(f"{edit.version:5}  {at}  {edit.author:16}  {edit.change}")


def tell_plan(planned: site_edit.Plan, file: Path) -> None:
    """Every difference, then how many there are."""
    if not planned.changes:
        click.echo(f"no difference: the site is as {file} says (configuration version {planned.version})")
        return
    for change in planned.changes:
        for text in lines_of(change):
            click.echo(text)
    counts = [
        f"{sum(change.how == how for change in planned.changes)} {how}"
        for how in MARKS
        if any(change.how == how for change in planned.changes)
    ]
    click.echo(f"{counted(len(planned.changes), 'difference')} to configuration version {planned.version}: ", nl=False)
    click.echo(", ".join(counts))


def lines_of(change: Change) -> Iterator[str]:
    """A difference as lines of text; colors are left out where the output is no terminal."""
    mark, color = MARKS[change.how]
    yield click.style(f"{mark} {change.what} {change.name}".rstrip(), fg=color)
    for field in change.fields:
        yield f"    {text_of(field)}"


def text_of(field: FieldChange) -> str:
    if not field.field:  # a line of a rule
        removed = field.after is None
        return click.style(f"- {field.before}", fg="red") if removed else click.style(f"+ {field.after}", fg="green")
    note = f" ({field.note})" if field.note else ""
    if field.before is None:
        return f"{field.field}: {field.after}{note}" if field.after is not None else f"{field.field}{note}"
    if field.after is None:
        return f"{field.field}: {field.before} -> (nothing)"
    return f"{field.field}: {field.before}{note}" if field.note else f"{field.field}: {field.before} -> {field.after}"
