"""The site that the faults befall: painted cameras, a door, a badge reader that never tires, and real processes."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.request import ProxyHandler, build_opener

from fault_figures import gather, table
from painted_site import painted_settings, running_painted
from patience import eventually

from surveillance import places
from surveillance.app.runtime import CORE_STATUS
from surveillance.app.service import RunningSite
from surveillance.app.store import open_store, relay_token, upgrade_database
from surveillance.bench.memory import descendants
from surveillance.demo.controller import DoorController
from surveillance.demo.reader import present
from surveillance.domain.values import CameraReport, Observation
from surveillance.storage.queries import EventFilter
from surveillance.storage.state import SharedState

SITE = """
cameras:
  - {{name: yard, url: "paint://yard?period=3"}}
  - {{name: front, url: "paint://front?period=4"}}
  - {{name: gate, url: "paint://gate?period=5"}}
  - {{name: hall, url: "paint://hall?period=3.5"}}
doors:
  - {{name: back, relay: "{relay}", pulse_s: 1}}
  - {{name: side, camera: yard, relay: "{side}", pulse_s: 1}}
people:
  - {{name: Grace, groups: [staff], credentials: [{{kind: badge, value: "1906"}}]}}
  - {{name: Hopper, groups: [staff], credentials: [{{kind: badge, value: "1815", valid_until: 2026-01-01T00:00:00Z}}]}}
rules:
  - {{name: seen, on: sighting, verdict: log, when: label == "person" and track_s >= 0.5}}
  - {{name: staff, on: access, verdict: authorize, when: '"staff" in groups and "badge" in factors'}}
"""
SEEN = "PAINTED_SEEN"  # tells the stubs
VALID, OVER = "1906", "1815"  # badges: one without an end, one whose time was over before any test
Followed = tuple[str, datetime, int]  # camera, when the track began, its number in that run of the worker
Span = tuple[datetime, datetime]
CAMERAS = ("yard", "front", "gate", "hall")
ROUNDS = int(os.environ.get("FAULT_ROUNDS", "6"))
SEED = int(os.environ.get("FAULT_SEED", "20261121"))
MINUTES = float(os.environ.get("FAULT_MINUTES", "0"))


@dataclass
class FaultySite:
    """A running site, what was on record at some moments, and how long it took to come back."""

    running: RunningSite
    controllers: tuple[DoorController, ...]
    token: str
    began: datetime
    seen: Path  # where the workers' stubs note what they looked at
    dice: random.Random = field(default_factory=lambda: random.Random(SEED))
    before: dict[str, int] = field(default_factory=dict)  # seq of each event that was ever seen on record
    granted: list[str] = field(default_factory=list)  # events of the grants that the reader was told
    recovered_s: dict[str, list[float]] = field(default_factory=dict)
    over_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    def remember(self) -> None:
        """Whatever is on record now must be for ever."""
        self.before |= {event["id"]: event["seq"] for event in self.events()}

    def events(self, kind: str | None = None) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        cursor = None
        while True:
            page, cursor = self.running.store.events.page(EventFilter(kind=kind, since=self.began), cursor, 500)
            found += page
            if cursor is None:
                return found

    @contextmanager
    def recovering(self, fault: str) -> Iterator[None]:
        """How long the block takes is how long that fault's recovery took."""
        began_s = time.monotonic()
        yield
        self.recovered_s.setdefault(fault, []).append(time.monotonic() - began_s)

    def kill(self, fault: str, names: Sequence[str], is_back: Callable[[], bool]) -> None:
        """At a moment drawn by lot, outright; returns when all are back."""
        time.sleep(self.dice.uniform(0.2, 1.5))
        self.remember()
        before = {name: self.running.children.pid(name) for name in names}
        assert None not in before.values(), f"not all run: {before}"
        serving = self.dashboard_processes() if "web" in names else []  # they answer for a moment longer than the first
        with self.recovering(fault):
            for pid in before.values():
                os.kill(pid, signal.SIGKILL)
            for name, pid in before.items():
                assert eventually(lambda name=name, pid=pid: self.running.children.pid(name) not in (None, pid), 60)
            self.over_at = datetime.now(UTC)
            assert eventually(lambda: not any(map(runs, serving)) and is_back(), 120), f"{fault} did not come back"

    def core_is_back(self) -> bool:
        """Core has told of itself later than the moment when the fault was over."""
        told = SharedState(self.running.store.engine).get_dated(CORE_STATUS)
        return told is not None and told[1] > self.over_at and bool(told[0]["cameras"])

    def cameras_are_back(self) -> bool:
        """Every camera gives live pictures later than that."""
        return all(self.seen_since(camera, self.over_at) for camera in CAMERAS)

    def observations(self) -> list[Observation]:
        entries = self.running.store.events.inputs_since(self.began)
        return [entry for entry in entries if isinstance(entry, Observation)]

    def looked_at(self, camera: str) -> list[datetime]:
        """When its worker took pictures that it showed the model: one a second while anybody is there."""
        file = self.seen / camera
        return [datetime.fromisoformat(line) for line in file.read_text().splitlines()] if file.exists() else []

    def seen_since(self, camera: str, at: datetime) -> bool:
        reports = self.running.store.events.inputs_since(at)
        return any(isinstance(e, CameraReport) and e.camera == camera and e.state == "live" for e in reports)

    def dashboard_processes(self) -> list[int]:
        """The server and those that it forked, which outlive it by a moment."""
        pid = self.running.children.pid("web")
        return [] if pid is None else [pid, *descendants(pid)]

    def serves(self) -> bool:
        with suppress(OSError), build_opener(ProxyHandler({})).open(self.running.address + "/healthz", timeout=2):
            return True
        return False

    def badge(self, door: str = "back", badge: str = VALID) -> str:
        """Somebody asks at a door and gets a verdict; whoever gets none stays outside."""
        with suppress(OSError, ValueError):
            answer = present(self.running.address, self.token, door, badge)
            if answer.get("verdict") == "authorize":
                self.granted.append(answer["event"])
            return str(answer.get("verdict"))
        return "none"

    def check(self) -> None:
        """Nothing on record was lost or doubled; every grant that was told is on record; no door opened without one."""
        until = datetime.now(UTC)
        assert eventually(lambda: not self.amiss(until), 60), self.amiss(until)
        events = self.events()
        now = {event["id"]: event["seq"] for event in events}
        assert {id: now.get(id) for id in self.before} == self.before, "an event on record was lost or changed"
        numbers = sorted(now.values())
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers))), "the numbers have gaps"
        grants = {event["id"] for event in self.events("access.granted")}
        assert set(self.granted) <= grants, "somebody was let in without a record"
        pulses = sum(strike.pulses for each in self.controllers for strike in each.strikes.values())
        assert pulses <= len(grants), "a door opened without a grant on record"

    def amiss(self, until: datetime) -> dict[Followed, int]:
        """How often each track that began before then is told of too rarely (-1) or too often; each should be once."""
        told = Counter(track for track in self.told_of_tracks() if track[1] < until)
        told.subtract(track for track in self.tracks() if track[1] < until)
        return {track: off for track, off in told.items() if off}

    def tracks(self) -> list[Followed]:
        """Every person that the rule must have told of."""
        seen = [entry for entry in self.observations() if entry.label == "person" and entry.track_s >= 0.5]
        return sorted({(entry.camera, entry.started_at, entry.track) for entry in seen})

    def told_of_tracks(self) -> list[Followed]:
        """Of every event of the rule; twice when it was told of twice."""
        events = self.events("sighting.logged")
        by_id = {entry.id: entry for entry in self.observations()}  # read later: each event's is among them
        told = []
        for event in events:
            whole = self.running.store.events.one(event["id"])
            assert whole is not None
            entry = by_id[whole["subject"]]
            told.append((entry.camera, entry.started_at, entry.track))
        return told


def keep_asking(site: FaultySite, stopping: threading.Event) -> None:
    while not stopping.wait(0.5):
        site.badge()


def blank() -> Any:
    import numpy as np

    return np.zeros((64, 64, 3), np.uint8)


@contextmanager
def started(folder: Path) -> Iterator[FaultySite]:
    """Such a site in that folder, its people seen and its reader at work, ended at the end."""
    os.environ[SEEN] = str(seen := folder / "seen")
    seen.mkdir()
    settings = painted_settings(folder)
    settings = settings.model_copy(update={"perception": settings.perception.model_copy(update={"model": "painted"})})
    whole = (places.shipped("config") / "models" / "embedded.yaml").read_text(encoding="utf-8")
    (settings.data_dir / "models").mkdir(parents=True)
    (settings.data_dir / "models" / "painted.yaml").write_text(whole.replace("name: embedded", "name: painted", 1))
    upgrade_database(settings)
    store = open_store(settings)
    token = store.accounts.create_token("reader", ["access:request"])
    began = datetime.now(UTC)
    with (
        DoorController(["back"], relay_token(store.keys, "back")) as back,
        DoorController(["side"], relay_token(store.keys, "side")) as side,
        running_painted(settings, SITE.format(relay=back.relay_url("back"), side=side.relay_url("side"))) as running,
    ):
        site = FaultySite(running, (back, side), token, began, seen)
        assert eventually(lambda: len(site.told_of_tracks()) >= 2, 90)
        stopping = threading.Event()
        reader = threading.Thread(target=lambda: keep_asking(site, stopping), daemon=True)
        reader.start()
        yield site
        stopping.set()
        reader.join(60)
        del os.environ[SEEN]
        gather(site.recovered_s)
        print(f"\n{table(site.recovered_s)}")


def runs(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()
