"""What makes an input of core the same when it is met twice."""

from __future__ import annotations

from surveillance.domain.doors import DoorSensed
from surveillance.domain.values import (
    AccessRequest,
    CameraReport,
    DoorReport,
    Input,
    ModeReport,
    Observation,
    Ordered,
    SceneReport,
    Tick,
)


def identity_of(entry: Input) -> str | None:
    """None for a Tick, which core makes itself."""
    if isinstance(entry, Observation | AccessRequest | Ordered):
        return entry.id
    if isinstance(entry, Tick):
        return None
    stamp = entry.at.isoformat(timespec="microseconds")
    match entry:
        case CameraReport():
            return f"{stamp}:{entry.state if entry.changed else 'beat'}:{entry.camera}"
        case SceneReport():
            return f"{stamp}:scene:{entry.scene}:{entry.camera}"
        case DoorReport():
            return f"{stamp}:{entry.mode}:{entry.alarm}:{entry.door}"
        case DoorSensed():
            told = (entry.contact, entry.lock, entry.tamper, bool(entry.fault), entry.exit)
            return f"{stamp}:sensed:{':'.join(map(str, told))}:{entry.door}"
        case ModeReport():
            return f"{stamp}:mode:{entry.mode}"
