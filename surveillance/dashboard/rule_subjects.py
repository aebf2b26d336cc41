"""What a rule can be tried on: the latest events, and tracks that became none. Only what whoever asks may see."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask_babel import gettext as _
from werkzeug.exceptions import NotFound

from surveillance.dashboard.guards import actor
from surveillance.dashboard.services import services
from surveillance.dashboard.wording import label_words
from surveillance.domain.values import Observation, rfc3339
from surveillance.rules.trial import ASKED_ON, SPAN_S, Case, case_of_event
from surveillance.storage.queries import EventFilter

OFFERED = 15


@dataclass(frozen=True, slots=True)
class Subject:
    """Something on record that a rule can be tried on. `id` is an event's, or `seen:` and an observation's."""

    id: str
    at: str
    words: str
    event: Mapping[str, Any] | None = None


def subjects_for(subject: str) -> list[Subject]:
    """What can be chosen to try a rule on: the latest events and tracks, and the one that was asked for."""
    subjects = [*recent_events(), *recent_tracks()]
    if subject and subject not in {known.id for known in subjects}:
        subjects.insert(0, find_subject(subject))
    return subjects


def recent_events() -> list[Subject]:
    """The latest events that an input caused."""
    found: list[Subject] = []
    for family in ("sighting.", "presence.", "access.", "camera.", "scene.", "door."):
        rows, _older = services().events.page(EventFilter(kind=family), None, OFFERED)
        found += [_of_event(row) for row in rows if actor().reach.sees(row["camera"], row["door"])]
    return sorted(found, key=lambda subject: subject.at, reverse=True)[: 2 * OFFERED]


def recent_tracks() -> list[Subject]:
    """The latest tracks of each camera, whether or not a rule made an event of them."""
    cameras = [camera.name for camera in services().site.read().cameras if actor().reach.sees_camera(camera.name)]
    seen = [track for camera in cameras[:OFFERED] for track in services().events.latest_tracks(camera, 3)]
    return [_of_track(track) for track in sorted(seen, key=lambda track: track.at, reverse=True)[:OFFERED]]


def find_subject(id: str) -> Subject:
    """The event or observation of that id. Raises NotFound for one that is not there, or out of reach."""
    if id.startswith("seen:"):
        inputs = _inputs(services().events.number_of_observation(id.removeprefix("seen:")))
        seen = inputs[-1] if inputs else None
        if isinstance(seen, Observation) and actor().reach.sees_camera(seen.camera):
            return _of_track(seen)
    else:
        event = services().events.one(id)
        if event is not None and actor().reach.sees(event["camera"], event["door"]):
            return _of_event(event)
    raise NotFound(_("What the rule was to be tried on is no longer on record."))


def case_of(id: str) -> Case:
    """All that is on record of it."""
    find_subject(id)
    if id.startswith("seen:"):
        inputs = _inputs(services().events.number_of_observation(id.removeprefix("seen:")))
        return Case(inputs[-1].at, ASKED_ON["sighting"], {}, inputs)
    event = services().events.one(id) or {}
    return case_of_event(event, _inputs(event["input"]))


def _inputs(number: int | None) -> list[Any]:
    return [] if number is None else services().events.inputs_until(number, SPAN_S)


def _of_event(event: Mapping[str, Any]) -> Subject:
    return Subject(event["id"], event["at"], "", event)


def _of_track(seen: Observation) -> Subject:
    zones = ", ".join(sorted(seen.zones))
    words = f"{label_words(seen.label)}, {seen.camera}{': ' + zones if zones else ''}"
    return Subject(f"seen:{seen.id}", rfc3339(seen.at), words)
