"""What a site is made of: cameras, doors, people, schedules and where notifications go. The database owns them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from surveillance.domain.areas import OUTSIDE
from surveillance.domain.errors import SettingsError
from surveillance.domain.geometry import Line, Point, Zone
from surveillance.domain.levels import AccessLevel
from surveillance.domain.threats import LEVELS

USUAL_SENSITIVITY = 50  # the gate as the settings have it


@dataclass(frozen=True, slots=True)
class SceneWatch:
    """A part of a camera's picture whose state a model tells: gate open or closed, lights on, day or night."""

    name: str
    model: str  # a model card; its labels are the states
    zone: str | None = None  # the box around that zone; None: the whole picture
    every_s: float = 2.0  # between two looks
    hold_s: float = 3.0  # how long a new state must show before it is told
    min_confidence: float = 0.6  # 0..1: a look less sure than this is doubt


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
    view: str = "side"  # "top": looks straight down, so things stand at their center rather than their foot
    enabled: bool = True
    sensitivity: int = USUAL_SENSITIVITY  # 1..100: how little must change for the gate to open
    min_confidence: float = 0.0  # 0..1: what is seen less surely than this is told as `unknown`
    tasks: tuple[str, ...] = ()  # what it tells of its tracks beside their labels: names of CAMERA_TASKS
    proposer: str = "motion"  # what says where to look: motion | detector
    blur: str = "none"  # what is blurred in its pictures on record: none | people
    purpose: str = ""  # why faces are recognized here; required for that
    scenes: tuple[SceneWatch, ...] = ()

    @property
    def shown_url(self) -> str:
        return hide_password(self.url)


FACES, IDENTIFY, OBJECTS = "faces", "identify", "objects"
FACE_TASKS = frozenset({FACES, IDENTIFY})
CAMERA_TASKS: Mapping[str, str] = {
    "kind": "what kind of vehicle or animal it is",
    "plates": "the number plates of vehicles",
    "text": "what is written on what it follows",
    "behavior": "how they move: staying about one place, speed; running and falling, both experimental",
    OBJECTS: "what somebody left behind or took away",
    FACES: "faces, to confirm whose badge is presented",
    IDENTIFY: "faces, to say whose they are",
    "badges": "the codes of badges that are held before it",
}  # task -> what it tells, for people; `app.tasks` builds them
PROPOSERS = ("motion", "detector")
BLURS = ("none", "people")
LIVE_FIELDS = ("zones", "lines", "view", "zones_version", "sensitivity", "min_confidence")  # edited while it runs


def hide_password(url: str) -> str:
    """The URL with `***` in place of user name and password, also of ones that path or query name; else unchanged."""
    scheme, mark, rest = url.partition("://")
    if not mark:
        return url
    authority, slash, path = rest.partition("/")
    if "@" in authority:
        authority = "***@" + authority.rpartition("@")[2]
    elif "@" in path and re.search(r":(?!\d*$)", authority):  # a password with a slash in it
        authority, slash, path = "***@" + path.rpartition("@")[2], "", ""
    path = re.sub(r"(?i)\b((?:user(?:name)?|usr|pass(?:word|wd)?|pwd|token|key)=)[^&/;]*", r"\1***", path)
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
    camera_asks: str = "no"  # what its camera presents by itself, without a reader: a key of ASKING
    camera_zone: str | None = None  # where one must stand for that; None: anywhere in the picture
    watch: str = "no"  # who tells how it stands: one of domain.doors.WATCHES
    from_area: str = OUTSIDE  # the area that one leaves by it
    to_area: str = OUTSIDE  # the area that one enters by it
    antipassback: str = "off"  # one of ANTIPASSBACK: what comes of somebody who by record is elsewhere
    interlock: str | None = None  # the group of doors of which one at a time opens
    line: str | None = None  # the line of its camera that one crosses inwards going through it
    lockdown_exempt: bool = False  # a threat level of lockdown leaves it as it is

    @property
    def leads(self) -> bool:
        """Whether it leads from one area into another."""
        return self.from_area != self.to_area


ASKING: Mapping[str, tuple[str, ...]] = {  # what a door says -> the tasks of its camera that present
    "no": (),
    "plates": ("plates",),
    "badges": ("badges",),
    "both": ("plates", "badges"),
}


@dataclass(frozen=True, slots=True)
class Credential:
    """What a person presents. `value` is a keyed hash once stored; only a site file holds it in clear."""

    kind: str  # badge | card | pin | plate | qr | phone
    value: str = field(repr=False)
    enabled: bool = True
    valid_from: datetime | None = None
    valid_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Person:
    name: str
    groups: frozenset[str] = frozenset()
    credentials: tuple[Credential, ...] = ()
    escort: str | None = None  # a group of which somebody has to be let in just before, at the same door


Window = tuple[time, time]  # from, until; until 00:00 means midnight at the end of the day


@dataclass(frozen=True, slots=True)
class Schedule:
    """Weekly windows by weekday (0 is Monday) in a time zone; a holiday's own windows replace the day's."""

    name: str
    time_zone: str
    weekly: Mapping[int, tuple[Window, ...]]
    holidays: Mapping[date, tuple[Window, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Arming:
    """The arming mode by the clock: the first mode whose schedule is open, else `default`."""

    default: str
    modes: tuple[tuple[str, str], ...] = ()  # (mode, name of its schedule), in order


@dataclass(frozen=True, slots=True)
class ModeOrder:
    """An arming mode that a person set by hand, for good or until a moment."""

    mode: str
    by: str
    at: datetime
    until: datetime | None = None

    def holds(self, at: datetime) -> bool:
        return self.until is None or at < self.until


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
    arming: Arming | None = None  # None: always the mode of the settings
    threat_levels: tuple[str, ...] = LEVELS  # the first is the usual one
    access_levels: tuple[AccessLevel, ...] = ()

    def camera(self, name: str) -> Camera | None:
        return next((camera for camera in self.cameras if camera.name == name), None)

    def door(self, name: str) -> Door | None:
        return next((door for door in self.doors if door.name == name), None)

    @property
    def areas(self) -> tuple[str, ...]:
        """The areas that its doors lead from and to, by name."""
        return tuple(sorted({area for door in self.doors for area in (door.from_area, door.to_area)} - {OUTSIDE}))


# --- schedules as people write them --------------------------------------------------------------------------------

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_SCHEDULE_KEYS = ("name", "time_zone", "weekly", "holidays")


def parse_schedule(name: str, mapping: Mapping[str, Any]) -> Schedule:
    """A schedule from its mapping in a site file: time_zone, weekly {mon: ["08:00-18:00"]}, holidays.

    Holidays are a list of dates (closed all day) or a mapping from date to windows. A window may run over midnight;
    "00:00-24:00" is the whole day. Raises SettingsError with one line per fault, each with its place.
    """
    faults: list[str] = []
    for key in mapping:
        if key not in _SCHEDULE_KEYS:
            faults.append(f"{key}: unknown key; there are: {', '.join(_SCHEDULE_KEYS[1:])}")
    zone = mapping.get("time_zone")
    if not isinstance(zone, str) or not _is_time_zone(zone):
        faults.append(f"time_zone: {zone!r} is no time zone; write one such as Europe/Berlin or UTC")
    weekly = _parse_weekly(mapping.get("weekly", {}), faults)
    holidays = _parse_holidays(mapping.get("holidays", []), faults)
    if faults:
        raise SettingsError("\n".join(f"schedules.{name}.{fault}" for fault in faults))
    return Schedule(name, str(zone), weekly, holidays)


def _is_time_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # unknown, malformed, or a directory of the database
        return False
    return True


def _parse_weekly(given: Any, faults: list[str]) -> dict[int, tuple[Window, ...]]:
    if not isinstance(given, Mapping):
        faults.append('weekly: write days with their windows, such as {mon: ["08:00-18:00"]}')
        return {}
    weekly = {}
    for day, windows in given.items():
        if day not in DAYS:
            faults.append(f"weekly.{day}: unknown day; there are: {', '.join(DAYS)}")
            continue
        weekly[DAYS.index(day)] = _parse_windows(windows, f"weekly.{day}", faults)
    return weekly


def _parse_holidays(given: Any, faults: list[str]) -> dict[date, tuple[Window, ...]]:
    if isinstance(given, Mapping):
        entries = list(given.items())
    elif isinstance(given, list | tuple):
        entries = [(day, []) for day in given]
    else:
        faults.append("holidays: write a list of dates such as [2026-12-25]")
        return {}
    holidays = {}
    for index, (day, windows) in enumerate(entries):
        try:
            parsed = day if isinstance(day, date) else date.fromisoformat(day)
        except (TypeError, ValueError):
            faults.append(f"holidays[{index}]: {day!r} is no date; write it as 2026-12-25")
            continue
        parsed = parsed.date() if isinstance(parsed, datetime) else parsed
        holidays[parsed] = _parse_windows(windows, f"holidays.{parsed}", faults)
    return holidays


def _parse_windows(given: Any, place: str, faults: list[str]) -> tuple[Window, ...]:
    texts = [given] if isinstance(given, str) else given
    if texts is None:
        return ()
    if not isinstance(texts, list | tuple):
        faults.append(f'{place}: write windows in quotes, such as ["08:00-18:00"]; YAML read {given!r}')
        return ()
    windows = []
    for index, text in enumerate(texts):
        try:
            windows.append(parse_window(text))
        except (AttributeError, TypeError, ValueError):
            faults.append(f'{place}[{index}]: {text!r} is no window; write it in quotes, as "08:00-18:00"')
    return tuple(windows)


def parse_window(text: str) -> Window:
    """`08:00-18:00` or `22:00-06:00`; 24:00 is midnight at the end of the day. Raises ValueError."""
    start, dash, end = (part.strip() for part in text.partition("-"))
    window = time.fromisoformat(start), time(0) if end == "24:00" else time.fromisoformat(end)
    if not dash or any(moment.tzinfo for moment in window) or (window[0] == window[1] != time(0)):
        raise ValueError(text)
    return window
