"""Adding, editing and removing doors: which camera looks at one, which reader is beside it, which relay opens it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from surveillance.dashboard.doors import find
from surveillance.dashboard.guards import needs
from surveillance.dashboard.languages import in_own_words
from surveillance.dashboard.services import services
from surveillance.dashboard.site_edits import edit_site
from surveillance.domain.devices import check_device, scheme_of
from surveillance.domain.errors import EditConflict, SettingsError, UserMistake
from surveillance.domain.site import Door, Site
from surveillance.domain.suggest import no_such
from surveillance.storage.site_file import parse_door
from surveillance.storage.site_models import asking_faults
from surveillance.storage.site_secrets import HIDDEN, hidden_door

pages = Blueprint("door_setup", __name__)
FIELDS = (
    *("name", "camera", "reader", "relay", "pulse_s", "on_camera_stale", "camera_asks", "camera_zone", "watch"),
    *("from_area", "to_area", "antipassback", "interlock", "line", "lockdown_exempt"),
)
GUARDS = ("from_area", "to_area", "antipassback", "interlock", "line", "lockdown_exempt")  # shown where one is set
AS_FIELDS = {"from": "from_area", "to": "to_area"}  # key of a site file -> field of the form
USUAL = {"pulse_s": "3", "on_camera_stale": "deny", "camera_asks": "no", "watch": "no", "antipassback": "off"}


@pages.get("/door-setup")
@needs("doors.edit")
def new() -> str:
    return form(USUAL, None)


@pages.post("/door-setup")
@needs("doors.edit")
def add() -> str | Response:
    return saved(None)


@pages.get("/door-setup/<name>")
@needs("doors.edit")
def setup(name: str) -> str:
    return form(texts_of(hidden_door(find(name))), name)


@pages.post("/door-setup/<name>")
@needs("doors.edit")
def change(name: str) -> str | Response:
    return saved(find(name))


@pages.post("/door-setup/<name>/remove")
@needs("doors.edit")
def remove(name: str) -> Response:
    find(name)
    edit_site(lambda site: replace(site, doors=tuple(door for door in site.doors if door.name != name)))
    flash(_("Door %(name)s is removed.", name=name))
    return redirect(url_for("doors.listing"))


def texts_of(door: Door) -> dict[str, str]:
    """A door as the form shows it, its relay's password hidden."""
    values = {name: getattr(door, name) for name in FIELDS} | {
        "lockdown_exempt": "yes" if door.lockdown_exempt else "no"
    }
    return {
        name: "" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
        for name, value in values.items()
    }


def form(values: Mapping[str, str], name: str | None, faults: Mapping[str, str] | None = None) -> str:
    return render_template(
        "door_setup.html",
        values=values,
        name=name,
        faults=faults or {},
        areas=services().site.read().areas,
        interlocks=sorted({door.interlock for door in services().site.read().doors if door.interlock}),
        cameras=[(camera.name, camera.name) for camera in services().site.read().cameras],
        unfolds=any(field in (faults or {}) or values.get(field) not in (None, "", "off", "no") for field in GUARDS),
        version=request.form.get("version") or services().site.version(),
    )


def saved(before: Door | None) -> str | Response:
    """Saves what the form says, or shows it again with what is wrong beside each field."""
    given = {name: request.form.get(name, "").strip() for name in FIELDS}
    if before is not None:
        given["name"] = before.name  # its record goes by its name
    version = request.form.get("version", "")
    try:
        door = read_door(given)
        edit_site(lambda site: with_door(site, door, before), int(version) if version.isdecimal() else None)
    except (EditConflict, SettingsError) as mistake:
        return form(given, before.name if before else None, faults_of(mistake))
    flash(_("Door %(name)s is saved.", name=door.name))
    return redirect(url_for("doors.one", name=door.name))


def read_door(given: Mapping[str, str]) -> Door:
    """Raises SettingsError with every fault, a line `field: fault` each."""
    values: dict[str, Any] = {name: text for name, text in given.items() if text}
    faults = []
    cameras = {camera.name: camera for camera in services().site.read().cameras}
    if "camera" in values and values["camera"] not in cameras:
        faults.append(f"camera: {no_such('camera', values.pop('camera'), cameras)}")
    for field, what in (("relay", "the controller's address"), ("reader", "the reader's address")):
        try:
            check_written(values.get(field, ""), what)
        except UserMistake as refused:
            faults.append(f"{field}: {refused}")
            del values[field]
    try:
        door = parse_door(values)
    except SettingsError as mistake:
        faults += str(mistake).splitlines()
    else:
        camera = cameras.get(door.camera or "")
        faults += [f"{field}: {words}" for field, words in asking_faults(door, camera)] if camera else []
    if faults:
        raise SettingsError("\n".join(faults))
    return door


def check_written(address: str, what: str) -> None:
    """What was written out; `***` stands for what was judged before. Raises UserMistake."""
    if scheme_of(address) and HIDDEN not in address:
        check_device(address, what, services().settings.allow_loopback)


def with_door(site: Site, door: Door, before: Door | None) -> Site:
    """The site with the door in the other's place, or at the end."""
    if before is None:
        if site.door(door.name) is not None:
            raise SettingsError(f"name: there is a door {door.name!r} already; choose another name")
        return replace(site, doors=(*site.doors, door))
    return replace(site, doors=tuple(door if known.name == door.name else known for known in site.doors))


def faults_of(mistake: UserMistake) -> dict[str, str]:
    """What is wrong by field; what belongs to none, such as a rule that loses its door, under the empty name."""
    faults: dict[str, str] = {}
    for line in str(mistake).splitlines():
        field, mark, words = line.partition(": ")
        field = AS_FIELDS.get(field, field)
        known = bool(mark) and field in FIELDS
        faults.setdefault(field if known else "", in_own_words(words if known else line))
    return faults
