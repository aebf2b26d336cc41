"""The areas: who is where by record, and forgiving whoever the record has wrong, with a reason and on record."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from surveillance.access.people import person_of
from surveillance.dashboard import trail
from surveillance.dashboard.asking import ask_core
from surveillance.dashboard.clock import moment, site_zone
from surveillance.dashboard.guards import actor, needs, refuse_bound
from surveillance.dashboard.health import pulse
from surveillance.dashboard.languages import in_own_words
from surveillance.dashboard.services import services
from surveillance.domain.values import rfc3339
from surveillance.rules.places import Place, by_area

pages = Blueprint("areas", __name__)
ANSWER_S = 5.0


@pages.get("/areas")
@needs("people.view")
def listing() -> str:
    refuse_bound()
    trail.viewed("areas", "all")
    zone = site_zone(services())
    return render_template("areas.html", areas=standing(), told=lambda at: moment(rfc3339(at), zone))


@pages.get("/forgive")
@needs("people.forgive")
def confirm() -> str:
    """Asks before somebody is forgiven, or everybody, and for the reason."""
    refuse_bound()
    return question(request.args.get("person") or None)


@pages.post("/forgive")
@needs("people.forgive")
def forgive() -> str | Response:
    refuse_bound()
    person = request.form.get("person") or None
    reason = " ".join(request.form.get("reason", "").split())
    if not reason:
        return question(person, _("Say why; it goes on record."))
    answer = forgiven(person, reason)
    if "event" not in answer:
        flash(in_own_words(str(answer["refused"])), "error")
    elif person is None:
        flash(_("Everybody is forgiven. It is on record."))
    else:
        flash(_("%(name)s is forgiven. It is on record.", name=person))
    return redirect(url_for("areas.listing"))


def question(person: str | None, fault: str = "") -> str:
    if person is not None:
        person_of(services().site.read(), person)
    return render_template("forgive.html", person=person, fault=fault)


def forgiven(person: str | None, reason: str) -> Mapping[str, Any]:
    """Core's answer: {"event": its id}, or why not: {"refused"}."""
    silent = {
        "refused": _("Core did not answer in time, so nothing was done. Try again when the page shows it running.")
    }
    if not pulse().beats:
        return silent
    asked = {"person": person, "by": actor().name, "address": actor().address, "reason": reason}
    return ask_core("access.forgive", asked, ANSWER_S, silent)


def standing() -> dict[str, dict[str, Place]]:
    """Who is in each area by record."""
    site, now, kept_h = services().site.read(), datetime.now(UTC), services().forgive_after_h
    doors = [door.name for door in site.doors if door.leads]
    return by_area(site, services().events.places(doors, now, timedelta(hours=kept_h)), now, kept_h)
