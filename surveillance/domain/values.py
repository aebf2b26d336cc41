"""What flows through the house, in order of appearance. All values are frozen; all times are aware UTC.

Pixels stop at the Observation (its encoded best shot excepted); everything after it is small and JSON-able.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Protocol
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from surveillance.domain.areas import Forgiveness
from surveillance.domain.doors import DoorSensed
from surveillance.domain.faces import FaceSeen, FacesFailed
from surveillance.domain.geometry import Box
from surveillance.domain.threats import ThreatOrder

Gray = NDArray[np.uint8]  # (height, width)
Bgr = NDArray[np.uint8]  # (height, width, 3)

BACKGROUND = "background"
REJECTED = "unknown"  # the label of a track on which the votes do not agree
NO_SUBJECT = frozenset({BACKGROUND, REJECTED})  # what no rule judges as something seen
LEFT_OBJECT, REMOVED_OBJECT = "left object", "removed object"  # labels of what no model named
OBJECT_LABELS = frozenset({LEFT_OBJECT, REMOVED_OBJECT})
VERDICTS = ("authorize", "deny", "alert", "log")
TRIGGERS = ("sighting", "presence", "access", "door", "camera")
DOOR_MODES = ("locked", "unlocked", "accessed", "blocked", "locked_down", "locked_open", "double_locked", "unknown")
DOOR_ALARMS = ("normal", "forced_open", "open_too_long")


@dataclass(frozen=True, slots=True)
class Doubt:
    """In place of a value: its producer failed, and why, with what to do about it."""

    reason: str


Attribute = str | float | bool | frozenset[str] | Doubt  # what a camera's task tells of a track; absent is empty
Attributes = Mapping[str, Attribute]  # by word of the rules


def new_id() -> str:
    """A UUIDv7 (RFC 9562): 48 bits of Unix milliseconds, then 74 random bits; sorts by time of making."""
    stamp = time.time_ns() // 1_000_000
    random = int.from_bytes(os.urandom(10), "big")
    value = (stamp << 80) | random
    value = (value & ~(0xF << 76)) | (0x7 << 76)
    value = (value & ~(0x3 << 62)) | (0x2 << 62)
    return str(UUID(int=value))


def rfc3339(at: datetime) -> str:
    """UTC with milliseconds and a Z, as RFC 3339 writes it."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


# --- seen by a camera worker -------------------------------------------------------------------------------------


class Picture(Protocol):
    """One full-size picture whose pixels are converted only where asked for."""

    @property
    def width(self) -> int: ...
    @property
    def height(self) -> int: ...
    def crop(self, box: Box) -> Bgr:
        """(height, width, 3) uint8 of that part only."""
        ...

    def bgr(self) -> Bgr:
        """(height, width, 3) uint8 of the whole picture."""
        ...


@dataclass(frozen=True, slots=True)
class Frame:
    """A picture, from a camera, at a time."""

    camera: str
    captured_at: datetime
    number: int  # counts the analyzed frames of this source from 0
    luma: Gray  # small gray copy, 320 wide, for the gate
    picture: Picture  # full size, converted only where asked
    media_s: float | None = None  # seconds from the start of a file; None for a live camera
    is_whole: bool = True  # False where it was decoded with less work, and shows less than was sent


@dataclass(frozen=True, slots=True)
class Motion:
    """What the gate says of one frame. `reason` is motion, track, probe or (when closed) quiet."""

    reason: str
    regions: tuple[Box, ...] = ()
    cleared: frozenset[int] = frozenset()  # tracks whose last place looks as it did before they came
    preview: Mapping[int, tuple[Box, ...]] = field(default_factory=dict)  # what each sensitivity would call motion

    @property
    def is_open(self) -> bool:
        return self.reason != "quiet"


@dataclass(frozen=True, slots=True)
class Classification:
    """What a crop looks like: the best label with its confidence 0..1, and all scores by label."""

    label: str
    confidence: float
    scores: Mapping[str, float]
    model: str


@dataclass(frozen=True, slots=True)
class Detection:
    """Somewhere worth looking. `source` says why: motion, detector, or track where a track was last seen.

    `seen` is what its finder took it for; None where that is for the classifier to say. `known` is the settled track
    that surely stands there, which need not be asked about in every picture.
    """

    box: Box
    source: str
    seen: Classification | None = None
    known: Track | None = None


@dataclass(frozen=True, slots=True)
class Subject:
    """One place in a picture and what was seen there; None when no answer came in time.

    `held` is an answer of a picture before, which stands until the model is asked again.
    """

    detection: Detection
    seen: Classification | None
    held: bool = False


@dataclass(frozen=True, slots=True)
class Scene:
    """All that one frame showed."""

    frame: Frame
    subjects: tuple[Subject, ...]


@dataclass(frozen=True, slots=True)
class Track:
    """The same thing over time. `label` and `confidence` are the vote of all its crops so far."""

    id: int
    camera: str
    box: Box
    label: str
    confidence: float
    confirmed: bool
    started_at: datetime
    seen_at: datetime
    hits: int  # frames in which it was found
    ended: bool = False


@dataclass(frozen=True, slots=True)
class Shot:
    """One encoded picture (JPEG, at most 48 KB) and where its subject is in it."""

    jpeg: bytes
    box: Box
    at: datetime


@dataclass(frozen=True, slots=True)
class Observation:
    """A claim that a rule can judge: what, where, how long, who. Made on change and once a second per live track."""

    id: str
    camera: str
    at: datetime
    media_s: float | None
    change: str  # appeared | changed | heartbeat | left
    track: int
    label: str
    confidence: float
    box: Box
    zones: frozenset[str]  # where its foot stands now
    zones_version: int
    dwell_s: Mapping[str, float]  # seconds spent so far in each zone it has been in
    track_s: float  # seconds since the track began
    started_at: datetime
    crossed: frozenset[str] = frozenset()  # "line:in" or "line:out", since the last observation of this track
    identity: str | None = None
    model: str = ""
    shot: Shot | None = None  # only when a better one was taken
    attributes: Attributes = field(default_factory=dict)  # what the camera's tasks tell of it so far


@dataclass(frozen=True, slots=True)
class CameraReport:
    """How a camera worker fares; sent on change and once a second, so that silence means a stale camera."""

    camera: str
    at: datetime
    state: str  # live | lost | frozen | blinded | moved
    reason: str = ""
    fps: float = 0.0
    drops: Mapping[str, int] = field(default_factory=dict)
    changed: bool = False  # True once for each change of state


@dataclass(frozen=True, slots=True)
class SceneReport:
    """How a watched part of a camera's picture is: gate open, lights on. Told on change, and as a heartbeat in between.

    `doubt` says why the state cannot be told; the state is empty then.
    """

    camera: str
    at: datetime
    scene: str  # the name of its SceneWatch
    state: str  # a label of its model, by the votes of several looks
    confidence: float = 0.0  # the mean of those looks
    since: datetime | None = None  # in this state, as far as its worker knows
    changed: bool = False  # True once for each change of state or doubt
    doubt: str = ""
    failed: bool = False  # its model is missing or fails, rather than being unsure
    model: str = ""
    media_s: float | None = None
    shot: Shot | None = None  # of a change: the whole picture, its box the watched part


@dataclass(frozen=True, slots=True)
class CodeSeen:
    """A code that a camera read beside a confirmed track."""

    camera: str
    track: int
    started_at: datetime  # of the track: with it the number is never another's
    at: datetime
    text: str = field(repr=False)


# what a camera tells core for the moment alone: no input, kept in memory for seconds, never on disk
Glimpse = CodeSeen | FaceSeen | FacesFailed


# --- asked at a door -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Factor:
    """One thing presented at a reader: kind badge, card, pin or plate, and its value as read."""

    kind: str
    value: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Presented:
    """What a reader sent: somebody asks at a door. `id` is the reader's own and is answered once."""

    id: str
    at: datetime
    door: str
    factors: tuple[Factor, ...]
    deadline: datetime


@dataclass(frozen=True, slots=True)
class AccessRequest:
    """A presented request with its person looked up; what the judge sees of it. Holds no secret value."""

    id: str
    at: datetime
    door: str
    camera: str | None  # the door's
    factors: frozenset[str]
    person: str | None
    groups: frozenset[str]
    credential: str  # "valid", "none", or an ONVIF denial reason such as credential_expired
    deadline: datetime
    denials: tuple[str, ...] = ()  # every denial reason that applies; `credential` is the gravest
    plate: str | None = None  # that the door's camera reads now; empty for none, None where it reads no plates
    by_camera: bool = False  # the door's camera asks by itself, no reader
    face: str = ""  # what came of looking for the person's face at the door's camera, in words; empty: nobody looked
    once: str = ""  # names a code that counts once at each door; empty for what may be presented again
    duress: bool = False  # the PIN was the one that is typed under duress; no rule and no reason may tell


@dataclass(frozen=True, slots=True)
class DoorReport:
    """A change at a door, in ONVIF's words: one of DOOR_MODES and one of DOOR_ALARMS."""

    door: str
    at: datetime
    mode: str
    alarm: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class DoorOrder:
    """A person orders something at a door: to open it once, or a lasting command. It was legal when it was given."""

    id: str
    at: datetime
    door: str
    command: str  # open | lock | unlock | block | lock_down | lock_down_release
    by: str  # who, such as an account's name
    reason: str  # why, in that person's words
    deadline: datetime  # its deed is not begun after this
    address: str = ""  # from where; empty for the system itself


@dataclass(frozen=True, slots=True)
class ModeReport:
    """The arming mode of the site from now on; told on change, at every start, and once an hour for who replays."""

    at: datetime
    mode: str
    reason: str = ""  # why, for people: `schedule night is open`, `set by hand`
    by: str = ""  # who set it by hand


@dataclass(frozen=True, slots=True)
class Tick:
    """A second has passed."""

    at: datetime


Ordered = DoorOrder | Forgiveness | ThreatOrder  # what a person orders
Input = (  # what core judges
    Observation | CameraReport | SceneReport | AccessRequest | DoorReport | DoorSensed | Ordered | ModeReport | Tick
)


# --- judged and recorded -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Clause:
    """One part of a condition, its value (None is unknown) and, at a leaf, what was found there."""

    text: str
    result: bool | None
    found: str = ""
    children: tuple[Clause, ...] = ()

    def as_json(self) -> dict[str, Any]:
        return {
            "text": self.text,
            "result": self.result,
            "found": self.found,
            "children": [child.as_json() for child in self.children],
        }


@dataclass(frozen=True, slots=True)
class Judged:
    """What one rule said of one input. `note` says why a true rule did not act (cooldown, shadow)."""

    rule: str
    verdict: str
    result: bool | None
    clause: Clause
    note: str = ""

    def as_json(self) -> dict[str, Any]:
        return {
            "rule": self.rule,
            "verdict": self.verdict,
            "result": self.result,
            "note": self.note,
            "clause": self.clause.as_json(),
        }


@dataclass(frozen=True, slots=True)
class Decision:
    """The verdict on one input, with the rule, the rulebook version and every clause with its value."""

    id: str
    at: datetime
    media_s: float | None
    trigger: str
    kind: str  # the event kind: sighting.logged, access.denied, ...
    verdict: str | None  # None for a state that no rule judged, such as camera.lost
    rule: str | None  # None for a default
    rulebook_version: int
    reasons: tuple[str, ...]
    judged: tuple[Judged, ...]
    facts: Mapping[str, Any]  # word -> JSON-able value, as the rules saw it
    subject: str  # id of the observation or request
    camera: str | None = None
    door: str | None = None
    label: str | None = None
    confidence: float | None = None
    track: int | None = None
    zones: tuple[str, ...] = ()
    identity: str | None = None
    box: Box | None = None
    notify: tuple[str, ...] = ()
    shadow: bool = False  # judged and recorded, never acts
    details: Mapping[str, Any] = field(default_factory=dict)  # more for the reader, JSON-able


def system_decision(kind: str, at: datetime, reasons: tuple[str, ...], subject: str, **more: Any) -> Decision:
    """A state of the system itself as something to record: no rule judged it, and it asks for nothing."""
    return Decision(
        id=new_id(),
        at=at,
        media_s=None,
        trigger="system",
        kind=kind,
        verdict=None,
        rule=None,
        rulebook_version=0,
        reasons=reasons,
        judged=(),
        facts={},
        subject=subject,
        **more,
    )


@dataclass(frozen=True, slots=True)
class Event:
    """A decision on record. `seq` has no gaps; `evidence` names the picture kept with it.

    The picture is the best one of its subject, so it may be older than the decision: `evidence_box` is where the
    subject is in the picture, the decision's `box` where it was when it was judged.
    """

    seq: int
    decision: Decision
    evidence: str | None = None
    evidence_box: Box | None = None

    def as_json(self) -> dict[str, Any]:
        """The contract's keys, always present, and a few more."""
        d = self.decision
        return {
            "id": d.id,
            "at": rfc3339(d.at),
            "media_s": d.media_s,
            "kind": d.kind,
            "camera": d.camera,
            "verdict": d.verdict,
            "rule": d.rule,
            "label": d.label,
            "confidence": None if d.confidence is None else round(d.confidence, 4),
            "track": d.track,
            "zones": sorted(d.zones),
            "door": d.door,
            "identity": d.identity,
            "reasons": list(d.reasons),
            "evidence": self.evidence,
            "evidence_box": _box_json(self.evidence_box),
            "box": _box_json(d.box),
            "seq": self.seq,
            "shadow": d.shadow,
            "details": dict(d.details),
        }


def _box_json(box: Box | None) -> list[float] | None:
    return None if box is None else [round(edge, 4) for edge in (box.x1, box.y1, box.x2, box.y2)]


@dataclass(frozen=True, slots=True)
class Action:
    """A deed to do before its deadline: one at a door (at most once) or notify (at least once, with `key`)."""

    id: str
    event: str  # id of the event that it rests on
    kind: str  # "door.open" | "door.lock" | "door.unlock" | "notify"
    target: str  # door name or notification target name
    deadline: datetime
    key: str
    payload: Mapping[str, Any] = field(default_factory=dict)
    state: str = "pending"  # pending | attempting | done | failed | unknown | expired
    attempts: int = 0
    reason: str = ""  # why it is in that state, for people

    def moved_to(self, state: str, reason: str = "") -> Action:
        return replace(self, state=state, reason=reason)
