"""Compare two models on the same labeled pictures, and put one in shadow beside the other on live cameras."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from surveillance.app import candidates, comparing
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


@command(
    models,
    "shadow",
    """
    surveillance models shadow
    surveillance models shadow mine --camera yard --camera gate
    surveillance models shadow --off
    """,
)
@click.argument("model", required=False)
@click.option("--camera", "cameras", multiple=True, help="Only this camera; may be given several times.")
@click.option("--off", is_flag=True, help="Take the model out of the shadow.")
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def shadow(settings: Settings, model: str | None, cameras: tuple[str, ...], off: bool, as_json: bool) -> None:
    """Show live cameras to a candidate beside the current model, or say how far it has come."""
    if off and (model or cameras):
        raise click.UsageError("--off takes the model in shadow out, whichever it is")
    if off:
        click.echo(f"{candidates.stop_shadow(settings).model} is out of the shadow")
        return
    if model:
        candidates.start_shadow(settings, model, cameras)
    standing = candidates.shadow_standing(settings)
    if as_json:
        click.echo(json.dumps(standing))
    elif standing["model"] is None:
        click.echo("no model is in shadow")
    else:
        where = ", ".join(standing["cameras"]) or "all cameras"
        tracks = f"{standing['tracks']} tracks, {standing['differing']} told otherwise, {standing['labeled']} labeled"
        click.echo(f"{standing['model']} is in shadow on {where}: {tracks} by people")


@command(
    models,
    "candidates",
    """
    surveillance models candidates
    surveillance models candidates --reject embedded-20261125-1
    """,
)
@click.option("--reject", help="Close the case of this candidate; on record.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per line.")
@click.pass_obj
def list_candidates(settings: Settings, reject: str | None, as_json: bool) -> None:
    """List candidates with what paired examples say of them, and whether they are proposed."""
    if reject:
        candidates.reject(settings, reject)
    found = candidates.list_candidates(settings)
    for standing in found:
        click.echo(json.dumps(standing) if as_json else candidate_line(standing))
    if not found and not as_json:
        click.echo("no candidate yet: `surveillance jobs run retraining` trains one on the labels that people gave")


def candidate_line(standing: dict[str, Any]) -> str:
    state = standing["decided"] or ("proposed" if standing["proposed_at"] else "no proposal yet")
    return f"{standing['model']} ({state}): {standing['words']}"
