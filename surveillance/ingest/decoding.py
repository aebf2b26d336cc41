"""An open container in, its pictures out; while all is quiet with less work, or key pictures alone.

Each picture refers to ones before it, back to a key picture: what was left out is caught up with from there.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, cast

import av

from surveillance.domain.ports import SourceOptions
from surveillance.domain.values import Motion, Track

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.codeccontext import VideoCodecContext

    VideoPacket = av.Packet[av.VideoStream]

KEY_PICTURE_S = 40.0  # how long a live stream may go on without one
LONG_GROUP_S = 2.5  # with key pictures further apart a camera that is looked at no more often would count as stale
MOST_PASSED = 250  # packets, where their stamps say nothing
FILTERED = ("h264", "hevc")  # the codecs that have one that can be left out
UNFILTERED = "unfiltered"  # a picture that was decoded so
CALM = timedelta(seconds=10)  # nothing moves for so long, and a camera is quiet


class UndecodableError(Exception):
    """Packets come, and no picture of them can be decoded."""


def decoded(
    container: InputContainer, options: SourceOptions, closed: Callable[[], bool], start_at: datetime | None = None
) -> Iterator[av.VideoFrame]:
    """Pictures in order; damaged packets are passed over, as a camera's first ones often are.

    Each packet goes to `options.packets` first, and nowhere else without `options.decode`.
    """
    stream = container.streams.video[0]
    if stream.codec_context is None:
        raise UndecodableError("holds video of a kind that cannot be decoded here")
    stream.codec_context.thread_count = 1
    if options.references_only:
        stream.codec_context.skip_frame = "NONREF"
    decode = (Dozing if options.while_quiet == "keys" else Unfiltered)(stream.codec_context, options.is_quiet)
    seen_s = time.monotonic()
    is_keyed = False
    if options.packets is not None:
        options.packets.begin(stream, start_at)
    for packet in _packets(container, stream):
        if closed():
            return
        if options.packets is not None:
            options.packets.put(packet)
        if options.decode:
            for picture in decode(packet):
                yield picture
                seen_s = time.monotonic()
            if packet.is_keyframe and not is_keyed:
                is_keyed, seen_s = True, time.monotonic()
            # nothing can be decoded before the first key picture, which some cameras send twice a minute only
            limit_s = options.read_timeout_s if is_keyed else KEY_PICTURE_S
            if start_at is None and time.monotonic() - seen_s > limit_s:
                raise UndecodableError(f"sends {stream.codec_context.name}, but no picture that can be decoded")


def _packets(container: InputContainer, stream: av.VideoStream) -> Iterator[VideoPacket]:
    try:
        yield from container.demux(stream)
    except IndexError:  # PyAV knows the streams that there were at the start
        raise UndecodableError("began another stream in the middle") from None


def _pictures(context: VideoCodecContext, packet: VideoPacket) -> Iterator[av.VideoFrame]:
    with suppress(av.error.InvalidDataError):
        yield from context.decode(packet)


class Group:
    """Whether work may be saved on a packet: from a key picture on, for as long as `is_quiet` says so.

    A stream whose key pictures are far apart never saves any again.
    """

    def __init__(self, is_quiet: Callable[[], bool]) -> None:
        self.saves = False
        self.is_fit = True
        self._is_quiet = is_quiet
        self._key_s = 0.0
        self._packets: list[VideoPacket] = []  # since the key picture, on which was saved

    def __call__(self, packet: VideoPacket) -> Sequence[VideoPacket]:
        """Those before it, from the key picture on, on which should not have been saved: it is quiet no more."""
        stamp = packet.dts if packet.dts is not None else packet.pts
        if stamp is None:  # such as the last one of a file, which says that no more come
            return ()
        at_s = float(stamp * packet.time_base)
        if packet.is_keyframe:
            self._key_s = at_s
            self.saves = self.is_fit and self._is_quiet()
            self._packets = [packet] if self.saves else []
            return ()
        if not self.saves:
            return ()
        self.is_fit = at_s - self._key_s <= LONG_GROUP_S and len(self._packets) < MOST_PASSED
        if self.is_fit and self._is_quiet():
            self._packets.append(packet)
            return ()
        due, self._packets, self.saves = self._packets, [], False
        return due


class Dozing:
    """Decodes a stream's packets, while `is_quiet` key pictures alone; what was passed over first when it is not."""

    def __init__(self, context: VideoCodecContext, is_quiet: Callable[[], bool]) -> None:
        self._context = context
        self._group = Group(is_quiet)

    def __call__(self, packet: VideoPacket) -> Iterator[av.VideoFrame]:
        for passed in self._group(packet)[1:]:
            yield from _pictures(self._context, passed)
        if packet.is_keyframe or not packet.size or not self._group.saves:
            yield from _pictures(self._context, packet)


class Unfiltered:
    """Decodes a stream's packets, while `is_quiet` without the deblocking filter, a quarter of the work.

    What it would have smoothed adds up from picture to picture, until the next key picture. Once it is quiet no more,
    the pictures since the last one are decoded again for those to come: what moves is seen as it was sent.
    """

    def __init__(self, context: VideoCodecContext, is_quiet: Callable[[], bool]) -> None:
        self._full = context
        self._plain: VideoCodecContext | None = None  # while it is quiet
        self._group = Group(is_quiet)
        self._group.is_fit = context.name in FILTERED
        self._shape: object = None  # of the last picture

    def __call__(self, packet: VideoPacket) -> Iterator[av.VideoFrame]:
        due = self._group(packet)
        if self._plain is not None and not self._group.saves:
            self._plain = None
            self._full.flush_buffers()
            for passed in due:
                list(_pictures(self._full, passed))
        elif self._plain is None and self._group.saves:
            yield from self._begin(packet)
            return
        for picture in _pictures(self._plain or self._full, packet):
            self._shape = _shape_of(picture)
            yield picture if self._plain is None else _marked(picture)

    def _begin(self, packet: VideoPacket) -> Iterator[av.VideoFrame]:
        """A key picture by another decoder, which goes on if it shows what this one showed."""
        plain = _without_filter(self._full)
        pictures = [] if self._full.has_b_frames or self._shape is None else list(_pictures(plain, packet))
        if [_shape_of(picture) for picture in pictures] == [self._shape]:
            self._plain = plain
            pictures = [_marked(picture) for picture in pictures]
        else:
            pictures = list(_pictures(self._full, packet))
            self._group.saves, self._group.is_fit = False, self._shape is None
            self._shape = _shape_of(pictures[-1]) if pictures else None
        yield from pictures


def _without_filter(context: VideoCodecContext) -> VideoCodecContext:
    plain = cast("VideoCodecContext", av.VideoCodecContext.create(context.name, "r"))
    plain.extradata = context.extradata
    plain.thread_count = 1
    plain.options = {"skip_loop_filter": "all"}
    return plain


def is_whole(picture: av.VideoFrame) -> bool:
    """Whether nothing was left out in decoding it."""
    return picture.opaque is not UNFILTERED


def _marked(picture: av.VideoFrame) -> av.VideoFrame:
    picture.opaque = UNFILTERED
    return picture


def _shape_of(picture: av.VideoFrame) -> tuple[int, int, str, float]:
    return picture.width, picture.height, picture.format.name, picture.rotation


class Calm:
    """Told of each picture of a camera, it says whether nothing has moved there for a while, by the pictures' clock."""

    def __init__(self) -> None:
        self._moved_at: datetime | None = None
        self._is_calm = False

    def looked(self, at: datetime, motion: Motion, tracks: Sequence[Track]) -> None:
        if self._moved_at is None or motion.reason == "motion" or tracks or at < self._moved_at:
            self._moved_at = at
        self._is_calm = at - self._moved_at >= CALM

    def __call__(self) -> bool:
        return self._is_calm
