"""What a camera's ring holds: bounded, always from a key picture on, dated as its frames are."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path

import av
import pytest
from clips import make_mp4

from surveillance.domain.ports import SourceOptions
from surveillance.ingest.ring import ArrivalDates, PacketRing, parameter_sets
from surveillance.ingest.sources import FileSource

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
NOON_S = NOON.timestamp()


@dataclass
class Sent:
    """A packet as a live stream hands it on."""

    pts: int | None
    dts: int | None
    data: bytes = b"\x00\x00\x01\x41picture"
    is_keyframe: bool = False
    time_base: Fraction = Fraction(1, 90_000)

    @property
    def size(self) -> int:
        return len(self.data)

    def __bytes__(self) -> bytes:
        return self.data


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_mp4(tmp_path_factory.mktemp("ring") / "clip.mp4", frames=250)


def played(clip: Path, ring: PacketRing) -> list[datetime]:
    """The ring after the whole file went through it; when each of its frames was taken."""
    options = SourceOptions("yard", analyze_fps=25, start_at=NOON, packets=ring)
    return [frame.captured_at for frame in FileSource(str(clip), options).frames()]


def test_seconds_bound_it_and_it_begins_with_a_key_picture(clip: Path) -> None:
    ring = PacketRing(seconds=3.0, max_bytes=10_000_000)
    taken = played(clip, ring)
    span = ring.span_s
    assert span is not None
    oldest_s, newest_s = span
    assert newest_s == pytest.approx(taken[-1].timestamp())
    assert 3.0 <= newest_s - oldest_s <= 4.0  # key pictures come each second
    cut = ring.cut(oldest_s - 60, newest_s + 60)
    assert cut is not None
    assert cut.packets[0].is_key
    assert [packet.at_s for packet in cut.packets] == pytest.approx(
        [at.timestamp() for at in taken if at.timestamp() >= oldest_s - 1e-6]
    )


def test_bytes_bound_it_too(clip: Path) -> None:
    ring = PacketRing(seconds=60.0, max_bytes=10_000_000)
    played(clip, ring)
    whole = ring.size_bytes
    small = PacketRing(seconds=60.0, max_bytes=whole // 3)
    played(clip, small)
    assert 0 < small.size_bytes <= whole // 3
    cut = small.cut(0, 2 * NOON_S)
    assert cut is not None
    assert cut.packets[0].is_key
    assert sum(len(packet.data) for packet in cut.packets) == small.size_bytes


def test_a_group_larger_than_all_room_is_not_held(clip: Path) -> None:
    ring = PacketRing(seconds=60.0, max_bytes=500)
    played(clip, ring)
    assert (ring.size_bytes <= 500, ring.has_begun) == (True, True)


def test_a_cut_begins_with_the_key_picture_before_and_ends_with_the_picture_after(clip: Path) -> None:
    ring = PacketRing(seconds=60.0, max_bytes=10_000_000)
    played(clip, ring)
    cut = ring.cut(NOON_S + 4.5, NOON_S + 6.1)
    assert cut is not None
    assert (cut.packets[0].at_s - NOON_S, cut.packets[-1].at_s - NOON_S) == pytest.approx((4.0, 6.12), abs=1e-3)
    assert ring.cut(NOON_S - 9, NOON_S - 8) is None
    assert ring.cut(NOON_S + 11, NOON_S + 12) is None


def test_nothing_is_held_before_the_first_key_picture(clip: Path) -> None:
    ring = PacketRing(seconds=60.0, max_bytes=10_000_000)
    with av.open(str(clip)) as container:
        ring.begin(container.streams.video[0])
        ring.put(Sent(0, 0))
        assert ring.span_s is None
        ring.put(Sent(3600, 3600, is_keyframe=True))
        ring.put(Sent(7200, 7200))
    cut = ring.cut(0, 2 * NOON_S)
    assert cut is not None
    assert [packet.is_key for packet in cut.packets] == [True, False]


def test_a_camera_that_comes_and_goes_leaves_nothing_behind(clip: Path) -> None:
    ring = PacketRing(seconds=60.0, max_bytes=10_000_000)
    with av.open(str(clip)) as container:
        for _ in range(50):
            ring.begin(container.streams.video[0])
    assert (len(ring._stretches), ring.span_s) == (1, None)


def test_each_connection_is_a_stretch_of_its_own(clip: Path) -> None:
    ring = PacketRing(seconds=600.0, max_bytes=10_000_000)
    played(clip, ring)  # 12:00:00 to 12:00:10
    options = SourceOptions("yard", start_at=NOON + timedelta(seconds=60), packets=ring, decode=False)
    assert list(FileSource(str(clip), options).frames()) == []
    assert ring.cut(NOON_S + 20, NOON_S + 50) is None
    before, after = ring.cut(NOON_S + 8, NOON_S + 61), ring.cut(NOON_S + 9.9, NOON_S + 65)
    assert before is not None
    assert after is not None
    assert before.packets[-1].at_s - NOON_S == pytest.approx(9.96)
    assert after.packets[0].at_s - NOON_S == pytest.approx(60.0)


def test_it_waits_until_a_moment_has_come_or_nothing_more_comes(clip: Path) -> None:
    ring = PacketRing(seconds=60.0, max_bytes=10_000_000)
    played(clip, ring)
    assert ring.wait_for(NOON_S + 9, grace_s=0.0)
    assert not ring.wait_for(NOON_S + 60, grace_s=0.0)
    ring.close()
    assert not ring.wait_for(2 * NOON_S, grace_s=3600.0)


def test_live_packets_are_dated_by_the_host_whatever_their_stamps_say() -> None:
    dates = ArrivalDates()
    before = datetime.now(UTC).timestamp()
    stamps = [None, 0, 3600, 3600, 900_000_000, 900_003_600, 90_000, None]  # missing, repeated, jumping both ways
    dated = [dates(Sent(stamp, stamp)) for stamp in stamps]
    after = datetime.now(UTC).timestamp()
    assert all(before - 0.5 <= at_s <= after for at_s, _ in dated)
    at_s, decode_s = dates(Sent(93_600 + 7200, 93_600))  # shown two pictures later than it is decoded
    assert at_s - decode_s == pytest.approx(0.08, abs=1e-6)


def test_parameter_sets_are_found_before_a_picture() -> None:
    sps, pps, picture = b"\x67sps", b"\x68pps", b"\x65picture"
    packet = b"\x00\x00\x00\x01" + sps + b"\x00\x00\x01" + pps + b"\x00\x00\x00\x01" + picture
    assert parameter_sets(packet, "h264") == b"\x00\x00\x00\x01" + sps + b"\x00\x00\x00\x01" + pps
    assert parameter_sets(b"\x00\x00\x00\x01" + picture, "h264") == b""
    assert parameter_sets(b"\x00\x00\x00\x05" + sps, "h264") == b""  # lengths instead of start codes
    assert parameter_sets(packet, "mjpeg") == b""
    vps = b"\x40\x01vps"
    assert parameter_sets(b"\x00\x00\x01" + vps + b"\x00\x00\x01\x26\x01picture", "hevc") == b"\x00\x00\x00\x01" + vps
