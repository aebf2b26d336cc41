"""Cameras attached, changed, rested, moved in the list and removed; tried, with a picture, before they are saved."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from werkzeug.wrappers import Response

from surveillance.dashboard import trail
from surveillance.dashboard.camera_forms import (
    LONGEST,
    CameraForm,
    read_form,
    seal_camera,
    shown_form,
    with_login,
)
from surveillance.dashboard.camera_trials import ask_device, is_well, search_network, try_camera
from surveillance.dashboard.cameras import find, seen_version, visible_cameras
from surveillance.dashboard.guards import needs, see_camera
from surveillance.dashboard.services import services
from surveillance.dashboard.site_edits import Saved, edit_site
from surveillance.domain.errors import EditConflict, UserMistake
from surveillance.domain.site import CAMERA_TASKS, Camera, hide_password
from surveillance.storage.camera_edits import (
    doors_through,
    with_camera,
    with_camera_moved,
    with_new_camera,
    without_camera,
)

pages = Blueprint("setup", __name__)
FIELD_WORDS = {
    "name": _l("Name"),
    "url": _l("Address"),
    "sub_url": _l("Sub stream"),
    "view": _l("View"),
    "analyze_fps": _l("Pictures looked at a second"),
    "model": _l("Model"),
    "sensitivity": _l("Sensitivity to motion"),
    "min_confidence": _l("Least confidence"),
    "tasks": _l("Beside people, vehicles and animals"),
    "proposer": _l("What says where to look"),
    "blur": _l("Blurred in pictures on record"),
    "purpose": _l("Why faces are recognized here"),
}
Page = str | Response | tuple[str, int]


# --- attaching and changing ----------------------------------------------------------------------------------------


@pages.get("/add-camera")
@needs("cameras.edit")
def add() -> Page:
    return show_form(shown_form(Camera("", "")))


@pages.post("/add-camera")
@needs("cameras.edit")
def send_new() -> Page:
    """`do` says what: fill shows the form with what a search found, test tries the camera, save attaches it."""
    form = read_form(request.form)
    if request.form.get("do") == "fill":
        return show_form(CameraForm(form.values, kept=form.kept))
    if form.camera is None:
        return show_form(form, status=400)
    if request.form.get("do") != "save":
        return show_trial(form)
    camera = form.camera
    return save(form, lambda: edit_site(lambda site: with_new_camera(site, camera)))


@pages.get("/cameras/<name>/edit")
@needs("cameras.edit")
def edit(name: str) -> Page:
    see_camera(name)
    return show_form(shown_form(find(name)), find(name))


@pages.post("/cameras/<name>/edit")
@needs("cameras.edit")
def send_changed(name: str) -> Page:
    """`do` is test or save."""
    see_camera(name)
    known = find(name)
    form = read_form(request.form, known)
    if form.camera is None:
        return show_form(form, known, status=400)
    if request.form.get("do") == "test":
        return show_trial(form, known)
    changed = form.camera

    def change(before: Camera) -> Camera:
        kept = {name: getattr(before, name) for name in ("zones", "lines", "masks", "scenes", "enabled")}
        return replace(changed, **kept)

    return save(form, lambda: edit_site(lambda site: with_camera(site, name, change), seen_version()), known)


def save(form: CameraForm, do: Callable[[], Saved], known: Camera | None = None) -> Page:
    """Saves, and leads to the camera; or shows the form again with what is wrong."""
    try:
        saved = do()
    except UserMistake as mistake:
        form.refuse(mistake)
        return show_form(form, known, status=409 if isinstance(mistake, EditConflict) else 400)
    assert form.camera is not None
    if not saved.changes:
        flash(_("Nothing was changed: it is so already."))
    return redirect(url_for("cameras.one", name=form.camera.name, saved=saved.version if saved.changes else None))


def show_form(
    form: CameraForm, known: Camera | None = None, trial: Mapping[str, Any] | None = None, status: int = 200
) -> Page:
    """The form as a page; a script that asked for a trial is given that part alone."""
    page = "_camera_trial.html" if "HX-Request" in request.headers else "camera_form.html"
    shown = render_template(
        page,
        form=form,
        known=known,
        trial=trial,
        is_well=trial is not None and is_well(trial),
        site_version=services().site.version(),
        models=services().models(),
        field_words=FIELD_WORDS,
        tasks=CAMERA_TASKS,
    )
    return shown, status if page == "camera_form.html" else 200


def show_trial(form: CameraForm, known: Camera | None = None) -> Page:
    assert form.camera is not None
    trail.viewed("camera", form.camera.name)
    return show_form(form, known, try_camera(form.camera))


# --- resting, order, removing --------------------------------------------------------------------------------------


@pages.post("/cameras/<name>/enabled")
@needs("cameras.edit")
def switch(name: str) -> Response:
    """Rests a camera, or wakes it."""
    see_camera(name)
    is_on = request.form.get("enabled") == "yes"
    saved = edit_site(lambda site: with_camera(site, name, lambda camera: replace(camera, enabled=is_on)))
    return redirect(url_for("cameras.one", name=name, saved=saved.version))


@pages.get("/order-cameras")
@needs("cameras.edit")
def order() -> str:
    moved = request.args.get("moved", ""), request.args.get("by", "")
    return render_template("camera_order.html", cameras=visible_cameras(), moved=moved)


@pages.post("/order-cameras")
@needs("cameras.edit")
def move() -> Response:
    """One camera one place up or down."""
    name = request.form.get("name", "")
    see_camera(name)
    by = -1 if request.form.get("by") == "up" else 1
    edit_site(lambda site: with_camera_moved(site, name, by))
    return redirect(url_for("cameras.setup.order", moved=name, by=request.form.get("by")))


@pages.get("/cameras/<name>/remove")
@needs("cameras.edit")
def ask_to_remove(name: str) -> str:
    see_camera(name)
    return show_removal(find(name))


@pages.post("/cameras/<name>/remove")
@needs("cameras.edit")
def remove(name: str) -> Page:
    """Refused while a rule names it; doors that look through it are said first, and then look through none."""
    see_camera(name)
    camera = find(name)
    if doors_through(services().site.read(), name) and not request.form.get("doors"):
        return show_removal(camera, _("Say first that its doors are to be judged without a camera.")), 400
    try:
        edit_site(lambda site: without_camera(site, name), seen_version())
    except UserMistake as mistake:
        return show_removal(camera, str(mistake)), 400
    flash(_("The camera %(name)s was removed. Its events stay on record.", name=name))
    return redirect(url_for("cameras.listing"))


def show_removal(camera: Camera, fault: str = "") -> str:
    site = services().site.read()
    needed: list[str] = []
    try:
        services().check_site(site, without_camera(site, camera.name))
    except UserMistake as mistake:
        needed = str(mistake).splitlines()
    doors = doors_through(site, camera.name)
    what = {"camera": camera, "doors": doors, "needed": needed, "fault": fault, "site_version": site.version}
    return render_template("camera_remove.html", **what)


# --- searching -----------------------------------------------------------------------------------------------------


@pages.get("/search-cameras")
@needs("cameras.edit")
def search() -> str:
    return render_template("camera_search.html", found=None)


@pages.post("/search-cameras")
@needs("cameras.edit")
def send_search() -> str:
    """The devices that answer, each with the camera that it is attached as already."""
    is_part = "HX-Request" in request.headers
    page = "_camera_devices.html" if is_part else "camera_search.html"
    return render_template(page, found=search_network(), attached=attached_hosts())


@pages.post("/search-cameras/device")
@needs("cameras.edit")
def send_device() -> str:
    """What a device offers to a user. The password goes on sealed, to the form that attaches the camera."""
    typed = {key: request.form.get(key, "").strip()[:LONGEST] for key in ("service", "name", "user")}
    password = request.form.get("password", "")[:LONGEST]
    offer = ask_device(typed["service"], typed["user"], password)
    found = {
        profile["url"]: with_login(profile["url"], typed["user"], password) for profile in offer.get("profiles", ())
    }
    main = found.get(str(offer.get("main")), "")
    what = {
        "offer": offer,
        "typed": typed,
        "shown": {url: hide_password(full) for url, full in found.items()},
        "kept": seal_camera(Camera("found", main)) if main else "",
    }
    page = "_camera_offer.html" if "HX-Request" in request.headers else "camera_search.html"
    return render_template(page, **what, found=None, attached={})


def attached_hosts() -> dict[str, str]:
    """The hosts of the cameras there are, each with the name of one."""
    return {urlsplit(camera.url).hostname or "": camera.name for camera in reversed(visible_cameras())}
