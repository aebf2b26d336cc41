"""What was typed about a camera in, a Camera or what is wrong with it out, field by field. No password ever goes back.

In an address `***` stands for the login that is kept: in the database, or sealed in the page since it was typed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from urllib.parse import quote, urlsplit

from werkzeug.datastructures import MultiDict

from surveillance.dashboard.services import services
from surveillance.domain.addresses import check_camera
from surveillance.domain.errors import SettingsError
from surveillance.domain.site import Camera, Site, hide_password
from surveillance.storage.site_document import camera_document
from surveillance.storage.site_file import parse_camera
from surveillance.storage.site_secrets import restore_secrets

ADDRESSES = ("url", "sub_url")
FIELDS = (
    "name",
    *ADDRESSES,
    "view",
    "analyze_fps",
    "model",
    "sensitivity",
    "min_confidence",
    "proposer",
    "blur",
    "purpose",
)
LONGEST = 1000
WHOLE = ""  # the key of a fault that belongs to no field


@dataclass(slots=True)
class CameraForm:
    """`values` are what the inputs show, `kept` a sealed camera whose logins `***` stands for in them."""

    values: dict[str, str]
    tasks: tuple[str, ...] = ()
    faults: dict[str, str] = field(default_factory=dict)
    camera: Camera | None = None  # where nothing is wrong
    kept: str = ""

    def refuse(self, fault: Exception) -> None:
        """Files a fault, such as `camera yard: analyze_fps: must be greater than 0`, under its field."""
        for line in str(fault).splitlines():
            key, _, words = line.removeprefix(f"camera {self.values['name']}: ").partition(": ")
            is_field = key in self.values and words != ""
            place, told = (key, words) if is_field else (WHOLE, line)
            self.faults.setdefault(place, told)


def shown_form(camera: Camera, kept: str = "") -> CameraForm:
    """The form of a camera as it is."""
    return CameraForm(_shown_values(camera), camera.tasks, camera=camera, kept=kept)


def read_form(typed: MultiDict[str, str], known: Camera | None = None) -> CameraForm:
    """The form as it was sent; `known` is the camera that it changes."""
    values = {key: typed.get(key, "").strip()[:LONGEST] for key in FIELDS}
    login = typed.get("user", "").strip()[:LONGEST], typed.get("password", "")[:LONGEST]
    given = values | {key: with_login(values[key], *login) for key in ADDRESSES}
    tasks = tuple(typed.getlist("tasks"))
    form = CameraForm(values | {key: hide_password(given[key]) for key in ADDRESSES}, tasks)
    secrets = _kept_camera(typed.get("kept", "")) or known
    try:
        form.camera = _checked(_restored(_parsed(given, tasks, known), secrets), known)
        form.kept = seal_camera(form.camera)
    except (SettingsError, ValueError) as fault:
        form.refuse(fault)
        form.kept = seal_camera(_as_typed(given, secrets))
    return form


def with_login(url: str, user: str, password: str) -> str:
    """The address with that login in place of its own; as it is where none was typed."""
    scheme, mark, rest = url.partition("://")
    if not mark or not (user or password):
        return url
    authority, slash, path = rest.partition("/")
    place = authority.rpartition("@")[2]
    return f"{scheme}://{quote(user, safe='')}:{quote(password, safe='')}@{place}{slash}{path}"


def seal_camera(camera: Camera) -> str:
    """A camera's addresses, logins and all, for a page to hand back."""
    return services().seal(json.dumps({"url": camera.url, "sub_url": camera.sub_url}))


def _kept_camera(sealed: str) -> Camera | None:
    try:
        told = json.loads(services().unseal(sealed)) if sealed else {}
    except (SettingsError, ValueError):  # not one of ours, or its key is gone
        return None
    url = told.get("url") if isinstance(told, dict) else None
    return Camera("kept", url, sub_url=told.get("sub_url")) if url else None


def _parsed(given: Mapping[str, str], tasks: Sequence[str], known: Camera | None) -> Camera:
    """Raises SettingsError. What the form does not show stays as it is in `known`."""
    document = camera_document(known) if known is not None else {}
    document |= {key: value for key, value in given.items() if value or key in ("name", "url")}
    for key in FIELDS:
        if not given[key] and key not in ("name", "url"):
            document.pop(key, None)
    return parse_camera(document | {"tasks": list(tasks)})


def _restored(camera: Camera, secrets: Camera | None) -> Camera:
    """With the logins that `***` stands for; a sub stream without one of its own has the main stream's."""
    if secrets is not None:
        secrets = replace(secrets, name=camera.name, sub_url=secrets.sub_url or secrets.url)
    restored = restore_secrets(Site(cameras=(camera,)), Site(cameras=(secrets,) if secrets else ())).cameras[0]
    main, sub = urlsplit(restored.url), urlsplit(restored.sub_url or "")
    if "@" in main.netloc and sub.netloc and "@" not in sub.netloc and main.hostname == sub.hostname:
        login = main.netloc.rpartition("@")[0]
        restored = replace(restored, sub_url=sub._replace(netloc=f"{login}@{sub.netloc}").geturl())
    return restored


def _checked(camera: Camera, known: Camera | None) -> Camera:
    """Raises SettingsError for an address that may not be written here; one that stays as it is may."""
    loopback = services().settings.allow_loopback
    for key in ADDRESSES:
        address = getattr(camera, key)
        if address and (known is None or address != getattr(known, key)):
            try:
                check_camera(address, loopback)
            except SettingsError as refused:
                raise SettingsError(f"camera {camera.name}: {key}: {refused}") from None
    return camera


def _as_typed(given: Mapping[str, str], secrets: Camera | None) -> Camera:
    """What `***` stands for when a form with a fault comes back: what was typed, else what was kept before."""
    url, sub_url = (
        given[key] if "***" not in given[key] or secrets is None else getattr(secrets, key) for key in ADDRESSES
    )
    return Camera("kept", url or "", sub_url=sub_url or None)


def _shown_values(camera: Camera) -> dict[str, str]:
    return {
        "name": camera.name,
        "url": camera.shown_url,
        "sub_url": hide_password(camera.sub_url or ""),
        "view": camera.view,
        "analyze_fps": f"{camera.analyze_fps:g}",
        "model": camera.model or "",
        "sensitivity": str(camera.sensitivity),
        "min_confidence": f"{camera.min_confidence:g}",
        "proposer": camera.proposer,
        "blur": camera.blur,
        "purpose": camera.purpose,
    }
