"""What every source promises, over the ones that ship: a file, a picture, RTSP and HTTP cameras, a simulated one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import pytest
from clips import drawn, make_mp4
from http_camera import HttpCamera
from services import lacking

from surveillance.bench.rtsp_server import RtspServer, is_installed
from surveillance.domain.errors import SourceError
from surveillance.domain.geometry import WHOLE, Box
from surveillance.domain.ports import Source, SourceOptions
from surveillance.domain.values import Frame
from surveillance.ingest.sources import open_source

MASK = ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0))
KINDS = ("file", "rtsp", "http-mjpeg", "http-still", "synthetic", "synthetic-once")
Open = Callable[[SourceOptions], Source]


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_mp4(tmp_path_factory.mktemp("clips") / "clip.mp4", frames=100)


@pytest.fixture(scope="module", params=KINDS)
def url(request: pytest.FixtureRequest, clip: Path) -> Iterator[str]:
    if request.param == "rtsp":
        if not is_installed():
            lacking("an RTSP server (gst-rtsp-server)")
        with RtspServer(clip) as server:
            yield server.url
        return
    if request.param.startswith("http"):
        with HttpCamera() as camera:
            yield camera.url("/mjpeg" if request.param == "http-mjpeg" else "/still?still_fps=25")
        return
    yield {
        "file": str(clip),
        "synthetic": "synthetic://yard",
        "synthetic-once": "synthetic://yard?once=1",
    }[request.param]


def read(url: str, count: int, options: SourceOptions) -> tuple[Source, list[Frame]]:
    source = open_source(url, options)
    try:
        return source, list(islice(source.frames(), count))
    finally:
        source.close()


def test_frames_come_in_order_with_all_that_a_frame_has(url: str) -> None:
    source, frames = read(url, 5, SourceOptions("yard", analyze_fps=5.0))

    assert [frame.number for frame in frames] == [0, 1, 2, 3, 4]
    assert {frame.camera for frame in frames} == {"yard"}
    assert [frame.captured_at for frame in frames] == sorted({frame.captured_at for frame in frames})
    assert all(frame.captured_at.utcoffset() == timedelta(0) for frame in frames)
    for frame in frames:
        picture = frame.picture
        assert frame.luma.shape == (round(320 * picture.height / picture.width), 320)
        assert frame.luma.dtype == np.uint8
        assert picture.bgr().shape == (picture.height, picture.width, 3)
        box = Box(0.25, 0.25, 0.75, 0.5)
        left, top, right, bottom = box.pixels(picture.width, picture.height)
        np.testing.assert_array_equal(picture.crop(box), picture.bgr()[top:bottom, left:right])
        assert (frame.media_s is None) == source.live


def test_masked_parts_are_black_everywhere(url: str) -> None:
    _, frames = read(url, 2, SourceOptions("yard", masks=(MASK,)))
    for frame in frames:
        half = frame.picture.width // 2 - 1
        assert frame.luma[:, :159].max() == 0
        assert frame.picture.crop(WHOLE)[:, :half].max() == 0
        assert frame.picture.bgr()[:, half + 3 :].max() > 0


def test_a_closed_source_ends(url: str) -> None:
    source = open_source(url, SourceOptions("yard", analyze_fps=25.0))
    taken = 0
    for _ in source.frames():
        taken += 1
        source.close()
    assert taken == 1


@pytest.mark.parametrize("kind", ["file", "synthetic"])
def test_a_file_dates_its_frames_from_start_at(kind: str, clip: Path) -> None:
    start = datetime(2026, 3, 29, 0, 59, 59, tzinfo=UTC)
    place = str(clip) if kind == "file" else "synthetic://yard?once=1"
    source, frames = read(place, 3, SourceOptions("yard", analyze_fps=5.0, start_at=start))
    assert [(frame.media_s, frame.captured_at) for frame in frames] == [
        (0.0, start),
        (0.2, start + timedelta(seconds=0.2)),
        (0.4, start + timedelta(seconds=0.4)),
    ]
    assert source.duration_s == pytest.approx({"file": 4.0, "synthetic": 30.0}[kind], abs=0.05)


MISTAKES = {
    "missing": ("nowhere.mp4", "not_found", "cannot read nowhere.mp4: there is no such file"),
    "folder": (".", "not_found", "cannot read .: it is a folder, name a file in it"),
    "scheme": (
        "gopher://ada:secret@192.0.2.1/x",
        "not_found",
        "cannot watch gopher://***@192.0.2.1/x: no source is called 'gopher'; "
        "there are: file, http, https, rtsp, rtsps, synthetic, usb, v4l2",
    ),
    "host": (
        "rtsp:///stream",
        "not_found",
        "cannot watch rtsp:///stream: it names no host, as in rtsp://192.0.2.7/stream",
    ),
    "transport": (
        "rtsp://ada:secret@192.0.2.1/x?transport=pigeon",
        "not_found",
        "cannot watch rtsp://***@192.0.2.1/x: transport is tcp or udp, not 'pigeon'",
    ),
    "unreachable": (
        "rtsp://ada:secret@127.0.0.1:9/x?password=secret",
        "unreachable",
        "rtsp://***@127.0.0.1:9/x refused the connection: is the address right and the camera on?",
    ),
    "no-camera": (
        "http://ada:secret@127.0.0.1:9/x?password=secret",
        "unreachable",
        "http://***@127.0.0.1:9/x refused the connection: is the address right and the camera on?",
    ),
    "no-host": (
        "http:///x",
        "not_found",
        "cannot watch http:///x: it names no host, as in http://192.0.2.7/video.mjpg",
    ),
    "rate": (
        "http://ada:secret@192.0.2.1/x?still_fps=often",
        "not_found",
        "cannot watch http://***@192.0.2.1/x: still_fps is a number up to 30, verify is yes or no",
    ),
    "usb-mode": (
        "usb:0?size=large",
        "not_found",
        "cannot watch usb:0?size=large: say a mode as in ?size=1280x720&fps=15&format=mjpeg, not size=large",
    ),
    "scene": (
        "synthetic://attic",
        "not_found",
        "there is no demo camera synthetic://attic; there are: "
        "synthetic://front-door, synthetic://yard, synthetic://garden",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_what_cannot_be_opened_is_said_in_one_line_without_secrets(mistake: str) -> None:
    url, reason, text = MISTAKES[mistake]
    with pytest.raises(SourceError) as caught:
        next(open_source(url, SourceOptions("yard")).frames())
    assert (str(caught.value), caught.value.reason) == (text, reason)


def test_a_still_picture_is_a_video_of_one_frame(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "still.png"), drawn(0))
    _, frames = read(f"file:{tmp_path / 'still.png'}", 9, SourceOptions("yard"))
    assert [(frame.number, frame.media_s) for frame in frames] == [(0, 0.0)]
    assert np.abs(frames[0].picture.bgr().astype(int) - drawn(0).astype(int)).mean() < 3.0
