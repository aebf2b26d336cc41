"""The cameras: a live tile of each, its state, and the zones and lines drawn over it."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from typing import Any

from flask import Blueprint, Response, abort, render_template, request, send_file
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from surveillance.dashboard import trail
from surveillance.dashboard.clock import parse_time
from surveillance.dashboard.filters import ListFilter
from surveillance.dashboard.guards import actor, needs, see_camera
from surveillance.dashboard.health import pulse
from surveillance.dashboard.services import services
from surveillance.dashboard.wording import has_picture
from surveillance.domain.site import Camera, hide_password

pages = Blueprint("cameras", __name__)
LENGTHS = struct.Struct(">II")
DROPS = {"busy": _l("a newer picture came first")}  # by why frames were dropped


@pages.get("/cameras")
@needs("cameras.view")
def listing() -> str:
    return render_template("cameras.html", cameras=visible_cameras(), states=states())


@pages.get("/camera-states")
@needs("cameras.view")
def every_state() -> str:
    """What the list refreshes itself with: a part for each camera, each going to its own place."""
    return render_template("_camera_states.html", cameras=visible_cameras(), states=states())


@pages.get("/cameras/<name>")
@needs("cameras.view")
def one(name: str) -> str:
    see_camera(name)
    camera = find(name)
    trail.viewed("camera", name)
    recent, _older = services().events.page(ListFilter({"camera": name}, None).stored(), None, 8)
    saved = request.args.get("saved", type=int)
    return render_template("camera.html", **facts(camera), rows=recent, saved=saved)


@pages.get("/cameras/<name>/state")
@needs("cameras.view")
def state(name: str) -> str:
    """What a camera's page refreshes itself with."""
    see_camera(name)
    return render_template("_camera_facts.html", **facts(find(name)))


def facts(camera: Camera) -> dict[str, Any]:
    """What is said of a camera: its state, the size of its picture while somebody watches, its last event."""
    newest = services().live.latest(camera.name, "full")
    size = json.loads(newest.told).get("size") if newest is not None else None
    recent, _older = services().events.page(ListFilter({"camera": camera.name}, None).stored(), None, 1)
    return {
        "camera": camera,
        "state": states().get(camera.name, {}),
        "size": size and " × ".join(map(str, size)),
        "last": next(iter(recent), None),
        "shown_sub_url": camera.sub_url and hide_password(camera.sub_url),
        "drop_words": DROPS,
    }


@pages.get("/applied/<int:version>")
@needs("cameras.view")
def applied(version: int) -> str:
    """Whether core runs that version by now, and how long that took."""
    edit = next((edit for edit in services().site.history(50) if edit.version == version), None)
    status = services().applied()
    is_applied = (status.get("configuration_version") or 0) >= version
    took_s = None
    if edit is not None and status.get("configuration_version") == version and status.get("applied_at"):
        took_s = max((parse_time(status["applied_at"]) - edit.at).total_seconds(), 0.0)
    return render_template("_applied.html", version=version, is_applied=is_applied, took_s=took_s)


@pages.get("/cameras/<name>/look")
@needs("cameras.view")
def look(name: str) -> Response:
    """The newest picture at full size with what the worker saw in it; 204 while there is none but that of `after`.

    Both lengths (32 bits, big-endian), what was seen as JSON, the picture as JPEG; X-Shown is what `after` asks for.

    With `preview` the worker also tells what each sensitivity would see, as long as somebody asks.
    """
    see_camera(name)
    live = services().live
    live.watch(find(name).name, "full")
    if "preview" in request.args:
        live.watch(name, "preview")
    trail.viewed("camera", name)
    newest = live.latest(name, "full", request.args.get("after", 0, type=int))
    if newest is None:
        return Response(status=204)
    told, jpeg = newest.told, newest.jpeg
    answer = Response(LENGTHS.pack(len(told), len(jpeg)) + told + jpeg, mimetype="application/octet-stream")
    answer.headers["X-Shown"] = str(newest.shown_ns)
    return answer


@pages.get("/cameras/<name>/still.jpg")
@needs("cameras.view")
def still(name: str) -> Response:
    """The newest picture at full size, else the last one that is kept with an event; 204 where there is neither."""
    see_camera(name)
    live = services().live
    live.watch(find(name).name, "full")
    trail.viewed("camera", name)
    newest = live.latest(name, "full")
    if newest is not None:
        return Response(newest.jpeg, mimetype="image/jpeg")
    recent, _older = services().events.page(ListFilter({"camera": name}, None).stored(), None, 50)
    kept = next((event for event in recent if has_picture(event)), None)
    if kept is None:
        return Response(status=204)
    return send_file(services().evidence.path(kept["evidence"]), mimetype="image/jpeg")


def states() -> Mapping[str, Mapping[str, Any]]:
    """What core last heard of each camera, by name; nothing is known of any while core is silent."""
    found: Mapping[str, Mapping[str, Any]] = services().applied().get("cameras") or {}
    return found if pulse().beats else {}


def visible_cameras() -> list[Camera]:
    """The cameras that whoever asks reaches, in their order."""
    return [camera for camera in services().site.read().cameras if actor().reach.sees_camera(camera.name)]


def seen_version() -> int | None:
    """The configuration version that a form showed."""
    return request.form.get("version", type=int)


def find(name: str) -> Camera:
    camera = services().site.read().camera(name)
    if camera is None:
        abort(404, _("No camera is called %(name)s.", name=repr(name)))
    return camera
