"""What people do with events: mark them as reviewed or not, comment, correct the label, take them out as a file."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import Any

from flask import Blueprint, abort, flash, jsonify, redirect, request, send_file, url_for
from flask_babel import gettext as _
from flask_babel import ngettext
from werkzeug.wrappers import Response

from surveillance.dashboard import trail
from surveillance.dashboard.events import asked_for, find, waiting_words
from surveillance.dashboard.guards import actor, needs
from surveillance.dashboard.labels import label_given, no_label
from surveillance.dashboard.recordings import media_of
from surveillance.dashboard.services import services
from surveillance.dashboard.sessions import safe_next
from surveillance.dashboard.wording import has_picture
from surveillance.storage.queries import EventFilter

pages = Blueprint("reviews", __name__)
MOST = 500  # events in one go
COMMENT_MAX = 1000
ACTS = ("reviewed", "reopened")
MEMORY = 8 * 1024 * 1024  # of an export; what is larger waits on the disk


@pages.post("/events/review")
@needs("events.review")
def review() -> Response:
    """Marks the events (and incidents) of the form; back to the list, or {"changed", "waiting"} to a script."""
    act = request.form.get("act", "")
    if act not in ACTS:
        abort(400, _("Say whether the events are reviewed or to be opened again."))
    comment = request.form.get("comment", "").strip()[:COMMENT_MAX]
    chosen = chosen_events()
    changed = 0
    if chosen and act == "reviewed":
        changed = services().reviews.review(chosen, actor().name, comment)
    elif chosen:
        changed = services().reviews.reopen(chosen, actor().name)
    if request.accept_mimetypes.best == "application/json":
        return jsonify({"changed": changed, "waiting": waiting_words()})
    flash(said_of(act, changed) if chosen else _("Choose events first."), "message" if chosen else "error")
    return redirect(safe_next(request.form.get("next")))


@pages.post("/events/<id>/label")
@needs("events.review")
def correct(id: str) -> Response:
    """Says which label is right, for training to learn from."""
    event = find(id)
    label = label_given()
    if label is None:
        abort(400, no_label())
    if event["label"] is None:
        abort(400, _("Nothing was classified in this event, so there is no label to correct."))
    services().reviews.correct(id, label, actor().name)
    flash(_("The label is corrected. Training can learn from it."))
    return redirect(url_for("events.one", id=id, **asked_for().words))


@pages.get("/events/<id>/export")
@needs("footage.export")
def export(id: str) -> Response:
    """A ZIP of the whole record as JSON and every picture and clip that is kept of it."""
    event = find(id)
    trail.exported("event", id)
    file = SpooledTemporaryFile(MEMORY)  # noqa: SIM115 (closed with the answer)
    with zipfile.ZipFile(file, "w") as archive:
        record = event | {"said": services().reviews.of(id)}
        archive.writestr("event.json", json.dumps(record, indent=2, ensure_ascii=False))
        for place in files_of(event):
            archive.write(place, place.name)
    file.seek(0)
    answer = send_file(file, "application/zip", as_attachment=True, download_name=f"event-{id}.zip")
    answer.call_on_close(file.close)
    return answer


@pages.get("/events/<id>/evidence")
@needs("footage.export")
def evidence(id: str) -> Response:
    """The evidence bundle: record, pictures and clip with the proof that they are as they were recorded."""
    find(id)
    name = f"evidence-{id}.zip"
    with ExitStack() as kept:
        file = kept.enter_context(SpooledTemporaryFile(MEMORY))
        services().proofs.write_bundle(id, file, name)
        trail.exported("evidence", id)
        file.seek(0)
        answer = send_file(file, "application/zip", as_attachment=True, download_name=name)
        answer.call_on_close(kept.pop_all().close)  # with the answer
    return answer


def files_of(event: dict[str, Any]) -> Iterator[Path]:
    """What is kept of an event on the disk."""
    if has_picture(event):
        yield services().evidence.path(event["evidence"])
    media = media_of(event)
    for row in (media.picture, media.clip):
        if row is not None:
            yield services().recordings.path(row["name"])


def chosen_events() -> list[str]:
    """The ids that the form names, of single events and of whole incidents, within reach."""
    events, reach = services().events, actor().reach
    ids = list(dict.fromkeys(request.form.getlist("event")))[:MOST]
    chosen = [row["id"] for row in events.those(ids, reach)] if ids else []
    for incident in list(dict.fromkeys(request.form.getlist("incident")))[:MOST]:
        wanted = EventFilter(incident=incident, listed=True, reach=reach)
        chosen += [row["id"] for row in events.page(wanted, None, MOST)[0]]
    return list(dict.fromkeys(chosen))[:MOST]


def said_of(act: str, changed: int) -> str:
    if changed == 0:
        return _("Nothing to change: that was so already.")
    if act == "reviewed":
        return ngettext("%(num)s event marked as reviewed.", "%(num)s events marked as reviewed.", changed)
    return ngettext("%(num)s event waits in the inbox again.", "%(num)s events wait in the inbox again.", changed)
