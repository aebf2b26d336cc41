"""See what runs by the clock, run it by hand, and see or set the arming mode."""

from __future__ import annotations

import getpass
import json
import sys
from datetime import UTC, datetime
from typing import Any

import click

from surveillance.app import arming, jobs
from surveillance.cli.words import Ahead, cli, command
from surveillance.domain.values import rfc3339
from surveillance.settings import Settings

RUN_S = 600.0  # how long `jobs run` waits


@cli.group("jobs")
def job_commands() -> None:
    """What runs by the clock, from retention to retraining."""


@command(job_commands, "list", "surveillance jobs list\nsurveillance jobs list --json")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per line.")
@click.pass_obj
def list_jobs(settings: Settings, as_json: bool) -> None:
    """List the jobs: what each does, when it runs next, and what its last run came to."""
    for line in jobs.list_jobs(settings):
        if as_json:
            click.echo(json.dumps(json_of(line)))
        else:
            for text in lines_of(line, datetime.now(UTC)):
                click.echo(text)


@command(job_commands, "run", "surveillance jobs run retention")
@click.argument("name")
@click.option("--timeout", "timeout_s", default=RUN_S, show_default=True, type=click.FloatRange(1), help="In seconds.")
@click.pass_obj
def run_job(settings: Settings, name: str, timeout_s: float) -> None:
    """Run a job now, in the running service, and say what it did; exit code 1 when it failed."""
    ran = jobs.run_job(settings, name, getpass.getuser(), timeout_s)
    if ran.here:
        click.echo("the service is not running, so the job ran here", err=True)
    click.echo(f"{name}: {ran.result} ({took(ran.took_s)})" if ran.ok else f"{name} did not run well: {ran.result}")
    sys.exit(0 if ran.ok else 1)


@command(
    cli,
    "mode",
    """
    surveillance mode
    surveillance mode armed --until 2h
    surveillance mode disarmed --until 2026-11-22T06:00
    surveillance mode auto
    """,
)
@click.argument("name", required=False)
@click.option("--until", type=Ahead(), help="2h, 30m, or a moment; then the schedules decide again.")
@click.pass_obj
def mode(settings: Settings, name: str | None, until: datetime | None) -> None:
    """Show the arming mode, set it by hand, or let the schedules decide again (auto)."""
    if name is None:
        if until is not None:
            raise click.UsageError("--until goes with a mode: surveillance mode armed --until 2h")
        click.echo(arming.mode_now(settings))
        return
    click.echo(arming.set_mode(settings, name, until, getpass.getuser()))


def json_of(line: jobs.JobLine) -> dict[str, Any]:
    """A job as programs read it."""
    last = line.last
    return {
        "name": line.job.name,
        "does": line.job.does,
        "every_s": line.job.every_s,
        "next_run_at": None if line.next_run_at is None else rfc3339(line.next_run_at),
        "last_run_at": None if last is None else rfc3339(last.started_at),
        "ok": None if last is None else last.ok,
        "result": None if last is None else last.result,
        "took_s": None if last is None else round(last.took_s, 3),
        "by": None if last is None else last.by,
    }


def lines_of(line: jobs.JobLine, now: datetime) -> list[str]:
    """A job as people read it: two lines, times on the clock of this machine."""
    next_run = f", next {clock(line.next_run_at, now)}" if line.next_run_at else ""
    first = f"{line.job.name:10} {line.job.schedule}{next_run}: {line.job.does}"
    if line.last is None:
        return [first, f"{'':10} has not run yet"]
    by = f", by {line.last.by}" if line.last.by else ""
    outcome = "" if line.last.ok else "FAILED: "
    at = clock(line.last.started_at, now)
    return [first, f"{'':10} last {at} ({took(line.last.took_s)}{by}): {outcome}{line.last.result}"]


def clock(at: datetime, now: datetime) -> str:
    """`22:15:03`, with the date when it is not today."""
    local = at.astimezone()
    return local.strftime("%H:%M:%S" if local.date() == now.astimezone().date() else "%Y-%m-%d %H:%M:%S")


def took(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"
