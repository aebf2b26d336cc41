"""A site file (YAML) into a Site. Every fault is found at once, with its line and a path such as cameras[1].url.

Scalars are read as they are written: a badge 0012 keeps its zeros, and 08:00 is a time rather than 480.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from surveillance.domain.errors import SettingsError
from surveillance.domain.levels import AccessLevel
from surveillance.domain.site import Camera, Door, NotifyTarget, Person, Schedule, Site, parse_schedule
from surveillance.domain.suggest import suggestion
from surveillance.storage.rule_texts import first_line_of, slice_of, split_rules, yaml_fault
from surveillance.storage.site_models import SiteModel, build_site

Place = tuple[str | int, ...]
MOST_VALUES = 500_000
MOST_SHOWN = 80  # letters of a value that a message repeats
_SECRET = ("value", "secret", "url", "sub_url", "relay")  # keys whose values no message repeats


def load_site(path: Path) -> Site:
    """The site of that file. Raises SettingsError, one line per fault."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise SettingsError(f"no site file {path}: check the path") from error
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"the site file {path} cannot be read: {error}") from error
    return parse_site(text, str(path))


def parse_site(text: str, origin: str) -> Site:
    """The site that the text describes. Raises SettingsError, one line per fault, each starting with `origin`."""
    try:
        reading = _Reading(text, origin)
    except RecursionError as error:
        raise SettingsError(f"{origin}: it is nested too deeply, or repeats itself within itself") from error
    found: Site | None = None
    try:
        model = SiteModel.model_validate(reading.value)
    except ValidationError as error:
        for fault in error.errors():
            reading.fault(tuple(fault["loc"]), _worded(fault))
    else:
        schedules = [schedule.name for schedule in reading.schedules]
        for place, words in (
            *model.contradictions(),
            *model.level_faults(schedules),
            *model.arming_faults(schedules),
        ):
            reading.fault(place, words)
        found = build_site(model, reading.schedules, reading.rules)
    if reading.faults or found is None:
        raise SettingsError("\n".join(reading.in_order()))
    return found


def parse_camera(values: Mapping[str, Any]) -> Camera:
    """One camera from its mapping in a site file; its numbers may be texts. Raises SettingsError, a line per fault."""
    try:
        model = SiteModel.model_validate({"cameras": [values]})
    except ValidationError as error:
        faults = [(tuple(fault["loc"]), _worded(fault)) for fault in error.errors()]
    else:
        faults = list(model.contradictions())
        if not faults:
            return build_site(model, (), "").cameras[0]
    raise SettingsError("\n".join(f"{_told_place(values, place[2:])}: {words}" for place, words in faults))


def parse_door(values: Mapping[str, Any]) -> Door:
    """One door from its mapping in a site file; its numbers may be texts. Whether its camera is there is not asked.

    Raises SettingsError, one line `field: fault` per fault.
    """
    return replace(_parse_one("doors", {**values, "camera": None}).doors[0], camera=values.get("camera"))


def parse_person(values: Mapping[str, Any]) -> Person:
    """One person from its mapping in a site file. Raises SettingsError, one line `field: fault` per fault."""
    return _parse_one("people", values).people[0]


def parse_level(values: Mapping[str, Any]) -> AccessLevel:
    """One access level from its mapping in a site file. Whether its doors and schedule are there is not asked.

    Raises SettingsError, one line `field: fault` per fault.
    """
    return _parse_one("access_levels", values).access_levels[0]


def parse_target(values: Mapping[str, Any]) -> NotifyTarget:
    """One notification target from its mapping in a site file. Raises SettingsError, one line `field: fault` each."""
    return _parse_one("notify", values).notify[0]


def parse_site_name(text: str) -> str:
    """A name as cameras, doors and schedules may have. Raises SettingsError, `name: fault`."""
    return _parse_one("doors", {"name": text}).doors[0].name


def _parse_one(section: str, values: Mapping[str, Any]) -> Site:
    try:
        model = SiteModel.model_validate({section: [values]})
    except ValidationError as error:
        faults = [(tuple(fault["loc"]), _worded(fault)) for fault in error.errors()]
    else:
        faults = list(model.contradictions())
        if not faults:
            return build_site(model, (), "")
    raise SettingsError("\n".join(f"{path_text(place[2:]) or 'name'}: {words}" for place, words in faults))


def rules_offset(text: str) -> int:
    """How many lines of a site file stand above what `Site.rules` holds of it."""
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    pairs = root.value if isinstance(root, yaml.MappingNode) else []
    return next((first_line_of(text, node) for key, node in pairs if key.value == "rules"), 0)


def _told_place(values: Mapping[str, Any], place: Place) -> str:
    """`camera yard: zone gate`, where a file would say cameras[0].zones[1].points."""
    told = f"camera {values.get('name')}"
    if len(place) > 1 and place[0] in ("zones", "lines", "scenes") and isinstance(place[1], int):
        part = values[str(place[0])][place[1]]
        name = part.get("name") if isinstance(part, Mapping) else place[1] + 1
        field = f": {path_text(place[2:])}" if place[0] == "scenes" and len(place) > 2 else ""
        return f"{told}: {str(place[0])[:-1]} {name}{field}"
    if len(place) > 1 and place[0] == "masks":
        return f"{told}: mask {int(place[1]) + 1}"
    return told if place in ((), ("name",)) else f"{told}: {path_text(place)}"


class _Reading:
    """The text as plain values, with the line of each, and the faults found on the way."""

    def __init__(self, text: str, origin: str) -> None:
        self._origin = origin
        self._lines: dict[Place, int] = {(): 1}
        self.faults: list[tuple[int, str]] = []
        self.rules = ""
        self.value: dict[str, Any] = {}
        self.schedules: tuple[Schedule, ...] = ()
        try:
            root = yaml.compose(text, Loader=yaml.SafeLoader)
        except yaml.YAMLError as error:
            raise SettingsError(yaml_fault(error, origin)) from error
        if root is None:
            return
        if not isinstance(root, yaml.MappingNode):
            raise SettingsError(f"{origin}: a site file is a mapping with cameras:, doors:, rules: and so on")
        kept = []
        for key, node in root.value:
            if key.value == "rules":
                self._take_rules(text, node)
            else:
                kept.append((key, node))
        root.value = kept
        self.value = self._plain(root, ())
        self.schedules = self._take_schedules(self.value.pop("schedules", None))

    def fault(self, place: Place, words: str) -> None:
        line = self._lines.get(place)
        parent = place
        while line is None:
            parent = parent[:-1]
            line = self._lines.get(parent)
        self.faults.append((line, f"{self._origin}:{line}: {path_text(place)}: {words}"))

    def in_order(self) -> list[str]:
        return [text for _, text in sorted(self.faults)]

    def _plain(self, node: Any, place: Place) -> Any:
        self._lines.setdefault(place, node.start_mark.line + 1)
        if len(self._lines) > MOST_VALUES:  # a few lines that name each other again and again make billions
            raise SettingsError(f"{self._origin}: it holds more than {MOST_VALUES} values")
        if isinstance(node, yaml.SequenceNode):
            return [self._plain(item, (*place, index)) for index, item in enumerate(node.value)]
        if isinstance(node, yaml.MappingNode):
            return self._plain_mapping(node, place)
        is_empty = node.style is None and node.value in ("", "~", "null")
        return None if is_empty else node.value

    def _plain_mapping(self, node: yaml.MappingNode, place: Place) -> dict[str, Any]:
        value: dict[str, Any] = {}
        for key, item in node.value:
            inner = (*place, str(key.value))
            self._lines[inner] = key.start_mark.line + 1
            if key.value in value:
                self.fault(inner, "is there twice; keep one")
            value[str(key.value)] = self._plain(item, inner)
        return value

    def _take_rules(self, text: str, node: yaml.Node) -> None:
        if isinstance(node, yaml.ScalarNode) and not node.value:
            return
        self._lines[("rules",)] = node.start_mark.line + 1
        if not isinstance(node, yaml.SequenceNode):
            self.fault(("rules",), "must be a list; start each rule with `- name: ...`")
            return
        self.rules = slice_of(text, node)
        try:
            split_rules("\n" * node.start_mark.line + self.rules, self._origin)
        except SettingsError as error:
            self.faults += [(node.start_mark.line + 1, line) for line in str(error).splitlines()]

    def _take_schedules(self, value: Any) -> tuple[Schedule, ...]:
        """A mapping by name, or a list with names."""
        if value is None:
            return ()
        schedules: dict[str, Schedule] = {}
        for place, name, mapping in self._named_schedules(value):
            if name in schedules:
                self.fault(place, f"there are two schedules called {name!r}; rename one")
                continue
            try:
                schedules[name] = parse_schedule(name, mapping)
            except SettingsError as error:
                for line in str(error).splitlines():
                    self.fault(place, line.removeprefix(f"schedules.{name}."))
        return tuple(schedules.values())

    def _named_schedules(self, value: Any) -> Iterable[tuple[Place, str, Mapping[str, Any]]]:
        if isinstance(value, dict):
            items = [(("schedules", name), name, mapping) for name, mapping in value.items()]
        elif isinstance(value, list):
            items = [
                (("schedules", index), item.get("name") if isinstance(item, dict) else None, item)
                for index, item in enumerate(value)
            ]
        else:
            self.fault(("schedules",), "must be a list, or a mapping by name")
            return
        for place, name, mapping in items:
            if not name or not isinstance(name, str) or not isinstance(mapping, dict):
                self.fault(place, "needs a name, a time_zone and weekly windows")
            else:
                yield place, name, {key: item for key, item in mapping.items() if key != "name"}


def path_text(place: Place) -> str:
    """`cameras[1].zones[0].points` for ("cameras", 1, "zones", 0, "points")."""
    text = ""
    for part in place:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text


def _worded(fault: Any) -> str:
    """A validation fault in plain words, with what to do."""
    kind, name = fault["type"], str(fault["loc"][-1]) if fault["loc"] else ""
    if kind == "missing":
        return "is missing; write it"
    if kind == "extra_forbidden":
        known = _keys_at(fault["loc"][:-1])
        return f"unknown key; {suggestion(name, known)}"
    if kind == "model_type":
        return f"must be a mapping with {', '.join(_keys_at(fault['loc']))}"
    if kind == "value_error":
        return str(fault["ctx"]["error"])
    words = str(fault["msg"]).replace("Input should be", "must be")
    shown = name not in _SECRET and isinstance(fault["input"], str | None)
    return f"{words} (there is {repr(fault['input'])[:MOST_SHOWN]})" if shown else words


def _keys_at(place: tuple[Any, ...]) -> list[str]:
    """The keys of the model at that place."""
    model: type[BaseModel] = SiteModel
    for part in place:
        if isinstance(part, str):
            annotation = model.model_fields[part].annotation
            inner = getattr(annotation, "__args__", (annotation,))
            model = next(item for item in inner if isinstance(item, type) and issubclass(item, BaseModel))
    keys = [field.alias or name for name, field in model.model_fields.items()]
    return keys + (["schedules", "rules"] if model is SiteModel else [])
