"""Schedules as a form: the times of each weekday and of holidays; whether each is open now, and when that changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response

from surveillance.dashboard.clock import Moment, moment, site_zone
from surveillance.dashboard.guards import needs
from surveillance.dashboard.languages import in_own_words
from surveillance.dashboard.services import services
from surveillance.dashboard.site_edits import edit_site
from surveillance.dashboard.wording import Chip
from surveillance.domain.errors import EditConflict, SettingsError
from surveillance.domain.site import DAYS, Schedule, Site, parse_schedule
from surveillance.domain.values import rfc3339
from surveillance.rules.schedules import edges, is_open
from surveillance.storage.site_document import window_texts
from surveillance.storage.site_file import parse_site_name

pages = Blueprint("schedules", __name__)
AHEAD = timedelta(days=370)  # so far a change is looked for; holidays may lie a year ahead
OPEN = Chip(_l("Open now"), "check", "good")
CLOSED = Chip(_l("Closed now"), "minus", "calm")
WEEKDAYS = {
    "mon": _l("Monday"),
    "tue": _l("Tuesday"),
    "wed": _l("Wednesday"),
    "thu": _l("Thursday"),
    "fri": _l("Friday"),
    "sat": _l("Saturday"),
    "sun": _l("Sunday"),
}


@dataclass(frozen=True, slots=True)
class Standing:
    """How a schedule stands at this moment, and when that changes next; None where it never does."""

    schedule: Schedule
    is_open: bool
    changes_at: Moment | None

    @property
    def chip(self) -> Chip:
        return OPEN if self.is_open else CLOSED


# --- pages ----------------------------------------------------------------------------------------------------------


@pages.get("/schedules")
@needs("site.edit")
def listing() -> str:
    now = datetime.now(UTC)
    site = services().site.read()
    armed = {name: mode for mode, name in site.arming.modes} if site.arming else {}
    return render_template(
        "schedules.html",
        standings=[standing(schedule, now) for schedule in site.schedules],
        weekdays=WEEKDAYS,
        texts=texts_of,
        armed=armed,
    )


@pages.get("/schedule-setup")
@needs("site.edit")
def new() -> str:
    return form({"time_zone": str(site_zone(services()))}, None)


@pages.post("/schedule-setup")
@needs("site.edit")
def add() -> str | Response:
    return saved(None)


@pages.get("/schedules/<name>")
@needs("site.edit")
def setup(name: str) -> str:
    return form(texts_of(find(name)), name)


@pages.post("/schedules/<name>")
@needs("site.edit")
def change(name: str) -> str | Response:
    return saved(find(name))


@pages.post("/schedules/<name>/remove")
@needs("site.edit")
def remove(name: str) -> str | Response:
    schedule = find(name)
    try:
        edit_site(lambda site: without(site, name))
    except SettingsError as mistake:
        return form(texts_of(schedule), name, {"": in_own_words(str(mistake))})
    flash(_("Schedule %(name)s is removed.", name=name))
    return redirect(url_for("schedules.listing"))


def form(values: Mapping[str, str], name: str | None, faults: Mapping[str, str] | None = None) -> str:
    return render_template(
        "schedule_setup.html",
        values=values,
        name=name,
        faults=faults or {},
        weekdays=WEEKDAYS,
        zones=sorted(zone for zone in available_timezones() if "/" in zone and not zone.startswith("Etc/")),
        standing=None if name is None else standing(find(name), datetime.now(UTC)),
        version=request.form.get("version") or services().site.version(),
    )


def saved(before: Schedule | None) -> str | Response:
    """Saves what the form says, or shows it again with what is wrong beside each field."""
    given = {key: request.form.get(key, "").strip() for key in ("name", "time_zone", *DAYS, "holidays")}
    name = given["name"] if before is None else before.name
    version = request.form.get("version", "")
    try:
        schedule = read_form(name, given)
        seen = int(version) if version.isdecimal() else None
        edit_site(lambda site: with_schedule(site, schedule, is_new=before is None), seen)
    except (EditConflict, SettingsError) as mistake:
        return form(given, before.name if before else None, faults_of(mistake, name))
    flash(_("Schedule %(name)s is saved.", name=name))
    return redirect(url_for("schedules.listing"))


# --- forms ----------------------------------------------------------------------------------------------------------


def texts_of(schedule: Schedule) -> dict[str, str]:
    """A schedule as the form shows it: `08:00-12:00, 13:00-18:00` by weekday, a holiday a line."""
    days = {day: ", ".join(window_texts(schedule.weekly.get(number, ()))) for number, day in enumerate(DAYS)}
    holidays = [f"{day} {', '.join(window_texts(of))}".strip() for day, of in sorted(schedule.holidays.items())]
    return {"name": schedule.name, "time_zone": schedule.time_zone, **days, "holidays": "\n".join(holidays)}


def read_form(name: str, given: Mapping[str, str]) -> Schedule:
    """Raises SettingsError, one line `schedules.NAME.field: fault` per fault."""
    parse_site_name(name)
    holidays = dict(line.strip().partition(" ")[::2] for line in given["holidays"].splitlines() if line.strip())
    return parse_schedule(
        name,
        {
            "time_zone": given["time_zone"],
            "weekly": {day: windows_in(given[day]) for day in DAYS if given[day]},
            "holidays": {day: windows_in(windows) for day, windows in holidays.items()},
        },
    )


def windows_in(text: str) -> list[str]:
    return [part.strip() for part in text.replace(";", ",").replace("–", "-").split(",") if part.strip()]


def faults_of(mistake: Exception, name: str) -> dict[str, str]:
    """What is wrong by field; what belongs to none, such as a rule that loses its schedule, under the empty name."""
    faults: dict[str, str] = {}
    for line in str(mistake).splitlines():
        place, mark, words = line.removeprefix(f"schedules.{name}.").partition(": ")
        field = place.removeprefix("weekly.").partition("[")[0].partition(".")[0]
        is_field = bool(mark) and field in ("name", "time_zone", "holidays", *DAYS)
        faults.setdefault(field if is_field else "", in_own_words(words if is_field else line))
    return faults


# --- what pages and API share ---------------------------------------------------------------------------------------


def find(name: str) -> Schedule:
    schedule = next((schedule for schedule in services().site.read().schedules if schedule.name == name), None)
    if schedule is None:
        raise NotFound(_("No schedule is called %(name)s.", name=repr(name)))
    return schedule


def with_schedule(site: Site, schedule: Schedule, is_new: bool = False) -> Site:
    """The site with the schedule in the place of the one of its name, or at the end. Raises SettingsError."""
    names = [known.name for known in site.schedules]
    if schedule.name not in names:
        return replace(site, schedules=(*site.schedules, schedule))
    if is_new:
        raise SettingsError(f"name: there is a schedule {schedule.name!r} already; choose another name")
    kept = tuple(schedule if known.name == schedule.name else known for known in site.schedules)
    return replace(site, schedules=kept)


def without(site: Site, name: str) -> Site:
    """Raises SettingsError for one that arming goes by."""
    if site.arming is not None and name in dict(site.arming.modes).values():
        raise SettingsError(f"arming goes by schedule {name}; change that first")
    return replace(site, schedules=tuple(known for known in site.schedules if known.name != name))


def standing(schedule: Schedule, now: datetime) -> Standing:
    """Whether it is open at that moment, and when that changes."""
    holds = is_open(schedule, now)
    moments: Any = sorted(edges(schedule, now, now + AHEAD))
    changes_at = next((at for at in moments if is_open(schedule, at) != holds), None)
    zone = ZoneInfo(schedule.time_zone)
    return Standing(schedule, holds, None if changes_at is None else moment(rfc3339(changes_at), zone))
