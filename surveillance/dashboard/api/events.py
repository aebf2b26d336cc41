"""/api/events: what is on record, in pages, and one event with its explanation."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from flask import Response, send_file, url_for
from flask_babel import gettext as _
from pydantic import ConfigDict, Field

from surveillance.dashboard import trail
from surveillance.dashboard.api.declare import Resource
from surveillance.dashboard.api.models import NO_CONTROLS, Flag, Given, Limit, Moment, Time, Told, Word
from surveillance.dashboard.clock import SPANS
from surveillance.dashboard.events import find
from surveillance.dashboard.guards import actor, needs
from surveillance.dashboard.reviews import COMMENT_MAX, MOST
from surveillance.dashboard.services import services
from surveillance.domain.errors import NotFound, UserMistake
from surveillance.domain.labels import LABEL_MAX
from surveillance.domain.values import rfc3339
from surveillance.rules.needed import needed_of
from surveillance.storage.queries import EventFilter

resource = Resource("Events", "What happened at the site, as it is on record.")
Verdict = Literal["authorize", "deny", "alert", "log"]
Box = Annotated[list[float], Field(min_length=4, max_length=4, description="x1, y1, x2, y2 in 0..1 of the picture.")]


Place = Annotated[
    str,
    Field(pattern=r"^[0-9]{1,16}~[0-9A-Za-z-]{0,64}$", description="Where this page begins, as `older` has it."),
]


class EventQuery(Given):
    camera: Word | None = None
    door: Word | None = None
    kind: Word | None = Field(None, description="Such as `camera.lost`, or a family such as `camera.`.")
    verdict: Verdict | None = None
    label: Word | None = None
    rule: Word | None = None
    identity: Word | None = Field(None, description="The person whom a credential names.")
    incident: Word | None = Field(None, description="The id of events that belong together.")
    text: Word | None = Field(None, description="What the record says somewhere.")
    since: Literal["1h", "24h", "7d", "30d"] | Moment | None = Field(None, description="A span before now, or a time.")
    until: Moment | None = Field(None, description="That time itself is left out.")
    reviewed: Flag | None = None
    waiting: Flag | None = Field(None, description="Only what waits for a person's eyes.")
    before: Place | None = None
    limit: Limit | None = Field(None, description="Events a page at most.")

    def stored(self) -> EventFilter:
        """The same filter as the storage takes it, within reach. What people and jobs did comes when asked for."""
        same = self.model_dump(exclude={"since", "text", "waiting", "before", "limit"})
        since = datetime.now(UTC) - SPANS[self.since] if isinstance(self.since, str) else self.since
        return EventFilter(
            **same,
            since=since,
            words=self.text,
            waiting=bool(self.waiting),
            listed=self.kind is None,
            reach=actor().reach,
        )


class Event(Told):
    """What happened, and what was decided on it. More keys may follow."""

    model_config = ConfigDict(extra="allow")

    id: str = Field(description="A UUIDv7.")
    at: Time
    media_s: float | None = Field(description="Where in a file it was seen.")
    kind: str
    camera: str | None
    verdict: Verdict | None = Field(description="Null for a state that no rule judged.")
    rule: str | None
    label: str | None
    confidence: float | None
    track: int | None
    zones: list[str]
    door: str | None
    identity: str | None = Field(description="The person whom a credential names.")
    reasons: list[str]
    evidence: str | None = Field(description="Its picture: /evidence/NAME.")
    evidence_box: Box | None
    box: Box | None
    seq: int = Field(description="Its number in the order of the record.")
    shadow: bool = Field(description="Of a rule that is judged and never acts.")
    details: dict[str, Any]
    reviewed_at: Time | None
    reviewed_by: str | None
    review: str | None = Field(description="What the reviewer wrote.")
    corrected: str | None = Field(description="The right label, where a person said that the model's is wrong.")
    incident: str | None


class Clause(Told):
    """A part of a rule's condition with what it came to: true, false, or null where it was unknown."""

    text: str
    result: bool | None
    found: Any
    children: list[Clause]


class Judged(Told):
    rule: str
    verdict: str
    result: bool | None
    note: str
    clause: Clause


class Deed(Told):
    """Something that was to be done on an event, with what became of it."""

    id: str
    kind: str
    target: str
    state: Literal["pending", "attempting", "done", "failed", "unknown", "expired"]
    attempts: int
    deadline: Time
    changed_at: Time


class Recording(Told):
    kind: Literal["picture", "clip"]
    name: str = Field(description="Its file: /recordings/NAME.")
    camera: str
    from_: Time = Field(alias="from")
    to: Time
    size_bytes: int | None
    sha256: str | None
    state: Literal["wanted", "kept", "missing"]
    reason: str | None


class ExplainedEvent(Event):
    """An event with why it was decided so: every rule that was judged, and the facts it was judged by."""

    judged: list[Judged]
    facts: dict[str, Any]
    rulebook_version: int
    trigger: str
    subject: str
    actions: list[Deed]
    recordings: list[Recording]
    evidence_gone: str | None = Field(description="Why its picture was deleted before the event.")


class EventPage(Told):
    events: list[Event]
    older: str | None = Field(description="The address of the next page; null on the last.")
    searched_to: Time | None = Field(
        description="How far a search came that was cut short, since it looks at every event; go on with `older`."
    )


@resource.get("/events", query=EventQuery, gives=EventPage)
@needs("events.view")
def list_events(query: EventQuery) -> dict[str, Any]:
    """Events, newest first.

    What people and jobs did to the system is left out unless `kind` asks for it.
    """
    wanted = query.model_dump(mode="json", exclude_none=True)
    narrowed = {name: word for name, word in wanted.items() if name not in ("before", "limit")}
    if narrowed:
        trail.searched("events", narrowed)
    return page_of("api.list_events", query, query.stored())


def page_of(endpoint: str, query: Any, wanted: EventFilter) -> dict[str, Any]:
    """One page of events, and the address of the next one. `query` has `before` and `limit`."""
    page = services().events.find(wanted, query.before, query.limit or services().settings.page_size)
    words = query.model_dump(mode="json", exclude_none=True)
    return {
        "events": page.rows,
        "older": url_for(endpoint, **words | {"before": page.next}) if page.next else None,
        "searched_to": None if page.searched_to is None else rfc3339(page.searched_to),
    }


@resource.get("/events/<id>", gives=ExplainedEvent)
@needs("events.view")
def get_event(id: str) -> dict[str, Any]:
    """One event with its explanation."""
    event = find(id)
    trail.viewed("event", id)
    needed = needed_of(event) if actor().may("events.needed") else None
    return event if needed is None else event | {"needed": needed.as_json()}


@resource.get("/events/<id>/picture", gives=None, media="image/jpeg")
@needs("footage.export")
def get_event_picture(id: str) -> Response:
    """The picture of an event: that at full size where it is kept, else the clearest one of the track.

    Taking it is on record as an export.
    """
    event = find(id)
    place = kept(event, "picture") or shown(event)
    if place is None:
        raise NotFound(_("This picture is no longer kept."))
    trail.exported("recording", place.name)
    return send_file(place.resolve(), mimetype="image/jpeg")


@resource.get("/events/<id>/clip", gives=None, media="video/mp4")
@needs("footage.export")
def get_event_clip(id: str) -> Response:
    """The clip around an event, as the camera sent it. Taking it is on record as an export."""
    place = kept(find(id), "clip")
    if place is None:
        raise NotFound(_("This recording is no longer kept."))
    trail.exported("recording", place.name)
    return send_file(place.resolve(), mimetype="video/mp4")


class EventsNamed(Given):
    events: Annotated[list[Word], Field(min_length=1, max_length=MOST, description="Their ids.")]


class Review(EventsNamed):
    comment: Annotated[str, Field(max_length=COMMENT_MAX)] = ""


class Reviewed(Told):
    changed: int = Field(description="Events that were not so already.")


class Label(Given):
    label: Annotated[str, Field(min_length=1, max_length=LABEL_MAX, pattern=NO_CONTROLS)]


@resource.post("/event-reviews", body=Review, gives=Reviewed, refusals=(404,))
@needs("events.review")
def review_events(body: Review) -> Reviewed:
    """Mark events as reviewed, with a comment.

    Who reviewed an event first stays, unless there is a comment to add.
    """
    return Reviewed(changed=services().reviews.review(within_reach(body), actor().name, body.comment.strip()))


@resource.post("/event-reopenings", body=EventsNamed, gives=Reviewed, refusals=(404,))
@needs("events.review")
def reopen_events(body: EventsNamed) -> Reviewed:
    """Let events wait in the inbox again."""
    return Reviewed(changed=services().reviews.reopen(within_reach(body), actor().name))


@resource.put("/events/<id>/label", body=Label, gives=ExplainedEvent)
@needs("events.review")
def put_label(id: str, body: Label) -> dict[str, Any]:
    """Say which label is right, for training to learn from."""
    if find(id)["label"] is None:
        raise UserMistake(_("Nothing was classified in this event, so there is no label to correct."))
    services().reviews.correct(id, body.label, actor().name)
    return find(id)


def kept(event: Mapping[str, Any], kind: str) -> Path | None:
    """Where the event's recording of that kind lies; None where there is none any more."""
    row = next((row for row in event["recordings"] if row["kind"] == kind and row["state"] == "kept"), None)
    if row is None:
        return None
    with suppress(NotFound):
        return services().recordings.path(row["name"])
    return None


def shown(event: Mapping[str, Any]) -> Path | None:
    """Where the clearest picture of what was seen lies."""
    place = services().evidence.path(event["evidence"]) if event["evidence"] else None
    return place if place is not None and place.is_file() else None


def within_reach(body: EventsNamed) -> list[str]:
    """The ids of those that whoever asks may see. Raises NotFound where there is none."""
    found = [row["id"] for row in services().events.those(body.events, actor().reach)]
    if not found:
        raise NotFound(_("No event has this id. It may have been removed by retention."))
    return found
