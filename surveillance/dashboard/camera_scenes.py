"""The scenes of a camera: parts of its picture whose state a model tells, added, tried, changed and removed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from werkzeug.wrappers import Response

from surveillance.dashboard import trail
from surveillance.dashboard.camera_trials import try_scene
from surveillance.dashboard.cameras import find, seen_version, states
from surveillance.dashboard.guards import needs, see_camera
from surveillance.dashboard.services import services
from surveillance.dashboard.site_edits import edit_site
from surveillance.domain.errors import EditConflict, UserMistake
from surveillance.domain.site import Camera, SceneWatch
from surveillance.storage.camera_edits import with_camera, with_scene, without_scene

pages = Blueprint("scenes", __name__)
FIELDS = ("name", "model", "zone", "every_s", "hold_s", "min_confidence")
FIELD_WORDS = {
    "name": _l("Name"),
    "model": _l("Model"),
    "zone": _l("Part of the picture"),
    "every_s": _l("Seconds between two looks"),
    "hold_s": _l("Seconds for which a new state must show"),
    "min_confidence": _l("Least confidence"),
}
LONGEST = 200
Values = Mapping[str, Any]


@pages.get("/cameras/<name>/scenes")
@needs("cameras.edit")
def listing(name: str) -> str:
    """With `scene`, that one in the form to be changed."""
    see_camera(name)
    known = {scene.name: scene for scene in find(name).scenes}.get(request.args.get("scene", ""))
    return show(find(name), shown_values(known or SceneWatch("", "")), known)


@pages.post("/cameras/<name>/scenes")
@needs("cameras.edit")
def send(name: str) -> Response | tuple[str, int]:
    """`do` is save, or test: look at it as typed, and save nothing."""
    see_camera(name)
    camera, typed = find(name), {key: request.form.get(key, "").strip()[:LONGEST] for key in FIELDS}
    was = {scene.name: scene for scene in camera.scenes}.get(request.form.get("was", ""))
    values = typed | {"name": was.name} if was is not None else typed
    try:
        if request.form.get("do") == "test":
            trail.viewed("camera", name)
            trial = try_scene(with_scene(camera, document_of(values)), values["name"])
            return show(camera, values, was, trial=trial), 200
        saved = edit_site(
            lambda site: with_camera(site, name, lambda before: with_scene(before, document_of(values))), seen_version()
        )
    except UserMistake as mistake:
        status = 409 if isinstance(mistake, EditConflict) else 400
        return show(camera, values, was, faults=faults_of(str(mistake), name, values["name"])), status
    if not saved.changes:
        flash(_("Nothing was changed: it is so already."))
    return redirect(url_for("cameras.one", name=name, saved=saved.version if saved.changes else None))


@pages.post("/cameras/<name>/scenes/remove")
@needs("cameras.edit")
def remove(name: str) -> Response | tuple[str, int]:
    """Refused while a rule names it."""
    see_camera(name)
    scene = request.form.get("scene", "")
    try:
        saved = edit_site(lambda site: with_camera(site, name, lambda before: without_scene(before, scene)))
    except UserMistake as mistake:
        return show(find(name), shown_values(SceneWatch("", "")), None, faults={"": str(mistake)}), 400
    return redirect(url_for("cameras.one", name=name, saved=saved.version))


def show(
    camera: Camera,
    values: Values,
    known: SceneWatch | None,
    faults: Mapping[str, str] | None = None,
    trial: Mapping[str, Any] | None = None,
) -> str:
    what = {"values": values, "known": known, "faults": faults or {}, "trial": trial, "field_words": FIELD_WORDS}
    return render_template(
        "camera_scenes.html",
        camera=camera,
        told=states().get(camera.name, {}).get("scenes", {}),
        models=services().models(),
        site_version=seen_version() or services().site.version(),
        **what,
    )


def shown_values(scene: SceneWatch) -> dict[str, Any]:
    """The fields of the form."""
    numbers = {key: f"{getattr(scene, key):g}" for key in ("every_s", "hold_s", "min_confidence")}
    return {"name": scene.name, "model": scene.model, "zone": scene.zone or "", **numbers}


def document_of(values: Values) -> dict[str, Any]:
    """As a site file holds it; what is left empty has its default."""
    given = {key: value for key, value in values.items() if value}
    return {"name": "", "model": "", **given}


def faults_of(mistake: str, camera: str, scene: str) -> dict[str, str]:
    """Field -> what is wrong; under "" what is about none."""
    faults: dict[str, str] = {}
    for line in mistake.splitlines():
        told = line.removeprefix(f"camera {camera}: ").removeprefix(f"scene {scene}: ")
        field, mark, words = told.partition(": ")
        is_field = bool(mark) and field in FIELDS
        faults.setdefault(field if is_field else "", words if is_field else told)
    return faults
