"""Scenes of cameras as the command line sets, lists and tries them; each edit is one version of the site."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from surveillance.app.cameras import core_status
from surveillance.app.site_edit import Edited, edit_site, open_site
from surveillance.domain.errors import SettingsError
from surveillance.domain.site import Camera, SceneWatch
from surveillance.settings import Settings
from surveillance.storage.camera_edits import camera_of, with_camera, with_scene, without_scene
from surveillance.storage.site_document import scene_document


@dataclass(frozen=True, slots=True)
class SceneState:
    """A configured scene and what core last heard of it; nothing while core does not run or has heard nothing."""

    camera: str
    scene: SceneWatch
    told: Mapping[str, Any]

    def as_json(self) -> dict[str, Any]:
        return {"camera": self.camera, **scene_document(self.scene), "now": dict(self.told) or None}


def set_scene(settings: Settings, camera: str, name: str, values: Mapping[str, Any]) -> Edited:
    """Adds a scene, or changes what is given of one that is there. An empty zone means the whole picture.

    Raises NotFound for a camera, SettingsError for a model or zone that is not there.
    """
    given = {key: value for key, value in values.items() if value is not None}

    def change(before: Camera) -> Camera:
        known = next((scene_document(scene) for scene in before.scenes if scene.name == name), {})
        wanted = {**known, **given, "name": name}
        if "model" not in wanted:
            raise SettingsError(f"scene {name} needs a model: --model NAME; `surveillance models list` shows them")
        if wanted.get("zone") == "":
            del wanted["zone"]
        return with_scene(before, wanted)

    return edit_site(settings, lambda site: with_camera(site, camera, change))


def remove_scene(settings: Settings, camera: str, name: str) -> Edited:
    """Removes a scene that no rule names. Raises NotFound."""
    return edit_site(settings, lambda site: with_camera(site, camera, lambda before: without_scene(before, name)))


def list_scenes(settings: Settings, camera: str | None = None) -> list[SceneState]:
    """Every scene, of one camera or of all. Raises NotFound."""
    site = open_site(settings).site.read()
    cameras = site.cameras if camera is None else (camera_of(site, camera),)
    told = (core_status(settings) or {}).get("cameras", {})
    return [
        SceneState(owner.name, scene, told.get(owner.name, {}).get("scenes", {}).get(scene.name, {}))
        for owner in cameras
        for scene in owner.scenes
    ]
