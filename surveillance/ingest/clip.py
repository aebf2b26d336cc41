"""A Keep in; the picture of its moment and the clip around it out, as whole files, or a reason why there are none.

The picture is the one that was looked at then, or else decoded from the key picture before it. The camera's masks are
blacked out in it and its people blurred where that is asked for. The clip is a copy of the camera's own packets, never
encoded again, so such cameras have none.
"""

from __future__ import annotations

import errno
import hashlib
import logging
import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

import av
import cv2
from av.error import FFmpegError

from surveillance.domain.kept import Keep, Kept, KeptFile
from surveillance.domain.ports import Hide, SourceOptions
from surveillance.domain.values import Bgr, Frame
from surveillance.ingest.ring import Cut, PacketRing
from surveillance.ingest.seen import SeenFrames
from surveillance.ingest.sources import FrameBuilder
from surveillance.places import recording_place, sync_directory

GRACE_S = 2.0  # how long after its end the last picture of a clip may still be on its way
NEAR_S = 2.0  # a picture this far from the moment is another one
JPEG_QUALITY = 90
TICKS = 90_000  # of a clip's clock, per second
UNCODED = "the camera sends its pictures uncompressed, too much to be held; ask it for another format, such as mjpeg"
BLURRED = "people are blurred on this camera, which a clip, copied as the camera sent it, could not have"
UNSEEN = "people are blurred on this camera, and where they were at that time is not known"
MASKED = "this camera has masks, which a clip, copied as the camera sent it, could not have"

log = logging.getLogger(__name__)

Span = tuple[float, float]  # seconds since 1970
Write = Callable[[Path], Span]  # writes the file and says what it shows


class NotKeptError(Exception):
    """Why there is no file; its text is what people read."""


class RingMedia:
    """Implements KeepMedia over one camera's ring, for any number of threads at a time.

    `why_empty` is the reason given while no stream of packets was ever opened; `hide` blurs the people of pictures;
    `seen` holds what was just looked at of that very stream.
    """

    def __init__(
        self,
        ring: PacketRing,
        media_dir: Path,
        options: SourceOptions,
        why_empty: str,
        hide: Hide | None = None,
        seen: SeenFrames | None = None,
    ) -> None:
        self._ring = ring
        self._media_dir = media_dir
        self._options = options
        self._why_empty = why_empty
        self._hide = hide
        self._seen = seen or SeenFrames()
        self._sized: tuple[bytes, tuple[int, int] | None] = b"", None  # by parameter sets
        self._one_at_a_time = threading.Lock()  # a burst of events must not take the processor from those who look

    def __call__(self, keep: Keep) -> Kept:
        """Waits until the span has passed. Never raises."""
        files: list[KeptFile] = []
        missing: dict[str, str] = {}
        steps: list[tuple[str, str, Callable[[Keep, Path], Span]]] = [("picture", "jpg", self._picture)]
        if keep.ends_at > keep.starts_at:
            steps.append(("clip", "mp4", self._clip))
        for kind, suffix, write in steps:
            try:
                files.append(self._write(kind, f"{keep.event}-{kind}.{suffix}", partial(write, keep)))
            except NotKeptError as error:
                missing[kind] = str(error)
        for kind, why in missing.items():
            log.debug("media not kept", extra={"kind": kind, "id": keep.event, "camera": keep.camera, "reason": why})
        return Kept(keep.event, keep.camera, tuple(files), missing)

    def _picture(self, keep: Keep, draft: Path) -> Span:
        seen = self._seen.at(keep.at)
        frame, shown_s = (seen, keep.at.timestamp()) if seen else self._decoded(keep.at)
        with self._one_at_a_time:
            pixels = self._without_people(frame.picture.bgr(), shown_s)
            done, jpeg = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
        if not done:
            raise NotKeptError("the picture could not be encoded")
        draft.write_bytes(jpeg.tobytes())
        return shown_s, shown_s

    def _decoded(self, at: datetime) -> tuple[Frame, float]:
        """The ring's picture nearest to that time, and its own time. Raises NotKeptError."""
        self._ring.wait_for(at.timestamp(), GRACE_S)
        cut = self._held(at.timestamp(), at.timestamp(), NEAR_S)
        with self._one_at_a_time:
            picture, shown_s = picture_at(cut, at.timestamp())
        return FrameBuilder(self._options)(picture, at, None), shown_s

    def _without_people(self, pixels: Bgr, shown_s: float) -> Bgr:
        """Where that is asked for. Raises NotKeptError."""
        if self._hide is None:
            return pixels
        shown = _moment(shown_s)
        if not self._hide.knows(shown):
            raise NotKeptError(UNSEEN)
        return self._hide(pixels, shown)

    def _clip(self, keep: Keep, draft: Path) -> Span:
        if self._options.masks:
            raise NotKeptError(MASKED)
        if self._hide is not None:
            raise NotKeptError(BLURRED)
        starts_s, ends_s = keep.starts_at.timestamp(), keep.ends_at.timestamp()
        self._ring.wait_for(ends_s, GRACE_S)
        cut = self._held(starts_s, ends_s, 0.0)
        with self._one_at_a_time:
            write_clip(cut, draft, self._size_of(cut))
        return cut.packets[0].at_s, max(packet.at_s for packet in cut.packets)

    def _size_of(self, cut: Cut) -> tuple[int, int] | None:
        """Its first picture's; None where it cannot be decoded here. The same parameter sets say the same size."""
        if not cut.extradata or cut.extradata != self._sized[0]:
            size = None
            with suppress(NotKeptError):
                first, _ = picture_at(Cut(cut.codec, cut.extradata, None, cut.packets[:1]), cut.packets[0].at_s)
                size = first.width, first.height
            self._sized = cut.extradata, size
        return self._sized[1]

    def _held(self, starts_s: float, ends_s: float, slack_s: float) -> Cut:
        """What the ring holds of that span, or else so near to it. Raises NotKeptError."""
        if not self._ring.has_begun:
            raise NotKeptError(self._why_empty)
        span_s = self._ring.span_s
        if self._ring.is_uncoded:
            raise NotKeptError(UNCODED)
        if span_s is None:
            raise NotKeptError("the camera has sent no complete picture since it was found")
        cut = self._ring.cut(starts_s, ends_s) or self._ring.cut(starts_s - slack_s, ends_s + slack_s)
        if cut is not None:
            return cut
        if ends_s < span_s[0]:
            raise NotKeptError(f"it is older than the video that is held, about {self._ring.seconds:g} s")
        raise NotKeptError("the camera was lost at that time")

    def _write(self, kind: str, name: str, write: Write) -> KeptFile:
        """The file, whole and on the disk under its name. Raises NotKeptError."""
        draft: Path | None = None
        try:
            place = recording_place(self._media_dir, name)
            self._make_shelf(place.parent)
            draft = place.with_name(f".{os.getpid()}-{time.monotonic_ns()}{place.suffix}")
            draft.touch(0o600)
            starts_s, ends_s = write(draft)
            size_bytes, sha256 = sealed(draft)
            draft.replace(place)
            sync_directory(place.parent)
        except (FFmpegError, cv2.error, OSError, ValueError, RuntimeError, MemoryError) as error:
            full = getattr(error, "errno", None) == errno.ENOSPC
            why = "the disk is full" if full else getattr(error, "strerror", None) or str(error)
            raise NotKeptError(f"it could not be written: {why}") from error
        finally:
            if draft is not None:
                with suppress(OSError):
                    draft.unlink(missing_ok=True)
        return KeptFile(kind, name, _moment(starts_s), _moment(ends_s), size_bytes, sha256)

    def _make_shelf(self, shelf: Path) -> None:
        if not shelf.is_dir():
            self._media_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
            shelf.mkdir(exist_ok=True, mode=0o700)
            sync_directory(self._media_dir)


def picture_at(cut: Cut, at_s: float) -> tuple[av.VideoFrame, float]:
    """The decoded picture nearest to that time, and its own time. Raises NotKeptError."""
    decoder = open_decoder(cut)
    nearest: tuple[float, av.VideoFrame] | None = None
    start_s = cut.packets[0].at_s
    for packet in (*cut.packets, None):
        encoded = None if packet is None else av.Packet(packet.data)
        if encoded is not None and packet is not None:
            encoded.pts = round((packet.at_s - start_s) * TICKS)
            encoded.dts = round((packet.decode_s - start_s) * TICKS)
            encoded.time_base = Fraction(1, TICKS)
        with suppress(av.error.InvalidDataError):
            for frame in decoder.decode(encoded):
                shown_s = start_s + (frame.pts or 0) / TICKS
                if nearest is None or abs(shown_s - at_s) <= abs(nearest[0] - at_s):
                    nearest = shown_s, frame
    if nearest is None:
        raise NotKeptError(f"the {cut.codec} video of that moment could not be decoded")
    if abs(nearest[0] - at_s) > NEAR_S:
        raise NotKeptError("the camera sent no picture at that time")
    return nearest[1], nearest[0]


def write_clip(cut: Cut, place: Path, size: tuple[int, int] | None) -> None:
    """The packets as an MP4 whose index comes first, so that a browser can play it at once. Raises NotKeptError.

    `size` is said of its pictures instead of what the stream began with, which a camera may have changed.
    """
    if cut.template is None:
        raise NotKeptError(f"video in {cut.codec} cannot be put into a clip")
    start_s = min(packet.decode_s for packet in cut.packets)
    with av.open(str(place), "w", format="mp4", options={"movflags": "faststart"}) as output:
        stream = output.add_stream_from_template(cut.template)
        context = stream.codec_context
        if size is not None:
            context.width, context.height = size
        context.time_base = Fraction(1, TICKS)
        if cut.extradata:
            context.extradata = cut.extradata
        if cut.codec == "hevc":
            context.codec_tag = "hvc1"  # the only one that Apple's players take
        stream.time_base = Fraction(1, TICKS)
        decode_at = -1
        for packet in cut.packets:
            decode_at = max(round((packet.decode_s - start_s) * TICKS), decode_at + 1)
            output.mux(_muxed(packet.data, decode_at, round((packet.at_s - start_s) * TICKS), packet.is_key, stream))


def _muxed(data: bytes, decode_at: int, show_at: int, is_key: bool, stream: Any) -> Any:
    packet = av.Packet(data)
    packet.dts, packet.pts = decode_at, max(show_at, decode_at)
    packet.time_base = Fraction(1, TICKS)
    packet.is_keyframe = is_key
    packet.stream = stream
    return packet


def open_decoder(cut: Cut) -> Any:
    """A decoder of that stream. Raises NotKeptError where there is none."""
    try:
        decoder = av.CodecContext.create(cut.codec, "r")
    except ValueError:
        raise NotKeptError(f"video in {cut.codec} cannot be decoded here") from None
    if cut.extradata:
        decoder.extradata = cut.extradata
    decoder.thread_count = 1
    return decoder


def sealed(file: Path) -> tuple[int, str]:
    """The file's length and SHA-256, once every byte of it is on the disk."""
    digest = hashlib.sha256()
    with file.open("rb") as opened:
        os.fsync(opened.fileno())
        while block := opened.read(1 << 20):
            digest.update(block)
        return opened.tell(), digest.hexdigest()


def _moment(at_s: float) -> datetime:
    return datetime.fromtimestamp(at_s, UTC)
