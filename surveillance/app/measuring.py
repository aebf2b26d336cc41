"""Where the figures of all processes come together: at core, which leaves them in the database once a second.

Workers send theirs to core over their line, the recognizer leaves a file in the runtime directory.
"""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from surveillance.app.runtime import CORE_STATUS, REPORT, runtime_dir
from surveillance.app.store import Store
from surveillance.domain.values import Action
from surveillance.engines.children import load_report
from surveillance.engines.core import Core, told_of_itself
from surveillance.engines.figures import BOUNDS_S, Figures
from surveillance.settings import Settings
from surveillance.storage import sizes
from surveillance.storage.retention import disk_free
from surveillance.storage.state import SharedState
from surveillance.storage.vitals import oldest_open_action

FIGURES = "figures"  # the name under which core leaves the figures in the database
RECOGNIZER_FILE = "figures-recognizer.json"
EVERY_S = 1.0
SIZES_S = 15.0  # how long sizes are good for: adding them up takes a while where there is much
STATES = ("live", "lost", "frozen", "blinded", "moved")


class Publisher:
    """Once a second: how core fares and everybody's figures, in one commit."""

    def __init__(self, settings: Settings, state: SharedState, core: Core, figures: Figures, place: str = "") -> None:
        self._place = {"place": place} if place else {}
        self._state = state
        self._core = core
        self._figures = figures
        directory = runtime_dir(settings)
        self._report = directory / REPORT
        self._recognizer = FiguresFile(directory / RECOGNIZER_FILE)
        self._restarts: dict[str, int] = {}  # of each process, as told last; core's own before this run are news

    def __call__(self, status: Mapping[str, Any]) -> None:
        self._measure(status)
        self._recognizer.absorb(self._figures, "recognizer")
        self._state.put_all({CORE_STATUS: {**status, **self._place}, FIGURES: self._figures.as_json()}, touches=())

    def settled(self, became: Sequence[Action]) -> None:
        """Counts what became of deeds."""
        for action in became:
            self._figures.count("actions", kind=action.kind, state=action.state)

    def _measure(self, status: Mapping[str, Any]) -> None:
        figures, core = self._figures, self._core
        states = Counter(camera["state"] for camera in status["cameras"].values())
        for state in STATES:
            figures.set("cameras", states[state], state=state)
        figures.set("configuration_applied_version", status["configuration_version"])
        figures.set("queue_length", core.waiting, queue="core")
        figures.set("queue_length", core.unrecorded, queue="spool")
        for reason, count in core.drops.items():
            figures.count_to("inputs_dropped", count, reason=reason)
        for name, child in load_report(self._report).items():
            figures.count_to("process_restarts", child["restarts"], process=name)
            self._tell_of(name, child)

    def _tell_of(self, name: str, child: Mapping[str, Any]) -> None:
        """A process that ended is on record; workers are missed by their line, so they are not told of twice."""
        restarts = int(child["restarts"])
        known = self._restarts.setdefault(name, 0 if name == "core" else restarts)
        if restarts > known and not name.startswith("worker-"):
            reason = f"process {name} ended ({child['last_end']}) and was started again"
            self._core.tell(told_of_itself("health.degraded", reason, component=name))
        self._restarts[name] = restarts


class FiguresFile:
    """The figures of a process that has no line to core."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen = 0

    def write(self, figures: Figures) -> None:
        fresh = self._path.with_suffix(".new")
        fresh.write_text(json.dumps(figures.as_json()), encoding="utf-8")
        fresh.replace(self._path)

    def absorb(self, figures: Figures, producer: str) -> None:
        """Takes in what is new there; a file that nobody writes any more goes out of date."""
        with suppress(FileNotFoundError):
            written = self._path.stat().st_mtime_ns
            if written != self._seen:
                self._seen = written
                figures.absorb(producer, json.loads(self._path.read_text(encoding="utf-8")))


def keep_writing(settings: Settings, figures: Figures) -> None:
    """Writes the recognizer's figures every second from now on."""
    file = FiguresFile(runtime_dir(settings) / RECOGNIZER_FILE)

    def write() -> None:
        pause = threading.Event()
        while not pause.wait(EVERY_S):
            with suppress(OSError):  # the directory is gone when the service ends
                file.write(figures)

    threading.Thread(target=write, name="figures", daemon=True).start()


class Gathered:
    """What the dashboard shows: core's figures as it left them, and what lies in the database and on the disk."""

    def __init__(self, settings: Settings, store: Store) -> None:
        self._settings = settings
        self._store = store
        self._state = SharedState(store.engine)
        self._lock = threading.Lock()
        self._sizes: list[Any] = []
        self._sized_at_s = -SIZES_S

    def __call__(self) -> dict[str, Any]:
        """{"bounds", "samples"}. Gauges of a core that is silent are left out; what it counted stays."""
        now = datetime.now(UTC)
        told = self._state.get_dated(FIGURES)
        samples: list[Any] = []
        bounds: Sequence[float] = BOUNDS_S
        if told is not None:
            age_s = (now - told[1]).total_seconds()
            is_fresh = age_s <= self._settings.dashboard.core_silent_s
            samples += [sample for sample in told[0]["samples"] if is_fresh or sample[0] != "gauge"]
            samples.append(_gauge("core_heartbeat_age_seconds", age_s))
            bounds = told[0]["bounds"]
        samples += self._of_database(now)
        return {"bounds": bounds, "samples": samples}

    def _of_database(self, now: datetime) -> list[Any]:
        store = self._store
        oldest = oldest_open_action(store.engine)
        waits_s = 0.0 if oldest is None else max((now - oldest).total_seconds(), 0.0)
        found = [
            _gauge("outbox_oldest_seconds", waits_s),
            _gauge("configuration_desired_version", sizes.configuration_version(store.engine)),
            ["counter", "events", {}, store.events.last_seq()],
            _gauge("disk_free_bytes", disk_free(self._settings.data_dir)),
        ]
        found += [
            _gauge("actions_open", count, kind=kind, state=state)
            for (kind, state), count in sizes.open_actions(store.engine).items()
        ]
        return found + self._of_sizes()

    def _of_sizes(self) -> list[Any]:
        with self._lock:
            if time.monotonic() - self._sized_at_s > SIZES_S:
                store = self._store
                self._sizes = [
                    _gauge("database_bytes", sizes.database_bytes(store.engine)),
                    _gauge("media_bytes", sizes.evidence_bytes(store.engine), kind="shots"),
                    _gauge("media_bytes", store.recordings.kept_bytes(), kind="recordings"),
                ]
                self._sized_at_s = time.monotonic()
            return self._sizes


def _gauge(name: str, value: float, **labels: str) -> list[Any]:
    return ["gauge", name, labels, value]
