"""What a model looked at in the picture of an event: asked of core when somebody wants to know, and kept nowhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, abort, render_template, request
from flask_babel import gettext as _

from surveillance.dashboard import trail
from surveillance.dashboard.camera_trials import ask
from surveillance.dashboard.events import asked_for, find
from surveillance.dashboard.guards import needs
from surveillance.dashboard.services import services
from surveillance.dashboard.wording import has_picture

pages = Blueprint("looking", __name__)
LOOK_S = 40.0  # a busy machine may take half of it to load torch
LEAST = 0.05  # probability of a second label that is still worth a picture


@pages.post("/events/<id>/look")
@needs("events.view")
def look(id: str) -> str:
    """The event's picture with the places that spoke for its label; a script is given that part alone."""
    event = find(id)
    if event["label"] is None or not has_picture(event):
        abort(404, _("Nothing was classified in this event, or its picture is no longer kept."))
    trail.viewed("heatmap", id)
    model, is_stored = judging_model(event)
    box = event["evidence_box"] or event["box"]
    told = ask("event.look", {"model": model, "evidence": event["evidence"], "box": box}, LOOK_S)
    looks = [each for place, each in enumerate(told.get("looks", ())) if place == 0 or each["chance"] >= LEAST]
    page = "_look.html" if "HX-Request" in request.headers else "look.html"
    return render_template(page, event=event, told=told, looks=looks, is_stored=is_stored, filter=asked_for())


def judging_model(event: Mapping[str, Any]) -> tuple[str, bool]:
    """The model that labeled the event, and whether that is on record; else the one its camera has now."""
    if event["camera"] is not None and event["track"] is not None:
        stored = services().events.model_of(event["camera"], event["track"], event["at"])
        if stored:
            return stored, True
    camera = services().site.read().camera(event["camera"] or "")
    named = camera.model if camera is not None else None
    return named or next(iter(services().models()), ""), False
