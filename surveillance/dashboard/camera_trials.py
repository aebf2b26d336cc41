"""What core is asked about cameras that are not there yet: trying one, searching the network, asking a device."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from flask_babel import gettext as _

from surveillance.dashboard.asking import ask_core
from surveillance.dashboard.health import pulse
from surveillance.dashboard.services import services
from surveillance.domain.site import Camera
from surveillance.storage.site_document import camera_document

TEST_S = 26.0  # two streams that each take as long as a camera may
SEARCH_S = 4.0
START_S = 16.0  # that core's process may take to start on a busy machine
DEVICE_S = 20.0
LOOK_S = 40.0  # a busy machine may take half of it to load a model


def try_camera(camera: Camera) -> Mapping[str, Any]:
    """{"streams", "picture"} of a camera, or {"fault"}; see app.errand."""
    return ask("camera.test", {"camera": camera_document(camera)}, TEST_S)


def try_scene(camera: Camera, scene: str) -> Mapping[str, Any]:
    """{"picture", "scores": [[label, probability], ...] best first} of one look, or {"fault"}; see app.errand."""
    return ask("scene.test", {"camera": camera_document(camera), "scene": scene}, LOOK_S)


def search_network() -> Mapping[str, Any]:
    """{"devices"} that answer, or {"fault"}."""
    return ask("camera.discover", {"seconds": SEARCH_S}, SEARCH_S + START_S)


def ask_device(service: str, user: str, password: str) -> Mapping[str, Any]:
    """{"maker", "model", "profiles", "main", "sub", ...} of a device, or {"fault"}."""
    return ask("camera.profiles", {"service": service, "user": user, "password": password}, DEVICE_S)


def ask(kind: str, payload: Mapping[str, Any], within_s: float) -> Mapping[str, Any]:
    """Core's answer; in words why there is none. What is asked is sealed, since it may hold a password."""
    if not pulse().beats:
        return {"fault": _("The service does not run, so nothing can be tried. Start it, then try again.")}
    late = {"fault": _("There was no answer in time. Try again.")}
    answer = ask_core(kind, {"sealed": services().seal(json.dumps(payload))}, within_s, late)
    return {"fault": str(answer["refused"])} if "refused" in answer else answer


def is_well(trial: Mapping[str, Any]) -> bool:
    """Whether every stream gave a picture."""
    return "fault" not in trial and not any("fault" in stream for stream in trial.get("streams", ()))
