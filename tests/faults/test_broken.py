"""What breaks around a running site: doors stay shut, it is told, and all goes on by itself with nothing lost.

Each row is a sentence. A fault lasts three seconds, or FAULT_MINUTES.
"""

from __future__ import annotations

import os
import resource
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from faulty_site import MINUTES, FaultySite
from patience import eventually

pytestmark = pytest.mark.timeout(900)

LASTS_S = 60 * MINUTES or 3.0
LOG_TOO = ("surveillance.db", "surveillance.db-wal", "surveillance.db-shm")


def data(site: FaultySite) -> Path:
    return site.running.settings.data_dir


@contextmanager
def moved_away(site: FaultySite, names: tuple[str, ...]) -> Iterator[None]:
    away = data(site) / "away"
    away.mkdir(exist_ok=True)
    for name in names:
        (data(site) / name).rename(away / name)
    try:
        yield
        assert not (data(site) / names[0]).exists(), "another was made in its place"
    finally:
        for name in names:
            (away / name).rename(data(site) / name)


@contextmanager
def moved_away_and_core_killed(site: FaultySite) -> Iterator[None]:
    with moved_away(site, LOG_TOO):
        pid = site.running.children.pid("core")
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        yield


@contextmanager
def replaced(site: FaultySite) -> Iterator[None]:
    """By a copy that holds as much, as a person would who moves it to another disk; nobody writes meanwhile."""
    file = data(site) / LOG_TOO[0]
    with closing(sqlite3.connect(file, isolation_level=None)) as holder, closing(sqlite3.connect(file)) as reader:
        holder.execute("BEGIN IMMEDIATE")
        reader.execute("VACUUM INTO ?", (str(file.with_suffix(".copy")),))
        yield
        for name in LOG_TOO:
            (data(site) / name).rename(data(site) / f"old-{name}")
        file.with_suffix(".copy").rename(file)


@contextmanager
def disk_full(site: FaultySite) -> Iterator[None]:
    """No file of core can grow: neither the database nor the spool nor evidence."""
    pid = site.running.children.pid("core")
    assert pid is not None
    before = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        yield
    finally:
        if site.running.children.pid("core") == pid:
            resource.prlimit(pid, resource.RLIMIT_FSIZE, before)


@contextmanager
def card_broken(site: FaultySite) -> Iterator[None]:
    """Whoever publishes a model by hand writes a part of a card; the recognizer finds it when it starts anew."""
    card = data(site) / "models" / "painted.yaml"
    whole = card.read_text()
    card.write_text(whole.partition("weights:")[0])
    pid = site.running.children.pid("recognizer")
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    try:
        yield
    finally:
        card.write_text(whole)


@dataclass(frozen=True)
class Fault:
    """`shut` is a door at which nobody is let in meanwhile; `told` are words of the event."""

    sentence: str
    broken: Callable[[FaultySite], AbstractContextManager[None]]
    shut: str
    told: str


AWAY = "the database cannot be written; what is seen meanwhile waits on this machine"
FAULTS = (
    Fault("the database is moved away", lambda site: moved_away(site, LOG_TOO), "back", AWAY),
    Fault("the database is moved away without its log", lambda site: moved_away(site, LOG_TOO[:1]), "back", AWAY),
    Fault("core is killed while the database is away", moved_away_and_core_killed, "back", "process core ended"),
    Fault("a copy takes the place of the database", replaced, "back", AWAY),
    Fault("the disk is full", disk_full, "back", AWAY),
    Fault("the card of the model is broken", card_broken, "side", "process recognizer ended"),
)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.sentence)
def test_it_is_told_and_goes_on_by_itself(fault: Fault, faulty_site: FaultySite) -> None:
    assert eventually(lambda: faulty_site.badge(fault.shut) == "authorize", 60)
    faulty_site.remember()
    with fault.broken(faulty_site):
        assert eventually(lambda: is_shut(faulty_site, fault.shut), 60)
        ends_s = time.monotonic() + LASTS_S
        while time.monotonic() < ends_s:
            assert faulty_site.badge(fault.shut) != "authorize"
    with faulty_site.recovering(fault.sentence):
        assert eventually(lambda: faulty_site.badge(fault.shut) == "authorize", 60 + LASTS_S)
    faulty_site.check()
    assert eventually(lambda: any(fault.told in reason for reason in told_of(faulty_site)), 60), told_of(faulty_site)


def is_shut(site: FaultySite, door: str) -> bool:
    """Twice in turn: a single answer may have been late."""
    return all(site.badge(door) != "authorize" for _ in range(2))


def told_of(site: FaultySite) -> list[str]:
    return [reason for event in site.events("health.degraded") for reason in event["reasons"]]
