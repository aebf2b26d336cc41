"""A USB or other local camera by its number in, Frames out (Video4Linux2, so Linux only).

`0`, `usb:0`, `usb://0` and `v4l2:///dev/video0` name the same one; `?size=1280x720&fps=15&format=mjpeg` asks it for
that mode.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

import av
from av.error import FFmpegError

from surveillance.domain.errors import SourceError, SourceLost
from surveillance.domain.ports import SourceOptions
from surveillance.domain.values import Frame
from surveillance.ingest.sources import StreamFacts, live_frames, stream_facts

if TYPE_CHECKING:
    from av.container import InputContainer

DEVICES = Path("/dev")
_NUMBERED = re.compile(r"(?:usb:(?://)?)?(\d{1,3})", re.IGNORECASE)
_NAMED = re.compile(r"(?:v4l2|usb)://(/dev/(?:video\d{1,3}|v4l/by-(?:id|path)/[\w.:+-]+))", re.IGNORECASE)
_MODE = {
    "size": ("video_size", r"\d{2,5}x\d{2,5}"),
    "fps": ("framerate", r"\d{1,3}"),
    "format": ("input_format", r"\w+"),
}


class UsbSource:
    """A camera at this machine. Frames carry the host's clock."""

    live = True
    duration_s: float | None = None

    def __init__(self, url: str, options: SourceOptions) -> None:
        self._path, self._mode = parse_device(url)
        self._options = options
        self._closed = False
        self.facts: StreamFacts | None = None

    def frames(self) -> Iterator[Frame]:
        """Frames at `analyze_fps` until the camera is unplugged. Raises SourceError, later SourceLost."""
        with self._open() as container:
            yield from live_frames(container, self._options, f"camera {self._path}", lambda: self._closed)
        if not self._closed:
            raise SourceLost(f"camera {self._path} ended the stream: was it unplugged?", "ended")

    def close(self) -> None:
        """Ends `frames` at its next picture."""
        self._closed = True

    def _open(self) -> InputContainer:
        missing = what_is_missing(self._path)
        if missing:
            raise SourceError(f"cannot watch camera {self._path}: {missing}", "not_found")
        limits = (self._options.open_timeout_s, self._options.read_timeout_s)
        try:
            container = av.open(str(self._path), format="v4l2", options=self._mode, timeout=limits)
        except FFmpegError as error:
            why = error.strerror or type(error).__name__
            hint = "does another program use it, and can it do the mode that is asked for?"
            raise SourceError(f"cannot watch camera {self._path}: {why}; {hint}", "unreadable") from None
        if not container.streams.video:
            container.close()
            raise SourceError(f"cannot watch camera {self._path}: it gives no video", "no_video")
        self.facts = stream_facts(container, "USB")
        return container


def parse_device(url: str) -> tuple[Path, dict[str, str]]:
    """(device, options of FFmpeg's v4l2 reader). Raises SourceError for another URL."""
    place, _, query = url.partition("?")
    if match := _NUMBERED.fullmatch(place):
        path = DEVICES / f"video{int(match[1])}"
    elif match := _NAMED.fullmatch(place):
        path = Path(match[1])
    else:
        raise SourceError(f"cannot watch {url}: name a camera as in 0, usb:0 or v4l2:///dev/video0", "not_found")
    mode = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        if name not in _MODE or not re.fullmatch(_MODE[name][1], value):
            hint = "say a mode as in ?size=1280x720&fps=15&format=mjpeg"
            raise SourceError(f"cannot watch {url}: {hint}, not {name}={value}", "not_found")
        mode[_MODE[name][0]] = value
    return path, mode


def what_is_missing(path: Path) -> str:
    """Why a device cannot be opened, with what to do, or nothing."""
    if not path.exists():
        there = sorted(str(other) for other in DEVICES.glob("video*"))
        others = f"there are {', '.join(there)}" if there else "this machine sees no camera at all; is it plugged in?"
        return f"there is no such device; {others}"
    if not os.access(path, os.R_OK | os.W_OK):
        return "this user may not open it; add the user to the group video"
    return ""
