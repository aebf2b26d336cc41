"""Who may sign in to the dashboard, and which programs may send requests."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

import click

from surveillance.app import commands
from surveillance.cli.words import Ahead, cli, command
from surveillance.domain.permissions import ROLES, SCOPES, Reach
from surveillance.domain.values import rfc3339
from surveillance.settings import Settings
from surveillance.storage.accounts import Accounts, User, one_time_password
from surveillance.storage.tokens import Token

ACTOR = "command line"


@cli.group()
def user() -> None:
    """Who may sign in to the dashboard."""


@cli.group()
def token() -> None:
    """Tokens for readers and other machines."""


def reaching(decorated: Callable[..., Any]) -> Callable[..., Any]:
    """The options by which somebody is limited to some cameras and doors."""
    for option in (
        click.option("--no-doors", is_flag=True, help="Reach no door."),
        click.option("--no-cameras", is_flag=True, help="Reach no camera."),
        click.option("--door", "doors", multiple=True, help="Reach only this door, and others so named."),
        click.option("--camera", "cameras", multiple=True, help="Reach only this camera, and others so named."),
    ):
        decorated = option(decorated)
    return decorated


def given_reach(
    settings: Settings, cameras: tuple[str, ...], doors: tuple[str, ...], no_cameras: bool, no_doors: bool
) -> Reach:
    """Raises NotFound for a camera or door that the site does not have."""
    for given, without, kind in ((cameras, no_cameras, "camera"), (doors, no_doors, "door")):
        if given and without:
            raise click.UsageError(f"--{kind} and --no-{kind}s exclude each other")
    seen_cameras, seen_doors = [
        frozenset(given) if given or without else None for given, without in ((cameras, no_cameras), (doors, no_doors))
    ]
    return commands.known_reach(settings, Reach(seen_cameras, seen_doors))


def words_of(reach: Reach) -> str:
    """`cameras: yard, gate; doors: none`; empty for the whole site."""
    parts = []
    for kind, names in (("cameras", reach.cameras), ("doors", reach.doors)):
        if names is not None:
            parts.append(f"{kind}: {', '.join(sorted(names)) or 'none'}")
    return "; ".join(parts)


# --- users ---------------------------------------------------------------------------------------------------------


@command(
    user,
    "add",
    """surveillance user add alice --role operator
    surveillance user add bob --role guard --camera yard --door back --one-time""",
)
@click.argument("name")
@click.option("--role", default="viewer", show_default=True, help=f"One of {', '.join(ROLES)}.")
@reaching
@click.option("--one-time", is_flag=True, help="Make a password, shown this once, that has to be changed at once.")
@click.option("--password", help="Asked for where it is not given.")
@click.pass_obj
def add_user(settings: Settings, /, name: str, role: str, one_time: bool, password: str | None, **limits: Any) -> None:
    """Add somebody who may sign in; without --camera and --door they reach the whole site."""
    reach = given_reach(settings, **limits)
    accounts = commands.open_accounts(settings)
    chosen = one_time_password() if one_time else password or asked_password()
    made = accounts.add(name, role, chosen, ACTOR, reach, must_change=one_time)
    click.echo(f"added {line_of(made)}")
    if one_time:
        click.echo(f"password, shown this once: {chosen}")


@command(
    user,
    "set",
    """surveillance user set alice --role guard
    surveillance user set bob --camera yard --camera gate --no-doors
    surveillance user set bob --whole-site""",
)
@click.argument("name")
@click.option("--role", help=f"One of {', '.join(ROLES)}.")
@reaching
@click.option("--whole-site", is_flag=True, help="Reach every camera and door again.")
@click.pass_obj
def set_user(settings: Settings, /, name: str, role: str | None, whole_site: bool, **limits: Any) -> None:
    """Change somebody's role, or which cameras and doors they reach; it holds at once."""
    reach = Reach() if whole_site else given_reach(settings, **limits)
    if not whole_site and reach.is_whole and role is None:
        raise click.UsageError("nothing to change: give --role, --camera, --door or --whole-site")
    wanted = reach if whole_site or not reach.is_whole else None
    changed = commands.open_accounts(settings).set(name, ACTOR, role, wanted)
    click.echo(f"changed {line_of(changed)}")


@command(user, "list", "surveillance user list\nsurveillance user list --json")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per line.")
@click.pass_obj
def list_users(settings: Settings, as_json: bool) -> None:
    """Show who may sign in."""
    found = commands.open_accounts(settings).list_users()
    if not found and not as_json:
        click.echo("no users yet; add one: surveillance user add NAME --role administrator", err=True)
    for known in found:
        click.echo(json.dumps(json_of(known)) if as_json else line_of(known))


@command(user, "remove", "surveillance user remove bob --yes")
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def remove_user(settings: Settings, name: str, yes: bool) -> None:
    """Remove an account; what it did stays on record."""
    if not yes:
        click.confirm(f"remove {name}?", abort=True)
    commands.open_accounts(settings).remove(name, ACTOR)
    click.echo(f"removed {name}")


@command(user, "disable", "surveillance user disable bob")
@click.argument("name")
@click.pass_obj
def disable_user(settings: Settings, name: str) -> None:
    """Let somebody no longer sign in; their sessions end at once."""
    commands.open_accounts(settings).set_enabled(name, False, ACTOR)
    click.echo(f"{name} can no longer sign in")


@command(user, "enable", "surveillance user enable bob")
@click.argument("name")
@click.pass_obj
def enable_user(settings: Settings, name: str) -> None:
    """Let a disabled account sign in again."""
    commands.open_accounts(settings).set_enabled(name, True, ACTOR)
    click.echo(f"{name} can sign in again")


@command(user, "unlock", "surveillance user unlock bob")
@click.argument("name")
@click.pass_obj
def unlock_user(settings: Settings, name: str) -> None:
    """Let a name that was locked after wrong passwords try again."""
    commands.open_accounts(settings).unlock(name, ACTOR)
    click.echo(f"{name} can try again")


@command(user, "passwd", "surveillance user passwd admin\nsurveillance user passwd bob --one-time")
@click.argument("name")
@click.option("--one-time", is_flag=True, help="Make a password, shown this once, that has to be changed at once.")
@click.option("--password", help="Asked for where it is not given.")
@click.option("--without-second-factor", is_flag=True, help="Take a lost second factor away as well.")
@click.pass_obj
def change_password(
    settings: Settings, name: str, one_time: bool, password: str | None, without_second_factor: bool
) -> None:
    """Set somebody's password, unlock the name and end their sessions."""
    accounts = commands.open_accounts(settings)
    if one_time:
        click.echo(f"password of {name}, shown this once: {accounts.reset_password(name, ACTOR)}")
    else:
        accounts.passwd(name, password or asked_password(), ACTOR)
        click.echo(f"the password of {name} is changed")
    if without_second_factor:
        commands.remove_second_factor(settings, name, ACTOR)
        click.echo(f"{name} signs in without a second factor")


def asked_password() -> str:
    chosen: str = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    return chosen


def line_of(known: User) -> str:
    """A user in one line: name, role, reach, and what is unusual."""
    marks = [
        word
        for word, holds in (
            ("disabled", not known.enabled),
            ("one-time password", known.must_change),
            ("second factor", known.has_second_factor),
        )
        if holds
    ]
    return "  ".join(part for part in (f"{known.name:20} {known.role:13}", words_of(known.reach), *marks) if part)


def json_of(known: User) -> dict[str, Any]:
    cameras, doors = known.reach.cameras, known.reach.doors
    return {
        "name": known.name,
        "role": known.role,
        "enabled": known.enabled,
        "one_time_password": known.must_change,
        "second_factor": known.has_second_factor,
        "cameras": None if cameras is None else sorted(cameras),
        "doors": None if doors is None else sorted(doors),
        "signed_in_at": None if known.signed_in_at is None else rfc3339(known.signed_in_at),
    }


# --- tokens --------------------------------------------------------------------------------------------------------


@command(
    token,
    "create",
    """surveillance token create front-reader --scope access:request --door front
    surveillance token create reports --scope events:read --expires 90d""",
)
@click.argument("name")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    default=("access:request",),
    show_default=True,
    help=f"One of {', '.join(SCOPES)}; may be given several times.",
)
@reaching
@click.option("--expires", "expires_at", type=Ahead(), help="When it ends by itself; by default never.")
@click.pass_obj
def create_token(
    settings: Settings, /, name: str, scopes: tuple[str, ...], expires_at: datetime | None, **limits: Any
) -> None:
    """Make a token; it is shown this once. A token of that name is replaced."""
    reach = given_reach(settings, **limits)
    click.echo(commands.open_accounts(settings).create_token(name, scopes, ACTOR, reach, expires_at))


@command(token, "list", "surveillance token list")
@click.pass_obj
def list_tokens(settings: Settings) -> None:
    """Show which tokens there are, and when each was last used."""
    found = commands.open_accounts(settings).list_tokens()
    if not found:
        click.echo("no tokens yet; make one: surveillance token create NAME --scope access:request", err=True)
    for known in found:
        click.echo(token_line(known))


@command(token, "revoke", "surveillance token revoke front-reader")
@click.argument("name")
@click.pass_obj
def revoke_token(settings: Settings, name: str) -> None:
    """End a token at once."""
    accounts: Accounts = commands.open_accounts(settings)
    accounts.revoke_token(name, ACTOR)
    click.echo(f"revoked {name}")


@command(token, "relay", "surveillance token relay front")
@click.argument("door")
@click.pass_obj
def show_relay_token(settings: Settings, door: str) -> None:
    """Show the token that a door's controller must expect from us."""
    click.echo(commands.token_of_relay(settings, door))


@command(token, "reader", "surveillance token reader front")
@click.argument("door")
@click.pass_obj
def show_reader_token(settings: Settings, door: str) -> None:
    """Show the key with which a door's reader signs over MQTT."""
    click.echo(commands.token_of_reader(settings, door))


@command(token, "osdp", "surveillance token osdp front")
@click.argument("door")
@click.pass_obj
def show_osdp_keys(settings: Settings, door: str) -> None:
    """Show the key of the secure channel of each OSDP device at a door."""
    for device, key in commands.keys_of_osdp(settings, door):
        click.echo(f"{device}  {key}")


def token_line(known: Token) -> str:
    used = f"used {rfc3339(known.used_at)}" if known.used_at else "not used yet"
    ends = f"ends {rfc3339(known.expires_at)}" if known.expires_at else ""
    parts = (f"{known.name:20}", ", ".join(sorted(known.scopes)), words_of(known.reach), used, ends)
    return "  ".join(part for part in parts if part)
