"""Pictures and clips of real cameras: the main stream held beside the sub stream that is analyzed, and its loss."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from clips import make_mp4
from http_camera import HttpCamera
from patience import eventually
from services import lacking

from surveillance.app.runtime import media_dir
from surveillance.app.worker import build_frames, build_media, build_ring
from surveillance.bench.rtsp_server import Mount, RtspServer, is_installed
from surveillance.domain.kept import Keep, Kept
from surveillance.domain.site import Camera
from surveillance.domain.values import Frame, new_id
from surveillance.ingest.clip import RingMedia
from surveillance.ingest.ring import PacketRing
from surveillance.ingest.settings import IngestSettings
from surveillance.places import recording_place
from surveillance.settings import Settings

MAIN, SUB = (640, 360), (320, 180)
SECOND = timedelta(seconds=1)


@dataclass
class Watched:
    """A camera that is being read as a worker does."""

    settings: Settings
    ring: PacketRing
    media: RingMedia
    frames: list[Frame] = field(default_factory=list)

    def has_seen(self, seconds: float) -> bool:
        """Whether the ring holds so much, and a frame of its last second was looked at."""
        span = self.ring.span_s
        held = span is not None and span[1] - span[0] >= seconds
        return held and bool(self.frames) and self.frames[-1].captured_at.timestamp() > (span[1] if span else 0) - 1

    def keep(self, at: datetime, before: timedelta, after: timedelta) -> Kept:
        return self.media(Keep(new_id(), "yard", at, at - before, at + after))

    def place(self, name: str) -> Path:
        return recording_place(media_dir(self.settings), name)


@pytest.fixture(scope="module")
def mounts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Mount]:
    if not is_installed():
        lacking("an RTSP server (gst-rtsp-server)")
    folder = tmp_path_factory.mktemp("recorded")
    return {
        "/main": Mount([make_mp4(folder / "main.mp4", frames=50, size=MAIN)]),
        "/sub": Mount([make_mp4(folder / "sub.mp4", frames=50, size=SUB)]),
        "/changing": Mount(
            [make_mp4(folder / "small.mp4", 25, size=SUB), make_mp4(folder / "large.mp4", 25, size=MAIN)]
        ),
    }


@contextmanager
def watching(camera: Camera, directory: Path) -> Iterator[Watched]:
    ingest = IngestSettings(retry_ladder=((0.2, 1000),), read_timeout_s=2.0)
    settings = Settings(data_dir=directory, ingest=ingest)
    ring = build_ring(settings)
    source = build_frames(settings, camera, lambda report: None, ring=ring)
    watched = Watched(settings, ring, build_media(settings, camera, ring))
    reader = threading.Thread(target=lambda: watched.frames.extend(source.frames()))
    reader.start()
    try:
        yield watched
    finally:
        source.close()
        reader.join(60)


def read(watched: Watched, kept: Kept) -> tuple[np.ndarray, list[tuple[float, tuple[int, int]]]]:  # type: ignore[type-arg]
    """The picture, and the time and size of each picture of the clip."""
    assert dict(kept.missing) == {}
    picture, clip = kept.files
    pixels = cv2.imread(str(watched.place(picture.name)))
    assert pixels is not None
    with av.open(str(watched.place(clip.name))) as container:
        shown = [(float(frame.time or 0), (frame.width, frame.height)) for frame in container.decode(video=0)]
    return pixels, shown


def test_the_main_stream_is_kept_and_the_sub_stream_analyzed(mounts: dict[str, Mount], tmp_path: Path) -> None:
    with RtspServer(mounts) as server:
        camera = Camera("yard", server.address("/main"), sub_url=server.address("/sub"), analyze_fps=10)
        with watching(camera, tmp_path) as watched:
            assert eventually(lambda: watched.has_seen(3.0), 60)
            at = watched.frames[-1].captured_at
            kept = watched.keep(at, 2 * SECOND, 2 * SECOND)
            assert {(frame.picture.width, frame.picture.height) for frame in watched.frames} == {SUB}
            pixels, shown = read(watched, kept)
            clip = kept.files[1]
            assert pixels.shape[:2] == MAIN[::-1]
            assert clip.starts_at <= at - 2 * SECOND
            assert clip.ends_at >= at + 2 * SECOND
            assert {size for _, size in shown} == {MAIN}
            assert shown[-1][0] - shown[0][0] >= 4.0
            assert abs((kept.files[0].starts_at - at).total_seconds()) < 0.1


def test_one_stream_gives_the_very_picture_that_was_analyzed(mounts: dict[str, Mount], tmp_path: Path) -> None:
    with RtspServer(mounts) as server, watching(Camera("yard", server.address("/sub")), tmp_path) as watched:
        assert eventually(lambda: watched.has_seen(2.0), 60)
        frame = watched.frames[-3]
        pixels, _ = read(watched, watched.keep(frame.captured_at, SECOND, SECOND))
        assert np.abs(pixels.astype(int) - frame.picture.bgr()).mean() < 2


def test_a_lost_main_stream_is_missing_and_comes_back(mounts: dict[str, Mount], tmp_path: Path) -> None:
    with RtspServer(mounts) as server, watching(Camera("yard", server.address("/main")), tmp_path) as watched:
        assert eventually(lambda: watched.has_seen(1.0), 60)
        server.kill()
        lost_at = datetime.now(UTC) + 3 * SECOND
        lost = watched.keep(lost_at, SECOND / 2, SECOND / 2)
        assert dict(lost.missing) == dict.fromkeys(("picture", "clip"), "the camera was lost at that time")
        count = len(watched.frames)
        server.start()
        assert eventually(lambda: len(watched.frames) > count + 10, 60)
        found = watched.keep(datetime.now(UTC), SECOND / 2, SECOND)
        read(watched, found)


def test_a_picture_size_that_changes_makes_clips_that_play(mounts: dict[str, Mount], tmp_path: Path) -> None:
    with RtspServer(mounts) as server, watching(Camera("yard", server.address("/changing")), tmp_path) as watched:
        assert eventually(lambda: watched.has_seen(4.0), 60)
        at = watched.frames[-1].captured_at
        sizes = set()
        for back in (0.2, 1.2, 2.2):
            _, shown = read(watched, watched.keep(at - back * SECOND, SECOND / 10, SECOND / 10))
            assert len({size for _, size in shown}) == 1
            sizes.add(shown[0][1])
        assert sizes == {MAIN, SUB}


def test_a_stop_ends_the_wait_for_a_clip(mounts: dict[str, Mount], tmp_path: Path) -> None:
    answers: list[Kept] = []
    with RtspServer(mounts) as server:
        with watching(Camera("yard", server.address("/sub")), tmp_path) as watched:
            assert eventually(lambda: watched.has_seen(1.0), 60)
            now = datetime.now(UTC)
            waiting = threading.Thread(target=lambda: answers.append(watched.keep(now, SECOND, 3600 * SECOND)))
            waiting.start()
        waiting.join(60)
    [kept] = answers
    assert [file.kind for file in kept.files] == ["picture", "clip"]


def test_mjpeg_over_http_is_kept_as_it_came(tmp_path: Path) -> None:
    with HttpCamera() as camera, watching(Camera("yard", camera.url("/mjpeg")), tmp_path) as watched:
        assert eventually(lambda: watched.has_seen(1.0), 60)
        frame = watched.frames[-2]
        pixels, shown = read(watched, watched.keep(frame.captured_at, SECOND / 2, SECOND / 2))
        assert np.abs(pixels.astype(int) - frame.picture.bgr()).mean() < 2
        assert {size for _, size in shown} == {SUB}
        assert shown[-1][0] - shown[0][0] >= 0.9


def test_a_still_picture_says_that_it_has_no_video(tmp_path: Path) -> None:
    with HttpCamera() as camera, watching(Camera("yard", camera.url("/still")), tmp_path) as watched:
        assert eventually(lambda: bool(watched.frames), 60)
        kept = watched.keep(watched.frames[0].captured_at, SECOND, SECOND / 10)
        why = "the camera has sent no video since it was started; an address of a still picture has none"
        assert dict(kept.missing) == {"picture": why, "clip": why}


def test_a_main_stream_that_is_not_there_costs_no_frame(mounts: dict[str, Mount], tmp_path: Path) -> None:
    with RtspServer(mounts) as server:
        camera = Camera("yard", server.address("/nowhere"), sub_url=server.address("/sub"))
        with watching(camera, tmp_path) as watched:
            assert eventually(lambda: len(watched.frames) > 5, 60)
            why = "the camera has sent no video since it was started"
            kept = watched.keep(watched.frames[-1].captured_at, SECOND / 10, SECOND / 10)
            assert dict(kept.missing) == {"picture": why, "clip": why}
