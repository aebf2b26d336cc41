"""A person's face: enrolled from photos and pictures of events, shown to those who may edit people, and removed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from typing import Any

from flask import Blueprint, Response, flash, redirect, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext
from werkzeug.wrappers import Response as AnyResponse

from surveillance.access import people as edits
from surveillance.dashboard import trail
from surveillance.dashboard.events import find
from surveillance.dashboard.guards import actor, needs
from surveillance.dashboard.languages import in_own_words
from surveillance.dashboard.people import page_of
from surveillance.dashboard.services import FaceOutcome, services
from surveillance.domain.errors import ModelError, NotFound, SettingsError

pages = Blueprint("people_faces", __name__)
MOST_BYTES = 12 * 2**20  # of the photos of one form
MOST_PHOTOS = 8
WHERE = "face"


@pages.url_value_preprocessor
def let_photos_in(endpoint: str | None, values: dict[str, Any] | None) -> None:
    """Photos are larger than other forms. Said before the form is read for its CSRF token."""
    request.max_content_length = MOST_BYTES


@pages.get("/person/face.jpg")
@needs("people.edit")
def picture() -> Response:
    """The enrolled face; that it was looked at is on record."""
    name = request.args.get("name", "")
    face = services().faces.picture(name, request.args.get("id", ""))
    trail.viewed("face", name)
    return Response(face, mimetype="image/jpeg")


@pages.post("/person/face")
@needs("people.edit")
def add() -> str | AnyResponse:
    """Takes the photos that were sent, all or none."""
    photos: list[tuple[bytes, str]] = []
    for sent in request.files.getlist("photos")[:MOST_PHOTOS]:
        with closing(sent):
            data = sent.read()
        if data:
            photos.append((data, (sent.filename or _("photo"))[-80:]))
    if not photos:
        return page_of(request.form.get("name", ""), _("Choose a photo."), WHERE)
    return enrolled(lambda name: services().faces.add(name, photos, actor().name))


@pages.post("/person/face/event")
@needs("people.edit")
def add_event() -> str | AnyResponse:
    """Takes the picture of an event that whoever asks may see."""
    event: Mapping[str, Any] = find(request.form.get("event", "").strip())
    return enrolled(lambda name: services().faces.add_event(name, event["id"], actor().name))


@pages.post("/person/face/remove")
@needs("people.edit")
def remove() -> AnyResponse:
    """One face, or all: with the last one the person's key is erased."""
    name, id = request.form.get("name", ""), request.form.get("id")
    services().faces.remove(name, id or None, actor().name)
    flash(_("The face is removed.") if id else _("All faces are removed, and their key is erased."))
    return redirect(url_for("people.one", name=name))


def enrolled(enroll: Callable[[str], FaceOutcome]) -> str | AnyResponse:
    """Enrolls for the person that the form names; a mistake is said beside the form."""
    name = request.form.get("name", "")
    edits.person_of(services().site.read(), name)
    try:
        done = enroll(name)
    except (SettingsError, ModelError, NotFound) as mistake:
        return page_of(name, str(mistake).splitlines()[0], WHERE)
    flash(ngettext("%(num)s face is enrolled.", "%(num)s faces are enrolled.", done.count))
    warn(done.warnings)
    return redirect(url_for("people.one", name=name))


def warn(warnings: Sequence[str]) -> None:
    for words in warnings:
        flash(in_own_words(words), "error")
