"""Every word that a condition may say: its type, unit, producer and the triggers that have it.

The parser checks conditions against this table, and the table in docs/rules.md is made from it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import Enum

from surveillance.domain.site import Site
from surveillance.domain.values import DOOR_ALARMS, DOOR_MODES, TRIGGERS
from surveillance.translations.words import N_

TEXT, NUMBER, TRUTH, SET = "text", "number", "truth", "set"


class Unknown(Enum):
    """What a word is worth when its producer failed or is stale. Absent is not unknown: it is empty."""

    UNKNOWN = "unknown"


UNKNOWN = Unknown.UNKNOWN
Value = str | float | bool | frozenset[str] | Unknown

LABELS = frozenset({"person", "vehicle", "animal"})
FACTORS = frozenset({"badge", "card", "pin", "plate", "face", "qr", "phone"})
DENIALS = (  # ONVIF's denial reasons, in the order in which they are given
    "credential_not_enabled",
    "credential_not_active",
    "credential_expired",
    "invalid_pin",
    "not_permitted_at_this_time",
    "unauthorized",
    "antipassback_violation",
    "other",
)
PLATE_MATCHES = frozenset({"exact", "near", "none", ""})
CREDENTIALS = frozenset({"valid", "none", *DENIALS})
CAMERA_STATES = frozenset({"live", "lost", "frozen", "blinded", "moved", "stale", "none"})
MODES = frozenset({"armed", "disarmed"})


@dataclass(frozen=True, slots=True)
class Argument:
    """What a called word takes: the kind of name, and whether it may be left out."""

    kind: str
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Word:
    """One word. `kind` names the list that its values come from; `most` bounds a number from 0.

    A word with a `task` is told of a track by cameras that have that task on, and unknown of those that have not. What
    is experimental may only alert and log.
    """

    name: str
    type: str
    unit: str
    producer: str
    triggers: tuple[str, ...]
    doc: str
    kind: str | None = None
    arguments: tuple[Argument, ...] = ()
    most: float | None = None
    task: str | None = None
    experimental: bool = False

    @property
    def shown(self) -> str:
        """As one writes it: `dwell_in(zone)`; what may be left out stands in brackets."""
        if not self.arguments:
            return self.name
        names = ["name" if argument.kind == self.name else argument.kind for argument in self.arguments]
        parts = [
            f"[{name}]" if argument.optional else name for name, argument in zip(names, self.arguments, strict=True)
        ]
        return f"{self.name}({', '.join(parts)})"


PRODUCERS: Mapping[str, str] = {  # who makes words, and from what
    "track": "the worker of a camera, by following one thing over time",
    "observe": "the same, by where that thing stands and moves",
    "behavior": "the camera's task `behavior`: how it moves",
    "objects": "the camera's task `objects`: what is left behind or gone",
    "detector": "a camera whose proposer is a detector",
    "plates": "the camera's task `plates`",
    "text": "the camera's task `text`",
    "faces": "the camera's task `faces`",
    "identify": "core, by comparing plates and faces with those on record",
    "worker": "the worker of a camera, about the camera",
    "scenes": "the worker of a camera, about a watched part of its picture",
    "memory": "core, from what it was told before",
    "desk": "core, by looking up what was presented at a door",
    "levels": "core, by the access levels",
    "doors": "the controllers of doors, and what core knows of their state",
    "operators": "people, on the pages or by command",
    "arming": "schedules of arming, or a person",
    "site": "the configured site and the clock",
}

_SEEN = ("sighting", "presence")
_SCENE = ("sighting", "presence", "access")
_AT_DOOR = ("access", "door")

WORDS: Mapping[str, Word] = {
    word.name: word
    for word in (
        Word("label", TEXT, "", "track", _SEEN, "what it looks like, by the vote of its track", "label"),
        Word("confidence", NUMBER, "0..1", "track", _SEEN, "how sure the vote is", most=1.0),
        Word("zones", SET, "", "observe", _SEEN, "the named zones in which its foot stands now", "zone"),
        Word("dwell_s", NUMBER, "s", "observe", _SEEN, "the longest time so far in any one named zone"),
        Word("dwell_in", NUMBER, "s", "observe", _SEEN, "the time so far in that zone", None, (Argument("zone"),)),
        Word("track_s", NUMBER, "s", "track", _SEEN, "the time since it appeared"),
        Word("crossed", SET, "", "observe", _SEEN, 'lines just crossed, such as "gate:in" or "gate:out"', "crossing"),
        Word("ended", TRUTH, "", "track", _SEEN, "it has left: true in the last observation of a track"),
        Word("people", NUMBER, "", "memory", _SCENE, "persons whom that camera sees now (at a door: the door's)"),
        Word(
            "count",
            NUMBER,
            "",
            "memory",
            _SCENE,
            "tracks of that label which that camera sees now, in that zone or anywhere",
            None,
            (Argument("label"), Argument("zone", optional=True)),
        ),
        Word(
            "loiter_s",
            NUMBER,
            "s",
            "behavior",
            _SEEN,
            "the time so far that it stays about one place: within a square of two of its own heights",
            task="behavior",
        ),
        Word(
            "object",
            TEXT,
            "",
            "objects",
            _SEEN,
            '"left" for what somebody put down and left, "removed" for what is gone since somebody was there; else ""',
            "object",
            task="objects",
        ),
        Word(
            "speed",
            NUMBER,
            N_("heights/s"),
            "behavior",
            _SEEN,
            "how fast it is, in its own heights, over a second",
            task="behavior",
        ),
        Word(
            "running",
            TRUTH,
            "",
            "behavior",
            ("sighting",),
            "a person who runs, by the speed of its box",
            task="behavior",
            experimental=True,
        ),
        Word(
            "fallen",
            TRUTH,
            "",
            "behavior",
            ("sighting",),
            "a person who stood, lay down within two seconds and stays down, by the shape of its box",
            task="behavior",
            experimental=True,
        ),
        Word(
            "kind",
            TEXT,
            "",
            "detector",
            _SEEN,
            'what kind of its label it is, such as "truck" or "dog"; "" as long as that is in doubt',
            task="kind",
        ),
        Word(
            "plate",
            TEXT,
            "",
            "plates",
            _SCENE,
            'the number plate of a vehicle (at a door: the one there), in capitals, unspaced; "" while none is read',
            task="plates",
        ),
        Word(
            "plate_near",
            TRUTH,
            "",
            "plates",
            _SCENE,
            "its plate is that one, or one edit or confusable letters away from it",
            None,
            (Argument("plate"),),
            task="plates",
        ),
        Word(
            "text",
            SET,
            "",
            "text",
            _SEEN,
            'the words written on it, in capitals, such as "DHL"; empty while none is read',
            task="text",
        ),
        Word(
            "plate_match",
            TEXT,
            "",
            "identify",
            _SEEN,
            '"exact" where its plate is somebody\'s, "near" where it is nearly, else "none"; "" while none is read',
            "plate_match",
            task="plates",
        ),
        Word(
            "plate_of",
            TEXT,
            "",
            "identify",
            _SEEN,
            'whose plate it is, exactly or nearly; "" for nobody\'s',
            "person",
            task="plates",
        ),
        Word("by_camera", TRUTH, "", "desk", ("access",), "the door's camera asks by itself, no reader"),
        Word(
            "face_seen",
            TRUTH,
            "",
            "faces",
            _SEEN,
            "a face that is good enough to be recognized was seen on it",
            task="faces",
        ),
        Word("person", TEXT, "", "identify, desk", _SCENE, 'who it is; "" when nobody is known', "person"),
        Word("groups", SET, "", "desk", ("access",), "the groups of that person", "group"),
        Word(
            "area",
            TEXT,
            "",
            "memory",
            ("access",),
            'the area in which that person is by record; "" for outside, and where nobody knows',
            "area",
        ),
        Word(
            "occupancy",
            NUMBER,
            "",
            "memory",
            _SCENE,
            "the persons who are in that area by record",
            None,
            (Argument("area"),),
        ),
        Word("factors", SET, "", "desk", ("access",), "what was presented and verified for that person", "factor"),
        Word("permitted", TRUTH, "", "levels", ("access",), "an access level lets the person through this door now"),
        Word("credential", TEXT, "", "desk", ("access",), '"valid", "none" or why it is refused', "credential"),
        Word("door", TEXT, "", "desk, doors", ("access", "door"), "the door", "door"),
        Word("door_alarm", TEXT, "", "doors", ("access", "door"), "the door's alarm", "door_alarm"),
        Word("door_mode", TEXT, "", "doors", ("access", "door"), "the door's mode, in ONVIF words", "door_mode"),
        Word(
            "door_contact",
            TEXT,
            "",
            "doors",
            _AT_DOOR,
            'the door is "open" or "closed"; "" without a contact',
            "contact",
        ),
        Word(
            "door_lock", TEXT, "", "doors", _AT_DOOR, 'its lock is "locked" or "unlocked"; "" where none tells', "lock"
        ),
        Word("door_tampered", TRUTH, "", "doors", _AT_DOOR, "somebody opens or damages the door's devices"),
        Word("door_faulty", TRUTH, "", "doors", _AT_DOOR, "the door's controller tells a fault"),
        Word("camera", TEXT, "", "worker", (*_SCENE, "camera"), 'the camera; "" at a door without one', "camera"),
        Word("camera_state", TEXT, "", "worker", (*_SCENE, "camera"), "how that camera fares", "camera_state"),
        Word(
            "scene",
            TEXT,
            "",
            "scenes",
            (*_SCENE, "camera"),
            'the state of that scene of this camera, or of the camera named; "" where it has none',
            "state",
            (Argument("scene"), Argument("camera", optional=True)),
        ),
        Word(
            "scene_s",
            NUMBER,
            "s",
            "scenes",
            (*_SCENE, "camera"),
            "the time so far in that state",
            None,
            (Argument("scene"), Argument("camera", optional=True)),
        ),
        Word("threat", TEXT, "", "operators", TRIGGERS, "the threat level of the site", "threat_level"),
        Word("mode", TEXT, "", "arming", TRIGGERS, "the arming mode of the site", "mode"),
        Word("schedule", TRUTH, "", "site", TRIGGERS, "that schedule is open now", None, (Argument("schedule"),)),
    )
}


@dataclass(frozen=True, slots=True)
class Names:
    """The names there are, by kind; a kind that is missing is not checked."""

    known: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def of(self, kind: str | None) -> frozenset[str] | None:
        return None if kind is None else self.known.get(kind)


def build_names(site: Site | None = None, labels: Collection[str] = LABELS) -> Names:
    """The names of a site; without one, only those that every site shares."""
    known = {
        "label": frozenset(labels),
        "factor": FACTORS,
        "credential": CREDENTIALS,
        "plate_match": PLATE_MATCHES,
        "door_alarm": frozenset(DOOR_ALARMS),
        "door_mode": frozenset(DOOR_MODES),
        "contact": frozenset({"open", "closed", ""}),
        "lock": frozenset({"locked", "unlocked", ""}),
        "camera_state": CAMERA_STATES,
        "mode": MODES,
        "object": frozenset({"left", "removed"}),
    }
    if site is not None:
        lines = [line.name for camera in site.cameras for line in camera.lines]
        known |= {
            "camera": frozenset(camera.name for camera in site.cameras),
            "scene": frozenset(scene.name for camera in site.cameras for scene in camera.scenes),
            "zone": frozenset(zone.name for camera in site.cameras for zone in camera.zones),
            "crossing": frozenset(f"{line}:{way}" for line in lines for way in ("in", "out")),
            "door": frozenset(door.name for door in site.doors),
            "area": frozenset(site.areas),
            "threat_level": frozenset(site.threat_levels),
            "group": groups_of(site),
            "person": frozenset(person.name for person in site.people),
            "schedule": frozenset(schedule.name for schedule in site.schedules),
            "mode": modes_of(site),
        }
    return Names(known)


def groups_of(site: Site) -> frozenset[str]:
    """The groups that people are in, or that access levels name."""
    held = (group for person in site.people for group in person.groups)
    return frozenset((*held, *(group for level in site.access_levels for group in level.groups)))


def modes_of(site: Site) -> frozenset[str]:
    """The arming modes that a site can be in: armed and disarmed, and those that it names itself."""
    arming = site.arming
    return MODES if arming is None else MODES | {arming.default, *(mode for mode, _ in arming.modes)}


def vocabulary_table() -> str:
    """The words as a Markdown table, as docs/rules.md shows it."""
    lines = ["| word | type | made by | triggers | is |", "|---|---|---|---|---|"]
    for word in WORDS.values():
        kind = f"{word.type} ({word.unit})" if word.unit else word.type
        triggers = "all" if word.triggers == TRIGGERS else ", ".join(word.triggers)
        doc = "experimental: " + word.doc if word.experimental else word.doc
        lines.append(f"| `{word.shown}` | {kind} | {word.producer} | {triggers} | {doc} |")
    return "\n".join(lines) + "\n"


def producers_list() -> str:
    """Who makes words, as docs/rules.md says it below the table."""
    return "".join(f"- **{name}**: {words}\n" for name, words in PRODUCERS.items())
