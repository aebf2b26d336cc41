"""The scenes of cameras, parts of the picture whose state a model tells: set, try, collect pictures for, remove."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from surveillance.app import scene_pictures, scenes
from surveillance.cli.cameras import PICTURE, camera, tell_edit
from surveillance.cli.models import bars, best_of, columns
from surveillance.cli.words import Ago, command, counted
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


@command(
    scene,
    "test",
    """
    surveillance camera scene test yard gate --save gate.jpg
    """,
)
@click.argument("camera")
@click.argument("name")
@click.option("--save", type=PICTURE, help="Save the picture that the model was shown (JPEG) there.")
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def test_scene(settings: Settings, camera: str, name: str, save: Path | None, as_json: bool) -> None:
    """Look once at a scene, and say what its model makes of it. Changes nothing."""
    seen, jpeg = scene_pictures.try_scene(settings, camera, name)
    if as_json:
        scores = {label: round(score, 4) for label, score in seen.scores.items()}
        click.echo(json.dumps({"camera": camera, "scene": name, "state": seen.label, "scores": scores}))
    else:
        for line in bars(best_of(seen, 5)):
            click.echo(line)
    if save is not None:
        save.write_bytes(jpeg)
        click.echo(f"saved {save}", err=as_json)


@command(
    scene,
    "collect",
    """
    surveillance camera scene collect yard gate open --zone gate --seconds 60
    surveillance camera scene collect yard gate closed --from monday.mp4 --from tuesday.mp4
    surveillance camera scene collect yard gate closed --since 2026-11-26T08:00 --until 2026-11-26T12:00
    surveillance camera scene collect road.mp4 light night --to pictures/light
    """,
)
@click.argument("camera", metavar="CAMERA|FILE")
@click.argument("scene")
@click.argument("state")
@click.option("--zone", help="The zone around which to look (default: as the scene is watched, else all of it).")
@click.option(
    "--from", "files", multiple=True, type=click.Path(path_type=Path), help="A recording of it, in place of the camera."
)
@click.option("--since", type=Ago(), help="Take what is kept of its events from then on, such as 24h, in its place.")
@click.option("--until", type=Ago(), help="Until then (default: now).")
@click.option("--seconds", type=click.FloatRange(0, 86400), help="For how long (default: 60; all of a file).")
@click.option("--every-s", default=1.0, show_default=True, type=click.FloatRange(0.2, 3600), help="Between pictures.")
@click.option("--to", type=click.Path(path_type=Path, file_okay=False), help="The folder (default: by scene).")
@click.pass_obj
def collect_scene(settings: Settings, /, **words: Any) -> None:
    """Collect pictures of a part of a camera while it is in a known STATE, to train a model with.

    Collect each state at several times, by day and by night: a model knows only what it was shown.
    """
    folder, count = scene_pictures.collect(settings, scene_pictures.CollectOrder(**words))
    click.echo(f"{counted(count, 'picture')} in {folder}")
    states = sorted(path.name for path in folder.parent.iterdir() if path.is_dir())
    if len(states) > 1:
        click.echo(f"states so far: {', '.join(states)}; train: surveillance train --data {folder.parent} --out RUN")
