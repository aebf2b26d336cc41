"""A site in, the same site with one camera added, changed, moved or taken away out; all else stays as it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from surveillance.domain.errors import NotFound, SettingsError
from surveillance.domain.site import Camera, Door, SceneWatch, Site
from surveillance.domain.suggest import no_such
from surveillance.storage.site_document import camera_document
from surveillance.storage.site_file import parse_camera


def camera_of(site: Site, name: str) -> Camera:
    """Raises NotFound, with the nearest name."""
    camera = site.camera(name)
    if camera is None:
        raise NotFound(no_such("camera", name, (known.name for known in site.cameras)))
    return camera


def with_new_camera(site: Site, camera: Camera) -> Site:
    """The site with one more camera, at the end. Raises SettingsError for a name that is taken."""
    if site.camera(camera.name):
        raise _taken(camera.name)
    return replace(site, cameras=(*site.cameras, camera))


def with_camera(site: Site, name: str, change: Callable[[Camera], Camera]) -> Site:
    """The site with that camera changed; doors follow it to a new name.

    Raises NotFound, and SettingsError for a new name that is taken.
    """
    before = camera_of(site, name)
    after = change(before)
    if after.name != name and site.camera(after.name):
        raise _taken(after.name)
    after = replace(after, zones_version=before.zones_version)
    return replace(
        site,
        cameras=tuple(after if camera.name == name else camera for camera in site.cameras),
        doors=tuple(_looking(door, name, after.name) for door in site.doors),
    )


def without_camera(site: Site, name: str) -> Site:
    """Doors that look through it look through none any more. Raises NotFound."""
    camera = camera_of(site, name)
    return replace(
        site,
        cameras=tuple(known for known in site.cameras if known != camera),
        doors=tuple(replace(door, camera=None) if door.camera == name else door for door in site.doors),
    )


def with_camera_moved(site: Site, name: str, by: int) -> Site:
    """The camera so many places further down the list; up for less than 0. Raises NotFound."""
    camera = camera_of(site, name)
    others = [known for known in site.cameras if known != camera]
    place = min(max(site.cameras.index(camera) + by, 0), len(others))
    return replace(site, cameras=(*others[:place], camera, *others[place:]))


def with_scene(camera: Camera, scene: Mapping[str, Any]) -> Camera:
    """The camera with that scene in the place of the one of its name, else at the end. Raises SettingsError."""
    document = camera_document(camera)
    scenes = {known["name"]: known for known in document.get("scenes", [])} | {scene["name"]: scene}
    return parse_camera({**document, "scenes": list(scenes.values())})


def without_scene(camera: Camera, name: str) -> Camera:
    """Raises NotFound."""
    find_scene(camera, name)
    kept = [scene for scene in camera_document(camera)["scenes"] if scene["name"] != name]
    return parse_camera({**camera_document(camera), "scenes": kept})


def find_scene(camera: Camera, name: str) -> SceneWatch:
    """Raises NotFound, with the nearest name."""
    for scene in camera.scenes:
        if scene.name == name:
            return scene
    raise NotFound(f"camera {camera.name}: {no_such('scene', name, [scene.name for scene in camera.scenes])}")


def doors_through(site: Site, name: str) -> list[str]:
    """The doors that look through a camera."""
    return [door.name for door in site.doors if door.camera == name]


def _looking(door: Door, old: str, new: str) -> Door:
    return replace(door, camera=new) if door.camera == old and new != old else door


def _taken(name: str) -> SettingsError:
    return SettingsError(f"there is a camera {name!r} already; choose another name")


def parse_points(text: str) -> list[list[float]]:
    """`0.1,0.5 0.9,0.5` to pairs. Raises SettingsError; whether they fit a zone is told when it is made."""
    points = []
    for word in text.replace(";", " ").split():
        parts = word.split(",")
        try:
            x, y = (float(part) for part in parts)
        except ValueError:
            raise SettingsError(
                f"{word!r} is no point; write x,y from 0,0 (top left) to 1,1 (bottom right), such as 0.1,0.5"
            ) from None
        points.append([x, y])
    if not points:
        raise SettingsError('there are no points; write them as "0.1,0.5 0.9,0.5 0.9,1"')
    return points
