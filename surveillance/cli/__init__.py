"""The command line: each command parses its words, asks `app` for the parts, and prints what comes back.

A person's mistake is one line on stderr and exit code 2; never a traceback.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any

import click

from surveillance.domain.errors import SurveillanceError, UserMistake

if TYPE_CHECKING:
    from surveillance.cli.words import Example, cli

# each module adds its commands to `cli` when it is imported
GROUPS = (
    "watching",
    "cameras",
    "scenes",
    "site",
    "roster",
    "access",
    "doors",
    "areas",
    "threat",
    "face_people",
    "privacy",
    "rules",
    "events",
    "audit",
    "keys",
    "models",
    "looking",
    "reading",
    "faces",
    "datasets",
    "shelf",
    "labels",
    "comparing",
    "training",
    "inside",
    "jobs",
    "diagnosis",
    "bench",
    "house",
    "people",
    "api",
)
QUICK = {"health": "diagnosis"}  # asked every few seconds by whoever watches over the service
__all__ = ["GROUPS", "Example", "cli", "main"]


def load_commands(arguments: Sequence[str]) -> click.Group:
    """The root command with the groups that the arguments need: all of them, but for a quick one."""
    words = arguments[2:] if arguments[:1] == ["--config"] else arguments
    quick = QUICK.get(words[0]) if words else None
    for name in GROUPS if quick is None else (quick,):
        import_module(f"{__name__}.{name}")
    root: click.Group = import_module(f"{__name__}.words").cli
    return root


def __getattr__(name: str) -> Any:
    """`cli` with every command, and the class of those that are no group."""
    if name not in ("Example", "cli"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    load_commands([])
    return getattr(import_module(f"{__name__}.words"), name)


def said_of(mistake: click.ClickException) -> str:
    """A mistyped command in one line; a group without a command answers with its help."""
    if isinstance(mistake, click.exceptions.NoArgsIsHelpError) or not isinstance(mistake, click.UsageError):
        return mistake.format_message()
    where = mistake.ctx.command_path if mistake.ctx is not None else "surveillance"
    path = where.partition(" ")[2]
    said = mistake.format_message().rstrip(".")
    return f"surveillance: {f'{path}: ' if path else ''}{said[:1].lower()}{said[1:]} (see `{where} --help`)"


def main(arguments: list[str] | None = None) -> None:
    """Entry point: exit code 2 and one line for a mistake, 130 for Ctrl-C, 1 for a fault of ours."""
    try:
        cli = load_commands(sys.argv[1:] if arguments is None else arguments)
        sys.exit(cli.main(arguments, prog_name="surveillance", standalone_mode=False))
    except click.exceptions.Abort:
        sys.exit(130)
    except click.ClickException as mistake:
        click.echo(said_of(mistake), err=True)
        sys.exit(2)
    except UserMistake as mistake:
        click.echo(f"surveillance: {mistake}", err=True)
        sys.exit(2)
    except SurveillanceError as fault:
        click.echo(f"surveillance: {fault}", err=True)
        sys.exit(1)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except Exception as fault:
        if os.environ.get("SURVEILLANCE_DEBUG"):
            raise
        if isinstance(fault, OSError) and fault.filename is not None:
            what = f"cannot use {fault.filename}: {fault.strerror}; check the path and who may write there"
            click.echo(f"surveillance: {what}", err=True)
            sys.exit(2)
        click.echo(f"surveillance: a fault of ours: {fault!r}; set SURVEILLANCE_DEBUG=1 for the trace", err=True)
        sys.exit(1)
