"""The editor of zones, lines and masks: what was drawn or typed is checked shape by shape and saved as one version."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from surveillance.dashboard.cameras import find, seen_version
from surveillance.dashboard.guards import needs, see_camera
from surveillance.dashboard.services import services
from surveillance.dashboard.site_edits import edit_site
from surveillance.domain.errors import EditConflict, SettingsError, UserMistake
from surveillance.domain.site import Camera
from surveillance.storage.camera_edits import parse_points, with_camera
from surveillance.storage.site_document import camera_document
from surveillance.storage.site_file import parse_camera
from surveillance.storage.site_plan import corners_text

pages = Blueprint("shapes", __name__)
SECTIONS = {"zone": "zones", "line": "lines", "mask": "masks"}
MOST_SHAPES = 60
LONGEST = 4000


@dataclass(slots=True)
class Shape:
    """One shape as the form shows it. `points` is text such as `0.1,0.5 0.9,0.5 0.9,1`."""

    kind: str  # zone | line | mask
    name: str
    points: str
    restricted: bool = False
    fault: str = ""

    def document(self) -> Any:
        """As a site file holds it. Raises SettingsError for what is no list of points."""
        corners = parse_points(self.points)
        if self.kind == "mask":
            return corners
        if self.kind == "zone":
            return {"name": self.name, "points": corners, "restricted": self.restricted}
        if len(corners) != 2:
            raise SettingsError(f"needs 2 points, start and end (there are {len(corners)})")
        return {"name": self.name, "start": corners[0], "end": corners[1]}


@pages.get("/cameras/<name>/zones")
@needs("cameras.edit")
def draw(name: str) -> str:
    see_camera(name)
    return show_editor(find(name), shapes_of(find(name)))


@pages.post("/cameras/<name>/zones")
@needs("cameras.edit")
def save(name: str) -> Response | tuple[str, int]:
    """Every shape of the camera, in place of those there are; each fault is told at its shape."""
    see_camera(name)
    camera, shapes = find(name), read_shapes()
    try:
        documents = checked(shapes)
        saved = edit_site(
            lambda site: with_camera(site, name, lambda before: parse_camera(camera_document(before) | documents)),
            seen_version(),
        )
    except UserMistake as mistake:
        status = 409 if isinstance(mistake, EditConflict) else 400
        return show_editor(camera, shapes, str(mistake)), status
    if not saved.changes:
        flash(_("Nothing was changed: it is so already."))
    return redirect(url_for("cameras.one", name=name, saved=saved.version if saved.changes else None))


def show_editor(camera: Camera, shapes: Sequence[Shape], fault: str = "") -> str:
    seen = seen_version() or services().site.version()
    return render_template("camera_zones.html", camera=camera, shapes=shapes, fault=fault, site_version=seen)


def shapes_of(camera: Camera) -> list[Shape]:
    """The shapes that a camera has."""
    return [
        *(Shape("zone", zone.name, corners_text(zone.points), zone.restricted) for zone in camera.zones),
        *(Shape("line", line.name, corners_text((line.start, line.end))) for line in camera.lines),
        *(Shape("mask", "", corners_text(mask)) for mask in camera.masks),
    ]


def read_shapes() -> list[Shape]:
    """The shapes as the form was sent: the fields of each stand in one row."""
    rows = zip(*(request.form.getlist(key) for key in ("kind", "shape", "points", "restricted")), strict=False)
    return [
        Shape(kind, name.strip()[:200], points.strip()[:LONGEST], restricted == "yes")
        for kind, name, points, restricted in rows
        if kind in SECTIONS
    ][:MOST_SHAPES]


def checked(shapes: Sequence[Shape]) -> dict[str, list[Any]]:
    """The sections of a site file. Raises SettingsError when a shape cannot be, and notes in each what is wrong."""
    sections: dict[str, list[Any]] = {section: [] for section in SECTIONS.values()}
    for shape in shapes:
        section = SECTIONS[shape.kind]
        try:
            document = shape.document()
            parse_camera({"name": "camera", "url": "synthetic://camera", section: [document]})
        except SettingsError as mistake:
            shape.fault = str(mistake).splitlines()[0].removeprefix("camera camera: ").removeprefix(f"{shape.kind} ")
            shape.fault = shape.fault.removeprefix(f"{shape.name}: ").removeprefix("1: ")
            continue
        sections[section].append(document)
    if any(shape.fault for shape in shapes):
        raise SettingsError("a shape cannot be as it is; it says why")
    return sections
