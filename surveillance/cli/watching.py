"""Watch one source, or run the site."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import click

from surveillance import logs
from surveillance.app import service
from surveillance.app import watch as watching
from surveillance.cli.printing import line_of
from surveillance.cli.words import Ago, cli, command
from surveillance.domain.site import CAMERA_TASKS, PROPOSERS, SceneWatch, hide_password
from surveillance.settings import Settings


@command(
    cli,
    "watch",
    """
    surveillance watch parking.mp4 --json
    surveillance watch road.mp4 --scene light=daylight --rules night.yaml
    surveillance watch rtsp://user:password@192.168.1.20/stream1 --rules my-rules.yaml --timeout 60
    surveillance watch street.mp4 --proposer detector --task kind --rules buses.yaml
    """,
)
@click.argument("source")
@click.option("--rules", "rules_file", type=click.Path(path_type=Path), help="Judge by these rules.")
@click.option("--record", is_flag=True, help="Also write the site's ledger.")
@click.option("--timeout", "timeout_s", type=click.FloatRange(min=0, min_open=True), help="Stop after S seconds.")
@click.option("--start-at", type=Ago(), help="When a file's first frame was taken (default: now).")
@click.option("--model", help="Model card to classify with.")
@click.option("--proposer", type=click.Choice(PROPOSERS), default="motion", show_default=True, help="Where to look.")
@click.option("--task", "tasks", multiple=True, type=click.Choice(sorted(CAMERA_TASKS)), help="What else to tell.")
@click.option("--scene", "scenes", multiple=True, metavar="NAME=MODEL", help="A model that tells the picture's state.")
@click.option("--json", "as_json", is_flag=True, help="One JSON event per line.")
@click.pass_obj
def watch(
    settings: Settings,
    source: str,
    rules_file: Path | None,
    record: bool,
    timeout_s: float | None,
    start_at: datetime | None,
    model: str | None,
    proposer: str,
    tasks: tuple[str, ...],
    scenes: tuple[str, ...],
    as_json: bool,
) -> None:
    """Watch one file or camera through the whole walk, without a site.

    Without rules every confirmed track is logged once. Ends with the file.
    """
    order = watching.WatchOrder(
        source, rules_file, record, timeout_s, start_at, model, proposer, tasks, scenes_of(scenes)
    )
    told = False
    for event in watching.watch(settings, order):
        told = True
        click.echo(json.dumps(event.as_json()) if as_json else line_of(event.as_json()))
    if not told:
        why = "no rule fired" if rules_file else "nothing in it moved for long enough to be followed"
        click.echo(f"surveillance: no events in {hide_password(source)}: {why}", err=True)


def scenes_of(words: tuple[str, ...]) -> tuple[SceneWatch, ...]:
    """`light=daylight` as a scene of the whole picture."""
    pairs = [word.partition("=") for word in words]
    if not all(name and model for name, _, model in pairs):
        raise click.UsageError("write a scene as NAME=MODEL, such as light=daylight")
    return tuple(SceneWatch(name, model) for name, _, model in pairs)


@command(
    cli,
    "run",
    """
    surveillance run --site site.yaml
    SURVEILLANCE__DASHBOARD__PORT=9000 surveillance run
    """,
)
@click.option("--site", "site_file", type=click.Path(path_type=Path), help="Seeds an empty database once.")
@click.pass_obj
def run(settings: Settings, site_file: Path | None) -> None:
    """Run the service: cameras, rules, doors and the dashboard. Ctrl-C stops it."""
    logs.configure_logs(settings.log, "service")
    service.run_site(settings, site_file, announce=click.echo)
