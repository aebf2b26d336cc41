"""Two hundred flaps of cameras leave nothing behind; see tests/flapping.py."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from services import lacking

from surveillance.bench.rtsp_server import is_installed

FLAPPING = Path(__file__).parent.parent / "flapping.py"


@pytest.mark.slow
def test_two_hundred_flaps_leave_nothing_behind(tmp_path: Path) -> None:
    if not is_installed():
        lacking("an RTSP server (gst-rtsp-server)")
    done = subprocess.run([sys.executable, str(FLAPPING), str(tmp_path)], capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stderr
