"""RTSP against a real server: plain and with a password, over TCP and UDP, killed and back again."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from clips import make_mp4
from rtsp_server import RtspServer, is_installed
from services import lacking

from surveillance.domain.errors import SourceError, SourceLost
from surveillance.domain.ports import SourceOptions
from surveillance.domain.site import Camera
from surveillance.domain.values import CameraReport, Frame
from surveillance.ingest.reader import CameraReader
from surveillance.ingest.settings import IngestSettings
from surveillance.ingest.sources import RtspSource, open_source

OPTIONS = SourceOptions("yard", analyze_fps=5.0, open_timeout_s=5.0, read_timeout_s=2.0)


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
            assert all(seen.acquire(timeout=20) for _ in range(3))
            server.kill()
            assert lost.wait(20)
            while seen.acquire(blocking=False):
                pass
            server.start()
            assert all(seen.acquire(timeout=20) for _ in range(3))
        finally:
            reader.stop()
            thread.join(20)

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
