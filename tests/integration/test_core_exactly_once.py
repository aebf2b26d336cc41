"""Whatever happens to core and its database, what was accepted is on record once, judged as if nothing had happened.

A sender tells core what cameras see and keeps it until it is acknowledged, core is killed between any two of its
steps, its database goes and comes back, and what may have been taken is sent again.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from fakes import MemoryInbox, as_presented, nothing_due, observation, request_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from judging import SITE, book, rule

from surveillance.domain.errors import RecordFailed
from surveillance.domain.inputs import identity_of
from surveillance.domain.ports import Asked, JudgedInput
from surveillance.domain.values import (
    AccessRequest,
    CameraReport,
    Event,
    Input,
    Presented,
    Tick,
    new_id,
)
from surveillance.engines.core import UNRECORDED, Core, CoreLimits, denial
from surveillance.rules.judge import RuleJudge
from surveillance.rules.settings import RuleSettings
from surveillance.storage.database import open_database, upgrade
from surveillance.storage.evidence import EvidenceStore
from surveillance.storage.ledger import SqlLedger
from surveillance.storage.queries import Events
from surveillance.storage.spool import NAME, DiskSpool
from surveillance.walk import CoreWalk

BOOK = book(
    rule("person", "sighting", "log", 'label == "person"')
    + rule("crowd", "sighting", "alert", "people >= 2", cooldown_s=60)
    + rule("staff", "access", "authorize", 'door == "soft" and "badge" in factors')
    + rule("lost", "camera", "alert", 'camera_state == "lost"', cooldown_s=60)
)
CAMERAS = ("yard", "front")


class Killed(BaseException):
    """What `kill -9` is to the code that it meets: nothing after this line runs."""


@dataclass
class Weather:
    """What befalls core: a fuse that burns one step at each place where core could be killed, and the database."""

    fuse: int | None = None
    away: bool = False
    commits_unheard: int = 0  # commits whose confirmation will be lost
    ever_unheard: bool = False
    commits_refused: int = 0  # commits that fail, while everything else goes well: a disk that is full

    def step(self) -> None:
        if self.fuse is not None:
            self.fuse -= 1
            if self.fuse < 0:
                self.fuse = None
                raise Killed

    def ask(self) -> None:
        if self.away:
            raise RecordFailed("the database is away")


@dataclass
class StormyLedger:
    weather: Weather
    ledger: SqlLedger

    def __call__(self, judged: Sequence[JudgedInput]) -> tuple[Event, ...]:
        self.weather.ask()
        self.weather.step()
        if self.weather.commits_refused:
            self.weather.commits_refused -= 1
            raise RecordFailed("the disk is full")
        events = self.ledger(judged)
        self.weather.step()
        if self.weather.commits_unheard:
            self.weather.commits_unheard -= 1
            self.weather.ever_unheard = True
            raise RecordFailed("the connection was lost before the answer came")
        return events

    def known(self, entries: Sequence[Input]) -> Collection[str]:
        self.weather.ask()
        return self.ledger.known(entries)


class StormySpool(DiskSpool):
    """Can be killed before, in the midst of, and after each write and removal."""

    def __init__(self, directory: Path, weather: Weather) -> None:
        super().__init__(directory, 2**20)
        self._weather = weather
        self._directory = directory

    def add(self, judged: Sequence[JudgedInput]) -> Counter[str]:
        self._weather.step()
        try:
            self._weather.step()
        except Killed:  # after half a line
            with (self._directory / NAME).open("ab") as file:
                file.write(b'0badcafe ["half a li')
            raise
        refused = super().add(judged)
        self._weather.step()
        return refused

    def drop(self, count: int) -> None:
        self._weather.step()
        super().drop(count)
        self._weather.step()


@dataclass
class StormyInbox(MemoryInbox):
    """Looks, before it gives a grant away, whether that is on record."""

    weather: Weather
    events: Events
    asked: list[Asked] = field(default_factory=list)
    answers: dict[str, Mapping[str, Any]] = field(default_factory=dict)

    def pending(self) -> Sequence[Asked]:
        self.weather.ask()
        return super().pending()

    def answer(self, question_id: str, payload: Mapping[str, Any]) -> bool:
        self.weather.ask()
        self.weather.step()
        if payload["verdict"] == "authorize":
            event = self.events.one(str(payload["event"]))
            assert event is not None, "a grant was given away without a commit"
            assert event["kind"] == "access.granted"
        first = super().answer(question_id, payload)
        self.weather.step()
        return first


class Site:
    """A site in a directory, the sender of what its cameras see, and one core after the other."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.weather = Weather()
        self.engine = open_database(f"sqlite:///{directory / 'site.db'}")
        self.events = Events(self.engine)
        self.inbox = StormyInbox(self.weather, self.events)
        self.base = datetime.now(UTC)
        self.told: list[Input] = []  # all that the cameras ever said
        self.acknowledged: set[int] = set()
        self.core = self.start_core()

    def start_core(self) -> Core:
        """As at a start of the service: the spool goes on record, then the judge recalls what is there."""
        judge = new_judge()
        ledger = StormyLedger(
            self.weather, SqlLedger(self.engine, EvidenceStore(self.directory / "evidence"), lambda decision: ())
        )
        core = Core(
            CoreWalk(self.look_up, judge, ledger, nothing_due),
            self.inbox,
            as_presented,
            limits=CoreLimits(batch=3, retry_s=0.0),
            known=ledger.known,
            spool=StormySpool(self.directory / "spool", self.weather),
        )
        core.recover()
        judge.recall(self.events.inputs_since(self.base - timedelta(days=1)))
        for asked in self.inbox.pending():
            self.inbox.answer(asked.id, {"verdict": "deny", "reasons": ["other: started anew"]})
        return core

    def look_up(self, presented: Presented) -> AccessRequest:
        return replace(request_of(presented), factors=frozenset({"badge"}))

    def tell(self, entry: Input) -> None:
        self.told.append(entry)
        self.send(len(self.told) - 1, again=False)

    def send(self, number: int, again: bool) -> None:
        self.core.put(self.told[number], lambda: self.acknowledge(number), again)

    def acknowledge(self, number: int) -> None:
        self.weather.step()
        self.acknowledged.add(number)

    def send_again(self) -> None:
        for number in range(len(self.told)):
            if number not in self.acknowledged:
                self.send(number, again=True)

    def ask(self) -> None:
        now = datetime.now(UTC)
        number = f"ask-{len(self.inbox.asked)}"
        payload = {"request_id": number, "door": "soft"}
        self.inbox.asked.append(Asked(number, "access.request", payload, now, now + timedelta(seconds=60)))

    def turn(self, times: int = 1) -> None:
        for _ in range(times):
            try:
                self.core.turn()
            except Killed:
                self.start_again()

    def start_again(self) -> None:
        self.weather.away = False  # core does not start without its database
        while True:
            try:
                self.core = self.start_core()
                break
            except (Killed, RecordFailed):
                continue
        self.send_again()

    def calm_down(self) -> None:
        """The storm is over: after a while everything is settled."""
        self.weather.fuse, self.weather.away = None, False
        self.weather.commits_unheard = self.weather.commits_refused = 0
        self.send_again()
        for _ in range(200):
            self.turn()
            if not self.core.waiting and not self.core.unrecorded and len(self.acknowledged) == len(self.told):
                break

    def on_record(self) -> list[Input]:
        return list(self.events.inputs_since(self.base - timedelta(days=1)))


def new_judge() -> RuleJudge:
    return RuleJudge(BOOK, SITE, RuleSettings(settle_s=0))


Step = tuple[str, int]
STEPS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["see", "see", "beat", "lose"]), st.integers(0, 5)),
        st.tuples(st.just("turn"), st.integers(1, 3)),
        st.tuples(st.just("refused"), st.integers(1, 3)),
        st.tuples(st.sampled_from(["ask", "ask", "away", "back", "blip", "unheard", "kill"]), st.just(0)),
        st.tuples(st.sampled_from(["doom", "doomed outage"]), st.integers(0, 12)),
    ),
    min_size=4,
    max_size=24,
)


def perform(site: Site, step: Step) -> None:
    name, number = step
    at = site.base + timedelta(milliseconds=len(site.told))
    camera = CAMERAS[number % 2]
    match name:
        case "see":
            site.tell(observation(number, at=at, id=new_id(), camera=camera, change="heartbeat"))
        case "beat":
            site.tell(CameraReport(camera, at, "live"))
        case "lose":
            site.tell(CameraReport(camera, at, "lost" if number > 2 else "live", changed=True))
        case "turn":
            site.turn(number)
        case "ask":
            site.ask()
        case "away" | "back":
            site.weather.away = name == "away"
        case "blip":
            site.send_again()
        case "unheard":
            site.weather.commits_unheard = 1
        case "kill":
            site.start_again()
        case "refused":
            site.weather.commits_refused = number
        case "doom":
            site.weather.fuse = number
        case "doomed outage":
            for part in (("away", 0), ("beat", 0), ("see", number % 6), ("turn", 2), ("doom", number), ("back", 0)):
                perform(site, part)
            site.turn(3)


def told_of(decision: Mapping[str, Any]) -> tuple[Any, ...]:
    return decision["kind"], decision["verdict"], decision["rule"], decision["camera"], decision["door"]


@pytest.fixture(scope="module")
def empty_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with an empty database of this version."""
    directory = tmp_path_factory.mktemp("site")
    engine = open_database(f"sqlite:///{directory / 'site.db'}")
    upgrade(engine)
    engine.dispose()
    return directory


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(steps=STEPS)
def test_nothing_is_lost_doubled_or_granted_without_a_commit(steps: list[Step], empty_site: Path) -> None:
    with TemporaryDirectory() as name:
        directory = Path(name) / "site"
        shutil.copytree(empty_site, directory)
        site = Site(directory)
        for step in steps:
            perform(site, step)
        site.calm_down()
        check_record(site)
        site.engine.dispose()


def check_record(site: Site) -> None:
    recorded = site.on_record()
    seen = [identity_of(entry) for entry in recorded if not isinstance(entry, AccessRequest | Tick)]
    told = [identity_of(entry) for entry in site.told]
    assert len(site.acknowledged) == len(site.told)
    assert Counter(seen) == Counter(told), "each input once"
    for camera in CAMERAS:
        in_order = [identity_of(entry) for entry in site.told if getattr(entry, "camera", None) == camera]
        assert [identity for identity in seen if identity in set(in_order)] == in_order
    events = [event for event in site.events.after(0, 10_000) if not of_the_system(site, event)]
    undisturbed = new_judge()
    again = [decision for entry in recorded if not isinstance(entry, Tick) for decision in undisturbed(entry)]
    assert [told_of(event) for event in events] == [
        (made.kind, made.verdict, made.rule, made.camera, made.door) for made in again
    ]
    asked = Counter(entry.id for entry in recorded if isinstance(entry, AccessRequest))
    assert all(count == 1 for count in asked.values())
    if not site.weather.ever_unheard:
        assert not [known for known in asked if site.inbox.answers[known] == denial(UNRECORDED)], (
            "denied, so not granted"
        )
    assert set(site.inbox.answers) == {asked.id for asked in site.inbox.asked}, "every request is answered"


def of_the_system(site: Site, event: Mapping[str, Any]) -> bool:
    """Whether core said it of itself."""
    return event["kind"].startswith("health.") and event["camera"] is None
