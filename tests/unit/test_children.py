"""Processes under one roof: started, started again when they end, and ended in order."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from patience import eventually

from surveillance.engines.children import PARENT, Child, Children, load_report

SLEEPER = """
import os, signal, sys, time
from pathlib import Path
name, folder = sys.argv[1], Path(sys.argv[2])
words = sys.stdin.read()
def end(*_):
    with (folder / "ends").open("a") as file:
        file.write(name + " ")
    sys.exit(0)
if name != "deaf":
    signal.signal(signal.SIGTERM, end)
else:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
(folder / f"{name}.heaps").write_text(os.environ["MALLOC_ARENA_MAX"])
with (folder / "starts").open("a") as file:
    file.write(f"{name}:{words} ")
for _ in range(600):
    if name == "beating":
        (folder / "beating.beat").touch()
    time.sleep(0.1)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    (tmp_path / "sleeper.py").write_text(SLEEPER, encoding="utf-8")
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join([str(tmp_path), *([before] if before else [])])
    yield tmp_path
    os.environ.pop("PYTHONPATH")
    if before is not None:
        os.environ["PYTHONPATH"] = before


def children(folder: Path, *names: str) -> Children:
    made = [Child(name, "sleeper", (name, str(folder)), stage=int(name == "core")) for name in names]
    return Children(made, b"hello", folder / "report.json", waits_s=(0.05,))


def said(folder: Path, file: str) -> list[str]:
    path = folder / file
    return path.read_text(encoding="utf-8").split() if path.exists() else []


def test_each_reads_what_is_handed_over_and_core_ends_last(folder: Path) -> None:
    running = children(folder, "core", "web", "worker-1")
    running.start()
    assert eventually(lambda: sorted(said(folder, "starts")) == ["core:hello", "web:hello", "worker-1:hello"])
    running.stop()
    assert sorted(said(folder, "ends")[:2]) == ["web", "worker-1"]
    assert said(folder, "ends")[2:] == ["core"]
    assert running.pid("core") is None


def test_a_child_keeps_few_heaps_unless_whoever_runs_it_says_otherwise(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MALLOC_ARENA_MAX", raising=False)
    for wanted in ("2", "7"):
        running = children(folder, "core")
        running.start()
        assert eventually(lambda: said(folder, "starts") == ["core:hello"])
        running.stop()
        assert said(folder, "core.heaps") == [wanted]
        (folder / "starts").unlink()
        monkeypatch.setenv("MALLOC_ARENA_MAX", "7")


def test_who_is_killed_is_started_again_and_that_is_told(folder: Path) -> None:
    running = children(folder, "core", "web")
    running.start()
    try:
        assert eventually(lambda: len(said(folder, "starts")) == 2)
        assert not running.ended("web")
        os.kill(running.pid("web") or 0, signal.SIGKILL)
        assert eventually(lambda: said(folder, "starts").count("web:hello") == 2)
        assert eventually(lambda: load_report(folder / "report.json").get("web", {}).get("pid") == running.pid("web"))
        told = load_report(folder / "report.json")
        assert (told["web"]["restarts"], told["web"]["last_end"]) == (1, "signal 9")
        assert (told["core"]["restarts"], told["core"]["last_end"]) == (0, "")
        assert told["web"]["pid"] == running.pid("web")
        assert running.ended("web")
    finally:
        running.stop()


def test_who_does_not_listen_is_killed(folder: Path) -> None:
    running = children(folder, "deaf")
    running.start()
    assert eventually(lambda: said(folder, "starts") == ["deaf:hello"])
    running.stop()
    assert running.pid("deaf") is None


def test_who_hangs_is_killed_and_started_again(folder: Path) -> None:
    running = children(folder, "beating")
    running.hung_s = 2.0
    running.start()
    try:
        assert eventually((folder / "beating.beat").exists)
        first = running.pid("beating")
        os.kill(first or 0, signal.SIGSTOP)
        assert eventually(lambda: running.pid("beating") not in (None, first))
        assert eventually(lambda: load_report(folder / "report.json").get("beating", {}).get("last_end") == "signal 9")
    finally:
        running.stop()


def test_without_a_report_nothing_is_known(tmp_path: Path) -> None:
    assert load_report(tmp_path / "report.json") == {}
    (tmp_path / "report.json").write_text("{", encoding="utf-8")
    assert load_report(tmp_path / "report.json") == {}


def test_a_clock_that_is_set_kills_nobody(folder: Path) -> None:
    running = children(folder, "beating")
    running.hung_s = 60.0
    running.start()
    try:
        assert eventually((folder / "beating.beat").exists)
        first = running.pid("beating")
        for _ in range(10):  # what the file says is an hour old, as after a leap of the clock
            os.utime(folder / "beating.beat", (1.0, time.time() - 3600))
            time.sleep(0.1)
        assert running.pid("beating") == first
        assert not running.ended("beating")
    finally:
        running.stop()


def test_without_room_for_the_report_processes_are_kept_alive(folder: Path) -> None:
    running = children(folder, "core")
    running.report = folder / "gone" / "report.json"
    running.start()
    try:
        assert eventually(lambda: said(folder, "starts") == ["core:hello"])
        os.kill(running.pid("core") or 0, signal.SIGKILL)
        assert eventually(lambda: said(folder, "starts") == ["core:hello"] * 2)
        assert running.are_watched
    finally:
        running.stop()


def test_what_the_system_does_not_start_now_is_started_later(folder: Path) -> None:
    beat = folder / "core.beat"
    beat.mkdir()  # stands for whatever the system may refuse
    running = children(folder, "core")
    running.start()
    try:
        assert eventually(lambda: running.ended("core"))
        beat.rmdir()
        assert eventually(lambda: said(folder, "starts") == ["core:hello"])
    finally:
        running.stop()


def test_who_was_started_by_somebody_who_is_gone_does_not_begin() -> None:
    left = subprocess.run(
        [sys.executable, "-m", "surveillance.app.processes", "core"],
        input=b"{}",
        env={**os.environ, PARENT: "1"},
        capture_output=True,
        check=False,
    )
    assert (left.returncode, left.stderr) == (1, b"the service that started this process is gone\n")
