"""/api/cameras: what is configured and how each camera fares, without passwords; the newest picture of one."""

from __future__ import annotations

from typing import Any

from flask import Response
from flask_babel import gettext as _
from pydantic import Field
from werkzeug.exceptions import NotFound

from surveillance.dashboard import cameras as page
from surveillance.dashboard import trail
from surveillance.dashboard.api.declare import Resource
from surveillance.dashboard.api.models import Time, Told
from surveillance.dashboard.guards import actor, needs, see_camera
from surveillance.dashboard.services import services
from surveillance.domain.site import Camera
from surveillance.storage.site_document import camera_document
from surveillance.storage.site_models import CameraModel
from surveillance.storage.site_secrets import hidden_camera

resource = Resource("Cameras", "What is watched: addresses, zones, lines and masks, and how each camera fares.")


class CameraState(Told):
    """What core last heard of it."""

    state: str = Field(description="`live`, `lost`, `frozen`, `blinded` or `moved`.")
    since: Time | None = None
    reason: str = ""
    fps: float = Field(0.0, description="Frames analyzed a second.")
    drops: dict[str, int] = Field({}, description="Frames that were not analyzed, by reason.")


class CameraTold(CameraModel, Told):
    """A camera. `***` in an address stands for a login or password, and may be sent back to keep it."""

    state: CameraState | None = Field(description="Null while core tells nothing of it.")


class OneCamera(Told):
    version: int = Field(description="The configuration that this was read from.")
    camera: CameraTold


class Cameras(Told):
    version: int
    cameras: list[CameraTold]


@resource.get("/cameras", gives=Cameras)
@needs("cameras.view")
def list_cameras() -> Cameras:
    """All cameras, in their order."""
    site, states = services().site.read(), page.states()
    seen = [camera for camera in site.cameras if actor().reach.sees_camera(camera.name)]
    return Cameras(version=site.version, cameras=[told(camera, states.get(camera.name)) for camera in seen])


@resource.get("/cameras/<name>", gives=OneCamera)
@needs("cameras.view")
def get_camera(name: str) -> OneCamera:
    """One camera."""
    see_camera(name)
    version = services().site.version()
    return OneCamera(version=version, camera=told(page.find(name), page.states().get(name)))


@resource.get("/cameras/<name>/picture", gives=None, media="image/jpeg")
@needs("cameras.view")
def get_camera_picture(name: str) -> Response:
    """The newest picture, with masks applied.

    A camera gives pictures while somebody asks: 404 says when none has come yet: ask again in a second.
    """
    see_camera(name)
    live = services().live
    live.watch(page.find(name).name, "full")
    newest = live.latest(name, "full")
    if newest is None:
        raise NotFound(_("No picture has come yet; ask again in a second."))
    trail.viewed("camera", name)
    return Response(newest.jpeg, mimetype="image/jpeg")


def told(camera: Camera, state: Any) -> CameraTold:
    """A camera as the API tells of it."""
    document = camera_document(hidden_camera(camera))
    return CameraTold.model_validate(document | {"state": state and CameraState.model_validate(state)})
