"""One camera added, changed, moved or taken away: the rest of the site stays, and doors follow."""

from __future__ import annotations

from dataclasses import replace

import pytest

from surveillance.domain.errors import NotFound, SettingsError
from surveillance.domain.site import Camera, Door, Site
from surveillance.storage.camera_edits import (
    doors_through,
    with_camera,
    with_camera_moved,
    with_new_camera,
    without_camera,
)

FRONT, YARD, HALL = (Camera(name, f"rtsp://10.0.0.9/{name}", zones_version=3) for name in ("front", "yard", "hall"))
SITE = Site(cameras=(FRONT, YARD, HALL), doors=(Door("main", "front"), Door("side", "yard"), Door("back")))


def test_a_new_camera_comes_last_and_its_name_is_its_own() -> None:
    shed = Camera("shed", "synthetic://shed")
    assert with_new_camera(SITE, shed) == replace(SITE, cameras=(FRONT, YARD, HALL, shed))
    with pytest.raises(SettingsError, match="there is a camera 'front' already"):
        with_new_camera(SITE, replace(shed, name="front"))


def test_doors_follow_a_camera_to_its_new_name() -> None:
    after = with_camera(SITE, "front", lambda camera: replace(camera, name="entrance", zones_version=1))
    assert after.cameras == (replace(FRONT, name="entrance"), YARD, HALL)
    assert [(door.name, door.camera) for door in after.doors] == [
        ("main", "entrance"),
        ("side", "yard"),
        ("back", None),
    ]
    with pytest.raises(SettingsError, match="there is a camera 'yard' already"):
        with_camera(SITE, "front", lambda camera: replace(camera, name="yard"))
    with pytest.raises(NotFound, match="did you mean 'front'"):
        with_camera(SITE, "frnt", lambda camera: camera)


def test_a_door_outlives_its_camera() -> None:
    assert doors_through(SITE, "front") == ["main"]
    after = without_camera(SITE, "front")
    assert after == replace(SITE, cameras=(YARD, HALL), doors=(Door("main"), *SITE.doors[1:]))


@pytest.mark.parametrize(
    ("name", "by", "order"),
    [("front", 1, "yard front hall"), ("hall", -2, "hall front yard"), ("front", -1, "front yard hall")],
)
def test_a_camera_is_moved_within_the_list(name: str, by: int, order: str) -> None:
    assert [camera.name for camera in with_camera_moved(SITE, name, by).cameras] == order.split()
