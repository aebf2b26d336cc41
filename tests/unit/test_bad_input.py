"""Bytes and texts that nobody would send: each is read, or refused in words for whoever sent it, and nothing else.

A few hundred cases each; SURVEILLANCE_FUZZ=20 makes it twenty times as many.
"""

from __future__ import annotations

import copy
import gzip
import os
import struct
from contextlib import suppress
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as some

from surveillance.access.roster import merged, parse_roster
from surveillance.domain.errors import UserMistake
from surveillance.perception.cards import parse_card
from surveillance.settings import load_settings
from surveillance.storage.bundle_check import check_bundle
from surveillance.storage.heads import read_heads
from surveillance.storage.site_file import parse_site
from surveillance.training.formats import find_packed, picture_at

TIMES = int(os.environ.get("SURVEILLANCE_FUZZ", "1"))
CASES = settings(max_examples=150 * TIMES, deadline=None, suppress_health_check=list(HealthCheck))

words = some.sampled_from(
    ["cameras", "doors", "people", "rules", "schedules", "notify", "arming", "name", "url", "zones", "points", "groups",
     "credentials", "kind", "value", "weekly", "mon", "08:00-18:00", "time_zone", "UTC", "on", "when", "verdict",
     "labels", "input_size", "mean", "std", "weights", "sha256", "storage", "ingest", "engine", "front",
     "badge", "", "\0", "rtsp://"]
)  # fmt: skip
scalars = some.none() | some.booleans() | some.integers() | some.floats() | words | some.text(max_size=8) | some.dates()
trees = some.recursive(
    scalars,
    lambda parts: some.lists(parts, max_size=4) | some.dictionaries(words | scalars, parts, max_size=5),
    max_leaves=15,
)
pages = some.builds(lambda tree: yaml.safe_dump(tree, allow_unicode=True), some.dictionaries(words, trees, max_size=6))


@some.composite
def changed(draw: some.DrawFn, page: Any) -> str:
    """A page of ours in which one thing is another, is gone, or is there twice."""
    whole = copy.deepcopy(page)
    node = whole
    while True:
        places = list(node) if isinstance(node, dict) else list(range(len(node)))
        place = draw(some.sampled_from(places))
        inner = node[place]
        if isinstance(inner, dict | list) and inner and draw(some.integers(0, 3)):
            node = inner
            continue
        if draw(some.booleans()):
            node[place] = draw(trees)
        elif isinstance(node, dict):
            node[draw(words | scalars)] = node.pop(place)
        else:
            node.insert(place, copy.deepcopy(inner))
        return str(yaml.safe_dump(whole, allow_unicode=True))


OURS = Path(__file__).parents[2] / "config"
SITE = yaml.safe_load((OURS / "site.example.yaml").read_text(encoding="utf-8"))
CARD = yaml.safe_load(next((OURS / "models").glob("*.yaml")).read_text(encoding="utf-8"))
SETTINGS = yaml.safe_load((OURS / "default.yaml").read_text(encoding="utf-8"))

texts = pages | some.text(max_size=200) | some.text("-: \n'\"[]{}&*|>#,namewho01", max_size=200)


@given(changed(SITE) | texts)
@CASES
def test_a_site_file(text: str) -> None:
    with suppress(UserMistake):
        parse_site(text, "site.yaml")


@given(changed(CARD) | texts)
@CASES
def test_a_model_card(text: str) -> None:
    with suppress(UserMistake):
        parse_card(text, "card.yaml")


@example(data=b"1: 2\n")  # a name that is no text
@given(data=(changed(SETTINGS) | texts).map(lambda text: text.encode("utf-8", "replace")) | some.binary(max_size=200))
@CASES
def test_a_settings_file(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    file = tmp_path_factory.getbasetemp() / "fuzzed.yaml"
    file.write_bytes(data)
    with suppress(UserMistake):
        load_settings(file)


cells = some.sampled_from(
    ["name", "groups", "kind", "value", "valid_until", "badge", "pin", "kept:0", "2026-12-31", "=1", '"']
)
lines = some.lists(some.lists(cells | some.text(max_size=6), max_size=7).map(",".join), max_size=5).map("\n".join)


@given((lines | some.text(max_size=100)).map(lambda text: text.encode("utf-8", "replace")) | some.binary(max_size=200))
@CASES
def test_a_list_of_people(data: bytes) -> None:
    roster = parse_roster(data, ZoneInfo("UTC"))
    people, faults = merged((), roster, lambda kind, value: f"hmac-sha256:{kind}{value}", True)
    assert roster.faults or faults or len(people) >= 0


of_head = some.sampled_from([2049, 2051, 0, 1, 2**31]), some.lists(some.integers(0, 2**32 - 1), max_size=3)
heads = some.builds(lambda kind, sizes: struct.pack(f">I{len(sizes)}I", kind, *sizes), *of_head)


@given(some.tuples(heads, some.binary(max_size=60)).map(b"".join) | some.binary(max_size=80), some.booleans())
@CASES
def test_pictures_in_an_idx_file(tmp_path_factory: pytest.TempPathFactory, data: bytes, packed: bool) -> None:
    folder = tmp_path_factory.getbasetemp() / ("packed" if packed else "plain")
    folder.mkdir(exist_ok=True)
    end = ".gz" if packed else ""
    for name in ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"):
        (folder / (name + end)).write_bytes(gzip.compress(data, 1) if packed and len(data) % 3 else data)
    with suppress(UserMistake):
        find_packed(folder)
        picture_at(folder / f"train-images-idx3-ubyte{end}", 0)


@given(texts.map(lambda text: text.encode("utf-8", "replace")) | some.binary(max_size=200))
@CASES
def test_heads_and_bundles(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    file = Path(tmp_path_factory.getbasetemp()) / "fuzzed"
    file.write_bytes(data)
    with suppress(UserMistake):
        list(read_heads(file))
    with suppress(UserMistake):
        check_bundle(file)
