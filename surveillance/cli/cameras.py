"""Attach, try, list, change and remove cameras, and draw their zones, lines and masks."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from surveillance.app import cameras, shapes
from surveillance.app.site_edit import Edited, open_site
from surveillance.cli.site import lines_of
from surveillance.cli.words import cli, command, counted
from surveillance.domain.errors import SourceError
from surveillance.domain.site import Camera
from surveillance.settings import Settings
from surveillance.storage.site_plan import corners_text

if TYPE_CHECKING:
    from surveillance.ingest.onvif import Offer

NEGATIVE = {"ignore_unknown_options": True}  # -0.1,0 is a point, if a wrong one, and no option
PICTURE = click.Path(path_type=Path, dir_okay=False)


@cli.group()
def camera() -> None:
    """Attach, try, list, change and remove cameras."""


@cli.group()
def zone() -> None:
    """Zones of a camera: polygons that rules name. Points go from 0,0 (top left) to 1,1 (bottom right)."""


@cli.group()
def line() -> None:
    """Lines of a camera, to be crossed in or out. Points go from 0,0 (top left) to 1,1 (bottom right)."""


@cli.group()
def mask() -> None:
    """Masks of a camera: parts that are blacked out before anything looks."""


# --- cameras -------------------------------------------------------------------------------------------------------


@command(
    camera,
    "add",
    """
    surveillance camera add front rtsp://user:password@192.168.1.20/stream1
    surveillance camera add yard rtsp://192.168.1.21/main --sub-url rtsp://192.168.1.21/sub --analyze-fps 3
    surveillance camera add lobby lobby.mp4 --no-test
    """,
)
@click.argument("name")
@click.argument("url")
@click.option("--sub-url", help="The camera's smaller stream, which is then the one analyzed.")
@click.option("--model", help="Model card (default: the settings' model).")
@click.option("--analyze-fps", type=float, help="Pictures looked at a second (default: 5).")
@click.option("--view", type=click.Choice(["side", "top"]), help="top: it looks straight down.")
@click.option("--sensitivity", type=int, help="1 to 100: how little must change for it to be looked at (default: 50).")
@click.option("--min-confidence", type=float, help="What is seen less surely, 0 to 1, is told as unknown (default: 0).")
@click.option("--no-test", is_flag=True, help="Add it without trying it first.")
@click.option("--disabled", is_flag=True, help="Add it, but do not watch it yet.")
@click.pass_obj
def add_camera(settings: Settings, /, name: str, url: str, no_test: bool, disabled: bool, **more: Any) -> None:
    """Attach a camera. It is tried first, and not added when it gives no picture.

    A URL given as - is asked for, so that its password is in no list of processes and no shell's history.
    """
    values = {"name": name, "url": asked_for(url), **more, **({"enabled": False} if disabled else {})}
    asked = cameras.new_camera(settings, values)
    if not no_test:
        try:
            tell_probes(settings, asked, seconds=1.0)
        except SourceError as fault:
            raise SourceError(f"{fault} (not added; --no-test adds it all the same)", fault.reason) from None
    tell_edit(settings, cameras.add_camera(settings, asked))


@command(
    camera,
    "list",
    """
    surveillance camera list
    surveillance camera list --json
    """,
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object per line.")
@click.pass_obj
def list_cameras(settings: Settings, as_json: bool) -> None:
    """List the cameras, how they fare, and what they are watched with."""
    states = cameras.list_cameras(settings)
    if as_json:
        for state in states:
            click.echo(json.dumps(state.as_json()))
        return
    if not states:
        click.echo(
            "no cameras yet; attach one: surveillance camera add NAME rtsp://user:password@ADDRESS/PATH", err=True
        )
        return
    rows = [("NAME", "STATE", "FPS", "DROPS", "MODEL", "ZONES", "URL"), *map(row_of, states)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def row_of(state: cameras.CameraState) -> tuple[str, ...]:
    """One camera as cells of text."""
    shown = state.camera
    is_seen = state.state not in ("not running", "disabled", "starting")
    return (
        shown.name,
        f"{state.state} ({state.reason})" if state.reason else state.state,
        f"{state.fps:g}" if is_seen else "-",
        str(sum(state.drops.values())) if is_seen else "-",
        shown.model or "(default)",
        ", ".join(found.name for found in shown.zones) or "-",
        shown.shown_url,
    )


@command(
    camera,
    "test",
    """
    surveillance camera test rtsp://user:password@192.168.1.20/stream1 --save front.jpg
    surveillance camera test front
    """,
)
@click.argument("camera", metavar="URL|NAME")
@click.option("--save", type=PICTURE, help="Save a picture (JPEG) there.")
@click.option("--seconds", default=3.0, show_default=True, type=click.FloatRange(0, 60), help="How long to watch.")
@click.pass_obj
def test_camera(settings: Settings, camera: str, save: Path | None, seconds: float) -> None:
    """Try a camera: what it gives, or in words what is wrong. Changes nothing. - asks for the URL."""
    jpeg = tell_probes(settings, cameras.camera_or_address(settings, asked_for(camera)), seconds)
    if save is not None:
        save.write_bytes(jpeg)
        click.echo(f"saved {save}")


@command(
    camera,
    "discover",
    """
    surveillance camera discover
    surveillance camera discover --json
    surveillance camera discover 192.168.1.20 --user viewer
    """,
)
@click.argument("address", required=False, metavar="[ADDRESS]")
@click.option("--user", default="", help="Whom the device lets in; its password is asked for.")
@click.option("--seconds", default=4.0, show_default=True, type=click.FloatRange(0.5, 60), help="How long to listen.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object per line.")
@click.pass_obj
def discover_cameras(settings: Settings, address: str | None, user: str, seconds: float, as_json: bool) -> None:
    """Search the local network for ONVIF cameras, or ask the one at ADDRESS for its streams. Changes nothing."""
    if address is not None:
        tell_offer(cameras.offer_of(address, user, asked_for("-", "password") if user else ""), as_json)
        return
    found = cameras.devices_nearby(seconds)
    if not found and not as_json:
        click.echo("no camera answered; are they on this network, and is ONVIF switched on in them?", err=True)
    for device in found:
        if as_json:
            click.echo(json.dumps(asdict(device)))
        else:
            click.echo(f"{device.address:16} {device.name:24} {device.hardware}".rstrip())


def tell_offer(offer: Offer, as_json: bool) -> None:
    """The streams of a device, its largest first."""
    if not as_json:
        click.echo(" ".join(word for word in (offer.maker, offer.model, offer.firmware) if word))
    for profile in offer.profiles:
        if as_json:
            click.echo(json.dumps(asdict(profile)))
        else:
            size = f"{profile.width}x{profile.height}" if profile.width else "size not told"
            click.echo(f"{profile.url}  {profile.codec}, {size}, {profile.fps:g} pictures/s ({profile.name})")
    for note in offer.notes:
        click.echo(f"  {note}", err=True)


def tell_probes(settings: Settings, asked: Camera, seconds: float) -> bytes:
    """Says what each stream of a camera gives; returns a picture of its main one as JPEG. Raises SourceError."""
    found = cameras.try_camera(settings, asked, seconds)
    for address, given in found:
        rate = f" at {given.fps:g} pictures/s" if given.fps else ""
        codec = "" if given.codec == "unknown" else f"{given.codec}, "
        click.echo(f"{address}: {codec}{given.width}x{given.height}{rate}, the first after {given.first_picture_s:g} s")
        for told in given.notes:
            click.echo(f"  {told}")
    return found[0][1].jpeg


@command(
    camera,
    "set",
    """
    surveillance camera set front analyze_fps=8 model=embedded
    surveillance camera set front name=entrance
    surveillance camera set yard enabled=no
    surveillance camera set yard sensitivity=65 min_confidence=0.6
    surveillance camera set yard sub_url=
    """,
)
@click.argument("name")
@click.argument("settings_", metavar="KEY=VALUE...", nargs=-1, required=True)
@click.pass_obj
def set_camera(settings: Settings, name: str, settings_: tuple[str, ...]) -> None:
    """Change a camera: url, sub_url, model, analyze_fps, view, enabled=yes|no, sensitivity, min_confidence, name,
    tasks (with commas between them), proposer=motion|detector, blur=none|people, purpose.

    Nothing after the = means the default; url=- asks for the URL.
    """
    pairs = [word.partition("=") for word in settings_]
    words = [f"{key}{mark}{asked_for(value)}" for key, mark, value in pairs]
    tell_edit(settings, cameras.set_camera(settings, name, words))


@command(camera, "remove", "surveillance camera remove garden --yes")
@click.argument("name")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def remove_camera(settings: Settings, name: str, yes: bool) -> None:
    """Remove a camera with its zones. Refused while a door looks through it or a rule names it; events stay."""
    found = cameras.find_camera(settings, name)
    lost = [
        counted(len(shapes), noun)
        for shapes, noun in ((found.zones, "zone"), (found.lines, "line"), (found.masks, "mask"))
        if shapes
    ]
    what = f"camera {name}" + (f" with {', '.join(lost)}" if lost else "")
    if not yes and sys.stdin.isatty():
        click.confirm(f"remove {what}?", abort=True)
    tell_edit(settings, cameras.remove_camera(settings, name))


# --- zones, lines and masks ----------------------------------------------------------------------------------------


@command(
    zone,
    "set",
    """
    surveillance zone set yard store "0.6,0.5 1,0.5 1,1 0.6,1" --restricted
    surveillance zone set yard gate 0,0.4 0.3,0.4 0.3,1 0,1
    """,
    context_settings=NEGATIVE,
)
@click.argument("camera")
@click.argument("name")
@click.argument("points", nargs=-1, required=True)
@click.option(
    "--restricted/--unrestricted", default=None, help="Presence in it asks for permission (default: as it is)."
)
@click.pass_obj
def set_zone(settings: Settings, camera: str, name: str, points: tuple[str, ...], restricted: bool | None) -> None:
    """Draw a zone of at least three corners, or redraw it. The camera's pictures and tracks go on meanwhile."""
    tell_edit(settings, shapes.set_zone(settings, camera, name, " ".join(points), restricted))


@command(zone, "remove", "surveillance zone remove yard gate")
@click.argument("camera")
@click.argument("name")
@click.pass_obj
def remove_zone(settings: Settings, camera: str, name: str) -> None:
    """Remove a zone. Refused while a rule names it and no other camera has a zone of that name."""
    tell_edit(settings, shapes.remove_shape(settings, camera, "zone", name))


@command(zone, "list", "surveillance zone list yard --json")
@click.argument("camera", required=False)
@click.option("--json", "as_json", is_flag=True, help="One JSON object per line.")
@click.pass_obj
def list_zones(settings: Settings, camera: str | None, as_json: bool) -> None:
    """List zones, of one camera or of all."""
    owners = chosen(settings, camera)
    if not any(owner.zones for owner in owners):
        click.echo('no zones yet; draw one: surveillance zone set CAMERA NAME "X,Y X,Y X,Y"', err=True)
    for owner in owners:
        for found in owner.zones:
            more = {"restricted": found.restricted}
            tell_shape(owner, found.name, found.points, as_json, more, "restricted" if found.restricted else "")


@command(zone, "show", "surveillance zone show yard --save yard.jpg")
@click.argument("camera")
@click.option("--save", required=True, type=PICTURE, help="Where the picture (JPEG) goes.")
@click.pass_obj
def show_zones(settings: Settings, camera: str, save: Path) -> None:
    """Save a picture of the camera with its zones, lines and masks drawn in."""
    save.write_bytes(cameras.picture_of(settings, cameras.find_camera(settings, camera)))
    click.echo(f"saved {save}")


@command(line, "set", 'surveillance line set yard fence "0,0.45 1,0.45"', context_settings=NEGATIVE)
@click.argument("camera")
@click.argument("name")
@click.argument("points", nargs=-1, required=True)
@click.pass_obj
def set_line(settings: Settings, camera: str, name: str, points: tuple[str, ...]) -> None:
    """Draw a line from start to end, or redraw it. Crossing it to the right hand of that way is `in`, else `out`."""
    tell_edit(settings, shapes.set_line(settings, camera, name, " ".join(points)))


@command(line, "remove", "surveillance line remove yard fence")
@click.argument("camera")
@click.argument("name")
@click.pass_obj
def remove_line(settings: Settings, camera: str, name: str) -> None:
    """Remove a line. Refused while a rule names it."""
    tell_edit(settings, shapes.remove_shape(settings, camera, "line", name))


@command(line, "list", "surveillance line list yard")
@click.argument("camera", required=False)
@click.option("--json", "as_json", is_flag=True, help="One JSON object per line.")
@click.pass_obj
def list_lines(settings: Settings, camera: str | None, as_json: bool) -> None:
    """List lines, of one camera or of all."""
    owners = chosen(settings, camera)
    if not any(owner.lines for owner in owners):
        click.echo('no lines yet; draw one: surveillance line set CAMERA NAME "X,Y X,Y"', err=True)
    for owner in owners:
        for found in owner.lines:
            tell_shape(owner, found.name, (found.start, found.end), as_json)


@command(
    mask,
    "set",
    """
    surveillance mask set front "0.8,0 1,0 1,0.3 0.8,0.3"
    surveillance mask set front "0,0 0.1,0 0.1,0.1" "0.9,0 1,0 1,0.1"
    """,
    context_settings=NEGATIVE,
)
@click.argument("camera")
@click.argument("points", nargs=-1, required=True)
@click.pass_obj
def set_masks(settings: Settings, camera: str, points: tuple[str, ...]) -> None:
    """Make these the camera's masks, each in quotes, in place of those there are."""
    tell_edit(settings, shapes.set_masks(settings, camera, points))
    click.echo(
        "masked in analysis, live and event pictures; a clip is a copy of what the camera sent and cannot be masked"
    )


@command(mask, "remove", "surveillance mask remove front")
@click.argument("camera")
@click.pass_obj
def remove_masks(settings: Settings, camera: str) -> None:
    """Remove all masks of a camera."""
    tell_edit(settings, shapes.set_masks(settings, camera, ()))


@command(mask, "list", "surveillance mask list front")
@click.argument("camera", required=False)
@click.option("--json", "as_json", is_flag=True, help="One JSON object per line.")
@click.pass_obj
def list_masks(settings: Settings, camera: str | None, as_json: bool) -> None:
    """List masks, of one camera or of all."""
    owners = chosen(settings, camera)
    if not any(owner.masks for owner in owners):
        click.echo('no masks yet; draw one: surveillance mask set CAMERA "X,Y X,Y X,Y"', err=True)
    for owner in owners:
        for number, found in enumerate(owner.masks, 1):
            tell_shape(owner, f"mask {number}", found, as_json)


# --- what is asked and said ----------------------------------------------------------------------------------------


def asked_for(text: str, what: str = "URL") -> str:
    """What was typed; in place of `-`, what is typed now, unseen on a terminal, else the next line of the input."""
    if text != "-":
        return text
    if sys.stdin.isatty():
        return str(click.prompt(what, hide_input=True))
    return sys.stdin.readline().strip()


def chosen(settings: Settings, name: str | None) -> tuple[Camera, ...]:
    """That camera, or all. Raises NotFound."""
    return open_site(settings).site.read().cameras if name is None else (cameras.find_camera(settings, name),)


def tell_shape(owner: Camera, name: str, points: Any, as_json: bool, more: Any = None, mark: str = "") -> None:
    if as_json:
        click.echo(json.dumps({"camera": owner.name, "name": name, "points": points, **(more or {})}))
    else:
        click.echo(f"{owner.name:16} {name:16} {corners_text(points)}  {mark}".rstrip())


def tell_edit(settings: Settings, edited: Edited) -> None:
    """What was changed, and when it applies."""
    if not edited.changes:
        click.echo(f"nothing to change: it is so already (configuration version {edited.version})")
        return
    for change in edited.changes:
        for text in lines_of(change):
            click.echo(text)
    tell_applied(settings, edited.version)


def tell_applied(settings: Settings, version: int) -> None:
    """The version that an edit made, and when it applies."""
    runs = cameras.core_status(settings) is not None
    when = "the running service takes it up within two seconds" if runs else "`surveillance run` will start with it"
    click.echo(f"configuration version {version}; {when}")
