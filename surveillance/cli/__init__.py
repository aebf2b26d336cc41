"""The command line: each command parses its words, asks `app` for the parts, and prints what comes back.

A person's mistake is one line on stderr and exit code 2; never a traceback.
"""

from __future__ import annotations

import os
import sys

import click

from surveillance.cli import cameras, events, house, jobs, models, rules, site, watching
from surveillance.cli.words import Example, cli
from surveillance.domain.errors import SurveillanceError, UserMistake

GROUPS = (
    watching,
    cameras,
    site,
    rules,
    events,
    models,
    jobs,
    house,
)  # each adds its commands to `cli` when it is imported
__all__ = ["GROUPS", "Example", "cli", "main"]


def main(arguments: list[str] | None = None) -> None:
    """Entry point: exit code 2 and one line for a mistake, 130 for Ctrl-C, 1 for a fault of ours."""
    try:
        sys.exit(cli.main(arguments, prog_name="surveillance", standalone_mode=False))
    except click.exceptions.Abort:
        sys.exit(130)
    except click.ClickException as mistake:
        mistake.show()
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
