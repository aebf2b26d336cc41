"""Measure what a site costs on this machine."""

from __future__ import annotations

import json
from pathlib import Path

import click

from surveillance.cli.words import cli, command
from surveillance.settings import Settings


@cli.group()
def bench() -> None:
    """Measure what a site costs on this machine."""


@command(
    bench,
    "soak",
    """
    surveillance bench soak --clip parking.mp4 --minutes 30
    surveillance bench soak --clip parking.mp4 --cameras 8 --flap 10 --json soak.json
    """,
)
@click.option("--clip", required=True, type=click.Path(path_type=Path, exists=True, dir_okay=False), help="A video.")
@click.option("--minutes", default=30.0, show_default=True, type=click.FloatRange(min=0.2))
@click.option("--cameras", default=4, show_default=True, type=click.IntRange(1, 64))
@click.option("--flap", "flap_s", default=30.0, show_default=True, help="Mean seconds between two losses.")
@click.option("--json", "file", type=click.Path(path_type=Path), help="Also write the figures there.")
@click.pass_obj
def soak(settings: Settings, clip: Path, minutes: float, cameras: int, flap_s: float, file: Path | None) -> None:
    """Run a whole site on flapping RTSP cameras and tell what it holds: memory, threads, descriptors."""
    from surveillance.bench import soak as soaking

    figures = soaking.dated(soaking.soak(settings, soaking.SoakOrder(minutes, clip, cameras, flap_s)))
    for line in soaking.described(figures):
        click.echo(line)
    if file is not None:
        file.write_text(json.dumps(figures, indent=2), encoding="utf-8")


@command(
    bench,
    "dashboard",
    """
    surveillance bench dashboard
    surveillance bench dashboard --events 1000000 --hidden 0.9 --json dashboard.json
    """,
)
@click.option("--events", default=1_000_000, show_default=True, type=click.IntRange(1000))
@click.option(
    "--hidden", default=0.5, show_default=True, type=click.FloatRange(0, 0.95), help="Share that no list has."
)
@click.option(
    "--repeats", default=25, show_default=True, type=click.IntRange(2), help="How often each page is asked for."
)
@click.option("--database", "only", type=click.Choice(["sqlite", "postgresql"]), help="Only this one; both without.")
@click.option("--json", "file", type=click.Path(path_type=Path), help="Also write the figures there.")
@click.pass_obj
def dashboard(
    settings: Settings, events: int, hidden: float, repeats: int, only: str | None, file: Path | None
) -> None:
    """Fill a ledger and time the pages of the event list, on SQLite and, where it is installed, PostgreSQL."""
    from surveillance.bench import dashboard as pages
    from surveillance.bench.ledger_fill import Fill

    databases = (only,) if only else pages.DATABASES
    figures = pages.measure(settings, pages.DashboardOrder(Fill(events, hidden), repeats, databases=databases))
    for line in pages.described(figures):
        click.echo(line)
    if file is not None:
        file.write_text(json.dumps(figures, indent=2), encoding="utf-8")


@command(
    bench,
    "plates",
    """
    surveillance bench plates --data plates/
    surveillance bench plates --painted 480 --seed 7 --json plates.json
    """,
)
@click.option(
    "--data", type=click.Path(path_type=Path, exists=True, file_okay=False), help="Pictures named by their plates."
)
@click.option("--painted", default=0, type=click.IntRange(0), help="So many painted European plates too.")
@click.option("--seed", default=7, show_default=True, help="Of the painted ones.")
@click.option("--json", "file", type=click.Path(path_type=Path), help="Also write the figures there.")
def plates(data: Path | None, painted: int, seed: int, file: Path | None) -> None:
    """Read number plates and tell how many came out exactly, nearly, and by character."""
    from surveillance.bench import plates as reading

    if data is None and not painted:
        raise click.UsageError("nothing to read: give --data, --painted or both")
    figures = reading.measure_all(data, painted, seed)
    for line in reading.described(figures):
        click.echo(line)
    if file is not None:
        file.write_text(json.dumps(figures, indent=2), encoding="utf-8")
