"""Each stage of a site in one process is broken wherever it is: the others go on, it comes back, and it is told.

An exception is raised in its thread, at whatever line that is. `STAGE_ROUNDS=200` breaks one at random so often, drawn
from `STAGE_SEED`; with `-s` the table is printed that docs/reliability.md shows.
"""

from __future__ import annotations

import ctypes
import os
import random
import threading
import time
from pathlib import Path

from painted_site import painted_settings, running_painted
from patience import eventually
from tqdm import tqdm

from surveillance.app.service import RunningSite
from surveillance.storage.queries import EventFilter
from surveillance.storage.settings import LabelingSettings

ROUNDS = int(os.environ.get("STAGE_ROUNDS", "0"))
SEED = int(os.environ.get("STAGE_SEED", "1"))
BACK_S = 90.0  # the longest pause between two starts is 30
CAMERA = "camera.lost"  # what is told of a broken reader; the others are health.degraded
KEEPERS = ("house", "keeper", "picking", "candidates")
STAGES = ("camera yard", "reader", "main stream yard", "recognizer embedded", "core", "dispatch", *KEEPERS)
EVERY_TRACK = LabelingSettings(sampled_share=1.0)  # "picking" only waits, and breaks once there is one to write
SITE = """
cameras:
  - {name: yard, url: "paint://yard?period=4", sub_url: "paint://yard?period=4"}
rules:
  - {name: seen, on: sighting, verdict: alert, when: label == "person"}
"""


class StageError(Exception):
    """What is raised in a stage."""


def break_stage(name: str) -> None:
    """Waits until it runs, since one that was broken lately may pause yet."""
    found: list[threading.Thread] = []

    def is_there() -> bool:
        found[:] = [thread for thread in threading.enumerate() if thread.name == name]
        return bool(found)

    assert eventually(is_there), name
    identity, raised = ctypes.c_ulong(found[0].ident or 0), ctypes.py_object(StageError)
    assert ctypes.pythonapi.PyThreadState_SetAsyncExc(identity, raised) == 1


class Record:
    """What was ever seen on it, which must stay."""

    def __init__(self, running: RunningSite) -> None:
        self._events = running.store.events
        self._seen: dict[str, str] = {}

    def sightings(self) -> int:
        """How many there are. Everything that was there before is there yet."""
        page, _ = self._events.page(EventFilter(), None, 1000)
        now = {event["id"]: event["kind"] for event in page}
        assert len(page) == 1000 or self._seen.items() <= now.items()
        self._seen |= now
        return sum(kind.startswith("sighting.") for kind in self._seen.values())

    def told(self) -> set[str]:
        page, _ = self._events.page(EventFilter(kind="health.degraded"), None, 1000)
        lost, _ = self._events.page(EventFilter(kind=CAMERA), None, 1)
        return {str(event["details"].get("component")) for event in page} | {event["kind"] for event in lost}


def test_every_stage_is_broken(tmp_path: Path) -> None:
    settings = painted_settings(tmp_path, kind="inline").model_copy(update={"labeling": EVERY_TRACK})
    with running_painted(settings, SITE) as running:
        record = Record(running)
        assert eventually(lambda: record.sightings() > 0)
        for stage in STAGES:
            break_stage(stage)
        goes_on(record)
        assert eventually(lambda: {*STAGES, CAMERA} - {"reader"} <= record.told()), record.told()
        draws, back_s = random.Random(SEED), dict[str, list[float]]()
        for _ in tqdm(range(ROUNDS), unit="stage"):
            stage = draws.choice(STAGES)
            break_stage(stage)
            back_s.setdefault(stage, []).append(goes_on(record))
    for stage, waits in sorted(back_s.items()):
        print(f"| {stage} | {len(waits)} | 0 | {sorted(waits)[len(waits) // 2]:.1f} s | {max(waits):.1f} s |")


def goes_on(record: Record) -> float:
    """Two people more are seen: one may have been under way. How long that took; one comes every four seconds."""
    began_s, before = time.monotonic(), record.sightings()
    assert eventually(lambda: record.sightings() >= before + 2, BACK_S)
    return time.monotonic() - began_s
