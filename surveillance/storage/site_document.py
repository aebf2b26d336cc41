"""A Site as its site file would say it: plain mappings, and YAML that `parse_site` reads back as the same site."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, time
from typing import Any

import yaml

from surveillance.domain.geometry import Point
from surveillance.domain.levels import AccessLevel
from surveillance.domain.site import (
    DAYS,
    Camera,
    Credential,
    Door,
    NotifyTarget,
    Person,
    SceneWatch,
    Schedule,
    Site,
    Window,
)
from surveillance.domain.threats import LEVELS
from surveillance.domain.values import rfc3339
from surveillance.storage.site_secrets import hide_secrets

HEADER = """\
# The site as of configuration version {version}. `surveillance site plan FILE` compares, `surveillance site apply FILE`
# puts in force. *** stands for a secret that the database keeps; credentials are keyed hashes, of use here only.
"""
CAMERA_FIELDS = (
    "sub_url",
    "model",
    "analyze_fps",
    "view",
    "enabled",
    "sensitivity",
    "min_confidence",
    "proposer",
    "blur",
    "purpose",
)


class _Flow(list[Any]):
    """A list that YAML writes on one line."""


class _Dumper(yaml.SafeDumper):
    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)  # list items stand in from their key


_Dumper.add_representer(
    _Flow, lambda dumper, items: dumper.represent_sequence("tag:yaml.org,2002:seq", items, flow_style=True)
)


def site_yaml(site: Site) -> str:
    """A site file without secrets: `***` where the database keeps one. Applied again it changes nothing."""
    sections = {key: value for key, value in site_document(hide_secrets(site)).items() if value}
    text = HEADER.format(version=site.version)
    for key, value in sections.items():
        text += "\n" + yaml.dump({key: value}, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=1000)
    return text + (f"\nrules:\n{site.rules}" if site.rules.strip() else "")


def site_document(site: Site) -> dict[str, Any]:
    """Every section but `rules`, with what is not at its default. Secrets as they are in the site."""
    return {
        "cameras": [camera_document(camera) for camera in site.cameras],
        "doors": [_door(door) for door in site.doors],
        "people": [_person(person) for person in site.people],
        "access_levels": [_level(level) for level in site.access_levels],
        "schedules": [_schedule(schedule) for schedule in site.schedules],
        "arming": None
        if site.arming is None
        else {"default": site.arming.default} | ({"modes": dict(site.arming.modes)} if site.arming.modes else {}),
        "threat_levels": None if site.threat_levels == LEVELS else _Flow(site.threat_levels),
        "notify": [_target(target) for target in site.notify],
    }


def camera_document(camera: Camera) -> dict[str, Any]:
    """A camera's mapping in a site file."""
    plain = Camera(camera.name, camera.url)
    return {
        "name": camera.name,
        "url": camera.url,
        **_unlike(camera, plain, CAMERA_FIELDS),
        **_filled(
            tasks=_Flow(camera.tasks),
            zones=[
                {"name": zone.name, "points": _corners(zone.points)} | ({"restricted": True} if zone.restricted else {})
                for zone in camera.zones
            ],
            lines=[{"name": line.name, "start": _Flow(line.start), "end": _Flow(line.end)} for line in camera.lines],
            masks=[_corners(mask) for mask in camera.masks],
            scenes=[scene_document(scene) for scene in camera.scenes],
        ),
    }


def scene_document(scene: SceneWatch) -> dict[str, Any]:
    """A scene's mapping in a site file."""
    plain = SceneWatch(scene.name, scene.model)
    more = _unlike(scene, plain, ("zone", "every_s", "hold_s", "min_confidence"))
    return {"name": scene.name, "model": scene.model, **more}


def _door(door: Door) -> dict[str, Any]:
    plain = ("camera", "reader", "relay", "pulse_s", "on_camera_stale", "camera_asks", "camera_zone", "watch")
    areas = {key: area for key, area in (("from", door.from_area), ("to", door.to_area)) if area}
    guards = ("antipassback", "interlock", "line", "lockdown_exempt")
    return {"name": door.name, **_unlike(door, Door(door.name), (*plain, *guards)), **areas}


def _person(person: Person) -> dict[str, Any]:
    credentials = [_credential(credential) for credential in person.credentials]
    plain = Person(person.name)
    return {
        "name": person.name,
        **_filled(groups=_Flow(sorted(person.groups))),
        **_unlike(person, plain, ("escort",)),
        **_filled(credentials=credentials),
    }


def _level(level: AccessLevel) -> dict[str, Any]:
    return {
        "name": level.name,
        "groups": _Flow(sorted(level.groups)),
        "doors": _Flow(sorted(level.doors)),
        **_unlike(level, AccessLevel("", level.groups, level.doors), ("schedule", "two_persons", "opened_by")),
    }


def _credential(credential: Credential) -> dict[str, Any]:
    until = {"valid_from": credential.valid_from, "valid_until": credential.valid_until}
    return {
        "kind": credential.kind,
        "value": credential.value,
        **({} if credential.enabled else {"enabled": False}),
        **{key: _moment(at) for key, at in until.items() if at is not None},
    }


def _schedule(schedule: Schedule) -> dict[str, Any]:
    return {
        "name": schedule.name,
        "time_zone": schedule.time_zone,
        "weekly": {DAYS[day]: _Flow(window_texts(windows)) for day, windows in schedule.weekly.items()},
        **_filled(holidays={day.isoformat(): _Flow(window_texts(of)) for day, of in schedule.holidays.items()}),
    }


def _target(target: NotifyTarget) -> dict[str, Any]:
    plain = NotifyTarget(target.name, target.kind)
    return {"name": target.name, "kind": target.kind, **_unlike(target, plain, ("url", "secret"))}


def window_texts(windows: Iterable[Window]) -> list[str]:
    """`08:00-18:00` for each window, as `parse_window` reads it."""
    return [f"{_clock(start)}-{'24:00' if end == time(0) else _clock(end)}" for start, end in windows]


def _clock(moment: time) -> str:
    return moment.isoformat(timespec="auto" if moment.second or moment.microsecond else "minutes")


def _moment(at: datetime) -> str:
    return at.isoformat() if at.microsecond % 1000 else rfc3339(at)


def _corners(points: Iterable[Point]) -> _Flow:
    return _Flow(_Flow(point) for point in points)


def _unlike(value: object, plain: object, fields: Iterable[str]) -> dict[str, Any]:
    return {name: getattr(value, name) for name in fields if getattr(value, name) != getattr(plain, name)}


def _filled(**sections: list[Any] | Mapping[str, Any]) -> dict[str, Any]:
    return {name: section for name, section in sections.items() if section}
