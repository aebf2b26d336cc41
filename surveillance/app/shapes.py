"""Zones, lines and masks of a camera as the command line draws them; each edit is one version of the site."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from surveillance.app.site_edit import Edited, edit_site
from surveillance.domain.errors import NotFound, SettingsError
from surveillance.domain.site import Camera
from surveillance.domain.suggest import no_such
from surveillance.settings import Settings
from surveillance.storage.camera_edits import parse_points, with_camera
from surveillance.storage.site_document import camera_document
from surveillance.storage.site_file import parse_camera


def set_zone(settings: Settings, camera: str, name: str, points: str, restricted: bool | None) -> Edited:
    """Draws or redraws a zone. Without `restricted` a zone that is there keeps what it is."""
    corners = parse_points(points)

    def values(before: Camera) -> dict[str, Any]:
        known = next((zone for zone in before.zones if zone.name == name), None)
        is_restricted = restricted if restricted is not None else known is not None and known.restricted
        return {"name": name, "points": corners, "restricted": is_restricted}

    return _edit_shapes(settings, camera, lambda before, shapes: _put(shapes["zones"], values(before)))


def set_line(settings: Settings, camera: str, name: str, points: str) -> Edited:
    """Draws or redraws a line. Raises SettingsError unless there are two points."""
    ends = parse_points(points)
    if len(ends) != 2:
        raise SettingsError(f"camera {camera}: line {name}: needs 2 points, start and end (there are {len(ends)})")
    line = {"name": name, "start": ends[0], "end": ends[1]}
    return _edit_shapes(settings, camera, lambda before, shapes: _put(shapes["lines"], line))


def set_masks(settings: Settings, camera: str, masks: Sequence[str]) -> Edited:
    """Makes these the camera's masks, in place of those there are; none removes all."""
    corners = [parse_points(mask) for mask in masks]

    def put(before: Camera, shapes: dict[str, list[Any]]) -> None:
        shapes["masks"] = list(corners)

    return _edit_shapes(settings, camera, put)


def remove_shape(settings: Settings, camera: str, kind: str, name: str) -> Edited:
    """Removes a zone or a line (`kind`). Raises NotFound."""

    def remove(before: Camera, shapes: dict[str, list[Any]]) -> None:
        names = [shape["name"] for shape in shapes[f"{kind}s"]]
        if name not in names:
            raise NotFound(f"camera {camera}: {no_such(kind, name, names)}")
        del shapes[f"{kind}s"][names.index(name)]

    return _edit_shapes(settings, camera, remove)


def _edit_shapes(settings: Settings, name: str, edit: Callable[[Camera, dict[str, list[Any]]], None]) -> Edited:
    def change(before: Camera) -> Camera:
        values = camera_document(before)
        shapes = {key: list(values.get(key, [])) for key in ("zones", "lines", "masks")}
        edit(before, shapes)
        return parse_camera(values | shapes)

    return edit_site(settings, lambda site: with_camera(site, name, change))


def _put(shapes: list[Any], shape: Mapping[str, Any]) -> None:
    """In the place of the one of that name, else at the end."""
    names = [known["name"] for known in shapes]
    if shape["name"] in names:
        shapes[names.index(shape["name"])] = shape
    else:
        shapes.append(shape)
