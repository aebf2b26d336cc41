"""Good documents, damaged at random: bytes, lines, and values of their trees."""

from __future__ import annotations

import json
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import yaml
from hypothesis import strategies as some

ODD: tuple[Any, ...] = (
    *(None, True, -1, 0, 10**30, 1.5, float("nan"), float("inf"), -1e308, [], {}, [[]], {"": ""}, [None]),
    *("", " ", "\0", "\x1b[2J", "é\u202e", "x" * 5000, "1e999", "{", "2026-13-45", "99:99", "../../etc/passwd"),
    *("rtsp://[", "%s{0}"),
)
WORDS = (
    *(
        "cameras",
        "doors",
        "people",
        "rules",
        "schedules",
        "notify",
        "arming",
        "name",
        "url",
        "zones",
        "points",
        "groups",
    ),
    *("credentials", "kind", "value", "weekly", "mon", "08:00-18:00", "time_zone", "UTC", "on", "when", "verdict"),
    *("labels", "input_size", "mean", "std", "weights", "sha256", "storage", "ingest", "engine", "front", "badge", ""),
)
BOMB = b"a: &a [x, x]\n" + b"".join(b"%c: &%c [*%c, *%c]\n" % (n + 1, n + 1, n, n) for n in range(97, 121))


def damaged(good: bytes, kind: str) -> some.SearchStrategy[bytes]:
    ways = [bytes_changed(good), lines_changed(good)]
    if kind in ("yaml", "json"):
        ways += [tree_changed(yaml.safe_load(good), kind)] * 3 + [made_up()]
    return some.one_of(*ways, some.binary(max_size=60), some.sampled_from((b"[" * 3000, b"{a: " * 3000, BOMB)))


def made_up() -> some.SearchStrategy[bytes]:
    """A page of words that we know and things of every kind, put together by chance."""
    words = some.sampled_from(WORDS)
    scalars = (
        some.none() | some.booleans() | some.integers() | some.floats() | words | some.text(max_size=8) | some.dates()
    )
    trees = some.recursive(
        scalars,
        lambda parts: some.lists(parts, max_size=4) | some.dictionaries(words | scalars, parts, max_size=5),
        max_leaves=15,
    )
    pages = some.dictionaries(words, trees, max_size=6)
    return pages.map(lambda page: yaml.safe_dump(page, allow_unicode=True).encode(errors="replace"))


@some.composite
def bytes_changed(draw: Any, good: bytes) -> bytes:
    """Some bytes are others, and perhaps the end is missing."""
    content = bytearray(good)
    for _ in range(draw(some.integers(1, 8))):
        content[draw(some.integers(0, len(content) - 1))] = draw(some.integers(0, 255))
    return bytes(content[: draw(some.integers(0, len(content)))] if draw(some.booleans()) else content)


@some.composite
def lines_changed(draw: Any, good: bytes) -> bytes:
    """A line is missing, twice there, elsewhere, indented, or has odd words in it."""
    lines = good.split(b"\n")
    for _ in range(draw(some.integers(1, 4))):
        line = lines.pop(draw(some.integers(0, len(lines) - 1))) if len(lines) > 1 else lines[0]
        odd = str(draw(some.sampled_from(ODD))).encode()
        half = draw(some.integers(0, len(line)))
        put = draw(some.sampled_from(([], [line, line], [b"  " + line], [line[:half] + odd + line[half:]], [odd])))
        at = draw(some.integers(0, len(lines)))
        lines[at:at] = put
    return b"\n".join(lines)


@some.composite
def tree_changed(draw: Any, good: Any, kind: str) -> bytes:
    """A value is of another kind, or missing, or under another name."""
    page = json.loads(json.dumps(good, default=str))
    for _ in range(draw(some.integers(1, 3))):
        places = list(places_in(page))
        if not places:
            break
        parent, key = draw(some.sampled_from(places))
        way = draw(some.sampled_from(("odd", "odd", "gone", "renamed")))
        if way == "odd":
            parent[key] = deepcopy(draw(some.sampled_from(ODD)))  # the next turn may change it
        else:
            value = parent.pop(key)
            if way == "renamed" and isinstance(parent, dict):
                parent[draw(some.sampled_from(("nmae", "", "\0", "x" * 300)))] = value
    return (json.dumps(page) if kind == "json" else yaml.safe_dump(page, allow_unicode=True)).encode(errors="replace")


def places_in(page: Any) -> Iterator[tuple[Any, Any]]:
    for key, value in page.items() if isinstance(page, dict) else enumerate(page) if isinstance(page, list) else ():
        yield page, key
        yield from places_in(value)
