"""A camera's encoded packets in, the newest seconds of them held, to be cut out again from a key picture on.

Bounded by seconds and by bytes; each packet is dated by the clock that dates the camera's frames.
"""

from __future__ import annotations

import io
import re
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import av
from av.error import FFmpegError

from surveillance.ingest.sources import ArrivalClock

_START_CODE = re.compile(rb"\x00\x00\x01")
_ANNEX_B = (b"\x00\x00\x01", b"\x00\x00\x00\x01")
_HEAD_BYTES = 4096  # parameter sets stand before the picture


@dataclass(frozen=True, slots=True)
class RingPacket:
    """One encoded picture, with the time it shows and the time it is decoded at, in seconds since 1970."""

    at_s: float
    decode_s: float
    is_key: bool
    data: bytes


@dataclass(slots=True)
class Stretch:
    """One unbroken stream: groups of packets that each begin with a key picture, and what decodes and copies them."""

    codec: str
    extradata: bytes
    template: Any  # an av.VideoStream of our own, which outlives the camera's; None where there can be none
    groups: deque[list[RingPacket]] = field(default_factory=deque)


@dataclass(frozen=True, slots=True)
class Cut:
    """Packets of one stretch, from a key picture on, in the order of decoding; never empty."""

    codec: str
    extradata: bytes
    template: Any
    packets: tuple[RingPacket, ...]


class PacketRing:
    """Implements PacketSink for one thread; any thread may `cut`.

    A group of pictures leaves it whole, so that what is held always begins with a key picture. One group larger than
    `max_bytes` is not held at all.
    """

    def __init__(self, seconds: float, max_bytes: int) -> None:
        self.seconds = seconds
        self._max_bytes = max_bytes
        self._stretches: deque[Stretch] = deque()
        self._changed = threading.Condition()
        self._bytes = 0
        self._newest_s = 0.0
        self._dates: ArrivalDates | FileDates = ArrivalDates()
        self._begun = False
        self._uncoded = False
        self._closed = False

    def begin(self, stream: Any, start_at: datetime | None = None) -> None:
        context = stream.codec_context
        self._uncoded = context.name == "rawvideo"
        stretch = Stretch(context.name, bytes(context.extradata or b""), _template_of(stream))
        with self._changed:
            self._dates = ArrivalDates() if start_at is None else FileDates(start_at)
            if self._stretches and not self._stretches[-1].groups:
                self._stretches.pop()  # a camera that comes and goes leaves nothing behind
            self._stretches.append(stretch)
            self._begun = True

    def put(self, packet: Any) -> None:
        if not packet.size or not self._stretches or self._uncoded:  # an empty packet says that a file has ended
            return
        at_s, decode_s = self._dates(packet)
        held = RingPacket(at_s, decode_s, bool(packet.is_keyframe), bytes(packet))
        with self._changed:
            if held.is_key:
                self._renew(held.data)
                self._stretches[-1].groups.append([held])
            elif self._stretches[-1].groups:
                self._stretches[-1].groups[-1].append(held)
            else:  # nothing can be seen before the first key picture
                return
            self._bytes += len(held.data)
            self._newest_s = max(self._newest_s, at_s)
            self._trim()
            self._changed.notify_all()

    def close(self) -> None:
        """Nothing more comes: whoever waits goes on with what there is."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    @property
    def has_begun(self) -> bool:
        """Whether a stream was ever opened."""
        return self._begun

    @property
    def is_uncoded(self) -> bool:
        """Whether the camera sends its pictures uncompressed: a second of them would fill the ring, so none is held."""
        return self._uncoded

    @property
    def size_bytes(self) -> int:
        return self._bytes

    @property
    def span_s(self) -> tuple[float, float] | None:
        """The oldest and the newest time held, in seconds since 1970; None while it is empty."""
        with self._changed:
            firsts = [stretch.groups[0][0].at_s for stretch in self._stretches if stretch.groups]
            return (firsts[0], self._newest_s) if firsts else None

    def wait_for(self, at_s: float, grace_s: float) -> bool:
        """Until a packet of that time has come, or `grace_s` after it by the host's clock. True when it has."""
        with self._changed:
            while not self._closed and self._newest_s < at_s:
                left_s = at_s + grace_s - time.time()
                if left_s <= 0:
                    break
                self._changed.wait(left_s)
            return self._newest_s >= at_s

    def cut(self, starts_s: float, ends_s: float) -> Cut | None:
        """What is held of that span: from the key picture before it (else the first one in it) to the picture after.

        Where the stream broke in between, the longer part. None when nothing of it is held.
        """
        with self._changed:
            cuts = [_cut(stretch, starts_s, ends_s) for stretch in self._stretches]
        found = [cut for cut in cuts if cut is not None]
        return max(found, key=lambda cut: _covered_s(cut, starts_s, ends_s), default=None)

    def _renew(self, key_picture: bytes) -> None:
        """A camera that changes its picture size sends other parameter sets: what follows is another stretch."""
        stretch = self._stretches[-1]
        sets = parameter_sets(key_picture, stretch.codec) if stretch.extradata[:1] != b"\x01" else b""
        if not sets or sets == stretch.extradata:
            return
        if stretch.groups:
            self._stretches.append(Stretch(stretch.codec, sets, stretch.template))
        else:
            stretch.extradata = sets

    def _trim(self) -> None:
        while self._bytes > self._max_bytes or self._is_too_old(self._next_key()):
            oldest = self._stretches[0]
            if not oldest.groups:
                self._stretches.popleft()
                continue
            self._bytes -= sum(len(packet.data) for packet in oldest.groups.popleft())
            if not oldest.groups and len(self._stretches) > 1:
                self._stretches.popleft()

    def _next_key(self) -> float | None:
        """When what would be left begins, if the oldest group went."""
        starts = (group[0].at_s for stretch in self._stretches for group in stretch.groups)
        next(starts, None)
        return next(starts, None)

    def _is_too_old(self, at_s: float | None) -> bool:
        return at_s is not None and at_s <= self._newest_s - self.seconds


class ArrivalDates:
    """Dates a live stream's packets by the host, as its frames are; missing and jumping stamps included."""

    def __init__(self) -> None:
        self._clock = ArrivalClock()

    def __call__(self, packet: Any) -> tuple[float, float]:
        shown, decoded = packet.pts, packet.dts if packet.dts is not None else packet.pts
        stamp_s = None if decoded is None else float(decoded * packet.time_base)
        decode_s = self._clock(stamp_s, datetime.now(UTC)).timestamp()
        ahead_s = 0.0 if decoded is None or shown is None else float((shown - decoded) * packet.time_base)
        return decode_s + max(ahead_s, 0.0), decode_s


class FileDates:
    """Dates a file's packets from when its first picture was shown."""

    def __init__(self, start_at: datetime) -> None:
        self._start_s = start_at.timestamp()
        self._first: int | None = None
        self._last_s = self._start_s

    def __call__(self, packet: Any) -> tuple[float, float]:
        shown = packet.pts if packet.pts is not None else packet.dts
        if shown is None:
            return self._last_s, self._last_s
        self._first = shown if self._first is None else self._first
        decoded = packet.dts if packet.dts is not None else shown
        at_s, decode_s = (self._start_s + float((stamp - self._first) * packet.time_base) for stamp in (shown, decoded))
        self._last_s = at_s
        return at_s, decode_s


def parameter_sets(data: bytes, codec: str) -> bytes:
    """The sequence and picture parameter sets in a packet of H.264 or H.265 (Annex B of either); else nothing."""
    if codec not in ("h264", "hevc") or not data.startswith(_ANNEX_B):
        return b""
    head = data[:_HEAD_BYTES]
    starts = [match.end() for match in _START_CODE.finditer(head)]
    ends = [start - len(_ANNEX_B[0]) for start in starts[1:]] + [len(head)]
    sets = b""
    for start, end in zip(starts, ends, strict=True):
        unit = head[start:end].rstrip(b"\x00") or b"\x00"
        kind = unit[0] & 0x1F if codec == "h264" else unit[0] >> 1 & 0x3F
        if kind in ((7, 8) if codec == "h264" else (32, 33, 34)):
            sets += _ANNEX_B[1] + unit
    return sets


def _template_of(stream: Any) -> Any:
    """A copy of what describes the stream, in an output of our own that is never written."""
    try:
        return av.open(io.BytesIO(), "w", format="mp4").add_stream_from_template(stream)
    except (FFmpegError, ValueError):
        return None


def _cut(stretch: Stretch, starts_s: float, ends_s: float) -> Cut | None:
    groups = list(stretch.groups)
    first = max((place for place, group in enumerate(groups) if group[0].at_s <= starts_s), default=0)
    packets: list[RingPacket] = []
    for packet in (packet for group in groups[first:] for packet in group):
        packets.append(packet)
        if packet.decode_s >= ends_s and packet.at_s >= ends_s:
            break
    if not packets or packets[0].at_s > ends_s or max(packet.at_s for packet in packets) < starts_s:
        return None
    return Cut(stretch.codec, stretch.extradata, stretch.template, tuple(packets))


def _covered_s(cut: Cut, starts_s: float, ends_s: float) -> float:
    last_s = max(packet.at_s for packet in cut.packets)
    return min(last_s, ends_s) - max(cut.packets[0].at_s, starts_s)
