"""Cameras as the command line edits, lists and tries them; each edit is one version of the site."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from surveillance.app.runtime import CORE_STATUS
from surveillance.app.site_edit import Edited, edit_site, open_site
from surveillance.app.worker import source_options
from surveillance.domain.errors import NotFound, SettingsError
from surveillance.domain.site import Camera, Site, hide_password
from surveillance.domain.suggest import no_such, suggestion
from surveillance.settings import Settings
from surveillance.storage.camera_edits import camera_of, doors_through, with_camera, with_new_camera, without_camera
from surveillance.storage.site_document import camera_document
from surveillance.storage.site_file import parse_camera
from surveillance.storage.state import SharedState

if TYPE_CHECKING:
    from surveillance.ingest.onvif import Device, Offer
    from surveillance.ingest.probe import Probe

SETTABLE = (
    "url",
    "sub_url",
    "model",
    "analyze_fps",
    "view",
    "enabled",
    "sensitivity",
    "min_confidence",
    "tasks",
    "proposer",
    "blur",
    "purpose",
    "name",
)
FRESH_S = 5.0  # core tells how it fares every second; after so long it does not run
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://|(file|usb|v4l2):|\d+$")


@dataclass(frozen=True, slots=True)
class CameraState:
    """A configured camera and how it fares: state is live, lost, ..., disabled, starting or not running."""

    camera: Camera
    state: str
    reason: str
    fps: float
    drops: Mapping[str, int]

    def as_json(self) -> dict[str, Any]:
        camera = self.camera
        return {
            "name": camera.name,
            "state": self.state,
            "reason": self.reason,
            "fps": self.fps,
            "drops": dict(self.drops),
            "url": camera.shown_url,
            "sub_url": camera.sub_url and hide_password(camera.sub_url),
            "model": camera.model,
            "analyze_fps": camera.analyze_fps,
            "view": camera.view,
            "enabled": camera.enabled,
            "sensitivity": camera.sensitivity,
            "min_confidence": camera.min_confidence,
            "tasks": list(camera.tasks),
            "proposer": camera.proposer,
            "blur": camera.blur,
            "purpose": camera.purpose,
            "zones": [zone.name for zone in camera.zones],
            "lines": [line.name for line in camera.lines],
            "masks": len(camera.masks),
            "scenes": [scene.name for scene in camera.scenes],
        }


# --- edits ---------------------------------------------------------------------------------------------------------


def new_camera(settings: Settings, values: Mapping[str, Any]) -> Camera:
    """A camera as it would be added. Raises SettingsError for a name that is taken and for values that cannot be."""
    camera = readable_camera(settings, values)
    with_new_camera(open_site(settings).site.read(), camera)
    return camera


def add_camera(settings: Settings, camera: Camera) -> Edited:
    """Adds it. Raises SettingsError for a name that is taken, and for a model that is not there."""
    return edit_site(settings, lambda site: with_new_camera(site, camera))


def set_camera(settings: Settings, name: str, words: Sequence[str]) -> Edited:
    """Changes a camera by `key=value`; an empty value means the default. Doors follow a camera to its new name."""
    values = parse_values(words)

    def change(before: Camera) -> Camera:
        return readable_camera(settings, camera_document(before) | values, before)

    return edit_site(settings, lambda site: with_camera(site, name, change))


def parse_values(words: Sequence[str]) -> dict[str, str | None]:
    """`["model=", "enabled=no"]` to a mapping. Raises SettingsError."""
    values: dict[str, str | None] = {}
    for word in words:
        key, mark, value = word.partition("=")
        if not mark:
            raise SettingsError(f"{hide_password(word)!r} sets nothing; write key=value, such as analyze_fps=5")
        if key not in SETTABLE:
            raise SettingsError(f"a camera has no {key!r} to set; {suggestion(key, SETTABLE)}")
        values[key] = value.strip() or None
    return values


def readable_camera(settings: Settings, values: Mapping[str, Any], before: Camera | None = None) -> Camera:
    """The camera of a site file's mapping, with addresses that a source can open. Raises SettingsError, SourceError."""
    given = {key: value for key, value in values.items() if value is not None or key in ("name", "url")}
    if isinstance(given.get("tasks"), str):
        given["tasks"] = [name.strip() for name in given["tasks"].split(",")]
    for key in ("url", "sub_url"):
        known = before and getattr(before, key)
        if given.get(key) and given[key] != known:
            given[key] = checked_address(settings, str(given[key]))
    return parse_camera({key: "" if value is None else value for key, value in given.items()})


def checked_address(settings: Settings, url: str) -> str:
    """The address, a file's made absolute. Raises SettingsError or SourceError for one that no source can open."""
    from surveillance.ingest.sources import open_source

    if not _ADDRESS.match(url):
        file = Path(url).expanduser()
        if not file.is_file():
            raise SettingsError(
                f"{hide_password(url)} is neither a file nor a camera's address; "
                "write one such as rtsp://user:password@192.168.1.20/stream1"
            )
        return str(file.resolve())
    open_source(url, source_options(settings, Camera("new", url)))
    return url


def remove_camera(settings: Settings, name: str) -> Edited:
    """Removes a camera that no door looks through and no rule names. Raises SettingsError when one does."""

    def remove(site: Site) -> Site:
        doors = doors_through(site, name)
        if doors:
            raise SettingsError(
                f"camera {name} looks at {_doors(doors)}, which would then be judged without it; "
                f"change that first (`surveillance site export`, edit, `site apply`), or rest it: "
                f"`surveillance camera set {name} enabled=no`"
            )
        return without_camera(site, name)

    return edit_site(settings, remove)


def _doors(names: Sequence[str]) -> str:
    return f"door {names[0]}" if len(names) == 1 else f"doors {', '.join(names)}"


# --- looking -------------------------------------------------------------------------------------------------------


def list_cameras(settings: Settings) -> list[CameraState]:
    """Every configured camera with what core last told of it."""
    store = open_site(settings)
    status = core_status(settings) or {}
    told: Mapping[str, Any] = status.get("cameras", {})
    states = []
    for camera in store.site.read().cameras:
        known = told.get(camera.name) if camera.enabled else None
        if known is None:
            rest = "disabled" if not camera.enabled else "starting" if status else "not running"
            states.append(CameraState(camera, rest, "", 0.0, {}))
        else:
            states.append(CameraState(camera, known["state"], known["reason"], known["fps"], known["drops"]))
    return states


def core_status(settings: Settings) -> dict[str, Any] | None:
    """What the running core last told of itself; None when none runs."""
    told = SharedState(open_site(settings).engine).get_dated(CORE_STATUS)
    if told is None or (datetime.now(UTC) - told[1]).total_seconds() > FRESH_S:
        return None
    return told[0]


def not_applied(settings: Settings) -> str | None:
    """Why the running core goes by another version than the database holds, in one line; None when it does not."""
    status, version = core_status(settings), open_site(settings).site.version()
    if status is None or status["configuration_version"] == version:
        return None
    why = str(status.get("rule_fault") or "it will be in a moment").partition("\n")[0]
    return f"configuration version {version} is not applied yet: {why}"


def find_camera(settings: Settings, name: str) -> Camera:
    return camera_of(open_site(settings).site.read(), name)


def camera_or_address(settings: Settings, text: str) -> Camera:
    """The camera of that name, or one made of an address. Raises NotFound or SettingsError."""
    site = open_site(settings).site.read()
    known = site.camera(text)
    if known is not None:
        return known
    if not _ADDRESS.match(text) and not Path(text).is_file():
        names = [camera.name for camera in site.cameras]
        raise NotFound(f"{no_such('camera', text, names)}; an address starts like rtsp://")
    return Camera("camera", checked_address(settings, text))


def try_camera(settings: Settings, camera: Camera, seconds: float) -> list[tuple[str, Probe]]:
    """What each of a camera's streams gives: (address without password, what came). Raises SourceError in words."""
    from surveillance.ingest.probe import probe

    addresses = [camera.url] if camera.sub_url is None else [camera.url, camera.sub_url]
    options = source_options(settings, camera)
    return [(hide_password(address), probe(address, options, seconds)) for address in addresses]


def devices_nearby(seconds: float) -> list[Device]:
    """The ONVIF cameras that answer on the local network. Raises SourceError."""
    from surveillance.ingest.onvif import discover

    return discover(seconds, loopback=True)


def offer_of(address: str, user: str, password: str) -> Offer:
    """The streams of the ONVIF device at an address, as `192.168.1.20` or its whole URL. Raises SourceError."""
    from surveillance.ingest.onvif import read_offer

    service = address if "://" in address else f"http://{address}/onvif/device_service"
    return read_offer(service, user, password, loopback=True)


def picture_of(settings: Settings, camera: Camera) -> bytes:
    """One picture of the camera as JPEG, masked, with its zones and lines drawn. Raises SourceError."""
    from surveillance.ingest.drawing import draw_shapes
    from surveillance.ingest.probe import probe

    return draw_shapes(probe(camera.url, source_options(settings, camera), 0.0).jpeg, camera)
