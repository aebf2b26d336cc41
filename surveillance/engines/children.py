"""The processes of a site under one roof: started, watched by their ends, started again with back-off, stopped.

How each fares is left in a small file, where core reads it: whoever keeps processes alive needs no database.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from surveillance.domain.values import rfc3339
from surveillance.engines.supervise import BACK_OFF_S, WELL_S

LOOK_S = 0.1
HUNG_S = 30.0
STOP_S = 4.5  # for all stages of a stop together; what has not ended by then is killed
STAGE_S = 1.0  # of it that each later stage is left
PARENT = "SURVEILLANCE_PARENT"  # in a child's environment: the process that it must not outlive
# What each thread has freed is kept in its own heap, of which glibc makes eight a core: a site that was busy once holds
# a hundred megabytes of nothing for good. All threads share two instead, which costs no time that could be measured.
FEW_HEAPS = {"MALLOC_ARENA_MAX": "2"}

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Child:
    """One process: a Python module with arguments, and what it reads from its standard input at the start."""

    name: str
    module: str
    arguments: tuple[str, ...]
    stage: int = 0  # those of a lower stage are stopped, and have ended, before those of a higher one
    process: subprocess.Popen[bytes] | None = None
    started_s: float = 0.0
    due_s: float = 0.0  # when it may be started again
    failures: int = 0
    restarts: int = 0
    last_end: str = ""
    last_end_at: datetime | None = None
    beat_ns: int | None = None  # when its file says that it gave its last sign of life; only that it changes counts
    beat_seen_s: float = 0.0  # when that was first seen, by the monotonic clock

    @property
    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def silent_s(self, file: Path) -> float:
        """For how long that file has not changed; 0 while there is none. A clock that is set changes nothing."""
        try:
            beat_ns = file.stat().st_mtime_ns
        except OSError:
            return 0.0  # it has not begun, or gives none
        if beat_ns != self.beat_ns:
            self.beat_ns, self.beat_seen_s = beat_ns, time.monotonic()
        return time.monotonic() - self.beat_seen_s


@dataclass
class Children:
    """`start`, then `stop`; all processes are started from one thread, which lives as long as they do."""

    children: Sequence[Child]
    handed: bytes  # what every one of them reads first
    report: Path
    waits_s: Sequence[float] = BACK_OFF_S  # before each new start; from the beginning after `well_s` without an end
    well_s: float = WELL_S
    hung_s: float = HUNG_S  # whoever began to give signs of life and gave none for so long is killed
    _stopping: threading.Event = field(default_factory=threading.Event)

    def start(self) -> None:
        self._thread = threading.Thread(target=self._watch, name="children", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Returns when all have ended, stage by stage; those that hang are killed."""
        self._stopping.set()
        self._thread.join(STOP_S + 2.0)

    @property
    def are_watched(self) -> bool:
        """Whether the thread that keeps them alive does so still."""
        return self._thread.is_alive()

    def pid(self, name: str) -> int | None:
        """The process id of that child while it runs."""
        for child in self.children:
            if child.name == name and child.is_running:
                assert child.process is not None
                return child.process.pid
        return None

    def ended(self, name: str) -> bool:
        """Whether that child ended, at least once."""
        return any(child.name == name and child.last_end for child in self.children)

    def _watch(self) -> None:
        for child in self.children:
            self._launch(child)
        self._tell()
        while not self._stopping.wait(LOOK_S):
            changed = False
            for child in self.children:
                if child.process is not None and self._is_hung(child):
                    log.warning("process killed", extra={"component": child.name, "reason": "it gave no sign of life"})
                    child.process.kill()
                    child.process.wait()
                if child.process is not None and child.process.poll() is not None:
                    self._ended(child, _end_of(child.process.returncode))
                    changed = True
                elif child.process is None and time.monotonic() >= child.due_s:
                    child.restarts += 1
                    self._launch(child)
                    changed = True
            if changed:
                self._tell()
        self._end_all()  # here: children end with the thread that started them

    def _end_all(self) -> None:
        began_s = time.monotonic()
        stages = sorted({child.stage for child in self.children})
        for number, stage in enumerate(stages, start=1):
            group = [child for child in self.children if child.stage == stage]
            for child in group:
                if child.process is not None:
                    child.process.terminate()
            ends_s = began_s + STOP_S - STAGE_S * (len(stages) - number)
            for child in group:
                _await_end(child, max(ends_s - time.monotonic(), 0.1))

    def _launch(self, child: Child) -> None:
        """What the system refuses now, such as memory for one more process, is tried again with back-off."""
        child.started_s, child.beat_ns = time.monotonic(), None
        command = [sys.executable, "-m", child.module, *child.arguments]
        environment = {**FEW_HEAPS, **os.environ, PARENT: str(os.getpid())}
        try:
            beat_file(self.report.parent, child.name).unlink(missing_ok=True)
            child.process = subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True, env=environment)
        except OSError as error:
            self._ended(child, f"not started: {error.strerror}")
            return
        log.info("process started", extra={"component": child.name, "pid": child.process.pid})
        assert child.process.stdin is not None
        with suppress(BrokenPipeError), child.process.stdin as entrance:
            entrance.write(self.handed)

    def _is_hung(self, child: Child) -> bool:
        return child.silent_s(beat_file(self.report.parent, child.name)) > self.hung_s

    def _ended(self, child: Child, how: str) -> None:
        child.process = None
        if time.monotonic() - child.started_s > self.well_s:
            child.failures = 0
        wait_s = self.waits_s[min(child.failures, len(self.waits_s) - 1)]
        child.failures += 1
        child.due_s = time.monotonic() + wait_s
        child.last_end = how
        child.last_end_at = datetime.now(UTC)
        fields = {"component": child.name, "reason": child.last_end, "again_in_s": wait_s}
        log.warning("process ended", extra=fields)

    def _tell(self) -> None:
        told = {child.name: _as_json(child) for child in self.children}
        fresh = self.report.with_suffix(".new")
        try:
            fresh.write_text(json.dumps(told), encoding="utf-8")
            fresh.replace(self.report)
        except OSError as error:  # no reason to let the processes go
            log.warning("report of the processes not written", extra={"reason": error.strerror})


def load_report(path: Path) -> Mapping[str, Mapping[str, Any]]:
    """What `Children` last told, by process: pid, restarts, last_end, last_end_at. Empty where there is none."""
    try:
        told: Mapping[str, Mapping[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return told


def beat_file(directory: Path, name: str) -> Path:
    """What a child touches at least every few seconds while it works, from the thread whose work matters."""
    return directory / f"{name}.beat"


def _end_of(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit code {code}"


def _as_json(child: Child) -> dict[str, Any]:
    return {
        "pid": child.process.pid if child.process is not None else None,
        "restarts": child.restarts,
        "last_end": child.last_end,
        "last_end_at": rfc3339(child.last_end_at) if child.last_end_at else None,
    }


def _await_end(child: Child, limit_s: float) -> None:
    if child.process is None:
        return
    try:
        child.process.wait(limit_s)
    except subprocess.TimeoutExpired:
        log.warning("process killed", extra={"component": child.name, "reason": "it did not end in time"})
        child.process.kill()
        child.process.wait()
