"""Doors from the command line: the walk with an installer from relay to camera."""

from __future__ import annotations

import json
import select
import sys
from typing import Any

import click

from surveillance.access.door_test import STEPS, Step
from surveillance.app import door_test
from surveillance.app.site_edit import author, open_site
from surveillance.cli.words import cli, command
from surveillance.settings import Settings

MARKS = {"passed": "ok  ", "failed": "FAIL", "skipped": "-   ", "absent": "-   "}


class Terminal:
    """Somebody who reads what to do, and answers; Enter leaves a step out."""

    there = True

    def asked(self, what: str) -> None:
        click.echo(f"      now: {what} (Enter leaves it out)", err=True)

    def confirms(self, question: str) -> bool:
        return click.confirm(f"      {question}", err=True)

    def gives_up(self) -> bool:
        if not select.select([sys.stdin], [], [], 0)[0]:
            return False
        sys.stdin.readline()
        return True


class Nobody:
    """Nothing is done by hand."""

    there = False

    def asked(self, what: str) -> None:
        """Nobody is asked."""

    def confirms(self, question: str) -> bool:
        return False

    def gives_up(self) -> bool:
        return False


@cli.group()
def door() -> None:
    """Test doors before they are handed over."""


@command(
    door,
    "test",
    """
    surveillance door test front
    surveillance door test front --yes
    surveillance door test front --yes --json
    """,
)
@click.argument("name")
@click.option("--yes", is_flag=True, help="Ask nobody: what takes a hand at the door is skipped.")
@click.option("--limit", "limit_s", type=click.FloatRange(1, 600), default=60.0, help="Seconds for each thing to do.")
@click.option("--json", "as_json", is_flag=True, help="The signed result as one JSON object.")
@click.pass_obj
def test(settings: Settings, name: str, yes: bool, limit_s: float, as_json: bool) -> None:
    """Test a door step by step, through the core that runs: relay, relock, contact, exit button, reader, camera.

    The door is left locked, also after Ctrl-C; the result is signed and on record.
    """
    if not yes and not sys.stdin.isatty():
        raise click.UsageError("nobody can be asked here: say --yes to do what needs no hand at the door")
    trial = door_test.open_test(open_site(settings), name, author(), Nobody() if yes else Terminal(), limit_s)
    is_begun = False
    try:
        for number, step in enumerate(trial.steps(), 1):
            is_begun = True
            tell(number, step)
    except KeyboardInterrupt:
        click.echo("      broken off; the door is locked", err=True)
        is_begun = True
    finally:
        told = trial.finish() if is_begun else None
    if told is not None:
        tell_result(told, as_json)


def tell(number: int, step: Step) -> None:
    click.echo(f"{number}/{len(STEPS)} {MARKS[step.result]} {step.name:8} {step.seen} ({step.took_s:.1f} s)", err=True)


def tell_result(told: dict[str, Any], as_json: bool) -> None:
    """Exits with 1 where a step failed."""
    if as_json:
        click.echo(json.dumps(told, ensure_ascii=False))
    else:
        left = {"locked": "it is locked", "unclear": "ITS LOCK IS UNCLEAR: look at it"}.get(told["left"], "")
        click.echo(f"door {told['door']}: {told['result']}{f'; {left}' if left else ''}; on record as {told['event']}")
    if told["result"] == "failed" or told["left"] == "unclear":
        sys.exit(1)
