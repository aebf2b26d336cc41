"""A whole site as `surveillance run` has it, without the dashboard: core, recognizer and workers in a data directory.

Cameras are exchanged while it runs, as an edit does it; what each process works, and what core counts, can be asked.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree
from typing import Any

from surveillance.app.measuring import FIGURES
from surveillance.app.processes import children_of, handed_over
from surveillance.app.runtime import CORE_STATUS, REPORT, runtime_dir
from surveillance.app.store import Store, open_store, upgrade_database
from surveillance.bench.cpu import cpu_by_name
from surveillance.bench.memory import held_by
from surveillance.domain.site import Camera, Door, Site
from surveillance.engines.children import Children
from surveillance.settings import Settings
from surveillance.storage.state import SharedState

START_S, LIVE_S, LIVE_EACH_S, LOOK_S = 60.0, 30.0, 0.25, 0.2
RULES = """
- {name: seen, on: sighting, verdict: log, when: track_s >= 1}
- {name: told, on: sighting, verdict: alert, when: track_s >= 2}
"""


@dataclass(frozen=True, slots=True)
class WholeSite:
    """Its processes and its database."""

    store: Store
    children: Children
    shared: SharedState

    def watch(self, cameras: Sequence[Camera], doors: Sequence[Door] = ()) -> None:
        """Puts these in the place of what was watched; returns when all of them are live. Raises TimeoutError."""
        self.store.site.save(Site(cameras=tuple(cameras), doors=tuple(doors), rules=RULES), "bench")
        names = {camera.name for camera in cameras}
        within_s = LIVE_S + LIVE_EACH_S * len(names)
        ends_s = time.monotonic() + within_s
        while True:
            told = self._told(CORE_STATUS).get("cameras", {})
            if set(told) == names and all(camera["state"] == "live" for camera in told.values()):
                return
            if time.monotonic() > ends_s:
                live = sum(camera["state"] == "live" for camera in told.values())
                raise TimeoutError(f"{live} of {len(names)} cameras are live after {within_s:g} s")
            time.sleep(LOOK_S)

    def cpu_s(self) -> dict[str, float]:
        """So far, by process."""
        return cpu_by_name(self._pids())

    def memory_mb(self) -> dict[str, float]:
        """Now, by process, without the files of libraries."""
        held = {name: held_by(pid) for name, pid in self._pids().items()}
        return {name: each.memory_mb for name, each in held.items() if each is not None}

    def _pids(self) -> dict[str, int]:
        pids = {child.name: self.children.pid(child.name) for child in self.children.children}
        return {name: pid for name, pid in pids.items() if pid is not None}

    def counted(self, name: str) -> float:
        """The sum of a counter over all its labels, as core told it last."""
        samples = self._told(FIGURES).get("samples", ())
        return float(sum(value for kind, what, _, value in samples if kind == "counter" and what == name))

    def _told(self, name: str) -> dict[str, Any]:
        found = self.shared.get_dated(name)
        return {} if found is None else found[0]


@contextmanager
def whole_site(settings: Settings, folder: Path) -> Iterator[WholeSite]:
    """In that folder, running without a camera; stopped however the block ends."""
    how = settings.engine.model_copy(update={"kind": "processes"})
    log = settings.log.model_copy(update={"level": "error"})
    ours = settings.model_copy(update={"data_dir": folder.resolve(), "engine": how, "log": log})
    upgrade_database(ours)
    store = open_store(ours)
    children = Children(children_of(ours), handed_over(ours), runtime_dir(ours) / REPORT)
    children.start()
    try:
        site = WholeSite(store, children, SharedState(store.engine))
        ends_s = time.monotonic() + START_S
        while not site._told(CORE_STATUS):
            if time.monotonic() > ends_s:
                raise RuntimeError(f"core told nothing within {START_S:g} s")
            time.sleep(LOOK_S)
        yield site
    finally:
        children.stop()
        rmtree(runtime_dir(ours), ignore_errors=True)
