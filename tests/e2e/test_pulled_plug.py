"""The plug is pulled: the service is killed outright, started again, and has lost nothing it had on record."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ports import free_port

from surveillance.storage.database import open_database
from surveillance.storage.queries import EventFilter, Events

SITE = """
cameras:
  - {name: yard, url: "synthetic://yard"}
rules:
  - {name: seen, on: sighting, verdict: log, when: track_s >= 1}
"""


@contextmanager
def service(folder: Path, port: int) -> Iterator[subprocess.Popen[str]]:
    """`surveillance run` once it serves."""
    environment = {
        **os.environ,
        "SURVEILLANCE__DATA_DIR": str(folder / "data"),
        "SURVEILLANCE__DASHBOARD__PORT": str(port),
    }
    command = [sys.executable, "-m", "surveillance.cli", "run", "--site", str(folder / "site.yaml")]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout is not None
        said = ""
        while "dashboard: http" not in said:
            line = process.stdout.readline()
            assert line, said
            said += line
        yield process
        process.kill()


def recorded(folder: Path) -> list[tuple[int, str]]:
    """(seq, id) of every event, oldest first."""
    page, _ = Events(open_database(f"sqlite:///{folder / 'data' / 'surveillance.db'}")).page(EventFilter(), None, 500)
    return sorted((event["seq"], event["id"]) for event in page)


def test_a_killed_service_starts_again_and_has_lost_nothing(tmp_path: Path) -> None:
    (tmp_path / "site.yaml").write_text(SITE, encoding="utf-8")
    port = free_port()
    with service(tmp_path, port) as first:
        ends_s = time.monotonic() + 150
        while len(recorded(tmp_path)) < 5 and time.monotonic() < ends_s:
            time.sleep(0.2)
        before = recorded(tmp_path)
        first.kill()
        first.wait(60)
    with service(tmp_path, port):  # the same port: its dashboard is gone too
        after = recorded(tmp_path)
    assert len(before) >= 5
    assert after[: len(before)] == before
    assert [seq for seq, _ in after] == list(range(1, len(after) + 1))
