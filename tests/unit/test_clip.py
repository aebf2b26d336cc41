"""What is cut out of a ring: the picture of a moment and a clip that plays, or a reason in words."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from clips import drawn, make_mp4

from surveillance.domain.kept import Keep, Kept
from surveillance.domain.ports import Hide, SourceOptions
from surveillance.domain.values import Bgr, Frame
from surveillance.ingest.clip import BLURRED, MASKED, UNCODED, UNSEEN, RingMedia
from surveillance.ingest.ring import PacketRing
from surveillance.ingest.seen import SeenFrames
from surveillance.ingest.sources import FileSource
from surveillance.places import recording_place

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
EVENT = "01a1fc9f-a6fd-738f-b459-81e90dff660e"
EMPTY = "the camera has sent no video since it was started"
MASK = ((0.0, 0.0), (0.5, 0.0), (0.5, 0.5), (0.0, 0.5))

Filled = Callable[..., tuple[RingMedia, list[Frame]]]


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_mp4(tmp_path_factory.mktemp("clip") / "clip.mp4", frames=250)


@pytest.fixture
def filled(tmp_path: Path) -> Filled:
    """Media over a ring through which that file went, and the frames that it gave."""

    def fill(
        clip: Path,
        ring_s: float = 60.0,
        masks: tuple = (),  # type: ignore[type-arg]
        hide: Hide | None = None,
    ) -> tuple[RingMedia, list[Frame]]:
        ring = PacketRing(ring_s, 10_000_000)
        options = SourceOptions("yard", analyze_fps=25, start_at=NOON, packets=ring, masks=masks)
        frames = list(FileSource(str(clip), options).frames())
        return RingMedia(ring, tmp_path / "media", replace(options, packets=None), EMPTY, hide), frames

    return fill


def wish(at_s: float, before_s: float = 2.0, after_s: float = 1.0) -> Keep:
    at = NOON + timedelta(seconds=at_s)
    return Keep(EVENT, "yard", at, at - timedelta(seconds=before_s), at + timedelta(seconds=after_s))


def files(directory: Path) -> list[str]:
    return sorted(path.name for path in (directory / "media").rglob("*") if path.is_file())


def pixels(directory: Path) -> np.ndarray:  # type: ignore[type-arg]
    found = cv2.imread(str(recording_place(directory / "media", f"{EVENT}-picture.jpg")))
    assert found is not None
    return found


def block(picture: np.ndarray) -> int:  # type: ignore[type-arg]
    """The left edge of the red block."""
    return int(np.argmax(picture[80, :, 2].astype(int) - picture[80, :, 0] > 100))


def test_the_picture_is_the_one_of_that_moment(filled: Filled, clip: Path, tmp_path: Path) -> None:
    media, frames = filled(clip)
    frame = frames[118]  # 43 pictures after its key picture
    kept = media(Keep(EVENT, "yard", frame.captured_at, frame.captured_at, frame.captured_at))
    [file] = kept.files
    written = recording_place(tmp_path / "media", file.name)
    assert kept == Kept(EVENT, "yard", (file,), {})
    assert (file.kind, file.name) == ("picture", f"{EVENT}-picture.jpg")
    assert file.starts_at == file.ends_at == frame.captured_at
    assert file.sha256 == hashlib.sha256(written.read_bytes()).hexdigest()
    assert file.size_bytes == written.stat().st_size
    assert written.stat().st_mode & 0o777 == 0o600
    assert files(tmp_path) == [file.name]
    found = pixels(tmp_path)
    assert found.shape == (180, 320, 3)
    assert np.abs(found.astype(int) - frame.picture.bgr()).mean() < 2
    assert block(found) == pytest.approx(block(drawn(118)), abs=1)


def test_the_clip_covers_its_span_and_plays(filled: Filled, clip: Path, tmp_path: Path) -> None:
    media, _ = filled(clip)
    kept = media(wish(5.5))
    picture, video = kept.files
    assert (picture.kind, video.kind, dict(kept.missing)) == ("picture", "clip", {})
    assert video.starts_at == NOON + timedelta(seconds=3)  # the key picture before 3.5 s
    assert (video.ends_at - NOON).total_seconds() == pytest.approx(6.52, abs=0.001)
    with av.open(str(recording_place(tmp_path / "media", video.name))) as container:
        shown = [(frame.time, block(frame.to_ndarray(format="bgr24"))) for frame in container.decode(video=0)]
    assert [time for time, _ in shown] == pytest.approx([number / 25 for number in range(89)], abs=0.001)
    assert [left for _, left in shown] == pytest.approx([block(drawn(75 + number)) for number in range(89)], abs=1)
    data = recording_place(tmp_path / "media", video.name).read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")  # a browser plays it before it has all of it


@pytest.mark.parametrize("codec", ["libx264", "libx265", "mjpeg"])
def test_other_kinds_of_video_are_copied_as_they_are(codec: str, filled: Filled, tmp_path: Path) -> None:
    source = tmp_path / "source.mkv"
    with av.open(str(source), "w") as container:
        how = {} if codec == "mjpeg" else {"g": "25", "preset": "ultrafast", "bf": "2"}
        how |= {"x265-params": "log-level=none"} if codec == "libx265" else {}
        stream = container.add_stream(codec, rate=25, options=how)
        stream.width, stream.height, stream.pix_fmt = 320, 180, "yuvj420p" if codec == "mjpeg" else "yuv420p"
        for number in range(100):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(drawn(number), format="bgr24")))
        container.mux(stream.encode())
    media, _ = filled(source)
    kept = media(wish(1.52, before_s=1.0))
    assert [file.kind for file in kept.files] == ["picture", "clip"], kept.missing
    assert block(pixels(tmp_path)) == pytest.approx(block(drawn(38)), abs=2)
    with av.open(str(recording_place(tmp_path / "media", f"{EVENT}-clip.mp4"))) as container:
        assert container.streams.video[0].codec_context.name == codec.replace("libx264", "h264").replace(
            "libx265", "hevc"
        )
        lefts = [block(frame.to_ndarray(format="bgr24")) for frame in container.decode(video=0)]
    assert len(lefts) >= 50
    assert sorted(lefts) == lefts


def test_masks_are_black_in_the_picture_and_there_is_no_clip(filled: Filled, clip: Path, tmp_path: Path) -> None:
    media, _ = filled(clip, masks=(MASK,))
    kept = media(wish(5.5))
    assert [file.kind for file in kept.files] == ["picture"]
    assert kept.missing == {"clip": MASKED}
    found = pixels(tmp_path)
    assert found[:88, :158].max() < 16
    assert found[130:, 200:].min() > 30


class Hidden:
    """Hides everything; knows where people were from second 4 on."""

    def __call__(self, pixels: Bgr, at: datetime) -> Bgr:
        assert abs(at - NOON - timedelta(seconds=5.5)) < timedelta(seconds=0.1)
        return np.zeros_like(pixels)

    def knows(self, at: datetime) -> bool:
        return at >= NOON + timedelta(seconds=4)


def test_people_are_blurred_in_the_picture_and_there_is_no_clip(filled: Filled, clip: Path, tmp_path: Path) -> None:
    media, _ = filled(clip, hide=Hidden())
    kept = media(wish(5.5))
    assert [file.kind for file in kept.files] == ["picture"]
    assert kept.missing == {"clip": BLURRED}
    assert pixels(tmp_path).max() == 0
    assert media(wish(2.5)).missing == {"picture": UNSEEN, "clip": BLURRED}


def test_what_is_not_held_is_missing_with_the_reason(filled: Filled, clip: Path, tmp_path: Path) -> None:
    media, _ = filled(clip, ring_s=3.0)
    old = "it is older than the video that is held, about 3 s"
    lost = "the camera was lost at that time"
    assert media(wish(1.0)) == Kept(EVENT, "yard", (), {"picture": old, "clip": old})
    assert media(wish(60.0)) == Kept(EVENT, "yard", (), {"picture": lost, "clip": lost})
    never = RingMedia(PacketRing(3.0, 1000), tmp_path / "media", SourceOptions("yard"), EMPTY)
    assert never(wish(1.0)).missing == {"picture": EMPTY, "clip": EMPTY}
    assert files(tmp_path) == []


def test_a_clip_that_is_held_in_part_says_what_it_covers(filled: Filled, clip: Path) -> None:
    media, _ = filled(clip, ring_s=3.0)
    picture, video = media(wish(9.5, before_s=5.0, after_s=5.0)).files
    assert picture.starts_at == NOON + timedelta(seconds=9.52) or picture.starts_at == NOON + timedelta(seconds=9.48)
    assert video.starts_at == NOON + timedelta(seconds=6)
    assert (video.ends_at - NOON).total_seconds() == pytest.approx(9.96, abs=0.001)


def test_a_directory_that_cannot_be_written_is_a_reason(filled: Filled, clip: Path, tmp_path: Path) -> None:
    media, _ = filled(clip)
    (tmp_path / "media").write_text("in the way")
    missing = media(wish(5.5)).missing
    assert set(missing) == {"picture", "clip"}
    assert all(why.startswith("it could not be written: ") for why in missing.values())


def test_a_name_that_leads_elsewhere_is_not_written(filled: Filled, clip: Path, tmp_path: Path) -> None:
    media, _ = filled(clip)
    kept = media(replace(wish(5.5), event="../../somewhere"))
    assert kept.files == ()
    assert (
        kept.missing["picture"]
        == "it could not be written: '../../somewhere-picture.jpg' is not the name of a recording"
    )


def test_a_picture_that_was_looked_at_then_is_kept_as_it_was(filled: Filled, clip: Path, tmp_path: Path) -> None:
    """It takes no decoding, even of a camera that has no video to decode. One that shows less than was sent is not."""
    _, frames = filled(clip)
    seen = SeenFrames()
    media = RingMedia(PacketRing(3.0, 1000), tmp_path / "media", SourceOptions("yard"), EMPTY, seen=seen)
    for number, frame in enumerate(frames[:130]):
        seen.looked(replace(frame, is_whole=number != 125), is_told=number % 5 == 0)

    kept = media(wish(4.8))
    [file] = kept.files
    assert (file.kind, file.starts_at, dict(kept.missing)) == ("picture", frames[120].captured_at, {"clip": EMPTY})
    assert np.abs(pixels(tmp_path).astype(int) - frames[120].picture.bgr()).mean() < 2

    not_told, not_whole, too_old = 124, 125, 100
    for number in (not_told, not_whole, too_old):
        assert media(wish(number / 25)).missing["picture"] == EMPTY
    seen.looked(replace(frames[0], captured_at=NOON + timedelta(seconds=7)), is_told=False)
    assert media(wish(4.8)).missing["picture"] == EMPTY


def test_damaged_video_is_a_reason(clip: Path, tmp_path: Path) -> None:
    ring = PacketRing(60.0, 10_000_000)
    with av.open(str(clip)) as container:
        stream = container.streams.video[0]
        ring.begin(stream, NOON)
        for packet in container.demux(stream):
            if packet.size:
                damaged = av.Packet(b"\xff" * packet.size)
                damaged.pts, damaged.dts, damaged.time_base = packet.pts, packet.dts, packet.time_base
                damaged.is_keyframe = packet.is_keyframe
                ring.put(damaged)
    kept = RingMedia(ring, tmp_path / "media", SourceOptions("yard"), EMPTY)(wish(5.5))
    assert kept.missing["picture"] == "the h264 video of that moment could not be decoded"


def test_uncompressed_pictures_are_not_held(tmp_path: Path) -> None:
    source = tmp_path / "raw.avi"
    with av.open(str(source), "w") as container:
        stream = container.add_stream("rawvideo", rate=25)
        stream.width, stream.height, stream.pix_fmt = 320, 180, "yuv420p"
        for number in range(25):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(drawn(number), format="bgr24")))
    ring = PacketRing(60.0, 10_000_000)
    assert list(FileSource(str(source), SourceOptions("yard", start_at=NOON, packets=ring)).frames())
    kept = RingMedia(ring, tmp_path / "media", SourceOptions("yard"), EMPTY)(wish(0.5, before_s=0.1, after_s=0.1))
    assert (ring.size_bytes, dict(kept.missing)) == (0, {"picture": UNCODED, "clip": UNCODED})
