"""People as a CSV file: a trial that names every bad line or shows every change, then exactly that; and out again."""

from __future__ import annotations

import hashlib
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from io import BytesIO
from typing import Any

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.exceptions import BadRequest
from werkzeug.wrappers import Response as AnyResponse

from surveillance.access.credentials import GIVEN, PRESENTABLE
from surveillance.access.duress import with_duress_of
from surveillance.access.roster import COLUMNS, MOST_BYTES, MOST_ROWS, Fault, merged, parse_roster, roster_csv
from surveillance.dashboard import trail
from surveillance.dashboard.clock import site_zone
from surveillance.dashboard.guards import needs
from surveillance.dashboard.people import seen_people, sees_duress
from surveillance.dashboard.services import services
from surveillance.dashboard.site_edits import edit_site
from surveillance.domain.site import Person
from surveillance.storage.site_plan import Change, changes_between

pages = Blueprint("people_files", __name__)
FORM_BYTES = 3 * MOST_BYTES  # the file goes to and fro within a form


@dataclass(frozen=True, slots=True)
class Trial:
    """What a file would do to the site of a version."""

    text: str
    digest: str
    version: int
    replaces: bool
    people: tuple[Person, ...]
    faults: tuple[Fault, ...]
    changes: tuple[Change, ...]


@pages.url_value_preprocessor
def let_files_in(endpoint: str | None, values: dict[str, Any] | None) -> None:
    """A list of people may be larger than other forms. Said before the form is read for its CSRF token."""
    request.max_content_length = FORM_BYTES
    request.max_form_memory_size = FORM_BYTES


@pages.get("/people-import")
@needs("people.edit")
def show() -> str:
    return page(None)


@pages.post("/people-import")
@needs("people.edit")
def rehearse() -> str:
    """Shows what the file would do. Changes nothing."""
    sent = request.files.get("file")
    with closing(sent or BytesIO()) as file:
        data = file.read()
    if not data:
        return page(None, _("Choose a file."))
    return page(trial_of(data, "replaces" in request.form))


@pages.post("/people-import/apply")
@needs("people.edit")
def apply() -> str | AnyResponse:
    """Does what the trial showed, as one version. Raises EditConflict when the site was edited since."""
    text, version = with_plain_ends(request.form.get("text", "")), request.form.get("version", "")
    if digest_of(text) != request.form.get("digest") or not version.isdecimal():
        raise BadRequest(_("This is not the file that was shown. Start the import again."))
    trial = trial_of(text.encode(), request.form.get("replaces") == "yes")
    if trial.faults:
        return page(trial)
    saved = edit_site(lambda site: replace(site, people=trial.people), seen=int(version))
    told = _(
        "The list is in force as version %(version)s: %(count)s changes.",
        version=saved.version,
        count=len(saved.changes),
    )
    flash(told)
    return redirect(url_for("people.listing"))


@pages.get("/people-export")
@needs("people.edit")
def export() -> Response:
    """Everybody, without secrets; put on record."""
    people = services().site.read().people
    trail.exported("people", f"{len(people)}")
    name = f"people-{datetime.now(UTC):%Y%m%d}.csv"
    answer = Response("\ufeff" + roster_csv(seen_people(people)), mimetype="text/csv")
    answer.headers.set("Content-Disposition", "attachment", filename=name)
    return answer


def trial_of(data: bytes, replaces: bool) -> Trial:
    site = services().site.read()
    roster = parse_roster(data, site_zone(services()), GIVEN if sees_duress() else PRESENTABLE)
    people, clashes = merged(seen_people(site.people), roster, services().site.hash_credential, replaces)
    people = people if sees_duress() else with_duress_of(people, site.people)
    faults = (*roster.faults, *clashes)
    changes = () if faults else changes_between(site, replace(site, people=people))
    text = with_plain_ends(data.decode("utf-8-sig", "replace"))
    return Trial(text, digest_of(text), site.version, replaces, people, faults, changes)


def with_plain_ends(text: str) -> str:
    """The lines ended as Unix does: a form sends them back otherwise than they came."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def digest_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def page(trial: Trial | None, fault: str = "") -> str:
    limits = {"rows": MOST_ROWS, "bytes": MOST_BYTES}
    return render_template("people_import.html", trial=trial, fault=fault, columns=COLUMNS, limits=limits)
