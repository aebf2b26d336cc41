"""What a blank of a rule template can be at a site, and what must be made first where there is nothing to choose."""

from __future__ import annotations

from collections.abc import Sequence

from surveillance.domain.site import Site

PLACE_MARK = "/"  # camera/zone and camera/scene; no name holds one
TASK = "camera_"  # what the kind of a blank begins with that is a camera with a task on


def choices_of(kind: str, site: Site) -> tuple[tuple[str, str], ...]:
    """(value, shown); none for what is written."""
    names: Sequence[str]
    match kind:
        case "place":
            return tuple(
                (f"{camera.name}{PLACE_MARK}{zone.name}", f"{camera.name}: {zone.name}")
                for camera in site.cameras
                for zone in camera.zones
            )
        case "scene":
            return tuple(
                (f"{camera.name}{PLACE_MARK}{scene.name}", f"{camera.name}: {scene.name}")
                for camera in site.cameras
                for scene in camera.scenes
            )
        case "camera":
            names = [camera.name for camera in site.cameras]
        case str() if kind.startswith(TASK):
            names = [camera.name for camera in site.cameras if kind.removeprefix(TASK) in camera.tasks]
        case "schedule":
            names = [schedule.name for schedule in site.schedules]
        case "door":
            names = [door.name for door in site.doors]
        case "door_with_camera":
            names = [door.name for door in site.doors if door.camera]
        case "group":
            names = sorted({group for person in site.people for group in person.groups})
        case "target":
            names = [target.name for target in site.notify]
        case _:
            names = []
    return tuple((name, name) for name in names)


def lacking(kind: str, site: Site) -> tuple[str, ...]:
    """What must be made first."""
    if kind in ("place", "scene"):
        needed = "zone" if kind == "place" else "scene"
        return (needed,) if site.cameras else ("camera", needed)
    if kind == "door_with_camera":
        return ("door_camera",) if site.doors else ("door",)
    if kind.startswith(TASK):
        return (f"task_{kind.removeprefix(TASK)}",) if site.cameras else ("camera",)
    return (kind,)
