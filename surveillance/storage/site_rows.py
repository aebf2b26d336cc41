"""A Site into rows and back, its secrets sealed on the way in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, Table, delete, insert, select

from surveillance.domain.areas import OUTSIDE
from surveillance.domain.devices import scheme_of
from surveillance.domain.geometry import Line, Point, Zone
from surveillance.domain.levels import AccessLevel
from surveillance.domain.site import (
    DAYS,
    Arming,
    Camera,
    Credential,
    Door,
    NotifyTarget,
    Person,
    SceneWatch,
    Schedule,
    Site,
    parse_schedule,
)
from surveillance.domain.threats import LEVELS
from surveillance.storage import tables
from surveillance.storage.keys import HASHED, SEALED, KeyStore
from surveillance.storage.names import names_of
from surveillance.storage.site_document import scene_document, window_texts

# --- out -----------------------------------------------------------------------------------------------------------


def read_site(connection: Connection, keys: KeyStore, version: int, rules: str) -> Site:
    """The site in the database."""
    return Site(
        version=version,
        cameras=_read_cameras(connection, keys),
        doors=tuple(
            Door(
                row.name,
                row.camera,
                _opened_reader(keys, row.reader),
                _opened(keys, row.relay),
                row.pulse_s,
                row.on_camera_stale,
                row.camera_asks,
                row.camera_zone,
                row.watch or "no",
                row.from_area or OUTSIDE,
                row.to_area or OUTSIDE,
                row.antipassback or "off",
                row.interlock,
                row.line,
                bool(row.lockdown_exempt),
            )
            for row in _all(connection, tables.door)
        ),
        people=_read_people(connection),
        schedules=tuple(
            parse_schedule(row.name, {"time_zone": row.time_zone, "weekly": row.weekly, "holidays": row.holidays})
            for row in _all(connection, tables.schedule)
        ),
        notify=tuple(
            NotifyTarget(row.name, row.kind, _opened(keys, row.url) or "", _opened(keys, row.secret))
            for row in _all(connection, tables.notify_target)
        ),
        rules=rules,
        arming=_read_arming(connection),
        threat_levels=tuple(row.name for row in _all(connection, tables.threat_level)) or LEVELS,
        access_levels=tuple(
            AccessLevel(
                row.name,
                frozenset(row.groups),
                frozenset(row.doors),
                row.schedule,
                bool(row.two_persons),
                row.opened_by,
            )
            for row in _all(connection, tables.access_level)
        ),
    )


def _read_cameras(connection: Connection, keys: KeyStore) -> tuple[Camera, ...]:
    zones = _by(_all(connection, tables.zone), "camera")
    lines = _by(_all(connection, tables.line), "camera")
    masks = _by(_all(connection, tables.mask), "camera")
    return tuple(
        Camera(
            name=row.name,
            url=_opened(keys, row.url) or "",
            sub_url=_opened(keys, row.sub_url),
            zones=tuple(Zone(zone.name, _points(zone.points), zone.restricted) for zone in zones.get(row.name, ())),
            lines=tuple(Line(line.name, *_points(line.points)) for line in lines.get(row.name, ())),
            masks=tuple(_points(mask.points) for mask in masks.get(row.name, ())),
            model=row.model,
            analyze_fps=row.analyze_fps,
            zones_version=row.zones_version,
            view=row.view,
            enabled=row.enabled,
            sensitivity=row.sensitivity,
            min_confidence=row.min_confidence,
            tasks=tuple(row.tasks),
            proposer=row.proposer,
            blur=row.blur,
            purpose=row.purpose,
            scenes=tuple(SceneWatch(**scene) for scene in row.scenes),
        )
        for row in _all(connection, tables.camera)
    )


def _read_people(connection: Connection) -> tuple[Person, ...]:
    credentials = _by(_all(connection, tables.credential), "person")
    return tuple(
        Person(
            name=row.name,
            groups=frozenset(row.groups),
            credentials=tuple(
                Credential(item.kind, item.value, item.enabled, item.valid_from, item.valid_until)
                for item in credentials.get(row.name, ())
            ),
            escort=row.escort,
        )
        for row in _all(connection, tables.person)
    )


def _read_arming(connection: Connection) -> Arming | None:
    rows = [(row.mode, row.schedule) for row in _all(connection, tables.arming)]
    default = next((mode for mode, schedule in rows if schedule is None), None)
    return None if default is None else Arming(default, tuple(row for row in rows if row[1] is not None))


# --- in ------------------------------------------------------------------------------------------------------------


def write_site(connection: Connection, keys: KeyStore, site: Site, before: Site) -> None:
    """Puts the site in place of `before`, the one in the database, rules excepted. Only what differs is written."""
    if site.cameras != before.cameras:
        _clear(connection, tables.zone, tables.line, tables.mask, tables.camera)
        _write_cameras(connection, keys, site.cameras, before)
    if site.doors != before.doors:
        _clear(connection, tables.door)
        _insert(connection, tables.door, (_door_row(keys, door) for door in site.doors))
    if site.people != before.people:
        _clear(connection, tables.credential, tables.person)
        _write_people(connection, keys, site.people)
    if site.access_levels != before.access_levels:
        _clear(connection, tables.access_level)
        _insert(connection, tables.access_level, map(_level_row, site.access_levels))
    if site.schedules != before.schedules:
        _clear(connection, tables.schedule)
        _insert(connection, tables.schedule, map(_schedule_row, site.schedules))
    if site.arming != before.arming:
        _clear(connection, tables.arming)
        modes = () if site.arming is None else (*site.arming.modes, (site.arming.default, None))
        _insert(connection, tables.arming, ({"mode": mode, "schedule": schedule} for mode, schedule in modes))
    if site.threat_levels != before.threat_levels:
        _clear(connection, tables.threat_level)
        named = () if site.threat_levels == LEVELS else site.threat_levels
        _insert(connection, tables.threat_level, ({"name": name} for name in named))
    if site.notify != before.notify:
        _clear(connection, tables.notify_target)
        _insert(connection, tables.notify_target, (_target_row(keys, target) for target in site.notify))


def hashed_credentials(site: Site, keys: KeyStore) -> Site:
    """The site with a keyed hash in place of each credential that is still as a reader reads it."""
    people = tuple(
        replace(person, credentials=tuple(replace(item, value=_hashed(keys, item)) for item in person.credentials))
        for person in site.people
    )
    return site if people == site.people else replace(site, people=people)


def _clear(connection: Connection, *owned: Table) -> None:
    for table in owned:
        connection.execute(delete(table))


def _door_row(keys: KeyStore, door: Door) -> dict[str, Any]:
    return {
        "name": door.name,
        "camera": door.camera,
        "reader": _sealed_reader(keys, door.reader),
        "relay": _sealed(keys, door.relay),
        "pulse_s": door.pulse_s,
        "on_camera_stale": door.on_camera_stale,
        "camera_asks": door.camera_asks,
        "camera_zone": door.camera_zone,
        "watch": None if door.watch == "no" else door.watch,
        "from_area": door.from_area or None,
        "to_area": door.to_area or None,
        "antipassback": None if door.antipassback == "off" else door.antipassback,
        "interlock": door.interlock,
        "line": door.line,
        "lockdown_exempt": door.lockdown_exempt or None,
    }


def _target_row(keys: KeyStore, target: NotifyTarget) -> dict[str, Any]:
    return {
        "name": target.name,
        "kind": target.kind,
        "url": _sealed(keys, target.url),
        "secret": _sealed(keys, target.secret),
    }


def _write_cameras(connection: Connection, keys: KeyStore, cameras: Iterable[Camera], before: Site) -> None:
    for position, camera in enumerate(cameras):
        row = {
            "name": camera.name,
            "position": position,
            "url": _sealed(keys, camera.url),
            "sub_url": _sealed(keys, camera.sub_url),
            "model": camera.model,
            "analyze_fps": camera.analyze_fps,
            "view": camera.view,
            "zones_version": _zones_version(camera, before.camera(camera.name)),
            "enabled": camera.enabled,
            "sensitivity": camera.sensitivity,
            "min_confidence": camera.min_confidence,
            "tasks": list(camera.tasks),
            "proposer": camera.proposer,
            "blur": camera.blur,
            "purpose": camera.purpose,
            "scenes": [scene_document(scene) for scene in camera.scenes],
        }
        connection.execute(insert(tables.camera), [row])
        owner = {"camera": camera.name}
        _insert(
            connection,
            tables.zone,
            (owner | {"name": z.name, "points": z.points, "restricted": z.restricted} for z in camera.zones),
        )
        _insert(
            connection,
            tables.line,
            (owner | {"name": line.name, "points": [line.start, line.end]} for line in camera.lines),
        )
        _insert(connection, tables.mask, (owner | {"points": mask} for mask in camera.masks))


def _zones_version(camera: Camera, before: Camera | None) -> int:
    """One more whenever what its zones mean has changed."""
    if before is None:
        return camera.zones_version
    same = (camera.zones, camera.lines) == (before.zones, before.lines)
    return before.zones_version + (0 if same else 1)


def _write_people(connection: Connection, keys: KeyStore, people: Sequence[Person]) -> None:
    names = names_of(connection)
    if names is not None:
        names.admit(connection, [person.name for person in people])
    for position, person in enumerate(people):
        connection.execute(
            insert(tables.person),
            [
                {
                    "name": person.name,
                    "position": position,
                    "groups": sorted(person.groups),
                    "escort": person.escort,
                }
            ],
        )
        _insert(
            connection,
            tables.credential,
            (
                {
                    "person": person.name,
                    "kind": item.kind,
                    "value": _hashed(keys, item),
                    "enabled": item.enabled,
                    "valid_from": item.valid_from,
                    "valid_until": item.valid_until,
                }
                for item in person.credentials
            ),
        )


def _level_row(level: AccessLevel) -> dict[str, Any]:
    return {
        "name": level.name,
        "groups": sorted(level.groups),
        "doors": sorted(level.doors),
        "schedule": level.schedule,
        "two_persons": level.two_persons or None,
        "opened_by": level.opened_by,
    }


def _schedule_row(schedule: Schedule) -> dict[str, Any]:
    return {
        "name": schedule.name,
        "time_zone": schedule.time_zone,
        "weekly": {DAYS[day]: window_texts(windows) for day, windows in schedule.weekly.items()},
        "holidays": {day.isoformat(): window_texts(windows) for day, windows in schedule.holidays.items()},
    }


# --- both ----------------------------------------------------------------------------------------------------------


def _all(connection: Connection, table: Any) -> list[Any]:
    return list(connection.execute(select(table).order_by(table.c.position)))


def _insert(connection: Connection, table: Any, rows: Iterable[dict[str, Any]]) -> None:
    """Inserts the rows in their order, if there are any."""
    numbered = [row | {"position": position} for position, row in enumerate(rows)]
    if numbered:
        connection.execute(insert(table), numbered)


def _by(rows: Iterable[Any], column: str) -> dict[str, list[Any]]:
    groups: dict[str, list[Any]] = {}
    for row in rows:
        groups.setdefault(getattr(row, column), []).append(row)
    return groups


def _points(pairs: Iterable[Iterable[float]]) -> tuple[Point, ...]:
    return tuple((float(x), float(y)) for x, y in pairs)


def _sealed(keys: KeyStore, text: str | None) -> str | None:
    return None if text is None else keys.encrypt(text)


def _opened(keys: KeyStore, sealed: str | None) -> str | None:
    return None if sealed is None else keys.decrypt(sealed)


def _sealed_reader(keys: KeyStore, reader: str | None) -> str | None:
    """A plain name is kept as it is; an address is sealed, since it may hold a password."""
    is_plain = reader is None or not (scheme_of(reader) or reader.startswith(SEALED))
    return reader if is_plain else _sealed(keys, reader)


def _opened_reader(keys: KeyStore, reader: str | None) -> str | None:
    return _opened(keys, reader) if reader is not None and reader.startswith(SEALED) else reader


def _hashed(keys: KeyStore, credential: Credential) -> str:
    """A value from a site that was read from a database is a hash already."""
    if credential.value.startswith(HASHED):
        return credential.value
    return keys.hash_credential(credential.kind, credential.value)
