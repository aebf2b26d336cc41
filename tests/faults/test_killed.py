"""Any process is killed outright, again and again: nothing on record is lost or doubled, and all comes back.

Victims and moments are drawn from one seed. FAULT_ROUNDS=200 makes it longer, FAULT_SEED=7 another story, and
FAULT_MINUTES=3 lets the database be away for so long; FAULT_FIGURES=FILE adds each recovery to a file for the table.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from faulty_site import CAMERAS, MINUTES, ROUNDS, FaultySite, Followed, Span, runs
from patience import eventually

SLACK = timedelta(seconds=0.05)
DUE = timedelta(seconds=1) + SLACK  # after what was told of a track last
LONGEST = timedelta(seconds=2 + 5)  # a heartbeat, and an answer of the recognizer that is waited for
pytestmark = pytest.mark.timeout(3600)


def kill_core(site: FaultySite, _: Callable[[], bool]) -> None:
    site.kill("core", ["core"], site.core_is_back)


def kill_worker(site: FaultySite, _: Callable[[], bool]) -> None:
    name = site.dice.choice(site.running.settings.engine.worker_names)
    site.kill("a worker", [name], site.cameras_are_back)


def kill_recognizer(site: FaultySite, answers: Callable[[], bool]) -> None:
    site.kill("recognizer", ["recognizer"], answers)


def kill_dashboard(site: FaultySite, _: Callable[[], bool]) -> None:
    site.kill("the dashboard", ["web"], site.serves)


def kill_one_that_serves(site: FaultySite, _: Callable[[], bool]) -> None:
    """One of those that the dashboard's first process forked."""
    time.sleep(site.dice.uniform(0.2, 1.5))
    site.remember()
    pid = site.dice.choice(site.dashboard_processes()[1:])
    with site.recovering("a process that serves pages"):
        os.kill(pid, 9)
        assert eventually(lambda: not runs(pid) and len(site.dashboard_processes()) > 1 and site.serves())


def kill_everything(site: FaultySite, answers: Callable[[], bool]) -> None:
    names = ["core", "recognizer", "web", *site.running.settings.engine.worker_names]
    signs = (site.core_is_back, answers, site.serves, site.cameras_are_back)
    site.kill("all at once", names, lambda: all(is_back() for is_back in signs))


VICTIMS = (kill_core, kill_worker, kill_recognizer, kill_dashboard, kill_one_that_serves, kill_everything)


def test_any_process_is_killed(faulty_site: FaultySite, ask_recognizer: Callable[[], bool]) -> None:
    """Whatever was killed, workers told later what they saw while core was away: no track has a hole for its sake."""
    began, blind = datetime.now(UTC), []
    deck = [VICTIMS[number % len(VICTIMS)] for number in range(ROUNDS)]
    faulty_site.dice.shuffle(deck)
    for kill in deck:
        at = datetime.now(UTC)
        kill(faulty_site, ask_recognizer)
        if kill not in (kill_core, kill_dashboard, kill_one_that_serves):
            blind.append((at, datetime.now(UTC)))
    faulty_site.check()
    assert holes(faulty_site, began, blind) == []
    if kill_core in deck:
        ended = ["process core ended (signal 9) and was started again"]
        assert eventually(lambda: ended in [event["reasons"] for event in faulty_site.events("health.degraded")])


def test_the_database_is_away(faulty_site: FaultySite) -> None:
    """Another program holds it for longer than a commit may take: sightings wait, nobody is let in, nothing is lost."""
    began = datetime.now(UTC)
    path = faulty_site.running.settings.data_dir / "surveillance.db"
    for _ in range(max(2, ROUNDS // 5)):
        time.sleep(faulty_site.dice.uniform(0.2, 1.5))
        faulty_site.remember()
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            time.sleep(60 * MINUTES or faulty_site.dice.uniform(1.0, 4.0))
            assert faulty_site.badge() != "authorize"
            other.execute("ROLLBACK")
        faulty_site.over_at = datetime.now(UTC)
        with faulty_site.recovering("the database held"):
            assert eventually(faulty_site.core_is_back, 20 + 60 * MINUTES)
    faulty_site.check()
    assert holes(faulty_site, began) == []


def holes(site: FaultySite, began: datetime, blind: Sequence[Span] = ()) -> list[tuple[str, float]]:
    """Where a track lacks what must have been told of it, one heartbeat a second: (camera, seconds without).

    Its worker took a picture when a heartbeat was due; or none for longer than it waits for an answer, which is more
    than a busy machine makes of it. Except where nobody could see: a worker or the recognizer was killed.
    """
    tracks: dict[Followed, list[datetime]] = {}
    for entry in site.observations():
        if entry.started_at > began:
            tracks.setdefault((entry.camera, entry.started_at, entry.track), []).append(entry.at)
    looked_at = {camera: site.looked_at(camera) for camera in CAMERAS}
    gaps = [
        (camera, earlier, later)
        for (camera, _, _), moments in tracks.items()
        for earlier, later in pairwise(sorted(moments))
        if later - earlier > LONGEST or any(earlier + DUE < at < later - SLACK for at in looked_at[camera])
    ]
    return [
        (camera, (later - earlier).total_seconds())
        for camera, earlier, later in gaps
        if not any(earlier < until and since < later for since, until in blind)
    ]
