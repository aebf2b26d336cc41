"""What differs between two sites, name by name and field by field, in words that hold no secret."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from surveillance.domain import duress
from surveillance.domain.geometry import Point
from surveillance.domain.levels import AccessLevel
from surveillance.domain.site import DAYS, Camera, Credential, Door, NotifyTarget, Person, SceneWatch, Schedule, Site
from surveillance.domain.values import rfc3339
from surveillance.storage.keys import HASHED
from surveillance.storage.rule_texts import split_rules
from surveillance.storage.site_document import window_texts
from surveillance.storage.site_secrets import hidden_camera, hidden_door, hidden_target

MOST_WORDS = 400
Fields = Mapping[str, str]  # field -> what to show of it; a field at its default is not there


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field: None where there is no value. `note` says what the two texts cannot show."""

    field: str
    before: str | None
    after: str | None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """One thing of the site that is added, changed or removed. `what` is camera, door, person, rule, ..."""

    what: str
    name: str
    how: str
    fields: tuple[FieldChange, ...] = ()

    def __str__(self) -> str:
        named = f"{self.what} {self.name}".strip()
        fields = ", ".join(field.field for field in self.fields if field.field)
        return f"{named} {self.how}" + (f" ({fields})" if self.how == "changed" and fields else "")


def changes_between(before: Site, after: Site) -> tuple[Change, ...]:
    """Every difference; empty when the sites say the same. Credentials must be hashed in both."""
    return (
        *_named("camera", before.cameras, after.cameras, _camera_fields, hidden_camera),
        *_named("door", before.doors, after.doors, _door_fields, hidden_door),
        *_named("person", before.people, after.people, _person_fields, _hidden_person),
        *_named("access level", before.access_levels, after.access_levels, _level_fields, _as_it_is),
        *_named("schedule", before.schedules, after.schedules, _schedule_fields, _as_it_is),
        *_arming(before, after),
        *_threat_levels(before, after),
        *_named("notification target", before.notify, after.notify, _target_fields, hidden_target),
        *_rules(before.rules, after.rules),
    )


def in_words(changes: Iterable[Change]) -> str:
    """One line for the record: `camera yard added; rule night changed`."""
    text = "; ".join(str(change) for change in changes)
    return text if len(text) <= MOST_WORDS else text[: MOST_WORDS - 3] + "..."


# --- comparing -----------------------------------------------------------------------------------------------------


def _named(
    what: str,
    before: Iterable[Any],
    after: Iterable[Any],
    fields: Callable[[Any], Fields],
    hidden: Callable[[Any], Any],
) -> Iterator[Change]:
    """Things with names; what is shown of them went through `hidden`."""
    old, new = {item.name: item for item in before}, {item.name: item for item in after}
    for name in [*old, *(name for name in new if name not in old)]:
        if name not in new:
            yield Change(what, name, "removed")
        elif name not in old:
            yield Change(what, name, "added", _differences({}, fields(new[name]), {}, fields(hidden(new[name]))))
        else:
            found = _differences(
                fields(old[name]), fields(new[name]), fields(hidden(old[name])), fields(hidden(new[name]))
            )
            if found:
                yield Change(what, name, "changed", found)
    yield from _order(what, list(old), list(new))


def _differences(old: Fields, new: Fields, shown_old: Fields, shown_new: Fields) -> tuple[FieldChange, ...]:
    return tuple(
        FieldChange(
            field,
            shown_old.get(field),
            shown_new.get(field),
            "a secret part differs" if shown_old.get(field) == shown_new.get(field) else "",
        )
        for field in [*old, *(field for field in new if field not in old)]
        if old.get(field) != new.get(field)
    )


def _order(what: str, old: list[str], new: list[str]) -> Iterator[Change]:
    """What stays, in another order than before."""
    stayed, stays = [name for name in old if name in new], [name for name in new if name in old]
    if stayed != stays:
        yield Change(what, "", "changed", (FieldChange("order", ", ".join(stayed), ", ".join(stays)),))


def _arming(before: Site, after: Site) -> Iterator[Change]:
    def fields(site: Site) -> Fields:
        if site.arming is None:
            return {}
        modes = ", ".join(f"{mode}: {schedule}" for mode, schedule in site.arming.modes)
        return {"default": site.arming.default} | ({"modes": modes} if modes else {})

    old, new = fields(before), fields(after)
    if old != new:
        how = "added" if not old else "changed" if new else "removed"
        yield Change("arming", "", how, _differences(old, new, old, new))


def _threat_levels(before: Site, after: Site) -> Iterator[Change]:
    if before.threat_levels != after.threat_levels:
        fields = ({"levels": ", ".join(site.threat_levels)} for site in (before, after))
        old, new = fields
        yield Change("threat levels", "", "changed", _differences(old, new, old, new))


def _rules(before: str, after: str) -> Iterator[Change]:
    old, new = dict(split_rules(before, "rules")), dict(split_rules(after, "rules"))
    for name in [*old, *(name for name in new if name not in old)]:
        lines = old.get(name, "").splitlines(), new.get(name, "").splitlines()
        if name not in new:
            yield Change("rule", name, "removed")
        elif lines[0] != lines[1]:
            yield Change("rule", name, "changed" if name in old else "added", tuple(_line_changes(*lines)))
    yield from _order("rule", list(old), list(new))


def _line_changes(old: list[str], new: list[str]) -> Iterator[FieldChange]:
    for line in difflib.ndiff(old, new):
        if line.startswith("- "):
            yield FieldChange("", line[2:], None)
        elif line.startswith("+ "):
            yield FieldChange("", None, line[2:])


# --- what is said of each ------------------------------------------------------------------------------------------


def _camera_fields(camera: Camera) -> Fields:
    fields = {
        "url": camera.url,
        "sub_url": camera.sub_url,
        "model": camera.model,
        "analyze_fps": f"{camera.analyze_fps:g}",
        "view": camera.view,
        "enabled": _yes_no(camera.enabled),
        "sensitivity": str(camera.sensitivity),
        "min_confidence": f"{camera.min_confidence:g}",
        "tasks": ", ".join(camera.tasks) or None,
        "proposer": camera.proposer,
        "blur": camera.blur,
        "purpose": camera.purpose or None,
    }
    for zone in camera.zones:
        fields[f"zone {zone.name}"] = corners_text(zone.points) + (" restricted" if zone.restricted else "")
    for line in camera.lines:
        fields[f"line {line.name}"] = corners_text((line.start, line.end))
    for number, mask in enumerate(camera.masks, 1):
        fields[f"mask {number}"] = corners_text(mask)
    for scene in camera.scenes:
        fields[f"scene {scene.name}"] = scene_text(scene)
    return _present(fields)


def _door_fields(door: Door) -> Fields:
    return _present(
        {
            "camera": door.camera,
            "reader": door.reader,
            "relay": door.relay,
            "pulse_s": f"{door.pulse_s:g}",
            "on_camera_stale": door.on_camera_stale,
            "camera_asks": door.camera_asks,
            "camera_zone": door.camera_zone,
            "watch": door.watch,
            "from": door.from_area or None,
            "to": door.to_area or None,
            "interlock": door.interlock,
            "line": door.line,
            "lockdown_exempt": "yes" if door.lockdown_exempt else None,
            "antipassback": None if door.antipassback == "off" else door.antipassback,
        }
    )


def _person_fields(person: Person) -> Fields:
    """A credential is told by its kind and the start of its hash, so that one can be told from another."""
    fields = {"groups": ", ".join(sorted(person.groups)) or None, "escort": person.escort}
    for credential in person.credentials:
        mark = credential.value.removeprefix(HASHED)[:8] if credential.value.startswith(HASHED) else "not hashed yet"
        kind = "pin" if credential.kind == duress.KIND else credential.kind
        fields[f"{kind} {mark}"] = _credential_text(credential)
    return _present(fields)


def _credential_text(credential: Credential) -> str:
    text = "enabled" if credential.enabled else "disabled"
    text += " for duress" if credential.kind == duress.KIND else ""
    if credential.valid_from:
        text += f" from {rfc3339(credential.valid_from)}"
    if credential.valid_until:
        text += f" until {rfc3339(credential.valid_until)}"
    return text


def _level_fields(level: AccessLevel) -> Fields:
    return _present(
        {
            "groups": ", ".join(sorted(level.groups)),
            "doors": ", ".join(sorted(level.doors)),
            "schedule": level.schedule,
            "two_persons": "yes" if level.two_persons else None,
            "opened_by": level.opened_by,
        }
    )


def _schedule_fields(schedule: Schedule) -> Fields:
    fields = {"time_zone": schedule.time_zone}
    for day, windows in schedule.weekly.items():
        fields[DAYS[day]] = ", ".join(window_texts(windows)) or "closed"
    for holiday, windows in schedule.holidays.items():
        fields[f"holiday {holiday}"] = ", ".join(window_texts(windows)) or "closed"
    return fields


def _target_fields(target: NotifyTarget) -> Fields:
    return _present({"kind": target.kind, "url": target.url or None, "secret": target.secret})


def corners_text(points: Iterable[Point]) -> str:
    """`0,0 1,0 1,1`, as `zone set` takes it."""
    return " ".join(f"{x:.12g},{y:.12g}" for x, y in points)


def scene_text(scene: SceneWatch) -> str:
    """`gate-states in zone gate, every 2 s, held 3 s, from 0.6`."""
    where = f"in zone {scene.zone}" if scene.zone else "in the whole picture"
    return f"{scene.model} {where}, every {scene.every_s:g} s, held {scene.hold_s:g} s, from {scene.min_confidence:g}"


def _yes_no(value: bool) -> str:
    return "yes" if value else "no"


def _present(fields: Mapping[str, str | None]) -> Fields:
    return {name: text for name, text in fields.items() if text is not None}


def _hidden_person(person: Person) -> Person:
    """A PIN for duress reads like any PIN."""
    shown = (replace(one, kind="pin") if one.kind == duress.KIND else one for one in person.credentials)
    return replace(person, credentials=tuple(shown))


def _as_it_is(item: Any) -> Any:
    return item
