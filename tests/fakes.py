"""Hand-written stand-ins for the parts at the seams, and short ways to make values."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from surveillance.domain.errors import RecordFailed
from surveillance.domain.geometry import Box
from surveillance.domain.inputs import identity_of
from surveillance.domain.ports import Asked
from surveillance.domain.values import (
    AccessRequest,
    Decision,
    Event,
    Input,
    Observation,
    Presented,
    new_id,
)

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def observation(track: int = 1, label: str = "person", at: datetime = NOON, **more: Any) -> Observation:
    values: dict[str, Any] = {
        "id": new_id(),
        "camera": "yard",
        "at": at,
        "media_s": None,
        "change": "appeared",
        "track": track,
        "label": label,
        "confidence": 0.9,
        "box": Box(0.4, 0.4, 0.6, 0.8),
        "zones": frozenset(),
        "zones_version": 1,
        "dwell_s": {},
        "track_s": 1.0,
        "started_at": at - timedelta(seconds=1),
    }
    return Observation(**{**values, **more})


def decision(entry: Input, kind: str, verdict: str | None, reasons: tuple[str, ...] = (), **more: Any) -> Decision:
    values: dict[str, Any] = {
        "id": new_id(),
        "at": entry.at,
        "media_s": None,
        "trigger": "sighting",
        "kind": kind,
        "verdict": verdict,
        "rule": None,
        "rulebook_version": 1,
        "reasons": reasons,
        "judged": (),
        "facts": {},
        "subject": getattr(entry, "id", ""),
    }
    return Decision(**{**values, **more})


def request_of(presented: Presented) -> AccessRequest:
    """A desk that knows everybody."""
    return AccessRequest(
        id=presented.id,
        at=presented.at,
        door=presented.door,
        camera="front",
        factors=frozenset(factor.kind for factor in presented.factors),
        person="Ada",
        groups=frozenset({"staff"}),
        credential="valid",
        deadline=presented.deadline,
    )


def grant_all(entry: Input) -> tuple[Decision, ...]:
    """A judge that grants every request and logs every observation."""
    if isinstance(entry, AccessRequest):
        return (decision(entry, "access.granted", "authorize", ("everybody may",), door=entry.door),)
    if isinstance(entry, Observation):
        return (decision(entry, "sighting.logged", "log"),)
    return ()


class MemoryLedger:
    """A Record that keeps everything; while `away` is set it fails as a locked database does."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.inputs: list[Input] = []
        self.away = False

    def known(self, entries: Sequence[Input]) -> set[str]:
        if self.away:
            raise RecordFailed("the database is away")
        on_record = {identity_of(entry) for entry in self.inputs}
        return {identity for entry in entries if (identity := identity_of(entry)) and identity in on_record}

    def __call__(self, judged: Sequence[tuple[Input, tuple[Decision, ...]]]) -> tuple[Event, ...]:
        if self.away:
            raise RecordFailed("the database is away")
        start = len(self.events)
        self.inputs += [entry for entry, _ in judged]
        self.events += [
            Event(start + number + 1, made) for number, made in enumerate(d for _, made in judged for d in made)
        ]
        return tuple(self.events[start:])


class MemoryInbox:
    """An inbox with the asks put in by hand."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.answers: dict[str, Mapping[str, Any]] = {}

    def is_quiet(self) -> bool:
        return all(asked.id in self.answers for asked in self.asked)

    def pending(self) -> Sequence[Asked]:
        return [asked for asked in self.asked if asked.id not in self.answers]

    def answer(self, question_id: str, payload: Mapping[str, Any]) -> bool:
        first = question_id not in self.answers
        self.answers.setdefault(question_id, payload)
        return first


def nothing_due(now: datetime) -> tuple[Any, ...]:
    """A dispatch with an empty outbox."""
    return ()


def as_presented(payload: Mapping[str, Any], now: datetime, deadline: datetime) -> Presented:
    """Reads the one door name that tests send."""
    return Presented(str(payload["request_id"]), now, str(payload["door"]), (), deadline)


Judging = Callable[[Input], tuple[Decision, ...]]


class NoCameras:
    """A place where no camera can be worked; this site has none."""

    def camera(self, configured: object, tell: object) -> object:
        raise AssertionError("this site has no cameras")

    def hurry(self, cameras: frozenset[str]) -> None: ...
    def listen(self, glimpsed: object) -> None: ...

    def shadow(self, models: object, told: object) -> None: ...

    def close(self) -> None: ...
