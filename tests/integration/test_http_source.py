"""HTTP cameras against a real server: MJPEG and still pictures, sign-in, and what goes wrong, in words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice, pairwise

import numpy as np
import pytest
from clips import drawn
from http_camera import HttpCamera

from surveillance.domain.errors import SourceError, SourceLost
from surveillance.domain.ports import SourceOptions
from surveillance.domain.values import Frame
from surveillance.ingest.probe import probe
from surveillance.ingest.sources import open_source

OPTIONS = SourceOptions("yard", analyze_fps=5.0, open_timeout_s=20.0, read_timeout_s=20.0)
HASTY = replace(OPTIONS, read_timeout_s=1.5)  # where nothing comes that could be used


@pytest.fixture(scope="module")
def camera() -> Iterator[HttpCamera]:
    with HttpCamera() as running:
        yield running


def read(url: str, count: int, options: SourceOptions = OPTIONS) -> list[Frame]:
    source = open_source(url, options)
    try:
        return list(islice(source.frames(), count))
    finally:
        source.close()


@pytest.mark.parametrize("path", ["/mjpeg", "/mjpeg-plain"])
def test_a_stream_is_thinned_and_dated_by_the_host(camera: HttpCamera, path: str) -> None:
    frames = read(camera.url(path), 6)
    gaps = [(after.captured_at - before.captured_at).total_seconds() for before, after in pairwise(frames)]
    assert [(frame.number, frame.media_s) for frame in frames] == [(number, None) for number in range(6)]
    assert np.median(gaps) == pytest.approx(0.2, abs=0.08)
    assert np.abs(frames[0].picture.bgr().astype(int) - drawn(0).astype(int)).mean() < 6.0


def test_a_still_picture_is_asked_for_again_and_again(camera: HttpCamera) -> None:
    before = len(camera.asked)
    frames = read(camera.url("/still?still_fps=4&channel=2"), 4)
    assert camera.asked[before:] == ["/still?channel=2"] * 4
    assert len({frame.captured_at for frame in frames}) == 4


@pytest.mark.parametrize("kind", ["basic", "digest"])
@pytest.mark.parametrize("path", ["/mjpeg", "/still?still_fps=20"])
def test_a_password_is_needed_used_and_never_shown(camera: HttpCamera, kind: str, path: str) -> None:
    for user in ("", "ada:wrong"):
        with pytest.raises(SourceError) as caught:
            read(camera.url(f"/{kind}{path}", user), 1)
        assert caught.value.reason == "wrong_password"
        assert str(caught.value).endswith(" refused the user name or password")
        assert "wrong" not in str(caught.value)
    assert len(read(camera.url(f"/{kind}{path}", "ada:s3cret"), 2)) == 2


@pytest.mark.parametrize(
    ("path", "reason", "words"),
    [
        ("/nowhere", "not_found", "answers, but has nothing at this path"),
        ("/page", "no_video", "sent text/html, neither a picture nor an MJPEG stream"),
        ("/elsewhere", "unreachable", "answered with error 302"),
        ("/ftp", "unreachable", "answered with error 302"),
        ("/drips", "timeout", "sent no whole picture in time"),
        ("/cut", "ended", "broke off the connection"),
        ("/broken", "unreadable", "sends no picture that can be decoded"),
    ],
)
def test_what_is_no_camera_is_said_in_words(camera: HttpCamera, path: str, reason: str, words: str) -> None:
    with pytest.raises(SourceError) as caught:
        read(camera.url(path), 1, HASTY if reason in ("timeout", "unreadable") else OPTIONS)
    assert (caught.value.reason, words in str(caught.value)) == (reason, True)


def test_a_redirect_on_the_same_camera_is_followed(camera: HttpCamera) -> None:
    assert len(read(camera.url("/moved"), 1)) == 1


@pytest.mark.parametrize(("path", "reason"), [("/ends", "ended"), ("/stalls", "timeout")])
def test_a_stream_that_ends_or_stalls_is_a_lost_camera(camera: HttpCamera, path: str, reason: str) -> None:
    frames = open_source(camera.url(path), HASTY if reason == "timeout" else OPTIONS).frames()
    next(frames)
    with pytest.raises(SourceLost) as caught:
        list(frames)
    assert caught.value.reason == reason


def test_a_still_camera_that_goes_away_is_a_lost_camera() -> None:
    with HttpCamera() as camera:
        frames = open_source(camera.url("/still?still_fps=20"), OPTIONS).frames()
        next(frames)
    with pytest.raises(SourceLost) as caught:
        list(frames)
    assert caught.value.reason == "unreachable"


def test_a_probe_says_what_there_is(camera: HttpCamera) -> None:
    found = probe(camera.url("/mjpeg"), OPTIONS, 2.0)
    assert (found.codec, found.width, found.height, found.notes[0]) == ("mjpeg", 320, 180, "MJPEG over HTTP")
    assert 10 < found.fps < 30
    assert found.jpeg.startswith(b"\xff\xd8")
