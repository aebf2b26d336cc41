"""Set, list and remove the scenes of cameras: parts of the picture whose state a model tells."""

from __future__ import annotations

import json
from typing import Any

import click

from surveillance.app import scenes
from surveillance.cli.cameras import camera, tell_edit
from surveillance.cli.models import columns
from surveillance.cli.words import command
from surveillance.settings import Settings
from surveillance.storage.site_plan import scene_text


@camera.group()
def scene() -> None:
    """Parts of a camera's picture whose state a model tells: gate open or closed, lights on, day or night."""


@command(
    scene,
    "set",
    """
    surveillance camera scene set yard gate --model gate-states --zone gate
    surveillance camera scene set yard light --model daylight --every-s 10 --hold-s 60
    surveillance camera scene set yard gate --whole --min-confidence 0.8
    """,
)
@click.argument("camera")
@click.argument("name")
@click.option("--model", help="Model card; its labels are the states.")
@click.option("--zone", help="Look at the box around that zone of the camera.")
@click.option("--whole", is_flag=True, help="Look at the whole picture (a new scene does).")
@click.option("--every-s", type=float, help="Seconds between two looks, 0.2 to 10 (default: 2).")
@click.option("--hold-s", type=float, help="How long a new state must show before it is told (default: 3).")
@click.option("--min-confidence", type=float, help="A look less sure, 0 to 1, is doubt (default: 0.6).")
@click.pass_obj
def set_scene(settings: Settings, /, camera: str, name: str, whole: bool, **values: Any) -> None:
    """Watch a part of a camera's picture, or change how it is watched."""
    if whole and values["zone"]:
        raise click.UsageError("say --zone or --whole, not both")
    given = {**values, "zone": "" if whole else values["zone"]}
    tell_edit(settings, scenes.set_scene(settings, camera, name, given))


@command(
    scene,
    "list",
    """
    surveillance camera scene list
    surveillance camera scene list yard --json
    """,
)
@click.argument("camera", required=False)
@click.option("--json", "as_json", is_flag=True, help="One JSON object per line.")
@click.pass_obj
def list_scenes(settings: Settings, camera: str | None, as_json: bool) -> None:
    """List scenes, of one camera or of all, with their states now."""
    found = scenes.list_scenes(settings, camera)
    if as_json:
        for one in found:
            click.echo(json.dumps(one.as_json()))
    elif not found:
        click.echo("no scenes yet; watch one: surveillance camera scene set CAMERA NAME --model MODEL", err=True)
    else:
        for line in columns([("CAMERA", "SCENE", "NOW", "WATCHED"), *map(row_of, found)]):
            click.echo(line)


def row_of(shown: scenes.SceneState) -> tuple[str, ...]:
    told = shown.told
    now = f"unknown ({told['doubt']})" if told.get("doubt") else told.get("state", "-")
    return shown.camera, shown.scene.name, now, scene_text(shown.scene)


@command(scene, "remove", "surveillance camera scene remove yard gate")
@click.argument("camera")
@click.argument("name")
@click.pass_obj
def remove_scene(settings: Settings, camera: str, name: str) -> None:
    """Watch that part no more. Refused while a rule names it and no other camera has a scene of that name."""
    tell_edit(settings, scenes.remove_scene(settings, camera, name))
