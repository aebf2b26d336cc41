"""Packets of a live RTSP stream, over TCP or UDP, are damaged, lost, doubled and swapped: its reader goes on.

CORRUPTED_PACKETS=1000 makes it longer.
"""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest
from clips import make_mp4
from corrupting import bad_line
from patience import eventually
from services import lacking

from surveillance.bench.rtsp_server import RtspServer, is_installed
from surveillance.domain.ports import SourceOptions
from surveillance.domain.site import Camera
from surveillance.domain.values import CameraReport, Frame
from surveillance.ingest.reader import CameraReader
from surveillance.ingest.settings import IngestSettings
from surveillance.ingest.sources import open_source

PACKETS = int(os.environ.get("CORRUPTED_PACKETS", "30"))
SETTINGS = IngestSettings(retry_ladder=((0.2, 100_000),), report_every_s=0.5)
OPTIONS = SourceOptions("yard", analyze_fps=25.0, open_timeout_s=5.0, read_timeout_s=2.0)


@pytest.mark.timeout(900)
@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_a_reader_outlives_what_a_bad_line_does_to_a_stream(tmp_path: Path, transport: str) -> None:
    if not is_installed():
        lacking("an RTSP server (gst-rtsp-server)")
    frames: list[Frame] = []
    reports: list[CameraReport] = []
    with (
        RtspServer(make_mp4(tmp_path / "clip.mp4", frames=100)) as server,
        bad_line(server.port, 0.25, 20261126) as line,
    ):
        url = f"rtsp://127.0.0.1:{line.port}/camera?transport={transport}"
        reader = CameraReader(Camera("yard", url), open_source, OPTIONS, frames.append, reports.append, SETTINGS)
        thread = threading.Thread(target=reader.run)
        thread.start()
        try:
            assert eventually(lambda: len(frames) > 10)
            line.harms = True
            assert eventually(lambda: sum(line.done.values()) >= PACKETS, 30 + PACKETS)
            line.harms = False
            seen = len(frames)
            assert eventually(lambda: len(frames) > seen + 25 and reports[-1].state == "live"), "it goes on by itself"
        finally:
            reader.stop()
            thread.join(20)
    assert not thread.is_alive()
    assert (line.datagrams > 0) == (transport == "udp")
    lost = [report.reason for report in reports if report.state == "lost" and report.changed]
    assert all(lost), "each says why"
    print(f"{len(frames)} pictures, {dict(line.done)}, lost {len(lost)} times: {sorted(set(lost))}")
