"""Damaged video: the camera is lost with a reason or some pictures are missing, and a good stream is read again."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from clips import make_mp4

from surveillance.domain.ports import SourceOptions
from surveillance.ingest.sources import open_source

FUZZED = Path(__file__).parent.parent / "fuzzed_streams.py"
STREAMS = int(os.environ.get("FUZZ_STREAMS", "60"))


def test_damaged_streams_crash_nothing_and_hang_nothing(tmp_path: Path) -> None:
    """In a process of its own: a decoder that crashes takes its process along."""
    command = [sys.executable, str(FUZZED), str(tmp_path), str(STREAMS), "20261126"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60 + STREAMS)
    assert done.returncode == 0, done.stderr
    became = json.loads(done.stdout)
    assert sum(became.values()) == STREAMS
    assert {reason.partition(":")[0] for reason in became if ":" in reason} <= {"ended", "unreadable", "no_video"}


def test_a_title_that_is_no_utf_8_keeps_no_camera_from_being_watched(tmp_path: Path) -> None:
    """Cameras and recorders tell their names in whatever encoding they have."""
    whole = make_mp4(tmp_path / "named.mp4", 10)
    written = whole.read_bytes()
    assert b"Lavf" in written, "the name of what wrote it"
    whole.write_bytes(written.replace(b"Lavf", b"Caf\xe9"))
    assert len(list(open_source(str(whole), SourceOptions("yard", analyze_fps=25.0)).frames())) == 10
