"""Turn the labels that people gave on the dashboard into versions of a data set, and list them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from surveillance.app import labelled
from surveillance.app.store import open_store
from surveillance.cli.datasets import dataset
from surveillance.cli.words import command, counted
from surveillance.settings import Settings

if TYPE_CHECKING:
    from surveillance.training.versions import DatasetVersion


@command(dataset, "collect", "surveillance dataset collect\nsurveillance dataset collect --out labeled --json")
@click.option("--out", type=click.Path(path_type=Path), help="Write the versions there, not in the data directory.")
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def collect(settings: Settings, out: Path | None, as_json: bool) -> None:
    """Write the labels given as a new version.

    The labels are those of the dashboard; where none has changed, the newest version is told again.
    """
    made = labelled.collect(settings, open_store(settings), out)
    if as_json:
        click.echo(json.dumps(_json(made)))
        return
    if made.is_new:
        changed = f"{counted(made.added, 'picture')} added, {made.relabeled} relabeled"
        lost = f", {made.unreadable} left out since their picture cannot be read" if made.unreadable else ""
        click.echo(f"{made.name}: {changed}{lost}")
    else:
        click.echo(f"{made.name}: no label has changed since {made.made_at}")
    for part, counts in made.counts.items():
        click.echo(f"  {part:5} {', '.join(f'{label} {count:,}' for label, count in counts.items())}")
    click.echo(f"{made.folder}")


@command(dataset, "versions", "surveillance dataset versions\nsurveillance dataset versions --json")
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def versions(settings: Settings, as_json: bool) -> None:
    """List the versions of labeled crops."""
    found = labelled.versions(settings)
    named = labelled.named_versions(settings)
    for version in found:
        if as_json:
            click.echo(json.dumps(_json(version)))
        else:
            parts = ", ".join(f"{part} {sum(counts.values()):,}" for part, counts in version.counts.items())
            used = "  (a model was trained on it)" if version.name in named else ""
            click.echo(f"{version.name:10} {version.made_at}  {parts:24} {version.digest[:12]}{used}")
    if not found and not as_json:
        click.echo("there is no version yet: label crops on the dashboard, then `surveillance dataset collect`")


def _json(version: DatasetVersion) -> dict[str, Any]:
    return {
        "name": version.name,
        "folder": str(version.folder),
        "made_at": version.made_at,
        "digest": version.digest,
        "counts": version.counts,
        "parents": list(version.parents),
        "added": version.added,
        "relabeled": version.relabeled,
        "unreadable": version.unreadable,
        "is_new": version.is_new,
    }
