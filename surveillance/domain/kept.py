"""What core asks a camera's worker to keep of a moment, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

UNWRITTEN = "it could not be written: "  # how a reason begins for which the worker's disk is to blame


@dataclass(frozen=True, slots=True)
class Keep:
    """Core asks a camera's worker to write what its ring still holds: the full picture at `at`, and a clip around it.

    The files are named after the event. A span without length asks for the picture alone.
    """

    event: str  # id of the event that it is kept for; asking twice asks for the same
    camera: str
    at: datetime
    starts_at: datetime
    ends_at: datetime  # may lie ahead: the worker answers once it has passed


@dataclass(frozen=True, slots=True)
class KeptFile:
    """A file written whole: where it lies under the media directory, and what proves it."""

    kind: str  # picture | clip
    name: str  # EVENT-picture.jpg, EVENT-clip.mp4
    starts_at: datetime
    ends_at: datetime  # of a picture: the same
    size_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Kept:
    """The worker's answer to a Keep. `missing` says, by kind, why a file was not kept."""

    event: str
    camera: str
    files: tuple[KeptFile, ...] = ()
    missing: Mapping[str, str] = field(default_factory=dict)

    @property
    def disk_fault(self) -> str:
        """Why a file could not be written; empty where none was refused by the disk."""
        faults = (why.removeprefix(UNWRITTEN) for why in self.missing.values() if why.startswith(UNWRITTEN))
        return next(faults, "")
