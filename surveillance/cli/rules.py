"""Check, list and apply rules."""

from __future__ import annotations

from pathlib import Path

import click

from surveillance.app import commands
from surveillance.cli.words import cli, command, counted
from surveillance.settings import Settings


@cli.group()
def rules() -> None:
    """Check, list and apply rules."""


@command(rules, "check", "surveillance rules check my-rules.yaml")
@click.argument("file", type=click.Path(path_type=Path))
@click.pass_obj
def check_rules(settings: Settings, file: Path) -> None:
    """Say everything that is wrong with a rules file, with its place."""
    book, against_site = commands.check_rules(settings, file)
    names = "names checked against the site" if against_site else "no site yet, so names were not checked"
    click.echo(f"{file}: {counted(len(book.rules), 'rule')}, no faults ({names})")


@command(rules, "list", "surveillance rules list")
@click.pass_obj
def list_rules(settings: Settings) -> None:
    """List the rules in force, with their origin."""
    for rule in commands.rules_in_force(settings):
        click.echo(f"{rule.name:24} {rule.trigger:9} {rule.verdict:10} {rule.mode:7} {rule.origin}")


@command(rules, "apply", "surveillance rules apply my-rules.yaml")
@click.argument("file", type=click.Path(path_type=Path))
@click.pass_obj
def apply_rules(settings: Settings, file: Path) -> None:
    """Put a rules file in force (in the database); a running service takes it up within two seconds."""
    count, version = commands.apply_rules(settings, file)
    click.echo(f"applied {counted(count, 'rule')} as configuration version {version}")
