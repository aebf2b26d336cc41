"""What a site is made of: cameras, doors, people, schedules and where notifications go. The database owns them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time

from surveillance.domain.geometry import Line, Point, Zone


@dataclass(frozen=True, slots=True)
class Camera:
    """A camera to watch. `url` may hold a password: show it through `shown_url` only."""

    name: str
    url: str
    sub_url: str | None = None
    zones: tuple[Zone, ...] = ()
    lines: tuple[Line, ...] = ()
    masks: tuple[tuple[Point, ...], ...] = ()
    model: str | None = None  # None: the settings' default model
    analyze_fps: float = 5.0
    zones_version: int = 1
    enabled: bool = True

    @property
    def shown_url(self) -> str:
        return hide_password(self.url)


def hide_password(url: str) -> str:
    """The URL with `***` in place of user name and password; other text is unchanged."""
    scheme, mark, rest = url.partition("://")
    if not mark:
        return url
    authority, slash, path = rest.partition("/")
    if "@" in authority:
        authority = "***@" + authority.rpartition("@")[2]
    return scheme + mark + authority + slash + path


@dataclass(frozen=True, slots=True)
class Door:
    """A door with its camera, reader and relay (URL of the controller's pulse)."""

    name: str
    camera: str | None = None
    reader: str | None = None
    relay: str | None = None
    pulse_s: float = 3.0
    on_camera_stale: str = "deny"  # deny | badge_only


@dataclass(frozen=True, slots=True)
class Credential:
    """What a person presents. `value` is a keyed hash once stored; only a site file holds it in clear."""

    kind: str  # badge | card | pin | plate
    value: str = field(repr=False)
    enabled: bool = True
    valid_from: datetime | None = None
    valid_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Person:
    name: str
    groups: frozenset[str] = frozenset()
    credentials: tuple[Credential, ...] = ()


Window = tuple[time, time]  # from, until; until 00:00 means midnight at the end of the day


@dataclass(frozen=True, slots=True)
class Schedule:
    """Weekly windows by weekday (0 is Monday) in a time zone; a holiday's own windows replace the day's."""

    name: str
    time_zone: str
    weekly: Mapping[int, tuple[Window, ...]]
    holidays: Mapping[date, tuple[Window, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NotifyTarget:
    """Where alerts go, such as a signed webhook. `secret` is the Standard Webhooks key, `whsec_...`."""

    name: str
    kind: str  # an entry point of surveillance.actions: webhook, log
    url: str = ""
    secret: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Site:
    """Everything that is configured, at one version."""

    version: int = 0
    cameras: tuple[Camera, ...] = ()
    doors: tuple[Door, ...] = ()
    people: tuple[Person, ...] = ()
    schedules: tuple[Schedule, ...] = ()
    notify: tuple[NotifyTarget, ...] = ()
    rules: str = ""  # the site file's own rules as YAML text

    def camera(self, name: str) -> Camera | None:
        return next((camera for camera in self.cameras if camera.name == name), None)

    def door(self, name: str) -> Door | None:
        return next((door for door in self.doors if door.name == name), None)
