"""The seams between stages. A stage knows these and the values, never another stage."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Protocol

from surveillance.domain.kept import Keep, Kept
from surveillance.domain.site import Camera, Site
from surveillance.domain.values import (
    AccessRequest,
    Action,
    Attributes,
    Bgr,
    Classification,
    Decision,
    Detection,
    Event,
    Frame,
    Input,
    Motion,
    Observation,
    Presented,
    Scene,
    SceneReport,
    Track,
)

# --- camera worker -------------------------------------------------------------------------------------------------


class PacketSink(Protocol):
    """Takes a source's encoded video packets in the order they arrive. Neither method raises or waits."""

    def begin(self, stream: Any, start_at: datetime | None = None) -> None:
        """A demuxer's video stream was opened. `start_at` dates the first packet of a file; a live one's are dated
        by the host."""
        ...

    def put(self, packet: Any) -> None:
        """One packet of that stream, before it is decoded."""
        ...


def never() -> bool:
    return False


@dataclass(frozen=True, slots=True)
class SourceOptions:
    """How to open a source. `start_at` dates the first frame of a file; masks are blacked out before analysis.

    A source of encoded video hands its packets to `packets`; without `decode` it does nothing else, and gives no frame.
    With `references_only` it passes over pictures that no other refers to. While `is_quiet` it saves work: it decodes
    key pictures alone, or all of them without the deblocking filter.
    """

    camera: str
    analyze_fps: float = 5.0
    open_timeout_s: float = 5.0
    read_timeout_s: float = 5.0
    rtsp_transport: str = "tcp"  # or "udp"; `?transport=` in a URL overrides it
    start_at: datetime | None = None
    masks: tuple[tuple[tuple[float, float], ...], ...] = ()
    packets: PacketSink | None = None
    decode: bool = True
    references_only: bool = False
    is_quiet: Callable[[], bool] = never
    while_quiet: Literal["keys", "unfiltered"] = "unfiltered"


class Source(Protocol):
    """Pictures of one camera in order, already thinned to `analyze_fps`.

    `frames` ends when a file ends, raises SourceError when it cannot be opened (at the first `next`) and SourceLost
    when an open camera goes silent. `live` is False for files, whose frames must not be dropped.
    """

    live: bool
    duration_s: float | None  # of a file, when it is known

    def frames(self) -> Iterator[Frame]: ...
    def close(self) -> None: ...


OpenSource = Callable[[str, SourceOptions], Source]  # what an entry point of surveillance.sources is


class Gate(Protocol):
    def __call__(self, frame: Frame, tracks: Sequence[Track]) -> Motion: ...
    def change(self, camera: Camera) -> None:
        """Takes over another sensitivity from the next frame on."""
        ...

    def preview(self, wanted: bool) -> None:
        """Whether the next frames shall also say what every sensitivity would call motion."""
        ...


class Propose(Protocol):
    def __call__(self, frame: Frame, motion: Motion, tracks: Sequence[Track]) -> tuple[Detection, ...]: ...


class Recognize(Protocol):
    """Crops the detections and asks a classifier. Late answers are None in the Scene, never an empty Scene."""

    def __call__(self, frame: Frame, detections: Sequence[Detection]) -> Scene: ...


class Follow(Protocol):
    """Scene in, live tracks out; `tracks` are the ones alive now. Ended ones are returned once, with `ended`."""

    @property
    def tracks(self) -> Sequence[Track]: ...
    def __call__(self, scene: Scene) -> tuple[Track, ...]: ...
    def finish(self) -> tuple[Track, ...]:
        """The end of the source: every live track, ended."""
        ...


class Describe(Protocol):
    """A frame and its tracks in, what else is now known of them out, by track: plates, behavior.

    Never raises: what a task could not tell is a Doubt. Tracks of which nothing new is known may be left out.
    """

    def __call__(self, frame: Frame, tracks: Sequence[Track]) -> Mapping[int, Attributes]: ...


class Task(Protocol):
    """One thing that a camera tells of its tracks beside their labels. It tells `words`, some or all of them.

    It sees every frame whose gate is open, with all tracks of it, ended ones too, and looks at pixels only where
    something new is to be seen. It never believes one frame. Raises ModelError when it cannot tell.
    """

    words: tuple[str, ...]

    def __call__(self, frame: Frame, tracks: Sequence[Track]) -> Mapping[int, Attributes]: ...


class Observe(Protocol):
    """Tracks of one frame in, what is worth telling out: on change, and a heartbeat a second.

    `described` holds what is new of some tracks; what was said before stays.
    """

    def __call__(
        self, frame: Frame, tracks: Sequence[Track], described: Mapping[int, Attributes] = ...
    ) -> tuple[Observation, ...]: ...
    def change(self, camera: Camera) -> bool:
        """Takes over what the camera needs no new start for (LIVE_FIELDS); False when more than that differs."""
        ...


class Look(Protocol):
    """A frame in, what is worth telling of the camera's scenes out; asked of every frame, also of a quiet one."""

    def __call__(self, frame: Frame) -> tuple[SceneReport, ...]: ...
    def change(self, camera: Camera) -> None:
        """Takes over zones from the next frame on."""
        ...


class Hide(Protocol):
    """A camera's picture in, the same without its people out; coarse as a whole where nobody knows where they were."""

    def __call__(self, pixels: Bgr, at: datetime) -> Bgr: ...
    def knows(self, at: datetime) -> bool:
        """Whether it was told where people were then."""
        ...


class KeepMedia(Protocol):
    """Writes what a camera's ring holds of a moment. Never raises: what could not be kept is named in the answer."""

    def __call__(self, keep: Keep) -> Kept: ...


# --- recognizer ----------------------------------------------------------------------------------------------------


class Classifier(Protocol):
    """Crops in, one classification each, in order. Raises Expired when the answer came too late."""

    def __call__(self, crops: Sequence[Bgr]) -> tuple[Classification, ...]: ...


# --- core ----------------------------------------------------------------------------------------------------------

JudgedInput = tuple[Input, tuple[Decision, ...]]


class Desk(Protocol):
    """What a reader presented in, a request with its person looked up out. Raises NotFound for an unknown door."""

    def __call__(self, presented: Presented) -> AccessRequest: ...


class Identify(Protocol):
    """Adds who an observation shows, where keys of the site tell it; before it is judged, so that replay agrees."""

    def __call__(self, seen: Observation) -> Observation: ...


class Judge(Protocol):
    """One numbered input in, decisions out: none, one, or several (alerts and logs never combine away)."""

    def __call__(self, entry: Input) -> tuple[Decision, ...]: ...


class Record(Protocol):
    """Writes the inputs and their decisions, with the actions they ask for, in one commit.

    Returns the events in order. Raises RecordFailed when nothing was committed.
    """

    def __call__(self, judged: Sequence[tuple[Input, tuple[Decision, ...]]]) -> tuple[Event, ...]: ...


class Spool(Protocol):
    """Keeps judged inputs, in order, while the database is away. Survives a restart; a member by its identity."""

    def __len__(self) -> int: ...
    def __contains__(self, identity: object) -> bool: ...
    def add(self, judged: Sequence[JudgedInput]) -> Mapping[str, int]:
        """On the disk when it returns: how many were refused, by reason. Raises RecordFailed when none was taken."""
        ...

    def first(self, limit: int) -> Sequence[JudgedInput]:
        """Those that waited longest; they stay until `drop`. Raises RecordFailed."""
        ...

    def drop(self, count: int) -> None: ...


class Dispatch(Protocol):
    """Does what the outbox holds and is due, each deed within its deadline. Returns what became of each."""

    def __call__(self, now: datetime) -> tuple[Action, ...]: ...


# --- what stages ask of the outside --------------------------------------------------------------------------------


class Outbox(Protocol):
    """The actions on record. A state is on disk before the next line runs."""

    def due(self, now: datetime) -> Sequence[Action]: ...
    def mark(self, action: Action) -> None: ...


@dataclass(frozen=True, slots=True)
class Asked:
    """Something that another process asks core, waiting for its answer."""

    id: str
    kind: str  # "access.request"
    payload: Mapping[str, Any]
    asked_at: datetime
    deadline: datetime
    key: str | None = None  # a repeated key is the same question


class Inbox(Protocol):
    """What other processes ask core. An answer is durable; both raise RecordFailed while the database is away."""

    def is_quiet(self) -> bool: ...  # nobody asked since `pending` gave nothing; costs far less than that
    def pending(self) -> Sequence[Asked]: ...
    def answer(self, question_id: str, payload: Mapping[str, Any]) -> bool: ...


class Deed(Protocol):
    """Does one action; raises ActionFailed. What entry points of surveillance.actions and .relays build."""

    def __call__(self, action: Action) -> None: ...


class SiteReader(Protocol):
    """The configured site, as it is now."""

    def __call__(self) -> Site: ...
