"""The parts of a source that need no stream: URLs, the pace, and the dating of live pictures."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from surveillance.app.worker import source_options
from surveillance.domain.errors import SourceError
from surveillance.domain.ports import SourceOptions
from surveillance.domain.site import Camera
from surveillance.ingest.settings import IngestSettings
from surveillance.ingest.sources import ArrivalClock, Pace, open_source, parse_file_url, parse_rtsp_url
from surveillance.ingest.v4l2 import UsbSource, parse_device
from surveillance.settings import Settings

START = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("clip.mp4", "clip.mp4"),
        ("/clips/a b.mp4", "/clips/a b.mp4"),
        ("file:clip.mp4", "clip.mp4"),
        ("file:/clips/100%.mp4", "/clips/100%.mp4"),
        ("file:///clips/a%20b.mp4", "/clips/a b.mp4"),
        ("file://localhost/clips/a.mp4", "/clips/a.mp4"),
        ("C:\\clips\\a.mp4", "C:\\clips\\a.mp4"),
    ],
)
def test_file_urls(url: str, path: str) -> None:
    assert parse_file_url(url) == Path(path)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("rtsp://192.0.2.7/stream", ("rtsp://192.0.2.7/stream", "tcp")),
        ("rtsp://192.0.2.7/s?channel=1", ("rtsp://192.0.2.7/s?channel=1", "tcp")),
        ("rtsp://a:b@192.0.2.7/s?transport=udp", ("rtsp://a:b@192.0.2.7/s", "udp")),
        ("rtsp://192.0.2.7/s?channel=1&transport=udp&x=", ("rtsp://192.0.2.7/s?channel=1&x=", "udp")),
    ],
)
def test_our_own_transport_leaves_the_url(url: str, expected: tuple[str, str]) -> None:
    assert parse_rtsp_url(url) == expected


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("0", ("/dev/video0", {})),
        ("usb:2", ("/dev/video2", {})),
        ("usb://2", ("/dev/video2", {})),
        ("v4l2:///dev/video10", ("/dev/video10", {})),
        ("v4l2:///dev/v4l/by-id/usb-A_Camera-index0", ("/dev/v4l/by-id/usb-A_Camera-index0", {})),
        (
            "usb:0?size=1280x720&fps=15&format=mjpeg",
            ("/dev/video0", {"video_size": "1280x720", "framerate": "15", "input_format": "mjpeg"}),
        ),
    ],
)
def test_a_camera_at_this_machine_goes_by_number_or_device(url: str, expected: tuple[str, dict[str, str]]) -> None:
    path, mode = parse_device(url)
    assert (str(path), mode) == expected
    assert isinstance(open_source(url, SourceOptions("yard")), UsbSource)


@pytest.mark.parametrize(
    "url", ["usb:front", "v4l2:///etc/passwd", "v4l2:///dev/video0/../mem", "v4l2://host/dev/video0"]
)
def test_no_other_device_is_opened(url: str) -> None:
    with pytest.raises(SourceError, match="name a camera as in 0, usb:0 or v4l2:///dev/video0"):
        parse_device(url)


def test_a_device_that_is_not_there_is_said_in_one_line() -> None:
    with pytest.raises(SourceError) as caught:
        next(open_source("usb:137", SourceOptions("yard")).frames())
    assert caught.value.reason == "not_found"
    assert str(caught.value).startswith("cannot watch camera /dev/video137: there is no such device; ")


def test_the_settings_say_how_a_camera_is_asked_unless_its_url_does() -> None:
    ingest = IngestSettings(open_timeout_s=1.0, read_timeout_s=2.0, rtsp_transport="udp")
    options = source_options(Settings(ingest=ingest), Camera("yard", "rtsp://192.0.2.7/stream", analyze_fps=3.0))
    assert options == SourceOptions("yard", 3.0, 1.0, 2.0, rtsp_transport="udp")
    assert parse_rtsp_url("rtsp://192.0.2.7/s", options.rtsp_transport)[1] == "udp"
    assert parse_rtsp_url("rtsp://192.0.2.7/s?transport=tcp", options.rtsp_transport)[1] == "tcp"


@given(fps=st.floats(1, 60), wanted=st.floats(0.2, 30))
def test_the_pace_is_kept_over_time(fps: float, wanted: float) -> None:
    pace = Pace(wanted)
    due = sum(pace.is_due(number / fps) for number in range(int(fps * 20)))
    assert due == pytest.approx(20 * min(fps, wanted), rel=0.06, abs=1.5)


def test_the_pace_starts_anew_after_a_jump_back() -> None:
    pace = Pace(5.0)
    assert [pace.is_due(at_s) for at_s in (10.0, 10.1, 10.2, 0.0, 0.1, 0.2)] == [True, False, True, True, False, True]


def test_jitter_is_taken_out_by_the_stamps() -> None:
    clock = ArrivalClock()
    delays = [0.05, 0.30, 0.05, 0.20, 0.06, 0.40, 0.05]
    dated = [clock(5.0 + n / 5, START + timedelta(seconds=n / 5 + delay)) for n, delay in enumerate(delays)]
    steps = [(after - before).total_seconds() for before, after in pairwise(dated)]
    assert steps == pytest.approx([0.2] * 6, abs=0.02)


@given(delays=st.lists(st.floats(0, 1.5), min_size=1, max_size=40))
def test_nothing_is_dated_later_than_it_arrived(delays: list[float]) -> None:
    clock = ArrivalClock()
    for number, delay in enumerate(delays):
        arrived_at = START + timedelta(seconds=number / 5 + delay)
        assert clock(number / 5, arrived_at) <= arrived_at


def test_a_jump_of_either_clock_starts_anew_and_a_missing_stamp_is_the_arrival() -> None:
    clock = ArrivalClock()
    later = START + timedelta(hours=1)
    assert [clock(1.0, START), clock(None, START), clock(1.2, later), clock(9000.0, later)] == [
        START,
        START,
        later,
        later,
    ]


def test_no_picture_is_dated_before_the_one_that_came_before_it() -> None:
    clock = ArrivalClock()
    stamps = [0.0, 0.2, None, 0.6, 0.8]
    dated = [clock(stamp, START + timedelta(seconds=n / 5 + (0.5 if n else 0.0))) for n, stamp in enumerate(stamps)]
    assert dated == sorted(dated)


def test_a_clock_of_the_host_that_is_set_back_is_followed() -> None:
    clock = ArrivalClock()
    assert [clock(0.0, START), clock(None, START - timedelta(hours=1))] == [START, START - timedelta(hours=1)]


@pytest.mark.parametrize("scheme", ["rtsp", "rtsps", "http", "https"])
@pytest.mark.parametrize("host", ["169.254.169.254", "[fe80::1]", "2852039166", "metadata.google.internal"])
def test_no_camera_is_sought_where_secrets_are_handed_out(scheme: str, host: str) -> None:
    source = open_source(f"{scheme}://user:word@{host}/x", SourceOptions(camera="front"))
    with pytest.raises(SourceError) as caught:
        list(source.frames())
    assert caught.value.reason == "not_found"
    assert "word" not in str(caught.value)
