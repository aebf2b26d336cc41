"""A URL in, Frames out: files of any container that FFmpeg reads, and RTSP cameras.

Only those pictures that `analyze_fps` asks for are handed on, and their pixels stay unconverted.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit, urlunsplit

import av
import numpy as np
from av.error import FFmpegError
from av.video.reformatter import VideoReformatter

from surveillance import plugins
from surveillance.domain.addresses import pinned
from surveillance.domain.errors import AddressRefused, CameraFault, NotFound, SourceError, SourceLost
from surveillance.domain.ports import Source, SourceOptions
from surveillance.domain.site import hide_password
from surveillance.domain.values import Frame
from surveillance.ingest.decoding import UndecodableError, decoded, is_whole
from surveillance.ingest.pictures import PLANAR_FORMATS, BgrPicture, YuvPicture

if TYPE_CHECKING:
    from av.container import InputContainer

log = logging.getLogger(__name__)

MISSING_S = 2.0  # a file's last picture may stand for this long, or for this share of it, without a word
MISSING_SHARE = 0.1
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://")
_USB = re.compile(r"usb:.*|\d+(\?.*)?", re.IGNORECASE)
_FAULTS_BY_ERROR: tuple[tuple[type[BaseException], CameraFault, str], ...] = (
    (av.error.HTTPUnauthorizedError, "wrong_password", "refused the user name or password"),
    (av.error.HTTPForbiddenError, "wrong_password", "does not permit this user to watch"),
    (av.error.HTTPNotFoundError, "not_found", "answers, but has no stream of this path"),
    (av.error.TimeoutError, "timeout", "gave no answer in time"),
    (av.error.ExitError, "timeout", "gave no answer in time"),
    (av.error.InvalidDataError, "no_video", "sent nothing that can be read as video"),
    (av.error.HTTPError, "unreachable", "answered with an error"),
    (ConnectionRefusedError, "unreachable", "refused the connection: is the address right and the camera on?"),
    (OSError, "unreachable", "cannot be reached: is the address right and the camera on?"),
)


@dataclass(frozen=True, slots=True)
class StreamFacts:
    """What an opened source says of its stream. `over` is the way it travels, such as RTSP over TCP."""

    codec: str
    over: str
    has_sound: bool = False


def open_source(url: str, options: SourceOptions) -> Source:
    """The source that is registered for the URL's scheme; a number is a USB camera, a plain path a file. Opens nothing.

    Raises SourceError when no source handles the scheme.
    """
    match = _SCHEME.match(url)
    scheme = match.group(1).lower() if match else "usb" if _USB.fullmatch(url) else "file"
    try:
        factory = plugins.load("sources", scheme)
    except NotFound as error:
        raise SourceError(f"cannot watch {hide_password(url)}: {error}", "not_found") from None
    source: Source = factory(url, options)
    return source


class FileSource:
    """A video, a GIF or a still picture. Its frames are dated from `start_at` (default: now) and never dropped."""

    live = False

    def __init__(self, url: str, options: SourceOptions) -> None:
        self._path = parse_file_url(url)
        self._options = options
        self._closed = False
        self.duration_s: float | None = None
        self.facts: StreamFacts | None = None

    def frames(self) -> Iterator[Frame]:
        """Frames at `analyze_fps`, by the file's own time. Raises SourceError when it cannot be read."""
        start_at = self._options.start_at or datetime.now(UTC)
        pace, build = Pace(self._options.analyze_fps), FrameBuilder(self._options)
        with self._open() as container:
            first_s: float | None = None
            last_s = 0.0
            for number, picture in enumerate(self._pictures(container, start_at)):
                if self._closed:
                    return
                stamp_s = picture.time if picture.time is not None else self._guessed_s(container, number)
                first_s = stamp_s if first_s is None else first_s
                media_s = round(stamp_s - first_s, 6)
                if pace.is_due(media_s):
                    yield build(picture, start_at + timedelta(seconds=media_s), media_s)
                last_s = media_s
            if self._closed or not self._options.decode:
                return
            if first_s is None:
                raise SourceError(f"cannot read {self._path}: no picture in it could be decoded", "unreadable")
            self._tell_what_is_missing(last_s)

    def close(self) -> None:
        self._closed = True

    def _open(self) -> InputContainer:
        if not self._path.is_file():
            what = "it is a folder, name a file in it" if self._path.is_dir() else "there is no such file"
            raise SourceError(f"cannot read {self._path}: {what}", "not_found")
        try:
            container = av.open(f"file:{self._path}", options={"protocol_whitelist": "file"}, metadata_errors="replace")
        except FFmpegError as error:
            reason = error.strerror or type(error).__name__
            raise SourceError(f"cannot read {self._path}: not a readable video ({reason})", "unreadable") from None
        if not container.streams.video:
            container.close()
            raise SourceError(f"cannot read {self._path}: it holds no video", "no_video")
        self.facts = stream_facts(container, "file")
        video = container.streams.video[0]
        if video.duration is not None and video.time_base is not None:
            self.duration_s = float(video.duration * video.time_base)
        elif container.duration is not None:
            self.duration_s = container.duration / av.time_base
        return container

    def _pictures(self, container: InputContainer, start_at: datetime) -> Iterator[av.VideoFrame]:
        try:
            yield from decoded(container, self._options, lambda: self._closed, start_at)
        except FFmpegError as error:
            reason = error.strerror or type(error).__name__
            raise SourceError(f"cannot read {self._path} to its end ({reason})", "unreadable") from None
        except UndecodableError as error:
            raise SourceError(f"cannot read {self._path}: it {error}", "unreadable") from None

    def _tell_what_is_missing(self, last_s: float) -> None:
        whole_s = self.duration_s or 0.0
        if whole_s - last_s > max(MISSING_S, MISSING_SHARE * whole_s):
            log.warning(
                "%s ends at %.1f s of %.1f s: the file is cut off or damaged; the rest was not seen",
                *(self._path, last_s, whole_s),
            )

    @staticmethod
    def _guessed_s(container: InputContainer, number: int) -> float:
        return number / float(container.streams.video[0].average_rate or 25)


class RtspSource:
    """A camera over RTSP. Frames carry the host's clock, smoothed by the stream's own time stamps."""

    live = True
    duration_s: float | None = None

    def __init__(self, url: str, options: SourceOptions) -> None:
        self._url, self._transport = parse_rtsp_url(url, options.rtsp_transport)
        self._shown = shown_address(url)
        self._options = options
        self._closed = False
        self.facts: StreamFacts | None = None

    def frames(self) -> Iterator[Frame]:
        """Frames at `analyze_fps` until the camera goes silent. Raises SourceError, later SourceLost."""
        with self._open() as container:
            yield from live_frames(container, self._options, self._shown, lambda: self._closed)
        if not self._closed:
            # FFmpeg ends the loop without an error when the server goes away.
            raise SourceLost(f"{self._shown} ended the stream", "ended")

    def close(self) -> None:
        """Ends `frames` at its next picture."""
        self._closed = True

    def _open(self) -> InputContainer:
        how = {
            "rtsp_transport": self._transport,
            "fflags": "nobuffer",
            "flags": "low_delay",
            "fpsprobesize": "0",
        }
        limits = (self._options.open_timeout_s, self._options.read_timeout_s)
        asked_s = time.monotonic()
        try:
            container = av.open(self._place(), options=how, timeout=limits, metadata_errors="replace")
        except FFmpegError as error:
            reason, text = fault_of(error)
            if reason == "no_video" and time.monotonic() - asked_s >= self._options.open_timeout_s:
                reason, text = "timeout", "answered, but sent no picture in time"
            raise SourceError(f"{self._shown} {text}", reason) from None
        if not container.streams.video:
            container.close()
            raise SourceError(f"{self._shown} has no video, only other media", "no_video")
        self.facts = stream_facts(container, f"RTSP over {self._transport.upper()}")
        return container

    def _place(self) -> str:
        """The URL with the address that its name means now, once it is known to be a permitted one."""
        try:
            return pinned(self._url, "the camera's address")
        except AddressRefused as refused:
            raise SourceError(f"cannot watch {self._shown}: {refused}", "not_found") from None
        except OSError:
            raise SourceError(f"{self._shown} cannot be found: is its name right?", "unreachable") from None


def live_frames(
    container: InputContainer, options: SourceOptions, shown: str, closed: Callable[[], bool]
) -> Iterator[Frame]:
    """Frames of an open live stream until it ends. Raises SourceLost, naming the camera as `shown`."""
    pace, build, clock = Pace(options.analyze_fps), FrameBuilder(options), ArrivalClock()
    try:
        for picture in decoded(container, options, closed):
            if closed():
                return
            captured_at = clock(picture.time, datetime.now(UTC))
            if pace.is_due(captured_at.timestamp()):
                yield build(picture, captured_at, None)
    except FFmpegError as error:
        reason, text = fault_of(error)
        raise SourceLost(f"{shown} {text}", reason) from None
    except UndecodableError as error:
        raise SourceLost(f"{shown} {error}", "unreadable") from None


class Pace:
    """Thins a sequence of times (seconds) to `fps`, on a fixed grid so that the mean rate is right."""

    def __init__(self, fps: float) -> None:
        self._fps = fps
        self._slot: int | None = None

    def is_due(self, at_s: float) -> bool:
        """True once for each 1/fps of time; a jump back starts anew."""
        slot = int(at_s * self._fps + 1e-3)
        if self._slot is not None and self._slot - 1 <= slot <= self._slot:
            return False
        self._slot = slot
        return True


class ArrivalClock:
    """Dates a live picture: the host's time of arrival, less the jitter that its time stamp gives away.

    The stream's clock runs ahead of the host's by an offset that only the least delayed pictures show; it follows
    earlier arrivals at once and later ones slowly (clock drift), and starts anew after a jump. No picture is dated
    before the one that came before it, unless the host's own clock was set back.
    """

    def __init__(self, drift: float = 0.02, jump_s: float = 2.0) -> None:
        self._drift = drift
        self._jump_s = jump_s
        self._offset_s: float | None = None
        self._last_at: datetime | None = None

    def __call__(self, stamp_s: float | None, arrived_at: datetime) -> datetime:
        """When the picture was taken; never later than it arrived. Without a stamp it is the arrival."""
        taken_at = arrived_at if stamp_s is None else self._smoothed(stamp_s, arrived_at)
        if self._last_at is not None and taken_at < self._last_at <= arrived_at:
            taken_at = self._last_at
        self._last_at = taken_at
        return taken_at

    def _smoothed(self, stamp_s: float, arrived_at: datetime) -> datetime:
        seen_s = arrived_at.timestamp() - stamp_s
        if self._offset_s is None or abs(seen_s - self._offset_s) > self._jump_s:
            self._offset_s = seen_s
        late_s = seen_s - self._offset_s
        self._offset_s += late_s if late_s < 0 else late_s * self._drift
        return arrived_at - timedelta(seconds=max(seen_s - self._offset_s, 0.0))


class FrameBuilder:
    """Decoded pictures to Frames, numbered from 0 and turned upright as the file says.

    Formats other than planar 4:2:0 pass one shared reformatter.
    """

    def __init__(self, options: SourceOptions) -> None:
        self._options = options
        self._reformatter = VideoReformatter()
        self._number = -1

    def __call__(self, picture: av.VideoFrame, captured_at: datetime, media_s: float | None) -> Frame:
        # read first: a reformatted picture has forgotten it
        quarter_turns, whole = round(picture.rotation / 90) % 4, is_whole(picture)
        if picture.format.name not in PLANAR_FORMATS or min(picture.width, picture.height) < 2:
            width, height = max(picture.width & ~1, 2), max(picture.height & ~1, 2)
            picture = self._reformatter.reformat(picture, width, height, "yuv420p")
        self._number += 1
        held = self._upright(picture, quarter_turns)
        return Frame(self._options.camera, captured_at, self._number, held.luma(), held, media_s, whole)

    def _upright(self, picture: av.VideoFrame, quarter_turns: int) -> YuvPicture | BgrPicture:
        if quarter_turns == 0:
            return YuvPicture(picture, self._options.masks)
        turned = np.rot90(YuvPicture(picture).bgr(), quarter_turns)
        return BgrPicture(np.ascontiguousarray(turned), self._options.masks)


def parse_file_url(url: str) -> Path:
    """`clip.mp4`, `file:clip.mp4` or `file:///clips/clip.mp4` to a path; `~` is the home directory."""
    if not url.lower().startswith("file:"):
        return Path(url).expanduser()
    rest = url[len("file:") :]
    if rest.startswith("//"):
        rest = unquote(rest[2:].removeprefix("localhost"))
    return Path(rest).expanduser()


def parse_rtsp_url(url: str, transport: str = "tcp") -> tuple[str, str]:
    """(URL for the camera, tcp or udp): takes our own `?transport=udp` out of the query.

    Raises SourceError for a URL without a host, or another transport.
    """
    parts = urlsplit(url)
    if not parts.hostname:
        raise SourceError(
            f"cannot watch {shown_address(url)}: it names no host, as in rtsp://192.0.2.7/stream", "not_found"
        )
    if "transport=" not in parts.query:
        return url, transport
    pairs = parse_qsl(parts.query, keep_blank_values=True)
    transport = dict(pairs).get("transport", transport)
    if transport not in ("tcp", "udp"):
        raise SourceError(f"cannot watch {shown_address(url)}: transport is tcp or udp, not {transport!r}", "not_found")
    query = urlencode([pair for pair in pairs if pair[0] != "transport"], safe="/:")
    return urlunsplit(parts._replace(query=query)), transport


def stream_facts(container: InputContainer, over: str) -> StreamFacts:
    """Of the video stream that is read."""
    context = container.streams.video[0].codec_context
    return StreamFacts(context.name if context else "unknown", over, bool(container.streams.audio))


def fault_of(error: FFmpegError) -> tuple[CameraFault, str]:
    """What it is, and what to tell a person, of an error of FFmpeg."""
    for kind, reason, text in _FAULTS_BY_ERROR:
        if isinstance(error, kind):
            return reason, text
    return "unreachable", "cannot be read"


def shown_address(url: str) -> str:
    """The URL without user, password and query, in which some cameras carry the password too."""
    return hide_password(url).partition("?")[0]
