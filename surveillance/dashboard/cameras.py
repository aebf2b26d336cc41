"""The cameras: a live tile of each, its state, and the zones and lines drawn over it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any

from flask import Blueprint, Response, abort, current_app, render_template, stream_with_context

from surveillance.dashboard.filters import ListFilter
from surveillance.dashboard.guards import needs
from surveillance.dashboard.health import pulse
from surveillance.dashboard.services import services
from surveillance.dashboard.streams import Streams
from surveillance.domain.site import Camera

pages = Blueprint("cameras", __name__)
PICTURE_WAIT_S = 0.1
KEEP_ALIVE_S = 1.0  # the last picture again, so that a closed page is noticed


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


@pages.get("/cameras/<name>/live.mjpg")
@needs("cameras.view")
def moving(name: str) -> Response:
    """The pictures as they come, as multipart JPEG, for `stream_minutes`."""
    find(name)
    streams: Streams = current_app.extensions["streams"]
    if not streams.enter():
        abort(503, "Too many live pictures at once. Close one, or raise dashboard.max_streams.")
    kind = "multipart/x-mixed-replace; boundary=picture"
    answer = Response(stream_with_context(pictures(name)), content_type=kind)
    answer.headers["X-Accel-Buffering"] = "no"
    answer.call_on_close(streams.leave)
    return answer


def pictures(name: str) -> Iterator[bytes]:
    live, minutes = services().live, services().settings.stream_minutes
    ends_s = time.monotonic() + 60 * minutes
    shown: bytes | None = None
    shown_s = 0.0
    yield b"--picture\r\n"
    while time.monotonic() < ends_s:
        live.watch(name, "full")
        newest = live.latest(name, "full")
        jpeg = newest.jpeg if newest else shown
        if jpeg is not None and (jpeg != shown or time.monotonic() - shown_s > KEEP_ALIVE_S):
            shown, shown_s = jpeg, time.monotonic()
            yield b"Content-Type: image/jpeg\r\n\r\n" + jpeg + b"\r\n--picture\r\n"
        time.sleep(PICTURE_WAIT_S)


def states() -> Mapping[str, Mapping[str, Any]]:
    """What core last heard of each camera, by name; nothing is known of any while core is silent."""
    found: Mapping[str, Mapping[str, Any]] = services().applied().get("cameras") or {}
    return found if pulse().beats else {}


def find(name: str) -> Camera:
    camera = services().site.read().camera(name)
    if camera is None:
        abort(404, f"No camera is called {name!r}.")
    return camera
