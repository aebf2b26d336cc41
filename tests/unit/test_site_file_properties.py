"""Whatever a document holds: a site file gives a site, or lines that a person can act on."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from surveillance.domain.errors import UserMistake
from surveillance.domain.site import Camera, Door, Person, Schedule, Site, parse_schedule
from surveillance.storage.site_file import parse_camera, parse_door, parse_person, parse_site

# fmt: off
KEYS = (
    "cameras", "doors", "people", "schedules", "notify", "arming", "rules", "name", "url", "sub_url", "zones", "lines",
    "masks", "points", "start", "end", "restricted", "model", "view", "enabled", "sensitivity", "min_confidence",
    "camera", "relay", "pulse_s", "groups", "credentials", "kind", "value", "valid_from", "valid_until", "secret",
    "default", "modes", "time_zone", "weekly", "holidays", "mon", "on", "when", "verdict", "scenes", "zone", "hold_s",
    "access_levels", "schedule",
)
WORDS = (
    "front", "", "x", "12", "rtsp://10.0.0.9/1", "http://10.0.0.5/doors", "http://[", "Europe/Berlin", "08:00-18:00",
    "2026-12-25", "webhook", "badge", "hashed:", "auto", "true",
)
# fmt: on
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(-2, 2)
    | st.sampled_from(WORDS)
    | st.text(max_size=8)
    | st.just([0.5, 0.5])
)


def within(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=3), inner, max_size=5)


DOCUMENTS = st.recursive(SCALARS, within, max_leaves=15)
MAPPINGS = st.dictionaries(st.sampled_from(KEYS), DOCUMENTS, max_size=6)
SITES = st.dictionaries(st.sampled_from(KEYS[:7]), DOCUMENTS | st.lists(MAPPINGS, max_size=3), max_size=4)


def refused_or(kind: type, parse: Callable[[], Any]) -> None:
    found, told = None, ""
    try:
        found = parse()
    except UserMistake as mistake:
        told = str(mistake)
    assert isinstance(found, kind) or told.strip()


@settings(max_examples=300)
@given(SITES | DOCUMENTS)
def test_any_document_is_a_site_or_a_mistake_in_words(document: Any) -> None:
    refused_or(Site, lambda: parse_site(json.dumps(document), "s.yaml"))


@settings(max_examples=300)
@given(MAPPINGS)
def test_any_mapping_is_one_part_of_a_site_or_a_mistake_in_words(values: dict[str, Any]) -> None:
    refused_or(Camera, lambda: parse_camera(values))
    refused_or(Door, lambda: parse_door(values))
    refused_or(Person, lambda: parse_person(values))
    refused_or(Schedule, lambda: parse_schedule("office", values))


@settings(max_examples=300)
@given(st.dictionaries(st.sampled_from(["zones", "lines", "masks"]), DOCUMENTS, min_size=1))
def test_any_shapes_are_a_camera_or_a_mistake_in_words(shapes: dict[str, Any]) -> None:
    refused_or(Camera, lambda: parse_camera({"name": "front", "url": "a.mp4", **shapes}))


def test_shapes_of_the_wrong_type_are_told_with_their_place() -> None:
    with pytest.raises(UserMistake) as caught:
        parse_camera({"name": "front", "url": "a.mp4", "zones": ["x"], "lines": [7], "masks": "all"})
    assert str(caught.value).splitlines() == [
        "camera front: zone 1: must be a mapping with name, points, restricted",
        "camera front: line 1: must be a mapping with name, start, end",
        "camera front: masks: must be a valid list (there is 'all')",
    ]


def test_a_schedule_needs_a_name_in_words() -> None:
    with pytest.raises(UserMistake, match=r"^s.yaml:1: schedules\[0\]: needs a name, a time_zone and weekly windows$"):
        parse_site("schedules: [{name: [a], time_zone: UTC}]", "s.yaml")
