"""An open container in, its pictures out: all of them, those that others refer to, or key pictures while all is quiet.

Each picture refers to ones before it, back to a key picture: what was passed over is caught up with from there.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import av

from surveillance.domain.ports import SourceOptions
from surveillance.domain.values import Motion, Track

if TYPE_CHECKING:
    from av.container import InputContainer

    VideoPacket = av.Packet[av.VideoStream]

KEY_PICTURE_S = 40.0  # how long a live stream may go on without one
LONG_GROUP_S = 2.5  # with key pictures further apart a camera that is looked at no more often would count as stale
MOST_PASSED = 250  # packets, where their stamps say nothing
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
    dozing = Dozing(options.keys_only)
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
            for each in dozing(packet):
                with suppress(av.error.InvalidDataError):
                    for picture in each.decode():
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


class Dozing:
    """Which packets of a stream to decode now: each one, or key pictures alone while `keys_only` says so.

    What is passed over is kept until the next key picture, and decoded first when it is no longer so. A stream whose
    key pictures are far apart never dozes again.
    """

    def __init__(self, keys_only: Callable[[], bool]) -> None:
        self._keys_only = keys_only
        self._is_fit = True
        self._dozes = False
        self._key_s = 0.0
        self._passed: list[VideoPacket] = []

    def __call__(self, packet: VideoPacket) -> Sequence[VideoPacket]:
        """Those to decode, in order."""
        stamp = packet.dts if packet.dts is not None else packet.pts
        if stamp is None:  # such as the last one of a file, which says that no more come
            return (packet,)
        at_s = float(stamp * packet.time_base)
        if packet.is_keyframe:
            self._key_s, self._passed = at_s, []
            self._dozes = self._is_fit and self._keys_only()
            return (packet,)
        if not self._dozes:
            return (packet,)
        self._passed.append(packet)
        self._is_fit = at_s - self._key_s <= LONG_GROUP_S and len(self._passed) < MOST_PASSED
        if self._is_fit and self._keys_only():
            return ()
        due, self._passed, self._dozes = self._passed, [], False
        return due


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
