"""/api/cameras: what is configured and how each camera fares, without passwords; the newest picture of one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Response, url_for
from flask_babel import gettext as _
from pydantic import ConfigDict, Field
from werkzeug.exceptions import NotFound

from surveillance.dashboard import cameras as page
from surveillance.dashboard import trail
from surveillance.dashboard.api.declare import Made, Resource
from surveillance.dashboard.api.edits import Edited, Seen
from surveillance.dashboard.api.models import Time, Told
from surveillance.dashboard.camera_trials import try_camera
from surveillance.dashboard.guards import actor, needs, refuse_bound, see_camera
from surveillance.dashboard.services import services
from surveillance.dashboard.site_edits import edit_site
from surveillance.domain.addresses import check_camera
from surveillance.domain.errors import SettingsError
from surveillance.domain.site import Camera, Site, hide_password
from surveillance.storage.camera_edits import doors_through, with_camera, with_new_camera, without_camera
from surveillance.storage.site_document import camera_document
from surveillance.storage.site_models import CameraModel, build_camera
from surveillance.storage.site_secrets import hidden_camera

resource = Resource("Cameras", "What is watched: addresses, zones, lines and masks, and how each camera fares.")


class SceneState(Told):
    """How a watched part of its picture is."""

    state: str = Field(description="A label of its model; empty while it cannot be told.")
    doubt: str = Field("", description="Why it cannot be told.")
    confidence: float = 0.0
    since: Time | None = None
    at: Time = Field(description="When it was told last.")


class CameraState(Told):
    """What core last heard of it."""

    state: str = Field(description="`live`, `lost`, `frozen`, `blinded` or `moved`.")
    since: Time | None = None
    reason: str = ""
    fps: float = Field(0.0, description="Frames analyzed a second.")
    drops: dict[str, int] = Field({}, description="Frames that were not analyzed, by reason.")
    scenes: dict[str, SceneState] = Field({}, description="The state of each of its scenes that was told.")


class CameraTold(CameraModel, Told):
    """A camera. `***` in an address stands for a login or password, and may be sent back to keep it."""

    state: CameraState | None = Field(description="Null while core tells nothing of it.")


class OneCamera(Told):
    version: int = Field(description="The configuration that this was read from.")
    camera: CameraTold


class Cameras(Told):
    version: int
    cameras: list[CameraTold]


class CameraTest(Told):
    """What a camera's streams gave. More keys may follow."""

    model_config = ConfigDict(extra="allow")

    fault: str | None
    streams: list[dict[str, Any]] = Field(description="Of each: its address without password, and size, or a fault.")
    picture: str | None = Field(description="A JPEG in base64.")


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


@resource.post("/cameras", query=Seen, body=CameraModel, gives=OneCamera, status=201, refusals=(409,))
@needs("cameras.edit")
def add_camera(query: Seen, body: CameraModel) -> Made:
    """Add a camera, at the end of the list."""
    refuse_bound()
    camera = checked(build_camera(body))
    saved = edit_site(lambda site: with_new_camera(site, camera), query.expected_version)
    made = OneCamera(version=saved.version, camera=told(page.find(camera.name), None))
    return Made(made, url_for("api.get_camera", name=camera.name))


@resource.post("/camera-tests", body=CameraModel, gives=CameraTest)
@needs("cameras.edit")
def test_camera(body: CameraModel) -> Mapping[str, Any]:
    """Try a camera before it is added: what each of its streams gives, and a picture.

    Takes as long as its streams do, up to half a minute. `fault` says why nothing could be tried.
    """
    return {"fault": None, "streams": [], "picture": None} | dict(try_camera(checked(build_camera(body))))


@resource.put("/cameras/<name>", query=Seen, body=CameraModel, gives=OneCamera, refusals=(409,))
@needs("cameras.edit")
def put_camera(name: str, query: Seen, body: CameraModel) -> OneCamera:
    """Put a camera in place of the one of that name, zones, lines, masks and scenes included.

    Another `name` in the body renames it, and its doors follow. Stream and tracks go on where only zones, lines, `view`
    or thresholds differ.
    """
    see_camera(name)
    wanted = build_camera(body)
    if wanted.name != name:
        refuse_bound()

    def put(site: Site) -> Site:
        return with_camera(site, name, lambda before: checked(wanted, before))

    saved = edit_site(put, query.expected_version)
    return OneCamera(version=saved.version, camera=told(page.find(wanted.name), page.states().get(wanted.name)))


@resource.delete("/cameras/<name>", query=Seen, gives=Edited, refusals=(409, 422))
@needs("cameras.edit")
def delete_camera(name: str, query: Seen) -> Edited:
    """Remove a camera that no door looks through and no rule names. Its events stay."""
    see_camera(name)

    def remove(site: Site) -> Site:
        doors = doors_through(site, name)
        if doors:
            raise SettingsError(f"camera {name} looks at {', '.join(doors)}; change that first")
        return without_camera(site, name)

    return Edited(version=edit_site(remove, query.expected_version).version)


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


def checked(camera: Camera, before: Camera | None = None) -> Camera:
    """The camera; an address that is new must be one that may be asked. Raises UserMistake."""
    for field in ("url", "sub_url"):
        address, known = getattr(camera, field), getattr(before, field, None)
        if address and (known is None or address not in (known, hide_password(known))):
            check_camera(address, services().settings.allow_loopback)
    return camera


def told(camera: Camera, state: Any) -> CameraTold:
    """A camera as the API tells of it."""
    document = camera_document(hidden_camera(camera))
    return CameraTold.model_validate(document | {"state": state and CameraState.model_validate(state)})
