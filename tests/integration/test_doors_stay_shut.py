"""A door stays shut under every fault that is injected between a request and its relay: one sentence a fault.

The real core, ledger, outbox and controller over HTTP; where a process is killed, it is a process. `DOOR_FAULT_ROUNDS`
tries each so often (1); with `-s` the table is printed that docs/reliability.md shows.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from door_pages import controlling
from door_site import PATIENT, DoorSite, held, open_door_site, site_with
from dying import core_that_dies
from listener import DROP, HANG, Listener, listening
from patience import eventually
from sqlalchemy import event

from surveillance.actions.settings import ActionSettings
from surveillance.demo.strike import Strike
from surveillance.domain.site import Credential, Person
from surveillance.storage.settings import StorageSettings

ROUNDS = int(os.environ.get("DOOR_FAULT_ROUNDS", "1"))
IMPATIENT = ActionSettings(relay_connect_timeout_s=5.0, relay_timeout_s=0.3, grant_ttl_s=10.0)
HOUR = timedelta(hours=1)
MANY = tuple(f"group-{number:04}" for number in range(2000))  # so that a request of Ada's needs room


@dataclass
class Scene:
    """A site with a controller that works, and what is to be seen of it afterwards."""

    directory: Path
    site: DoorSite
    strike: Strike
    relay: str

    def badge(self, key: str | None = None) -> str:
        question = self.site.present(key=key)
        self.site.turn()
        return question

    def again(self) -> None:
        """Core is started anew and does whatever it would."""
        self.site = open_door_site(self.directory)
        self.site.settle()
        self.site.act(datetime.now(UTC) + HOUR)

    def opened(self) -> int:
        return self.strike.pulses + (1 if self.strike.held else 0)


@contextmanager
def scene(directory: Path, relay: str | None = None, actions: ActionSettings = PATIENT) -> Iterator[Scene]:
    with controlling(directory) as controller:
        address = relay or f"http://127.0.0.1:{controller.port}"
        short = StorageSettings(commit_timeout_ms=100)
        ada = Person("Ada", frozenset({"staff", *MANY}), (Credential("badge", "ada-badge"),))
        site = open_door_site(directory, site_with(address, people=(ada,)), actions, storage=short)
        yield Scene(directory, site, controller.strikes["front"], address)


# --- faults: each befalls a badge that would open the door ------------------------------------------------------------


def killed_in(stage: str) -> Callable[[Scene], None]:
    def befall(scene: Scene) -> None:
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["dying"])
        process = context.Process(target=core_that_dies, args=(str(scene.directory), stage))
        process.start()
        process.join(120)
        assert process.exitcode == -signal.SIGKILL
        scene.again()
        answer = scene.site.store.inbox.answer_of((scene.directory / "question").read_text(encoding="ascii"))
        assert answer is not None
        assert stage in ("dispatch", "answer") or answer["verdict"] == "deny", "whoever asked is denied"

    return befall


def database_locked(scene: Scene) -> None:
    question = scene.site.present(within_s=60)
    with held(scene.site):
        scene.site.turn()
        scene.site.turn()
    recorded(scene, question)


def disk_full(scene: Scene) -> None:
    """No page more for whoever writes, until somebody makes room; what is recorded of Ada needs several."""
    database = sqlite3.connect(scene.site.settings.data_dir / "surveillance.db")
    database.execute("VACUUM")  # nothing is left free within it either
    database.close()
    question = scene.site.present(within_s=60)
    room = {"pages": 1}

    @event.listens_for(scene.site.store.engine, "begin")
    def bound(connection: Any) -> None:
        connection.exec_driver_sql(f"PRAGMA max_page_count={room['pages']}")

    scene.site.turn()
    scene.site.turn()
    assert scene.site.running.core.unrecorded, "the disk was not full"
    room["pages"] = 1_000_000
    recorded(scene, question)


def recorded(scene: Scene, question: str) -> None:
    """The database can be written again: whoever asked meanwhile was denied."""

    def is_over() -> bool:
        scene.site.settle()
        answered = scene.site.store.inbox.answer_of(question) is not None
        return answered and not scene.site.running.core.unrecorded

    assert eventually(is_over, 60)
    assert scene.site.answer(question)["verdict"] == "deny"


def clock_jumps(by: timedelta) -> Callable[[Scene], None]:
    def befall(scene: Scene) -> None:
        scene.badge()
        jumped = datetime.now(UTC) + by
        for later in (timedelta(), timedelta(seconds=1), 2 * HOUR):
            scene.site.act(jumped + later)

    return befall


def expired(scene: Scene) -> None:
    scene.badge()
    scene.site.act(datetime.now(UTC) + timedelta(seconds=11))


def replayed(scene: Scene) -> None:
    """The very message of a reader, once more."""
    first = scene.badge("reader:1")
    scene.site.settle()
    assert scene.badge("reader:1") == first
    scene.site.settle()


def restarted(scene: Scene) -> None:
    """Granted and on record, but not handed to the controller yet."""
    scene.badge()
    scene.again()


def asked_and_left(scene: Scene) -> None:
    scene.badge()
    scene.site.settle()
    scene.site.act(datetime.now(UTC) + HOUR)


def stale_order(scene: Scene) -> None:
    """What was sent in time reaches the controller after its deadline: a queue between them held it."""
    scene.badge()
    scene.site.act(datetime.now(UTC) + timedelta(seconds=11))
    action = scene.site.became[-1]
    with pytest.raises(Exception, match="the deadline has passed"):
        scene.strike.pulse(3.0, action.key, action.deadline, action.deadline + timedelta(seconds=1))


@dataclass(frozen=True)
class Fault:
    sentence: str
    befall: Callable[[Scene], None]
    opened: int  # by right: 1 where the badge was granted and the controller did it before anything went wrong
    event: str  # the last on record at the door
    answers: tuple[int, ...] = ()  # of a controller that misbehaves in place of the one that works
    actions: ActionSettings = PATIENT


FAULTS = (
    Fault("core is killed as the desk looks a badge up", killed_in("desk"), 0, ""),
    Fault("core is killed when the judge has granted", killed_in("judge"), 0, ""),
    Fault("core is killed right before the grant is committed", killed_in("record"), 0, ""),
    Fault("core is killed right after the grant was committed", killed_in("commit"), 0, "access.granted"),
    Fault("core is killed between the attempt and the controller", killed_in("dispatch"), 0, "door.open_unknown"),
    Fault("core is killed between the controller and its answer", killed_in("answer"), 1, "door.open_unknown"),
    Fault("core is started anew between grant and attempt", restarted, 0, "access.granted"),
    Fault("another program holds the database", database_locked, 0, ""),
    Fault("the disk is full at the commit", disk_full, 0, ""),
    Fault("the clock jumps an hour ahead", clock_jumps(HOUR), 0, "door.open_expired"),
    Fault("the clock jumps an hour back", clock_jumps(-HOUR), 1, "door.accessed"),
    Fault("the grant has expired when its turn comes", expired, 0, "door.open_expired"),
    Fault("an order reaches the controller after its deadline", stale_order, 0, "door.open_expired"),
    Fault("a badge's message is replayed", replayed, 1, "door.accessed"),
    Fault("the controller does not answer in time", asked_and_left, 0, "door.open_unknown", (HANG,), IMPATIENT),
    Fault("the controller hangs up", asked_and_left, 0, "door.open_unknown", (DROP,)),
    Fault("the controller answers nonsense", asked_and_left, 0, "door.open_unknown", (599,)),
    Fault("the controller refuses", asked_and_left, 0, "door.open_failed", (403,)),
)


@pytest.fixture(scope="module")
def table() -> Iterator[list[str]]:
    lines: list[str] = []
    yield lines
    sys.stdout.write(
        "\n| fault | times tried | opened | last event at the door |\n|---|---|---|---|\n" + "".join(lines)
    )


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.sentence)
def test_a_door_stays_shut_when(fault: Fault, tmp_path: Path, table: list[str]) -> None:
    seen = [tried(fault, tmp_path / str(number)) for number in range(ROUNDS)]
    opened = sum(count for count, _ in seen)
    table.append(
        f"| {fault.sentence} | {ROUNDS} | {opened} | {' '.join(sorted({kind for _, kind in seen})) or '-'} |\n"
    )
    assert seen == [(fault.opened, fault.event)] * ROUNDS


def tried(fault: Fault, directory: Path) -> tuple[int, str]:
    """How often the door opened, and the last event on record at it."""
    if not fault.answers:
        with scene(directory, None, fault.actions) as happens:
            fault.befall(happens)
            return happens.opened(), last_of(happens.site)
    with listening(*fault.answers) as controller, scene(directory, controller.url, fault.actions) as happens:
        fault.befall(happens)
        assert asked(controller) == 1, "at most once"
        return happens.opened(), last_of(happens.site)


def asked(controller: Listener) -> int:
    return sum(received.path.endswith("/pulse") for received in controller.received)


def last_of(site: DoorSite) -> str:
    kinds = [kind for kind in site.kinds("front") if kind != "door.locked"]
    return kinds[-1] if kinds else ""
