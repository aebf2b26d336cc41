"""The latest picture of each camera, for whoever watches: encoded only while somebody does.

A worker and the web process share small files in a directory that the app chooses (in memory where the system
has such a place). A file is replaced whole, so a reader never sees half a picture.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

WATCHED_S = 3.0


class LivePictures:
    """`watch` asks for a camera's pictures for the next three seconds; `latest` is the newest one."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._directory = directory

    def watch(self, camera: str) -> None:
        self._place(camera, "watched").touch()

    def latest(self, camera: str) -> bytes | None:
        """A JPEG, or None when nothing recent is there."""
        place = self._place(camera, "jpeg")
        try:
            if time.time() - place.stat().st_mtime > WATCHED_S:
                return None
            return place.read_bytes()
        except FileNotFoundError:
            return None

    def is_watched(self, camera: str) -> bool:
        try:
            return time.time() - self._place(camera, "watched").stat().st_mtime < WATCHED_S
        except FileNotFoundError:
            return False

    def show(self, camera: str, encode: Callable[[], bytes]) -> None:
        """Encodes and shares the newest picture, if anybody watches."""
        if not self.is_watched(camera):
            return
        place = self._place(camera, "jpeg")
        fresh = place.with_suffix(".new")
        picture = encode()
        with suppress(OSError):  # memory is full: whoever watches sees nothing new, and the camera goes on
            fresh.write_bytes(picture)
            fresh.replace(place)

    def _place(self, camera: str, kind: str) -> Path:
        return self._directory / f"{quote(camera, safe='')}.{kind}"
