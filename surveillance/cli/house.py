"""The database, and who may sign in or send requests."""

from __future__ import annotations

import click

from surveillance.app import commands, store
from surveillance.cli.words import cli, command
from surveillance.settings import Settings


@cli.group()
def db() -> None:
    """The database."""


@cli.group()
def user() -> None:
    """Who may sign in to the dashboard."""


@cli.group()
def token() -> None:
    """Tokens for readers and other machines."""


@command(db, "upgrade", "SURVEILLANCE__STORAGE__URL=sqlite:////var/lib/surveillance/site.db surveillance db upgrade")
@click.pass_obj
def upgrade(settings: Settings) -> None:
    """Create the database or bring it to this version."""
    click.echo(store.upgrade_database(settings))


@command(user, "add", "surveillance user add alice --role operator")
@click.argument("name")
@click.option("--role", default="viewer", show_default=True)
@click.password_option()
@click.pass_obj
def add_user(settings: Settings, name: str, role: str, password: str) -> None:
    """Add somebody who may sign in."""
    commands.open_accounts(settings).add(name, role, password)
    click.echo(f"added {name} as {role}")


@command(user, "passwd", "surveillance user passwd admin")
@click.argument("name")
@click.password_option()
@click.pass_obj
def change_password(settings: Settings, name: str, password: str) -> None:
    """Set somebody's password."""
    commands.open_accounts(settings).passwd(name, password)
    click.echo(f"the password of {name} is changed")


@command(token, "create", "surveillance token create front-reader --scope access:request")
@click.argument("name")
@click.option("--scope", "scopes", multiple=True, default=("access:request",), show_default=True)
@click.pass_obj
def create_token(settings: Settings, name: str, scopes: tuple[str, ...]) -> None:
    """Make a token; it is shown this once."""
    click.echo(commands.open_accounts(settings).create_token(name, scopes))


@command(token, "relay", "surveillance token relay front")
@click.argument("door")
@click.pass_obj
def show_relay_token(settings: Settings, door: str) -> None:
    """Show the token that a door's controller must expect from us."""
    click.echo(commands.token_of_relay(settings, door))
