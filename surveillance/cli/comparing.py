"""Compare two models on the same labeled pictures."""

from __future__ import annotations

import json
from pathlib import Path

import click

from surveillance.app import comparing
from surveillance.cli.models import models
from surveillance.cli.words import command
from surveillance.settings import Settings


@command(
    models,
    "compare",
    """
    surveillance models compare embedded mine --data crops
    surveillance models compare embedded mine --data crops --json
    """,
)
@click.argument("current")
@click.argument("candidate")
@click.option("--data", required=True, type=click.Path(path_type=Path), help="A folder with a folder per label.")
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def compare(settings: Settings, current: str, candidate: str, data: Path, as_json: bool) -> None:
    """Say whether a candidate is better than the current model, on the same labeled pictures."""
    from surveillance.training.compare import say

    found = comparing.compare_models(settings, current, candidate, data)
    if as_json:
        click.echo(json.dumps({"current_model": current, "candidate_model": candidate, **found.as_json()}))
        return
    click.echo(say(found, current, candidate))
    click.echo(
        f"right: both {found.both}, only {current} {found.only_current}, only {candidate} {found.only_candidate}, "
        f"neither {found.neither} (McNemar p {found.chance:.3g})"
    )
