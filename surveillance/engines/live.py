"""The latest picture of each camera with what was seen in it, for whoever watches: encoded only while somebody does.

A worker and the web process share small files in a directory that the app chooses (in memory where the system
has such a place). A file holds a picture with its own facts and is replaced whole: a reader sees both or neither.
"""

from __future__ import annotations

import json
import os
import struct
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from surveillance.domain.geometry import Box
from surveillance.domain.values import rfc3339
from surveillance.engines.worker import Looked

SIZES = ("tile", "full")
PREVIEW = "preview"  # watched like a size: then it is also told what each sensitivity would call motion
WATCHED_S = 3.0
_LENGTH = struct.Struct(">I")  # a file is the length of what is told, that, and the picture


@dataclass(frozen=True, slots=True)
class LivePicture:
    """One picture, what the worker told of it (JSON, see `facts_of`), and when it was shown."""

    shown_ns: int
    told: bytes
    jpeg: bytes

    @property
    def facts(self) -> dict[str, Any]:
        told: dict[str, Any] = json.loads(self.told)
        return told


class LivePictures:
    """`watch` asks for a camera's pictures for the next three seconds; `latest` is the newest one."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._directory = directory
        self._watched: dict[tuple[str, str], str] = {}  # asked for every picture of every camera

    def watch(self, camera: str, size: str) -> None:
        """`size` is one of SIZES; each is encoded only while it is asked for."""
        self._place(camera, size, "watched").touch()

    def latest(self, camera: str, size: str, after: int = 0) -> LivePicture | None:
        """None when there is no recent one, or none but the one of `shown_ns` `after`."""
        try:
            with self._place(camera, size, "picture").open("rb") as file:
                shown_ns = os.fstat(file.fileno()).st_mtime_ns
                if shown_ns == after or not _is_recent(shown_ns):
                    return None
                told = file.read(_LENGTH.unpack(file.read(_LENGTH.size))[0])
                return LivePicture(shown_ns, told, file.read())
        except FileNotFoundError:
            return None

    def is_watched(self, camera: str, size: str) -> bool:
        place = self._watched.get((camera, size))
        if place is None:
            place = self._watched[camera, size] = str(self._place(camera, size, "watched"))
        try:
            return _is_recent(os.stat(place).st_mtime_ns)  # noqa: PTH116 (a Path costs three times the call)
        except FileNotFoundError:
            return False

    def show(self, camera: str, facts: Callable[[], Mapping[str, Any]], encode: Callable[[str], bytes]) -> None:
        """Shares the newest picture in each size that somebody watches; `encode` makes a JPEG of a size."""
        for size in SIZES:
            if not self.is_watched(camera, size):
                continue
            place = self._place(camera, size, "picture")
            fresh = place.with_suffix(".new")
            told, jpeg = json.dumps(facts(), separators=(",", ":")).encode(), encode(size)
            with suppress(OSError):  # memory is full: whoever watches sees nothing new, and the camera goes on
                fresh.write_bytes(_LENGTH.pack(len(told)) + told + jpeg)
                fresh.replace(place)

    def _place(self, camera: str, size: str, kind: str) -> Path:
        return self._directory / f"{quote(camera, safe='')}.{size}.{kind}"


def facts_of(looked: Looked, drops: Mapping[str, int]) -> dict[str, Any]:
    """What the worker saw in one frame, as JSON. Boxes are [x1, y1, x2, y2] in 0..1 of the full picture.

    camera    its name
    number    of the frame, counted from 0 since the source was opened
    at        when it was captured, RFC 3339 in UTC
    size      [width, height] of the camera's picture in pixels
    boxes     of the live tracks in this frame, each {"track": id, "box", "label", "confidence", "confirmed"}; label is
              the vote so far ("unknown" while it is in doubt), confidence 0..1
    regions   where something moves, largest first; empty while the gate is closed
    gate      why the worker looked: motion, track or probe; quiet when the gate stayed closed
    drops     frames that the worker never saw, by reason, since it was started
    preview   only while PREVIEW is watched: by sensitivity, such as "50", what it would call motion
    """
    preview = {str(level): [_corners(box) for box in boxes] for level, boxes in looked.motion.preview.items()}
    return {
        "camera": looked.frame.camera,
        "number": looked.frame.number,
        "at": rfc3339(looked.frame.captured_at),
        "size": [looked.frame.picture.width, looked.frame.picture.height],
        "boxes": [
            {
                "track": track.id,
                "box": _corners(track.box),
                "label": track.label,
                "confidence": round(track.confidence, 3),
                "confirmed": track.confirmed,
            }
            for track in looked.tracks
        ],
        "regions": [_corners(region) for region in looked.motion.regions],
        "gate": looked.motion.reason,
        "drops": dict(drops),
        **({"preview": preview} if preview else {}),
    }


def _corners(box: Box) -> list[float]:
    return [round(value, 4) for value in (box.x1, box.y1, box.x2, box.y2)]


def _is_recent(at_ns: int) -> bool:
    return abs(time.time() - at_ns / 1e9) < WATCHED_S  # a time far ahead was written before the clock was set back
