"""The events on record: the list, one event with its explanation, the stream of new ones, and their pictures."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from flask import (
    Blueprint,
    Response,
    abort,
    current_app,
    redirect,
    render_template,
    request,
    send_file,
    stream_with_context,
    url_for,
)
from werkzeug.wrappers import Response as AnyResponse

from surveillance.dashboard.clock import parse_time, site_zone
from surveillance.dashboard.filters import ListFilter, parse_filter
from surveillance.dashboard.first_run import is_wanted
from surveillance.dashboard.guards import needs
from surveillance.dashboard.recordings import media_of
from surveillance.dashboard.services import services
from surveillance.dashboard.streams import Streams
from surveillance.dashboard.wording import FAMILIES
from surveillance.rules.vocabulary import LABELS

pages = Blueprint("events", __name__)
HEARTBEAT_S = 2.0  # a closed page is noticed at the next write, so its thread is free by then
BATCH = 200


@pages.get("/")
@needs("account.own")
def home() -> AnyResponse:
    return redirect(url_for("first_run.show" if is_wanted() else "events.listing"))


@pages.get("/events")
@needs("events.view")
def listing() -> Response:
    wanted = parse_filter(request.args)
    seq = services().events.last_seq()  # read first: what is recorded meanwhile comes twice rather than never
    rows, older = page_of(wanted)
    page = render_template(
        "events.html",
        rows=rows,
        older=older,
        filter=wanted,
        seq=seq,
        is_first="before" not in request.args,
        cameras=[camera.name for camera in services().site.read().cameras],
        kinds=FAMILIES,
        labels=sorted(LABELS),
    )
    answer = Response(page)
    if "HX-Request" in request.headers:
        answer.headers["HX-Push-Url"] = url_for(
            "events.listing", **wanted.words
        )  # without the empty fields of the form
    return answer


@pages.get("/events/<id>")
@needs("events.view")
def one(id: str) -> str:
    event = find(id)
    return render_template("event.html", event=event, path=path_of(event), media=media_of(event))


@pages.get("/events/stream")
@needs("events.view")
def stream() -> Response:
    """Server-sent events: one list row each, from `Last-Event-ID` (or `after`) on, in the order of the record."""
    wanted = parse_filter(request.args)
    after = request.headers.get("Last-Event-ID") or request.args.get("after", "")
    seq = int(after) if after.isdecimal() else services().events.last_seq()
    streams: Streams = current_app.extensions["streams"]
    if not streams.enter():
        abort(503, "Too many pages follow the events at once. Close one, or raise dashboard.max_streams.")
    answer = Response(stream_with_context(arrivals(wanted, seq)), mimetype="text/event-stream")
    answer.headers["X-Accel-Buffering"] = "no"
    answer.call_on_close(streams.leave)
    return answer


def arrivals(wanted: ListFilter, seq: int) -> Iterator[str]:
    """New events as they come on record, for `stream_minutes`; then the browser asks again."""
    settings, events = services().settings, services().events
    zone, stored = site_zone(services()), wanted.stored()
    ends_s = time.monotonic() + 60 * settings.stream_minutes
    beats_s = 0.0
    while time.monotonic() < ends_s:
        newest = events.last_seq()
        while seq < newest:
            found = events.after(seq, BATCH, stored)
            for event in found:
                yield message(event["seq"], render_template("_row.html", event=event, zone=zone, fresh=True))
            seq = found[-1]["seq"] if len(found) == BATCH else newest
        if time.monotonic() >= beats_s:
            beats_s = time.monotonic() + HEARTBEAT_S
            yield message(seq)
        time.sleep(settings.stream_poll_s)


def message(seq: int, html: str = "") -> str:
    """One server-sent event; without data it only tells the browser how far the record has been read."""
    return f"id: {seq}\n" + "".join(f"data: {line}\n" for line in html.splitlines()) + "\n"


@pages.get("/evidence/<name>")
@needs("events.view")
def evidence(name: str) -> AnyResponse:
    try:
        place = services().evidence.path(name)
    except ValueError:
        abort(404)
    if not place.is_file():
        abort(404, "This picture is no longer kept.")
    return send_file(place.resolve(), mimetype="image/jpeg", conditional=True)


def page_of(wanted: ListFilter) -> tuple[list[dict[str, Any]], str | None]:
    """One page of events, newest first, and what the next page's `before` is."""
    return services().events.page(wanted.stored(), request.args.get("before"), services().settings.page_size)


def path_of(event: dict[str, Any]) -> list[tuple[float, float]]:
    """Where the feet of the event's track went, while it was the same track."""
    if event["camera"] is None or event["track"] is None:
        return []
    at = parse_time(event["at"])
    visits: list[list[dict[str, Any]]] = [[]]
    for seen in services().events.observations(event["camera"], event["track"], at):
        if seen["change"] == "appeared":
            if visits[-1] and parse_time(visits[-1][-1]["at"]) >= at:
                break
            visits.append([])
        visits[-1].append(seen)
    boxes = [seen["box"] for seen in visits[-1]]
    return [((x1 + x2) / 2, y2) for x1, _, x2, y2 in boxes]


def find(id: str) -> dict[str, Any]:
    event = services().events.one(id)
    if event is None:
        abort(404, "No event has this id. It may have been removed by retention.")
    return event
