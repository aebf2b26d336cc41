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
from ports import free_port

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


def recorded_in(data_dir: Path, within_s: float) -> tuple[set[str], set[str]]:
    """(verdicts with a picture, kinds) on record, as soon as all verdicts and a grant are there or the time is up."""
    events = Events(open_database(f"sqlite:///{data_dir / 'surveillance.db'}"))
    ends_s = time.monotonic() + within_s
    verdicts: set[str] = set()
    kinds: set[str] = set()
    while not (verdicts >= VERDICTS and "access.granted" in kinds) and time.monotonic() < ends_s:
        time.sleep(0.5)
        page, _ = events.page(EventFilter(), None, 200)
        verdicts = {event["verdict"] for event in page if event["verdict"] and event["evidence"]}
        kinds = {event["kind"] for event in page}
    return verdicts, kinds


def pulses(within_s: float) -> int:
    """How often the demo's door was pulsed, once it was."""
    ends_s = time.monotonic() + within_s
    while True:
        with urlopen("http://127.0.0.1:8099/doors/front", timeout=60) as answer:
            count = int(json.load(answer)["pulses"])
        if count or time.monotonic() > ends_s:
            return count
        time.sleep(0.1)


def test_four_verdicts_a_pulsed_door_and_a_clean_stop(demo: tuple[subprocess.Popen[str], int], tmp_path: Path) -> None:
    process, port = demo
    assert process.stdout is not None
    said = [process.stdout.readline() for _ in range(2)]
    assert "password: " in said[0]
    assert said[1].strip() == f"dashboard: http://127.0.0.1:{port}"
    with urlopen(f"http://127.0.0.1:{port}/healthz", timeout=60) as answer:
        assert (answer.status, json.load(answer)["status"]) == (200, "ok")

    verdicts, kinds = recorded_in(tmp_path, within_s=180)
    assert verdicts == VERDICTS, "each with the picture that it rests on"
    assert "access.granted" in kinds
    assert pulses(within_s=30) >= 1

    process.send_signal(signal.SIGINT)
    rest, _ = process.communicate(timeout=90)
    assert (process.returncode, rest.splitlines()[-1]) == (0, "stopped")
    assert "Traceback" not in rest
