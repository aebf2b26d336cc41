"""Each kind of process is killed outright, again and again: nothing on record is lost or doubled, and all comes back.

Rounds and moments are drawn from one seed; FAULT_ROUNDS=50 makes it longer. Recovery times are printed at the end.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from faulty_site import ROUNDS, FaultySite
from patience import eventually

pytestmark = pytest.mark.timeout(900)


def test_core_is_killed(faulty_site: FaultySite) -> None:
    """What the workers saw meanwhile is told later: no track has a hole."""
    began = datetime.now(UTC)
    for _ in range(ROUNDS):
        faulty_site.kill("core", faulty_site.core_is_back())
    faulty_site.check()
    assert holes(faulty_site, began) == []
    ended = ["process core ended (signal 9) and was started again"]
    assert eventually(lambda: ended in [event["reasons"] for event in faulty_site.events("health.degraded")])


def test_a_worker_is_killed(faulty_site: FaultySite) -> None:
    for number in range(ROUNDS):
        name = faulty_site.running.settings.engine.worker_names[number % 2]
        at = datetime.now(UTC) + timedelta(seconds=1.6)  # kill waits for less
        faulty_site.kill(name, lambda at=at: all(faulty_site.seen_since(camera, at) for camera in CAMERAS))
    faulty_site.check()


def test_the_recognizer_is_killed(faulty_site: FaultySite, ask_recognizer: Callable[[], bool]) -> None:
    for _ in range(ROUNDS):
        faulty_site.kill("recognizer", ask_recognizer)
    faulty_site.check()


def test_the_dashboard_is_killed(faulty_site: FaultySite) -> None:
    for _ in range(ROUNDS):
        before = faulty_site.dashboard_processes()
        faulty_site.kill("web", lambda before=before: not any(map(runs, before)) and faulty_site.serves())
    faulty_site.check()


def test_the_database_is_away(faulty_site: FaultySite) -> None:
    """Another program holds it for longer than a commit may take: sightings wait, nobody is let in, nothing is lost."""
    began = datetime.now(UTC)
    path = faulty_site.running.settings.data_dir / "surveillance.db"
    for _ in range(ROUNDS):
        time.sleep(faulty_site.dice.uniform(0.2, 1.5))
        faulty_site.remember()
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            time.sleep(faulty_site.dice.uniform(1.0, 4.0))
            other.execute("ROLLBACK")
        assert eventually(faulty_site.core_is_back(), 20)
    faulty_site.check()
    assert holes(faulty_site, began) == []


def runs(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


CAMERAS = ("yard", "front", "gate", "hall")


def holes(site: FaultySite, began: datetime) -> list[tuple[str, float]]:
    """Tracks with more than two seconds between what was told of them, of the heartbeat of one: (camera, seconds)."""
    tracks: dict[tuple[str, datetime], list[datetime]] = {}
    for entry in site.observations():
        if entry.started_at > began:
            tracks.setdefault((entry.camera, entry.started_at), []).append(entry.at)
    gaps = [
        (camera, (later - earlier).total_seconds())
        for (camera, _), moments in tracks.items()
        for earlier, later in pairwise(sorted(moments))
    ]
    return [gap for gap in gaps if gap[1] > 2.0]
