"""/api/labels: crops that wait for a person's label, and the labels given."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from flask import Response, url_for
from flask_babel import gettext as _
from pydantic import Field

from surveillance.dashboard import trail
from surveillance.dashboard.api.declare import Resource
from surveillance.dashboard.api.events import Box
from surveillance.dashboard.api.models import NO_CONTROLS, Flag, Given, Limit, Time, Told, Word
from surveillance.dashboard.guards import actor, needs
from surveillance.dashboard.labels import MOST, offered, picture_of
from surveillance.dashboard.services import services
from surveillance.domain.errors import NotFound
from surveillance.domain.labels import LABEL_MAX
from surveillance.domain.values import rfc3339
from surveillance.storage.labels import Crop, CropFilter

resource = Resource("Labels", "Pictures that a person should label, for the site's own model to learn from.")
Why = Literal["uncertain", "disagreed", "corrected", "sampled"]
PAGE = 60


class LabelQuery(Given):
    why: Why | None = None
    camera: Word | None = None
    guess: Word | None = Field(None, description="The label that the model gave.")
    waiting: Flag | None = Field(None, description="Only what waits (so without it), or only what was answered.")
    after: Word | None = Field(None, description="The id of the last crop of the page before.")
    limit: Limit | None = Field(None, description="Crops a page at most.")

    def stored(self) -> CropFilter:
        """The same filter as the storage takes it, within reach."""
        waiting = True if self.waiting is None else self.waiting
        return CropFilter(self.why, self.camera, self.guess, waiting, actor().reach)


class Guess(Told):
    label: str = Field(description="`unknown` where the model could not tell.")
    confidence: float
    model: str


class LabelCrop(Told):
    """A picture of a track, with what a model said of it and, once somebody said so, what it is."""

    id: str = Field(description="A UUIDv7.")
    at: Time
    camera: str
    track: int | None
    event: str | None = Field(description="An event of the same track.")
    why: Why
    said: Guess
    other: Guess | None = Field(description="What the model said that disagrees.")
    box: Box
    picture: str = Field(description="The address of the whole picture, as JPEG.")
    sha256: str
    label: str | None = Field(description="Null while it waits, and where it was skipped.")
    labeled_by: str | None
    labeled_at: Time | None


class LabelPage(Told):
    crops: list[LabelCrop]
    next: str | None = Field(description="The address of the next page; null on the last.")
    waiting: int = Field(description="How many wait in all, by this filter.")
    labeled: int
    labels: list[str] = Field(description="The labels that people choose from; others may be given too.")


class Labeling(Given):
    crops: Annotated[list[Word], Field(min_length=1, max_length=MOST, description="Their ids.")]
    label: Annotated[str, Field(min_length=1, max_length=LABEL_MAX, pattern=NO_CONTROLS)] | None = Field(
        description="Letters, digits, spaces, hyphens and underscores. Null skips the crops."
    )


class Labeled(Told):
    changed: int


@resource.get("/labels", query=LabelQuery, gives=LabelPage)
@needs("events.review")
def list_labels(query: LabelQuery) -> dict[str, Any]:
    """Crops that wait for a label, those that have waited longest first.

    With `waiting=false` those that were labeled or skipped.
    """
    labels, wanted, most = services().labels, query.stored(), query.limit or PAGE
    crops = labels.page(wanted, most, query.after)
    for camera in sorted({crop.camera for crop in crops}):
        trail.viewed("labels", camera)
    words = query.model_dump(mode="json", exclude_none=True) | {"after": crops[-1].id if crops else None}
    progress = labels.progress(wanted)
    return {
        "crops": [crop_json(crop) for crop in crops],
        "next": url_for("api.list_labels", **words) if len(crops) == most else None,
        "waiting": progress.waiting,
        "labeled": progress.labeled,
        "labels": offered(query.camera, query.guess),
    }


@resource.post("/labels", body=Labeling, gives=Labeled, refusals=(404,))
@needs("events.review")
def post_labels(body: Labeling) -> Labeled:
    """Label crops, or skip them."""
    found = [crop.id for crop in services().labels.those(body.crops, actor().reach)]
    if not found:
        raise NotFound(_("No crop has this id. It may have been removed by retention."))
    return Labeled(changed=services().labels.say(found, body.label, actor().name))


@resource.get("/labels/<id>/picture", gives=None, media="image/jpeg")
@needs("events.review")
def get_label_picture(id: str) -> Response:
    """The whole picture that a crop is part of."""
    return Response(picture_of(id).read_bytes(), mimetype="image/jpeg")


def crop_json(crop: Crop) -> dict[str, Any]:
    other = None
    if crop.other_guess is not None:
        other = {"label": crop.other_guess, "confidence": crop.other_confidence, "model": crop.other_model}
    return {
        "id": crop.id,
        "at": rfc3339(crop.at),
        "camera": crop.camera,
        "track": crop.track,
        "event": crop.event,
        "why": crop.why,
        "said": {"label": crop.guess, "confidence": crop.confidence, "model": crop.model},
        "other": other,
        "box": [round(edge, 4) for edge in (crop.box.x1, crop.box.y1, crop.box.x2, crop.box.y2)],
        "picture": url_for("api.get_label_picture", id=crop.id),
        "sha256": crop.sha256,
        "label": crop.label,
        "labeled_by": crop.labeled_by,
        "labeled_at": None if crop.labeled_at is None else rfc3339(crop.labeled_at),
    }
