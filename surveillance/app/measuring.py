"""Where the figures of all processes come together: at core, which leaves them in the database once a second.

Workers send theirs to core over their line, the recognizer leaves a file in the runtime directory.
"""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from surveillance.app.runtime import CORE_STATUS, REPORT, runtime_dir
from surveillance.domain.values import Action
from surveillance.engines.children import load_report
from surveillance.engines.core import Core
from surveillance.engines.figures import Figures
from surveillance.settings import Settings
from surveillance.storage.state import SharedState

FIGURES = "figures"  # the name under which core leaves the figures in the database
RECOGNIZER_FILE = "figures-recognizer.json"
EVERY_S = 1.0
STATES = ("live", "lost", "frozen", "blinded", "moved")


class Publisher:
    """Once a second: how core fares and everybody's figures, in one commit."""

    def __init__(self, settings: Settings, state: SharedState, core: Core, figures: Figures) -> None:
        self._state = state
        self._core = core
        self._figures = figures
        directory = runtime_dir(settings)
        self._report = directory / REPORT
        self._recognizer = FiguresFile(directory / RECOGNIZER_FILE)

    def __call__(self, status: Mapping[str, Any]) -> None:
        self._measure(status)
        self._recognizer.absorb(self._figures, "recognizer")
        self._state.put_all({CORE_STATUS: status, FIGURES: self._figures.as_json()})

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
