"""A judged input into one line of JSON with a checksum, and back to an equal value. Pure.

A value class becomes an object with its name under "~" and its fields; what JSON cannot say has a mark of its own
("~at" a time, "~set", "~tuple", "~bytes", "~map"). Fields added later read as their defaults.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Mapping
from dataclasses import fields
from datetime import datetime
from typing import Any

from surveillance.domain import values
from surveillance.domain.areas import Forgiveness
from surveillance.domain.doors import DoorSensed
from surveillance.domain.geometry import Box
from surveillance.domain.ports import JudgedInput
from surveillance.domain.threats import ThreatOrder

KINDS: dict[str, Any] = {
    kind.__name__: kind
    for kind in (
        values.AccessRequest,
        values.CameraReport,
        values.Clause,
        values.Decision,
        values.DoorOrder,
        values.DoorReport,
        Forgiveness,
        ThreatOrder,
        values.Doubt,
        DoorSensed,
        values.Judged,
        values.ModeReport,
        values.Observation,
        values.SceneReport,
        values.Shot,
        values.Tick,
        Box,
    )
}
_FIELDS = {kind: tuple(field.name for field in fields(kind)) for kind in KINDS.values()}


def spool_line(pair: JudgedInput) -> bytes:
    """`CRC JSON\\n`. Raises TypeError for a value that is no part of the house's values."""
    text = json.dumps(_plain(list(pair)), ensure_ascii=True, separators=(",", ":")).encode()
    return b"%08x %s\n" % (zlib.crc32(text), text)


def parse_line(line: bytes) -> JudgedInput:
    """The pair of a line. Raises ValueError for one that is damaged, cut off or of another version."""
    if not line.endswith(b"\n") or line[8:9] != b" ":
        raise ValueError("the line is cut off")
    text = line[9:-1]
    if int(line[:8], 16) != zlib.crc32(text):
        raise ValueError("the line's checksum is wrong")
    try:
        entry, decisions = _value(json.loads(text))
    except (KeyError, TypeError) as error:
        raise ValueError(f"the line is of another version: {error}") from error
    return entry, decisions


def _plain(value: Any) -> Any:
    """What json.dumps writes."""
    if value is None or isinstance(value, str | bool | int | float):
        return value
    names = _FIELDS.get(type(value))
    if names is not None:
        return {"~": type(value).__name__} | {name: _plain(getattr(value, name)) for name in names}
    if isinstance(value, datetime):
        return {"~at": value.isoformat()}
    if isinstance(value, list):
        return [_plain(part) for part in value]
    if isinstance(value, tuple):
        return {"~tuple": [_plain(part) for part in value]}
    if isinstance(value, frozenset | set):
        return {"~set": sorted(value)}
    if isinstance(value, bytes):
        return {"~bytes": base64.b64encode(value).decode("ascii")}
    if isinstance(value, Mapping):
        return _plain_mapping(value)
    raise TypeError(f"a {type(value).__name__} cannot be spooled")


def _plain_mapping(value: Mapping[Any, Any]) -> Any:
    if all(isinstance(key, str) and not key.startswith("~") for key in value):
        return {key: _plain(part) for key, part in value.items()}
    return {"~map": [[_plain(key), _plain(part)] for key, part in value.items()]}


def _value(plain: Any) -> Any:
    """The value that `_plain` came from."""
    if isinstance(plain, list):
        return [_value(part) for part in plain]
    if not isinstance(plain, dict):
        return plain
    mark = next(iter(plain), "")
    if not mark.startswith("~"):
        return {key: _value(part) for key, part in plain.items()}
    if mark == "~":
        given = {name: _value(part) for name, part in plain.items() if name != "~"}
        return KINDS[plain["~"]](**given)
    content = plain[mark]
    match mark:
        case "~at":
            return datetime.fromisoformat(content)
        case "~tuple":
            return tuple(_value(part) for part in content)
        case "~set":
            return frozenset(content)
        case "~bytes":
            return base64.b64decode(content, validate=True)
        case "~map":
            return {_value(key): _value(part) for key, part in content}
    raise ValueError(f"the line holds an unknown mark {mark}")
