"""The events on record: the list with its filters, one event with its explanation, the stream of new ones, pictures."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
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
from flask_babel import gettext as _
from werkzeug.wrappers import Response as AnyResponse

from surveillance.dashboard import trail
from surveillance.dashboard.clock import parse_time, site_zone
from surveillance.dashboard.filters import INBOX, ListFilter, parse_filter
from surveillance.dashboard.first_run import is_wanted
from surveillance.dashboard.guards import GoingOn, actor, needs
from surveillance.dashboard.labels import offered
from surveillance.dashboard.recordings import media_of
from surveillance.dashboard.services import services
from surveillance.dashboard.streams import Streams
from surveillance.dashboard.wording import kind_words
from surveillance.domain.values import OBJECT_LABELS
from surveillance.rules.needed import needed_of
from surveillance.rules.vocabulary import LABELS
from surveillance.storage.queries import EventFilter, Page
from surveillance.translations.events import FAMILIES

pages = Blueprint("events", __name__)
HEARTBEAT_S = 2.0  # a closed page is noticed at the next write, so its thread is free by then
BATCH = 200
COUNTED = 1000  # the inbox counts no further
MEMBERS = 200  # events of an incident that are shown at once


@pages.get("/")
@needs("account.own")
def home() -> AnyResponse:
    return redirect(url_for("first_run.show" if is_wanted() else "events.listing"))


@pages.get("/events")
@needs("events.view")
def listing() -> Response:
    wanted = asked_for()
    if wanted.is_set:
        trail.searched("events", wanted.words)
    events = services().events
    seq = events.last_seq()  # read first: what is recorded meanwhile comes twice rather than never
    found = page_of(wanted)
    is_first = "before" not in request.args
    page = render_template(
        "events.html",
        rows=found.rows,
        older=found.next,
        searched_to=found.searched_to,
        sizes=sizes_of(found, wanted),
        waiting=waiting_words(),
        filter=wanted,
        seq=seq,
        is_first=is_first,
        here=url_for("events.listing", **wanted.words, before=None if is_first else request.args["before"]),
        **choices(),
    )
    answer = Response(page)
    if "HX-Request" in request.headers:
        answer.headers["HX-Push-Url"] = url_for("events.listing", **wanted.words)  # without the form's empty fields
    return answer


def waiting_words() -> str:
    """How many events wait for whoever asks: `12`, or `1000+` where counting on would take long."""
    count = services().events.count(EventFilter(waiting=True, reach=actor().reach), COUNTED)
    return f"{count}+" if count >= COUNTED else str(count)


def choices() -> dict[str, Any]:
    """What the fields of the filter offer to whoever asks."""
    site, reach = services().site.read(), actor().reach
    return {
        "cameras": [camera.name for camera in site.cameras if reach.sees_camera(camera.name)],
        "doors": [door.name for door in site.doors if reach.sees_door(door.name)],
        "kinds": {family: kind_words(family) for family in FAMILIES},
        "labels": sorted(LABELS | OBJECT_LABELS),
    }


@pages.get("/events/incidents/<id>")
@needs("events.view")
def members(id: str) -> str:
    """The rows of one incident's events that fit the filter, for the list to unfold."""
    wanted = asked_for()
    stored = EventFilter(incident=id, listed=True, reach=actor().reach)
    found = services().events.find(stored, None, MEMBERS)
    return render_template("_rows.html", rows=found.rows, filter=wanted, nested=True)


@pages.get("/events/<id>")
@needs("events.view")
def one(id: str) -> str:
    event = find(id)
    trail.viewed("event", id)
    wanted = asked_for()
    reach = actor().reach
    related = EventFilter(incident=event["incident"], listed=True, reach=reach)
    return render_template(
        "event.html",
        event=event,
        path=path_of(event),
        media=media_of(event),
        needed=needed_of(event) if actor().may("events.needed") else None,
        history=services().reviews.of(id),
        labels=offered(event["camera"], event["label"], event["corrected"]),
        related=services().events.find(related, None, MEMBERS).rows if event["incident"] else [],
        filter=wanted,
        newer=beside(event, wanted, newer=True),
        older=beside(event, wanted, newer=False),
    )


def beside(event: Mapping[str, Any], wanted: ListFilter, newer: bool) -> str | None:
    """The id of the next event in the same list. In the inbox also what was reviewed counts, or one lost one's way."""
    found = services().events.find(wanted.stored(actor().reach), event["cursor"], 1, newer=newer).rows
    return found[0]["id"] if found else None


@pages.get("/events/stream")
@needs("events.view")
def stream() -> Response:
    """Server-sent events: one list row each, from `Last-Event-ID` (or `after`) on, in the order of the record."""
    wanted = asked_for()
    after = request.headers.get("Last-Event-ID") or request.args.get("after", "")
    seq = int(after) if after.isdecimal() else services().events.last_seq()
    streams: Streams = current_app.extensions["streams"]
    if not streams.enter():
        abort(503, _("Too many pages follow the events at once. Close one, or raise dashboard.max_streams."))
    answer = Response(stream_with_context(arrivals(wanted, seq)), mimetype="text/event-stream")
    answer.headers["X-Accel-Buffering"] = "no"
    answer.call_on_close(streams.leave)
    return answer


def arrivals(wanted: ListFilter, seq: int) -> Iterator[str]:
    """New events as they come on record, for `stream_minutes`; then the browser asks again."""
    settings, events = services().settings, services().events
    reach = actor().reach
    stored, zone = wanted.stored(reach), site_zone(services())
    ends_s = time.monotonic() + 60 * settings.stream_minutes
    beats_s = 0.0
    may_go_on = GoingOn("events.view")
    while time.monotonic() < ends_s and may_go_on():
        newest = events.last_seq()
        while seq < newest:
            found = events.after(seq, BATCH, stored)
            sizes = sizes_of(Page(found), wanted)
            for event in found:
                row = render_template(
                    "_rows.html", rows=[event], zone=zone, fresh=True, filter=wanted, sizes=sizes, pick=True
                )
                yield message(event["seq"], row)
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
    if not actor().reach.is_whole:
        find(place.stem)
    if not place.is_file():
        abort(404, _("This picture is no longer kept."))
    return send_file(place.resolve(), mimetype="image/jpeg", conditional=True)


def asked_for(view: str = INBOX) -> ListFilter:
    """The filter of this request."""
    return parse_filter(request.args, site_zone(services()), view)


def page_of(wanted: ListFilter) -> Page:
    """One page of events, newest first, from where the request says."""
    stored = wanted.stored(actor().reach)
    return services().events.find(stored, request.args.get("before"), services().settings.page_size)


def sizes_of(found: Page, wanted: ListFilter) -> dict[str, int]:
    """How many events of each incident on the page the filter has; nothing where they are not grouped."""
    stored = wanted.stored(actor().reach)
    if not stored.grouped:
        return {}
    incidents = {row["incident"] for row in found.rows if row["incident"] is not None}
    return services().events.incident_sizes(incidents, stored)


def path_of(event: Mapping[str, Any]) -> list[tuple[float, float]]:
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
    return [((x1 + x2) / 2, y2) for x1, _top, x2, y2 in boxes]


def find(id: str) -> dict[str, Any]:
    """The event, if whoever asks may see it; it reads like one that is not there otherwise."""
    event = services().events.one(id, actor().reach)
    if event is None:
        abort(404, _("No event has this id. It may have been removed by retention."))
    return event
