"""`make demo` as a stranger meets it: started, four verdicts within a minute, a door pulsed, stopped by Ctrl-C."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest
from services import free_port

from surveillance.storage.database import open_database
from surveillance.storage.queries import EventFilter, Events

VERDICTS = {"authorize", "deny", "alert", "log"}


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    port = free_port()
    environment = {**os.environ, "SURVEILLANCE__DATA_DIR": str(tmp_path)}
    command = [sys.executable, "-m", "surveillance.demo", "--port", str(port)]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        yield process, port
        process.kill()


def verdicts_in(data_dir: Path, within_s: float) -> set[str]:
    """The verdicts on record, as soon as all four are there or the time is up."""
    events = Events(open_database(f"sqlite:///{data_dir / 'surveillance.db'}"))
    ends_s = time.monotonic() + within_s
    found: set[str] = set()
    while found < VERDICTS and time.monotonic() < ends_s:
        time.sleep(0.5)
        page, _ = events.page(EventFilter(), None, 200)
        found = {event["verdict"] for event in page if event["verdict"] and event["evidence"]}
    return found


def test_four_verdicts_a_pulsed_door_and_a_clean_stop(demo: tuple[subprocess.Popen[str], int], tmp_path: Path) -> None:
    process, port = demo
    assert process.stdout is not None
    said = [process.stdout.readline() for _ in range(2)]
    assert "password: " in said[0]
    assert said[1].strip() == f"dashboard: http://127.0.0.1:{port}"
    with urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5) as answer:
        assert (answer.status, json.load(answer)["status"]) == (200, "ok")

    assert verdicts_in(tmp_path, within_s=90) == VERDICTS, "each with the picture that it rests on"
    with urlopen("http://127.0.0.1:8099/doors/front", timeout=5) as answer:
        assert json.load(answer)["pulses"] >= 1

    process.send_signal(signal.SIGINT)
    rest, _ = process.communicate(timeout=20)
    assert (process.returncode, rest.splitlines()[-1]) == (0, "stopped")
    assert "Traceback" not in rest
