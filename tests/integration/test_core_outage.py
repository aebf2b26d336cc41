"""Core while its database is really away: held by another process, or without room."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from fakes import as_presented, grant_all, nothing_due, request_of
from ledger_samples import JPEG, NOON, decision, observation, shot
from postgres_server import running_postgres
from sqlalchemy import event

from surveillance.domain.values import Decision, Input, Observation
from surveillance.engines.core import Core, CoreLimits, denial
from surveillance.storage.database import open_database, upgrade
from surveillance.storage.evidence import EvidenceStore
from surveillance.storage.inbox import Inbox
from surveillance.storage.ledger import SqlLedger
from surveillance.storage.queries import Events
from surveillance.storage.spool import NAME, DiskSpool
from surveillance.walk import CoreWalk

HOLD = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.read()
"""


def log_all(entry: Input) -> tuple[Decision, ...]:
    """A judge that logs every observation with its track, and grants every request."""
    if not isinstance(entry, Observation):
        return grant_all(entry)
    return (decision(kind="sighting.logged", verdict="log", track=entry.track, subject=entry.id),)


@dataclass
class Site:
    directory: Path
    engine: Any
    core: Core
    inbox: Inbox
    spool: DiskSpool
    events: Events

    def kinds(self) -> list[str]:
        return [row["kind"] for row in self.events.after(0)]

    def seen(self) -> list[str]:
        told = self.events.inputs_since(NOON - timedelta(days=1))
        return [entry.id for entry in told if isinstance(entry, Observation)]

    def turn_until_recorded(self) -> None:
        ends_s = time.monotonic() + 60
        while time.monotonic() < ends_s:
            self.core.turn()
            if not self.core.unrecorded and not self.core.waiting:
                return


def open_site(directory: Path, lock_timeout_ms: int = 100, retry_s: float = 0.0, url: str | None = None) -> Site:
    engine = open_database(url or f"sqlite:///{directory / 'site.db'}", lock_timeout_ms)
    upgrade(engine)
    ledger = SqlLedger(engine, EvidenceStore(directory / "evidence"), lambda decision: ())
    inbox = Inbox(engine)
    spool = DiskSpool(directory / "spool", 2**20)
    walk = CoreWalk(request_of, log_all, ledger, nothing_due)
    core = Core(walk, inbox, as_presented, limits=CoreLimits(retry_s=retry_s), known=ledger.known, spool=spool)
    return Site(directory, engine, core, inbox, spool, Events(engine))


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return open_site(tmp_path)


@contextmanager
def held_by_another_process(site: Site) -> Iterator[None]:
    """Another process has begun to write to the database and does not end."""
    command = [sys.executable, "-c", HOLD, str(site.directory / "site.db")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        try:
            yield
        finally:
            holder.terminate()


def ask(site: Site, seconds: float = 30.0) -> str:
    until = datetime.now(UTC) + timedelta(seconds=seconds)
    return site.inbox.ask("access.request", {"request_id": "r-1", "door": "front"}, until)


def test_what_is_seen_while_another_holds_the_database_is_recorded_afterwards(site: Site) -> None:
    safe: list[str] = []
    first, second, third = (observation(shot=shot() if number == 0 else None) for number in range(3))
    with held_by_another_process(site):
        for entry in (first, second):
            site.core.put(entry, lambda entry=entry: safe.append(entry.id))
            site.core.turn()
        assert (safe, len(site.spool), site.kinds()) == ([first.id, second.id], 3, [])
    site.core.put(third, lambda: safe.append(third.id))
    site.turn_until_recorded()
    assert site.seen() == [first.id, second.id, third.id]
    assert safe == [first.id, second.id, third.id]
    logged = "sighting.logged"
    assert site.kinds() == ["health.degraded", logged, logged, "health.restored", logged]
    assert list((site.directory / "spool").iterdir()) == []


def test_a_request_while_another_holds_the_database_is_denied_for_good(site: Site) -> None:
    question = ask(site)
    with held_by_another_process(site):
        site.core.turn()
        site.core.turn()
        assert site.inbox.answer_of(question) is None, "not even the answer can be written"
    site.turn_until_recorded()
    site.core.turn()
    assert site.inbox.answer_of(question) == denial("other: the decision could not be recorded")
    assert "access.granted" not in site.kinds()


def test_a_request_that_comes_while_the_database_is_away_waits_for_the_next_try(tmp_path: Path) -> None:
    site = open_site(tmp_path, retry_s=0.3)
    with held_by_another_process(site):
        site.core.put(observation())
        site.core.turn()
    question = ask(site)
    site.core.turn()
    site.turn_until_recorded()
    site.core.turn()
    answer = site.inbox.answer_of(question)
    assert answer is not None
    assert answer["verdict"] == "authorize"


def test_a_database_without_room_is_away_until_it_has_room(site: Site) -> None:
    pages = {"most": 1}

    @event.listens_for(site.engine, "begin")
    def bound(connection: Any) -> None:
        connection.exec_driver_sql(f"PRAGMA max_page_count={pages['most']}")

    seen = [observation(model="m" * 150) for _ in range(200)]
    for entry in seen:
        site.core.put(entry)
    site.core.turn()
    assert (site.kinds(), site.core.unrecorded) == ([], 201)
    pages["most"] = 1_000_000
    site.turn_until_recorded()
    assert site.seen() == [entry.id for entry in seen]


def test_a_core_that_is_started_again_records_what_the_last_one_spooled(site: Site) -> None:
    seen = [observation(shot=shot()), observation(track=8)]
    with held_by_another_process(site):
        for entry in seen:
            site.core.put(entry)
        site.core.turn()
    later = open_site(site.directory)
    later.core.recover()
    assert later.seen() == [entry.id for entry in seen]
    assert later.kinds() == ["health.degraded", "sighting.logged", "sighting.logged"]
    later.core.turn()
    restored = later.events.after(3)[0]
    assert (restored["kind"], restored["reasons"]) == (
        "health.restored",
        ["3 judged inputs that waited on the disk are on record"],
    )
    again: list[int] = []
    later.core.put(seen[0], lambda: again.append(1), again=True)
    later.core.turn()
    assert (again, len(later.seen())) == ([1], 2)


def test_a_picture_that_waited_in_the_spool_is_kept_with_its_event(site: Site) -> None:
    pictured = observation(shot=shot(), change="appeared")
    with held_by_another_process(site):
        site.core.put(pictured)
        site.core.turn()
    later = open_site(site.directory)
    later.core.recover()
    [name] = [row["evidence"] for row in later.events.after(0) if row["kind"] == "sighting.logged"]
    assert EvidenceStore(site.directory / "evidence").path(name).read_bytes() == JPEG


def test_a_disk_that_takes_neither_record_nor_spool_stops_judging_until_it_does(site: Site) -> None:
    spooled = site.directory / "spool" / NAME
    spooled.symlink_to("/dev/full")
    first, second = observation(), observation()
    safe: list[str] = []
    with held_by_another_process(site):
        for entry in (first, second):
            site.core.put(entry, lambda entry=entry: safe.append(entry.id))
            site.core.turn()
            site.core.turn()
        assert (safe, site.core.waiting, site.core.unrecorded) == ([], 1, 2)
        spooled.unlink()
        site.core.turn()
        site.core.turn()
        assert safe == [first.id, second.id]
    site.turn_until_recorded()
    assert site.seen() == [first.id, second.id]


def test_a_server_that_goes_and_comes_back_costs_nothing_that_was_seen(tmp_path: Path) -> None:
    with running_postgres() as server:
        site = open_site(tmp_path, 10_000, url=server.url(server.create()))
        seen = [observation() for _ in range(3)]
        safe: list[str] = []
        for number, entry in enumerate(seen):
            site.core.put(entry, lambda entry=entry: safe.append(entry.id))
            if number == 1:
                server.stop()
            site.core.turn()
        assert (safe, site.core.unrecorded) == ([entry.id for entry in seen], 3)
        server.start()
        site.turn_until_recorded()
        assert site.seen() == [entry.id for entry in seen]
        logged = "sighting.logged"
        assert site.kinds() == [logged, "health.degraded", logged, logged, "health.restored"]
        site.engine.dispose()
