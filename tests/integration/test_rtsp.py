"""RTSP against a real server: plain and with a password, over TCP and UDP, killed and back again."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from queue import Queue

import numpy as np
import pytest
from clips import make_mp4
from services import lacking

from surveillance.bench.rtsp_server import Mount, RtspServer, is_installed
from surveillance.domain.errors import SourceError, SourceLost
from surveillance.domain.ports import SourceOptions
from surveillance.domain.site import Camera
from surveillance.domain.values import CameraReport, Frame
from surveillance.engines.camera import CameraFrames
from surveillance.ingest.mailbox import FrameMailbox
from surveillance.ingest.probe import probe
from surveillance.ingest.reader import CameraReader
from surveillance.ingest.settings import IngestSettings
from surveillance.ingest.sources import RtspSource, open_source

OPTIONS = SourceOptions("yard", analyze_fps=5.0, open_timeout_s=5.0, read_timeout_s=2.0)


SETTINGS = IngestSettings(retry_ladder=((0.2, 1000),))


@contextmanager
def reading(camera: Camera, deliver: Callable[[Frame], object]) -> Iterator[CameraReader]:
    """A reader in its thread, stopped at the end."""
    reader = CameraReader(camera, open_source, OPTIONS, deliver, lambda report: None, SETTINGS)
    thread = threading.Thread(target=reader.run)
    thread.start()
    try:
        yield reader
    finally:
        reader.stop()
        thread.join(60)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not is_installed():
        lacking("an RTSP server (gst-rtsp-server)")
    return make_mp4(tmp_path_factory.mktemp("rtsp") / "clip.mp4", frames=50)


@pytest.fixture
def server(clip: Path) -> Iterator[RtspServer]:
    with RtspServer(clip) as running:
        yield running


@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_a_plain_stream_is_thinned_and_dated_by_the_host(server: RtspServer, transport: str) -> None:
    before = datetime.now(UTC)
    source = open_source(f"{server.url}?transport={transport}", OPTIONS)
    frames = list(islice(source.frames(), 12))  # longer than the clip: it loops
    gaps = np.diff([frame.captured_at.timestamp() for frame in frames])

    assert (source.live, source.duration_s) == (True, None)
    assert {frame.media_s for frame in frames} == {None}
    assert before < frames[0].captured_at <= frames[-1].captured_at <= datetime.now(UTC)
    assert np.median(gaps) == pytest.approx(0.2, abs=0.05)
    assert (frames[0].picture.width, frames[0].picture.height) == (320, 180)


@pytest.mark.parametrize("codec", ["h264", "h265"])
@pytest.mark.parametrize("auth", ["basic", "digest"])
@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_each_codec_comes_over_each_transport_with_each_sign_in(
    codec: str, auth: str, transport: str, tmp_path: Path
) -> None:
    clip = make_mp4(tmp_path / "clip.mp4", 25, codec=codec)
    with RtspServer(clip, user="ada", password="s3/cr:t", auth=auth) as server:
        url = server.url.replace("//", "//ada:s3%2Fcr%3At@")
        frames = list(islice(open_source(f"{url}?transport={transport}", OPTIONS).frames(), 3))
        with pytest.raises(SourceError) as caught:
            next(open_source(server.url.replace("//", "//ada:other@"), OPTIONS).frames())
    assert [(frame.number, frame.picture.width) for frame in frames] == [(0, 320), (1, 320), (2, 320)]
    assert caught.value.reason == "wrong_password"


@pytest.mark.parametrize("count", [4, 16])
def test_many_streams_at_once(count: int, clip: Path) -> None:
    seen = [threading.Semaphore(0) for _ in range(count)]
    mounts = {f"/camera{number}": Mount([clip]) for number in range(count)}
    with RtspServer(mounts) as server, ExitStack() as running:
        for number, path in enumerate(mounts):
            camera = Camera(f"camera{number}", server.address(path))
            running.enter_context(reading(camera, lambda frame, number=number: seen[number].release()))
        assert all(each.acquire(timeout=60) for each in seen for _ in range(5))


def test_the_sub_stream_is_looked_at(clip: Path, tmp_path: Path) -> None:
    small = make_mp4(tmp_path / "small.mp4", 25, size=(160, 90))
    widths: Queue[int] = Queue()
    with RtspServer({"/main": Mount([clip]), "/sub": Mount([small])}) as server:
        camera = Camera("yard", server.address("/main"), sub_url=server.address("/sub"))
        with reading(camera, lambda frame: widths.put(frame.picture.width)):
            assert [widths.get(timeout=60) for _ in range(3)] == [160] * 3


def test_a_resolution_that_changes_within_a_stream_is_followed(clip: Path, tmp_path: Path) -> None:
    small = make_mp4(tmp_path / "small.mp4", 25, size=(160, 96))
    seen: set[tuple[int, int, tuple[int, ...]]] = set()
    with RtspServer({"/camera": Mount([clip, small])}) as server:
        for frame in islice(open_source(server.url, OPTIONS).frames(), 40):
            seen.add((frame.picture.width, frame.picture.bgr().shape[0], frame.luma.shape))
    assert seen == {(320, 180, (180, 320)), (160, 96, (192, 320))}


@pytest.mark.parametrize("jumps_s", [(3600.0, -3500.0), (-0.7, 0.7), (40000.0, 40000.0)])
def test_time_stamps_that_jump_make_no_gap_and_no_step_back(jumps_s: tuple[float, ...], clip: Path) -> None:
    with RtspServer({"/camera": Mount([clip], jumps_s=jumps_s)}) as server:
        frames = list(islice(open_source(server.url, OPTIONS).frames(), 30))  # past two jumps
        ended_at = datetime.now(UTC)
    times = [frame.captured_at.timestamp() for frame in frames]
    assert times == sorted(set(times))
    assert max(np.diff(times)) < 2.0
    assert abs(ended_at.timestamp() - times[-1]) < 5.0


def test_a_stream_without_a_readable_picture_is_lost(tmp_path: Path) -> None:
    whole = make_mp4(tmp_path / "whole.mp4", 50)
    no_key_frame = Mount([whole], only=slice(1, 20))
    with RtspServer({"/camera": no_key_frame}) as server, pytest.raises((SourceError, SourceLost)) as caught:
        next(open_source(server.url, OPTIONS).frames())
    assert caught.value.reason in ("timeout", "unreadable", "no_video")


def test_a_probe_says_what_a_camera_gives(server: RtspServer) -> None:
    found = probe(server.url, OPTIONS, 2.0)
    assert (found.codec, found.width, found.height, found.notes[0]) == ("h264", 320, 180, "RTSP over TCP")
    assert 15 < found.fps < 35
    assert found.jpeg.startswith(b"\xff\xd8")


def test_a_hung_camera_is_let_go_at_once_and_not_reported(clip: Path) -> None:
    patient = replace(OPTIONS, open_timeout_s=60.0, read_timeout_s=60.0)
    reports: list[CameraReport] = []
    with RtspServer({f"/camera{number}": Mount([clip]) for number in range(4)}) as server:
        cameras = []
        for number in range(4):
            mailbox = FrameMailbox()
            camera = Camera(f"camera{number}", server.address(f"/camera{number}"))
            reader = CameraReader(camera, open_source, patient, mailbox.deliver, reports.append, SETTINGS)
            frames = CameraFrames(reader.run, reader.stop, mailbox)
            walked = frames.frames()
            next(walked)
            thread = threading.Thread(target=lambda walked=walked: list(walked), daemon=True)
            thread.start()
            cameras.append((frames, thread))
        server.hang()
        told = len(reports)
        for frames, _ in cameras:
            frames.close()
        for _, thread in cameras:
            thread.join(60)
            assert not thread.is_alive()
    assert {report.state for report in reports[told:]} <= {"live"}


def test_a_wrong_path_is_not_found(server: RtspServer) -> None:
    with pytest.raises(SourceError) as caught:
        next(open_source(f"{server.url}x", OPTIONS).frames())
    assert (caught.value.reason, str(caught.value)) == (
        "not_found",
        f"{server.url}x answers, but has no stream of this path",
    )


def test_a_password_is_needed_used_and_never_shown(clip: Path) -> None:
    with RtspServer(clip, user="ada", password="s3cret") as server:
        host = server.url.removeprefix("rtsp://")
        for url in (server.url, f"rtsp://ada:wrong@{host}"):
            with pytest.raises(SourceError) as caught:
                next(open_source(url, OPTIONS).frames())
            assert caught.value.reason == "wrong_password"
            assert "wrong" not in str(caught.value)
        assert next(open_source(f"rtsp://ada:s3cret@{host}", OPTIONS).frames()).number == 0


@pytest.mark.parametrize(("fault", "reason"), [("kill", "ended"), ("hang", "timeout")])
def test_a_server_that_goes_away_is_a_lost_camera(server: RtspServer, fault: str, reason: str) -> None:
    frames = open_source(server.url, OPTIONS).frames()
    next(frames)
    getattr(server, fault)()
    with pytest.raises(SourceLost) as caught:
        list(frames)
    assert caught.value.reason == reason


def test_a_reader_finds_its_camera_again(clip: Path) -> None:
    reports: list[CameraReport] = []
    seen = threading.Semaphore(0)
    lost = threading.Event()

    def report(entry: CameraReport) -> None:
        reports.append(entry)
        if entry.state == "lost":
            lost.set()

    def deliver(frame: Frame) -> None:
        seen.release()

    with RtspServer(clip) as server:
        reader = CameraReader(
            Camera("yard", server.url),
            open_source,
            OPTIONS,
            deliver,
            report,
            IngestSettings(retry_ladder=((0.2, 1000),)),
        )
        thread = threading.Thread(target=reader.run)
        thread.start()
        try:
            assert all(seen.acquire(timeout=60) for _ in range(3))
            server.kill()
            assert lost.wait(60)
            while seen.acquire(blocking=False):
                pass
            server.start()
            assert all(seen.acquire(timeout=60) for _ in range(3))
        finally:
            reader.stop()
            thread.join(60)

    assert not thread.is_alive()
    assert [(entry.state, entry.changed) for entry in reports if entry.changed] == [
        ("live", True),
        ("lost", True),
        ("live", True),
    ]
    assert {entry.reason for entry in reports if entry.state == "lost"} <= {"ended", "unreachable"}


def test_the_source_is_the_one_registered_for_rtsp() -> None:
    assert isinstance(open_source("rtsp://192.0.2.1/x", OPTIONS), RtspSource)
    assert isinstance(open_source("RTSPS://192.0.2.1/x", OPTIONS), RtspSource)
