"""The cameras: a live tile of each, its state, and the zones and lines drawn over it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, Response, abort, render_template

from surveillance.dashboard.filters import ListFilter
from surveillance.dashboard.guards import needs
from surveillance.dashboard.health import pulse
from surveillance.dashboard.services import services
from surveillance.domain.site import Camera

pages = Blueprint("cameras", __name__)


@pages.get("/cameras")
@needs("cameras.view")
def listing() -> str:
    return render_template("cameras.html", cameras=services().site.read().cameras, states=states())


@pages.get("/cameras/<name>")
@needs("cameras.view")
def one(name: str) -> str:
    camera = find(name)
    recent, _ = services().events.page(ListFilter({"camera": name}, None).stored(), None, 8)
    return render_template("camera.html", camera=camera, state=states().get(name, {}), rows=recent)


@pages.get("/cameras/<name>/live.jpg")
@needs("cameras.view")
def picture(name: str) -> Response:
    """The newest picture; 204 while none has come yet. Asking keeps the camera encoding for three seconds."""
    live = services().live
    live.watch(find(name).name, "tile")
    newest = live.latest(name, "tile")
    return Response(status=204) if newest is None else Response(newest.jpeg, mimetype="image/jpeg")


def states() -> Mapping[str, Mapping[str, Any]]:
    """What core last heard of each camera, by name; nothing is known of any while core is silent."""
    found: Mapping[str, Mapping[str, Any]] = services().applied().get("cameras") or {}
    return found if pulse().beats else {}


def find(name: str) -> Camera:
    camera = services().site.read().camera(name)
    if camera is None:
        abort(404, f"No camera is called {name!r}.")
    return camera
