"""Live pictures: a grid of all cameras, one camera large, and the stream that feeds whatever a page shows of them.

A page opens one stream for all its cameras. Each message is two lengths (32 bits, big-endian), JSON and a JPEG:
either a picture with what the worker saw in it, or, without a picture, what changed about the cameras' states.
"""

from __future__ import annotations

import json
import socket
import struct
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Blueprint, Response, abort, current_app, render_template, request, stream_with_context
from flask_babel import gettext as _

from surveillance.dashboard import trail
from surveillance.dashboard.cameras import find, states
from surveillance.dashboard.clock import moment, site_zone
from surveillance.dashboard.guards import GoingOn, actor, needs, see_camera
from surveillance.dashboard.services import services
from surveillance.dashboard.streams import Streams
from surveillance.dashboard.wording import camera_chip, reason_words
from surveillance.domain.site import Camera
from surveillance.storage.queries import EventFilter

pages = Blueprint("live", __name__)
SIZES = ("tile", "full")
LOOK_S = 0.05  # how often a new picture is looked for
BEAT_S = 1.0  # how often states are looked at and something is sent, so that a closed page is noticed
STREAM_S = 60.0  # then the page comes back, and whoever looks is checked anew
GONE_MS = 10_000  # a page that takes nothing for so long has gone
UNSENT_BYTES = 8 * 1024  # of pictures that wait for a slow line; more would grow old there
UNDERWAY_BYTES = 32 * 1024  # the kernel doubles it: what a line may hold that has been sent and not yet taken
RECENT = timedelta(seconds=10)  # how long an event marks its camera
MOST_EVENTS = 100
_LENGTHS = struct.Struct(">II")


@pages.get("/live")
@needs("cameras.view")
def grid() -> str:
    return render_template("live.html", cameras=watchable(), states=states())


@pages.get("/cameras/<name>/live")
@needs("cameras.view")
def one(name: str) -> str:
    see_camera(name)
    camera, cameras = find(name), watchable()
    names = [other.name for other in cameras]
    place = names.index(name) if name in names else 0
    beside = {"before": names[place - 1], "after": names[(place + 1) % len(names)]} if len(names) > 1 else {}
    return render_template("live_one.html", camera=camera, state=states().get(name, {}), beside=beside)


@pages.get("/live/stream")
@needs("cameras.view")
def stream() -> Response:
    """The pictures of each `camera` in the query, as they come, in one `size`, for a minute."""
    names = list(dict.fromkeys(request.args.getlist("camera")))
    size = request.args.get("size", "tile")
    if not names or size not in SIZES:
        abort(400, _("Name the cameras to show."))
    for name in names:
        see_camera(name)
        find(name)
    streams: Streams = current_app.extensions["streams"]
    if not streams.enter():
        abort(503, _("Too many live pages are open at once. Close one, or raise dashboard.max_streams."))
    answer = Response(stream_with_context(messages(names, size)), mimetype="application/octet-stream")
    answer.call_on_close(streams.leave)
    answer.headers["X-Accel-Buffering"] = "no"
    for name in names:
        trail.viewed("camera", name)
    keep_little_waiting(request.environ.get("gunicorn.socket"))
    return answer


def messages(names: Sequence[str], size: str) -> Iterator[bytes]:
    """What the page is sent. While it takes nothing, nothing is read for it: then it goes on with the newest."""
    live = services().live
    shown = dict.fromkeys(names, 0)
    told: dict[str, Mapping[str, Any]] = {}
    ends_s = time.monotonic() + STREAM_S
    beats_s = 0.0
    may_go_on = GoingOn("cameras.view")
    while (now_s := time.monotonic()) < ends_s and may_go_on():
        if now_s >= beats_s:
            beats_s = now_s + BEAT_S
            for name in names:
                live.watch(name, size)
            yield message(json.dumps({"status": changed(told, status_of(names))}).encode())
        for name in names:
            newest = live.latest(name, size, shown[name])
            if newest is not None:
                shown[name] = newest.shown_ns
                yield message(newest.told, newest.jpeg)
        time.sleep(LOOK_S)


def message(told: bytes, jpeg: bytes = b"") -> bytes:
    return _LENGTHS.pack(len(told), len(jpeg)) + told + jpeg


def status_of(names: Sequence[str]) -> dict[str, dict[str, Any]]:
    """By camera: its `state`, `since` when and why, and the `event` of the last ten seconds, if there is one."""
    known, events = states(), recent_events(names)
    told = {}
    for name in names:
        state = known.get(name, {})
        told[name] = {key: state.get(key) for key in ("state", "since", "reason")} | {"event": events.get(name)}
    return told


def recent_events(names: Sequence[str]) -> dict[str, Mapping[str, Any]]:
    """The newest event of each camera within the last ten seconds, as far as whoever looks may see it."""
    wanted = EventFilter(since=datetime.now(UTC) - RECENT, listed=True)
    found, _older = services().events.page(wanted, None, MOST_EVENTS)
    newest: dict[str, Mapping[str, Any]] = {}
    for event in found:
        if event["camera"] in names and actor().reach.sees(event["camera"], event["door"]):
            newest.setdefault(event["camera"], event)
    return newest


def changed(told: dict[str, Mapping[str, Any]], now: Mapping[str, Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """What a page that was `told` so much does not know yet, in words; from then on it was told."""
    fresh: dict[str, Mapping[str, Any]] = {}
    for name, state in now.items():
        if told.get(name) != state:
            told[name] = state
            html = render_template("_live_status.html", state=state, zone=site_zone(services()))
            fresh[name] = {"state": state["state"], "html": html.strip(), "note": note_of(state)}
    return fresh


def note_of(state: Mapping[str, Any]) -> str:
    """What stands in place of a picture that does not come: `Lost since 12:03:10: no route to host`."""
    if state["state"] in (None, "live"):
        return ""
    since = moment(state["since"], site_zone(services())).clock if state["since"] else ""
    word = str(camera_chip(state["state"]).word)
    said = _("%(state)s since %(time)s", state=word, time=since) if since else word
    return f"{said}: {reason_words(state['reason'])}" if state["reason"] else said


def keep_little_waiting(connection: socket.socket | None) -> None:
    """A slow line gets fewer pictures rather than old ones, and one that is dead is given up."""
    if connection is None or connection.family == socket.AF_UNIX:
        return
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, UNDERWAY_BYTES)
    if sys.platform == "linux":
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT_BYTES)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, GONE_MS)


def watchable() -> list[Camera]:
    """The cameras that are switched on and that whoever looks may see."""
    return [
        camera for camera in services().site.read().cameras if camera.enabled and actor().reach.sees_camera(camera.name)
    ]


# --- what templates ask for ----------------------------------------------------------------------------------------


@pages.app_template_global("live_shapes")
def shapes_of(camera: Camera) -> dict[str, Any]:
    """Zones, lines and masks for the script that draws them, in 0..1 of the picture."""
    return {
        "zones": [{"name": z.name, "points": z.points, "restricted": z.restricted} for z in camera.zones],
        "lines": [{"name": line.name, "points": [line.start, line.end]} for line in camera.lines],
        "masks": camera.masks,
    }


@pages.app_template_global("live_words")
def words() -> dict[str, Any]:
    """What the script says, in the reader's language."""
    return {
        "wait": _("Waiting for a picture"),
        "none": _("No picture since"),
        "paused": _("Paused at"),
        "away": _("No connection to the server; trying again"),
        "full": _("Too many live pages are open at once; trying again"),
        "drops": _("Not looked at"),
        "restricted": _("restricted"),
        "labels": {
            "person": _("Person"),
            "vehicle": _("Vehicle"),
            "animal": _("Animal"),
            "background": _("Background"),
            "unknown": _("Unsure"),
        },
        "gates": {
            "motion": _("Motion"),
            "track": _("Second look"),
            "probe": _("Regular look"),
            "quiet": _("Quiet"),
        },
    }
