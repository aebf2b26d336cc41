"""Access levels as a table and a form: which groups may pass which doors, and when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from surveillance.access import levels as edits
from surveillance.dashboard.guards import actor, needs, see_door
from surveillance.dashboard.languages import in_own_words
from surveillance.dashboard.services import services
from surveillance.dashboard.site_edits import edit_site
from surveillance.domain.errors import EditConflict, SettingsError, UserMistake
from surveillance.domain.levels import AccessLevel, level_faults
from surveillance.domain.site import Person, Site
from surveillance.rules.levels import hints
from surveillance.storage.site_file import parse_level

pages = Blueprint("access_levels", __name__)
FIELDS = ("name", "groups", "doors", "schedule", "opened_by")
Values = Mapping[str, Any]


@pages.get("/access-levels")
@needs("people.view")
def listing() -> str:
    site = services().site.read()
    found = seen_levels(site)
    return render_template(
        "access_levels.html", levels=found, hints=hints(site) if found and actor().reach.is_whole else ()
    )


@pages.get("/access-level-setup")
@needs("people.edit")
def new() -> str:
    return form({}, None)


@pages.post("/access-level-setup")
@needs("people.edit")
def add() -> str | Response:
    return saved(None)


@pages.get("/access-levels/<name>")
@needs("people.edit")
def setup(name: str) -> str:
    return form(edits.level_document(find(name)), name)


@pages.post("/access-levels/<name>")
@needs("people.edit")
def change(name: str) -> str | Response:
    return saved(find(name))


@pages.post("/access-levels/<name>/remove")
@needs("people.edit")
def remove(name: str) -> Response:
    find(name)
    edit_site(lambda site: edits.without_level(site, name))
    flash(_("Access level %(name)s is removed.", name=name))
    return redirect(url_for("access_levels.listing"))


def form(values: Values, name: str | None, faults: Mapping[str, str] | None = None) -> str:
    site = services().site.read()
    return render_template(
        "access_level_setup.html",
        values=values,
        name=name,
        faults=faults or {},
        doors=[door.name for door in site.doors if actor().reach.sees_door(door.name)],
        schedules=[schedule.name for schedule in site.schedules],
        groups=sorted({group for person in site.people for group in person.groups}),
        version=request.form.get("version") or site.version,
    )


def saved(before: AccessLevel | None) -> str | Response:
    """Saves what the form says, or shows it again with what is wrong beside each field."""
    given = given_values(before)
    version = request.form.get("version", "")
    seen = int(version) if version.isdecimal() else None
    try:
        level = checked(given, services().site.read())
        edit_site(lambda site: edits.with_level(site, level, is_new=before is None), seen)
    except (EditConflict, SettingsError) as mistake:
        return form(given, before.name if before else None, faults_of(mistake))
    flash(_("Access level %(name)s is saved.", name=level.name))
    return redirect(url_for("access_levels.listing"))


def given_values(before: AccessLevel | None) -> dict[str, Any]:
    groups = [part.strip() for part in request.form.get("groups", "").split(",") if part.strip()]
    return {
        "name": before.name if before else request.form.get("name", "").strip(),
        "groups": groups,
        "doors": request.form.getlist("doors"),
        "schedule": request.form.get("schedule") or None,
        "two_persons": request.form.get("two_persons") == "yes",
        "opened_by": request.form.get("opened_by", "").strip() or None,
    }


def faults_of(mistake: UserMistake) -> dict[str, str]:
    """What is wrong by field; what belongs to none under the empty name."""
    faults: dict[str, str] = {}
    for line in str(mistake).splitlines():
        place, mark, words = line.partition(": ")
        field = place.partition("[")[0]
        known = bool(mark) and field in FIELDS
        faults.setdefault(field if known else "", in_own_words(words if known else line))
    return faults


# --- what pages and API share ---------------------------------------------------------------------------------------


def seen_levels(site: Site, person: Person | None = None) -> Sequence[AccessLevel]:
    """Those that name only doors which whoever asks reaches; of a person, those that let them pass."""
    reach = actor().reach
    levels = site.access_levels if person is None else edits.levels_of(site, person)
    return [level for level in levels if all(reach.sees_door(door) for door in level.doors)]


def find(name: str) -> AccessLevel:
    """Raises NotFound, also for one that names a door which whoever asks does not reach."""
    level = edits.level_of(services().site.read(), name)
    for door in level.doors:
        see_door(door)
    return level


def checked(values: Values, site: Site) -> AccessLevel:
    """The level of those values, if its doors and schedule are there and in reach.

    Raises SettingsError, one line `field: fault` per fault, and NotFound.
    """
    lacking = {"groups": _("Name at least one group."), "doors": _("Choose at least one door.")}
    faults = [f"{field}: {words}" for field, words in lacking.items() if not values[field]]
    if faults:
        raise SettingsError("\n".join(faults))
    level = parse_level(values)
    doors, schedules = [door.name for door in site.doors], [schedule.name for schedule in site.schedules]
    faults = [f"{field}: {words}" for _number, field, words in level_faults([level], doors, schedules)]
    if faults:
        raise SettingsError("\n".join(faults))
    for door in level.doors:
        see_door(door)
    return level
