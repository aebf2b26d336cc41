"""Passwords in camera addresses are never shown."""

from __future__ import annotations

import pytest

from surveillance.domain.site import hide_password


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("rtsp://192.0.2.7:554/stream@1", "rtsp://192.0.2.7:554/stream@1"),
        ("rtsp://ada:secret@192.0.2.7:554/stream", "rtsp://***@192.0.2.7:554/stream"),
        ("rtsp://ada:se@cret@192.0.2.7/stream", "rtsp://***@192.0.2.7/stream"),
        ("rtsp://ada:se/cret@192.0.2.7/stream", "rtsp://***@192.0.2.7/stream"),
        ("rtsp://192.0.2.7/user=ada&password=secret&channel=1", "rtsp://192.0.2.7/user=***&password=***&channel=1"),
        ("rtsp://192.0.2.7/live?usr=ada&PWD=secret", "rtsp://192.0.2.7/live?usr=***&PWD=***"),
        ("rtsp://[2001:db8::7]:554/stream", "rtsp://[2001:db8::7]:554/stream"),
        ("/clips/ada:secret@home.mp4", "/clips/ada:secret@home.mp4"),
    ],
)
def test_hide_password(url: str, shown: str) -> None:
    assert hide_password(url) == shown
