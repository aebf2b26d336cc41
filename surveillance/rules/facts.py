"""What the words are worth for one input. The cheap ones are there at once, the others are made when a rule asks.

Absent is empty; UNKNOWN only what a camera cannot be trusted to tell, with the cause in `doubts`.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from surveillance.domain.doors import DoorSensed
from surveillance.domain.plates import match
from surveillance.domain.site import Site
from surveillance.domain.values import (
    REJECTED,
    AccessRequest,
    Attribute,
    CameraReport,
    DoorReport,
    Doubt,
    Observation,
    SceneReport,
)
from surveillance.rules.condition import Key, key_text
from surveillance.rules.levels import Levels
from surveillance.rules.memory import Memory
from surveillance.rules.schedules import is_open
from surveillance.rules.vocabulary import UNKNOWN, WORDS, Value

NOW, SECOND = timedelta(0), timedelta(seconds=1)


class Facts(dict[Key, Value]):
    """Word, or called word with its arguments, to value. A missing one is made once by `produce` and kept."""

    __slots__ = ("_produce", "doubts", "levels", "notes")

    def __init__(self, known: dict[Key, Value], produce: Callable[[Key, dict[Key, str]], Value]) -> None:
        super().__init__(known)
        self._produce = produce
        self.doubts: dict[Key, str] = {}  # unknown word -> why
        self.notes: dict[str, str] = {}  # value that a set might hold -> what came of looking for it
        self.levels: Levels | None = None  # what the access levels say, at a door

    def __missing__(self, key: Key) -> Value:
        value = self[key] = self._produce(key, self.doubts)
        return value

    def take(self, key: Key, value: Attribute) -> None:
        """What a camera's task tells; its doubt is an unknown with that cause."""
        if isinstance(value, Doubt):
            self.doubts[key] = value.reason
            self[key] = UNKNOWN
        else:
            self[key] = value

    def added(self, key: Key) -> str:
        """What is said of a value beside it: by which access level one is permitted, or when one opens."""
        return f" ({self.levels.words()})" if key == "permitted" and self.levels is not None else ""

    def at_other_hours(self, are_open: bool) -> Facts:
        """The same facts, as if every schedule were open, or none; permitted by levels that are closed now."""
        changed = {key: are_open if key[0] == "schedule" else value for key, value in self.items()}
        if self.levels is not None:
            changed["permitted"] = self.levels.name_them
        facts = Facts(changed, self._produce)
        facts.doubts, facts.notes = self.doubts, self.notes
        return facts

    def without_levels(self) -> Facts:
        """The same facts, as if no access level let anybody through."""
        facts = Facts({**self, "permitted": False}, self._produce)
        facts.doubts = self.doubts
        return facts

    def as_json(self) -> dict[str, Any]:
        """Words as a reader writes them; sets sorted; null is unknown."""
        return {key_text(key): _json(value) for key, value in self.items()}


def _json(value: Value) -> Any:
    if value is UNKNOWN:
        return None
    if isinstance(value, frozenset):
        return sorted(value)
    return round(value, 3) if isinstance(value, float) else value


class _Scene:
    """Makes the words that need memory, the site or the observation: people, count, schedule and so on."""

    def __init__(
        self,
        memory: Memory,
        site: Site,
        camera: str,
        at: datetime,
        seen: Observation | None = None,
        request: AccessRequest | None = None,
        plate: Attribute | None = None,
        door: str = "",
    ) -> None:
        self._memory = memory
        self._site = site
        self._camera = camera
        self._at = at
        self._seen = seen
        self._plate = plate  # that is read; None where nothing tells it
        self._door = request.door if request else door
        self._request = request  # somebody asks at a door: doubt about who stands there counts
        self.levels: Levels | None = None  # what the access levels say of who asks

    def __call__(self, key: Key, doubts: dict[Key, str]) -> Value:
        return self._word(key, doubts) if isinstance(key, str) else self._called(key, doubts)

    def _called(self, key: tuple[str, ...], doubts: dict[Key, str]) -> Value:
        """Words with arguments; those that are asked most often first."""
        match key[0]:
            case "dwell_in":
                return self._seen.dwell_s.get(key[1], 0.0) if self._seen else 0.0
            case "schedule":
                return self._is_open(key, key[1], doubts)
            case "count":
                return self._count(key, key[1], key[2] if len(key) > 2 else None, doubts)
            case "scene" | "scene_s":
                return self._scene(key, key[1], key[2] if len(key) > 2 else self._camera, doubts)
            case "plate_near":
                return self._is_near(key, key[1], doubts)
            case "occupancy":
                return self._memory.places.occupancy(key[1], self._at)
        return self._untold(key, doubts)

    def _word(self, key: str, doubts: dict[Key, str]) -> Value:
        match key:
            case "people":
                return self._count(key, "person", None, doubts)
            case "dwell_s":
                return max(self._seen.dwell_s.values(), default=0.0) if self._seen else 0.0
            case "mode":
                return self._memory.mode
            case "permitted":
                return self._is_permitted(key, doubts)
            case "area":
                return self._memory.places.area(self._request.person if self._request else None, self._at)
            case "by_camera":
                return self._request is not None and self._request.by_camera
            case "camera_state":
                return self._memory.camera_state(self._camera, self._at) if self._camera else "none"
            case "threat":
                return self._memory.threat or self._site.threat_levels[0]
            case "door_contact" | "door_lock" | "door_tampered" | "door_faulty":
                return self._sensed(key, doubts)
        return self._untold(key, doubts)

    def _untold(self, key: Key, doubts: dict[Key, str]) -> Value:
        doubts[key] = self._missing(key)
        return UNKNOWN

    def _sensed(self, key: Key, doubts: dict[Key, str]) -> Value:
        """What the door's controller tells; empty where nobody does."""
        door = self._memory.door(self._door)
        if key == "door_tampered":
            return door.tamper
        if key == "door_faulty":
            return bool(door.fault)
        told = (door.contact if key == "door_contact" else door.lock) or ""
        if told != "unknown":
            return told
        doubts[key] = f"nobody can tell how door {self._door} stands"
        return UNKNOWN

    def _missing(self, key: Key) -> str:
        """Why nothing tells that word, and what would."""
        word = WORDS.get(key if isinstance(key, str) else key[0])
        if word is None or word.task is None:
            return f"nothing tells {key_text(key)}"
        camera = self._site.camera(self._camera)
        if camera is not None and word.task in camera.tasks:
            return f"camera {self._camera} has not told {key_text(key)} yet"
        return f"{word.name} is not told by camera {self._camera}: switch its task {word.task} on"

    def _is_near(self, key: Key, plate: str, doubts: dict[Key, str]) -> Value:
        """Whether the plate that was read is that one, or nearly."""
        if isinstance(self._plate, str):
            return match(self._plate, plate).kind != "none"
        doubts[key] = self._plate.reason if isinstance(self._plate, Doubt) else self._missing(key)
        return UNKNOWN

    def _count(self, key: Key, label: str, zone: str | None, doubts: dict[Key, str]) -> Value:
        doubt = self._memory.doubt(self._camera, self._at) if self._camera else "the door has no camera"
        if doubt:
            doubts[key] = doubt
            return UNKNOWN
        if self._request is not None and self._memory.settles(self._camera, self._at):
            doubts[key] = f"camera {self._camera} was only just found"
            return UNKNOWN
        if self._request is not None and self._memory.count(self._camera, REJECTED, zone, self._at):
            doubts[key] = f"camera {self._camera} follows something that it cannot tell from a {label}"
            return UNKNOWN
        return self._memory.count(self._camera, label, zone, self._at)

    def _scene(self, key: Key, name: str, camera: str, doubts: dict[Key, str]) -> Value:
        """The state of a scene, or how long it lasts; empty where that camera has no such scene.

        At a door that is a doubt: whoever wrote the rule took it for a fact about this door.
        """
        watched = self._site.camera(camera)
        if watched is None or all(scene.name != name for scene in watched.scenes):
            if self._request is not None:
                doubts[key] = f"camera {camera} has no scene {name}" if camera else "the door has no camera"
                return UNKNOWN
            return "" if key[0] == "scene" else 0.0
        doubt = self._memory.scene_doubt(camera, name, self._at)
        seen = self._memory.scene(camera, name)
        if doubt or seen is None:
            doubts[key] = doubt or f"nothing tells {key_text(key)}"
            return UNKNOWN
        return seen.state if key[0] == "scene" else max((self._at - seen.since).total_seconds(), 0.0)

    def _is_open(self, key: Key, name: str, doubts: dict[Key, str]) -> Value:
        holds = self.is_open(name)
        if holds is None:
            doubts[key] = f"schedule {name} is not configured"
            return UNKNOWN
        return holds

    def _is_permitted(self, key: Key, doubts: dict[Key, str]) -> Value:
        if self.levels is None or self.levels.holds is None:
            doubts[key] = "the schedule of an access level is not configured"
            return UNKNOWN
        return self.levels.holds

    def is_open(self, name: str) -> bool | None:
        """Whether that schedule is open; None for one that is not there."""
        held = self._memory.schedules.get(name)  # by this site's schedules: another site empties it
        if held is None or not NOW <= self._at - held[0] < SECOND:
            schedule = next((schedule for schedule in self._site.schedules if schedule.name == name), None)
            if schedule is None:
                return None
            held = self._memory.schedules[name] = self._at.replace(microsecond=0), is_open(schedule, self._at)
        return held[1]


def facts_of_observation(seen: Observation, memory: Memory, site: Site) -> Facts:
    known: dict[Key, Value] = {
        "label": seen.label,
        "confidence": seen.confidence,
        "camera": seen.camera,
        "zones": seen.zones,
        "track_s": seen.track_s,
        "crossed": seen.crossed,
        "ended": seen.change == "left",
        "person": seen.identity or "",
    }
    scene = _Scene(memory, site, seen.camera, seen.at, seen, plate=seen.attributes.get("plate"))
    facts = Facts(known, scene)
    for word, value in seen.attributes.items():
        facts.take(word, value)
    return facts


def facts_of_request(request: AccessRequest, memory: Memory, site: Site, now: datetime) -> Facts:
    """What the desk knows, and what the door's camera sees now."""
    door = memory.door(request.door)
    known: dict[Key, Value] = {
        "door": request.door,
        "factors": request.factors,
        "person": request.person or "",
        "groups": request.groups,
        "credential": request.credential,
        "camera": request.camera or "",
        "door_alarm": door.alarm,
        "door_mode": door.mode,
    }
    if request.plate is not None:
        known["plate"] = request.plate
    scene = _Scene(memory, site, request.camera or "", now, request=request, plate=request.plate)
    facts = Facts(known, scene)
    facts.levels = scene.levels = Levels(site, request, now, scene.is_open, memory.company)
    if request.face:
        facts.notes["face"] = request.face
    return facts


def facts_of_camera(report: CameraReport, memory: Memory, site: Site) -> Facts:
    known: dict[Key, Value] = {"camera": report.camera, "camera_state": report.state}
    return Facts(known, _Scene(memory, site, report.camera, report.at))


def facts_of_scene(report: SceneReport, memory: Memory, site: Site) -> Facts:
    return Facts({"camera": report.camera}, _Scene(memory, site, report.camera, report.at))


def facts_of_door(told: DoorReport | DoorSensed, memory: Memory, site: Site) -> Facts:
    """As the memory has it after it heard of it."""
    door = memory.door(told.door)
    known: dict[Key, Value] = {"door": told.door, "door_mode": door.mode, "door_alarm": door.alarm}
    return Facts(known, _Scene(memory, site, "", told.at, door=told.door))
