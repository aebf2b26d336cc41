"""Wishes from the record to the camera's worker and its answers back, across crashes of either side."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from ledger_samples import Desk, decision, observation, open_desk

from surveillance.domain.errors import RecordFailed
from surveillance.domain.kept import Keep, Kept, KeptFile
from surveillance.domain.site import Site
from surveillance.domain.values import Decision
from surveillance.engines.keeper import NO_ANSWER, UNDER_WAY, Keeper
from surveillance.storage.ledger import SqlLedger
from surveillance.storage.queries import Events
from surveillance.storage.recordings import Recordings, Wanted, Wishes
from surveillance.storage.settings import StorageSettings

WISHES = Wishes(lambda: Site(), StorageSettings())
GONE = {"picture": "gone", "clip": "gone"}


class Worker:
    """A camera's worker that answers when it is told to."""

    def __init__(self) -> None:
        self.asked: list[Keep] = []
        self.answers: list[Callable[[Kept], None]] = []

    def __call__(self, keep: Keep, answer: Callable[[Kept], None]) -> None:
        self.asked.append(keep)
        self.answers.append(answer)

    def answer(self, place: int = -1, missing: Mapping[str, str] = GONE) -> None:
        self.answers[place](Kept(self.asked[place].event, "front", (), missing))


class Away(Recordings):
    """A record that cannot be written for as many times as it is told."""

    failures = 0

    def settle(self, kept: Kept) -> None:
        if self.failures:
            self.failures -= 1
            raise RecordFailed("the database is away")
        super().settle(kept)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    opened = open_desk(tmp_path)
    return replace(opened, ledger=SqlLedger(opened.engine, opened.evidence, lambda made: (), wish=WISHES))


@pytest.fixture
def recordings(desk: Desk) -> Away:
    return Away(desk.engine, desk.directory / "media")


def alerted(desk: Desk) -> Decision:
    made = decision(at=datetime.now(UTC) - timedelta(seconds=10))
    desk.ledger([(observation(), (made,))])
    return made


def keeper(recordings: Recordings, worker: Worker, answer_s: float = 30.0) -> Keeper:
    return Keeper(recordings, worker, lambda name, error: None, settle_s=0.0, answer_s=answer_s)


def outcome(desk: Desk, event: str) -> list[tuple[str, str | None]]:
    told = Events(desk.engine).one(event)
    assert told is not None
    return [(row["state"], row["reason"]) for row in told["recordings"]]


def test_a_wish_is_asked_once_and_its_answer_recorded(desk: Desk, recordings: Away) -> None:
    worker = Worker()
    running = keeper(recordings, worker)
    made = alerted(desk)
    running.turn()
    running.turn()
    assert worker.asked == [WISHES(made)]
    worker.answer()
    running.turn()
    running.turn()
    assert len(worker.asked) == 1
    assert outcome(desk, made.id) == [("missing", "gone"), ("missing", "gone")]


def test_an_answer_waits_while_the_record_is_away(desk: Desk, recordings: Away) -> None:
    worker = Worker()
    running = keeper(recordings, worker)
    made = alerted(desk)
    running.turn()
    recordings.failures = 2
    worker.answer()
    running.turn()
    running.turn()
    assert outcome(desk, made.id) == [("wanted", None), ("wanted", None)]
    running.turn()
    assert outcome(desk, made.id) == [("missing", "gone"), ("missing", "gone")]
    assert len(worker.asked) == 1


def test_what_has_no_answer_is_asked_once_more_after_a_restart_and_then_missing(desk: Desk, recordings: Away) -> None:
    made = alerted(desk)
    for _ in range(2):
        worker = Worker()
        keeper(recordings, worker).turn()
        assert worker.asked == [WISHES(made)]
        assert outcome(desk, made.id) == [("wanted", None), ("wanted", None)]
    last = Worker()
    keeper(recordings, last).turn()
    assert last.asked == []
    assert outcome(desk, made.id) == [("missing", NO_ANSWER), ("missing", NO_ANSWER)]


def test_a_worker_that_never_answers_is_asked_twice(desk: Desk, recordings: Away) -> None:
    worker = Worker()
    running = keeper(recordings, worker, answer_s=-1.0)
    made = alerted(desk)
    for _ in range(4):
        running.turn()
    assert worker.asked == [WISHES(made), WISHES(made)]
    assert outcome(desk, made.id) == [("missing", NO_ANSWER), ("missing", NO_ANSWER)]


def test_a_disk_that_takes_no_files_is_a_fault_until_it_does(desk: Desk, recordings: Away) -> None:
    worker = Worker()
    running = keeper(recordings, worker)
    for missing in ({"clip": "it could not be written: the disk is full"}, GONE):
        alerted(desk)
        running.turn()
        worker.answer(missing=missing)
        running.turn()
        assert running.fault == "the disk is full", "what is gone from the ring says nothing of the disk"
    made = alerted(desk)
    running.turn()
    at = made.at
    kept = KeptFile("picture", f"{made.id}-picture.jpg", at, at, 1, "0" * 64)
    worker.answers[-1](Kept(made.id, "front", (kept,), {"clip": "gone"}))
    running.turn()
    assert running.fault == ""


def test_a_burst_waits_on_record(desk: Desk, recordings: Away) -> None:
    worker = Worker()
    running = keeper(recordings, worker)
    for _ in range(UNDER_WAY + 5):
        alerted(desk)
    running.turn()
    assert len(worker.asked) == UNDER_WAY
    for place in range(5):
        worker.answer(place)
    running.turn()
    assert len({keep.event for keep in worker.asked}) == UNDER_WAY + 5


def test_a_stop_records_what_is_still_answered(desk: Desk, recordings: Away) -> None:
    worker = Worker()
    running = Keeper(recordings, worker, lambda name, error: None, settle_s=60.0)
    made = alerted(desk)
    running.turn()
    running.start()
    running.ask_no_more()
    worker.answer()
    running.stop()
    assert outcome(desk, made.id) == [("missing", "gone"), ("missing", "gone")]


KILLED = """
import os, signal, sys
from pathlib import Path
sys.path[:0] = [{tests!r}]
from datetime import UTC, datetime
from ledger_samples import decision, observation, open_desk
from surveillance.domain.site import Site
from surveillance.engines.keeper import Keeper
from surveillance.storage.ledger import SqlLedger
from surveillance.storage.recordings import Recordings, Wishes
from surveillance.storage.settings import StorageSettings
desk = open_desk(Path({directory!r}))
ledger = SqlLedger(desk.engine, desk.evidence, lambda made: (), wish=Wishes(lambda: Site(), StorageSettings()))
made = decision(at=datetime.now(UTC))
ledger([(observation(), (made,))])
print(made.id, flush=True)
die = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
{then}
"""


@pytest.mark.parametrize(
    ("then", "asked"),
    [
        ("die()", 0),  # between the commit and the question
        ("Keeper(Recordings(desk.engine, Path()), die, lambda name, error: None).turn()", 1),  # while it is asked
    ],
)
def test_a_kill_between_the_event_and_its_files_loses_neither(tmp_path: Path, then: str, asked: int) -> None:
    program = KILLED.format(tests=str(Path(__file__).parents[1]), directory=str(tmp_path), then=then)
    died = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120)
    assert died.returncode == -signal.SIGKILL, died.stderr
    event = died.stdout.strip()
    recordings = Recordings(open_desk(tmp_path).engine, tmp_path / "media")
    recordings.reconcile()
    [wanted] = recordings.wanted()
    assert (wanted.keep.event, wanted.asked) == (event, asked)
    worker = Worker()
    keeper(recordings, worker).turn()
    assert worker.asked == [wanted.keep]
    assert recordings.wanted() == [Wanted(wanted.keep, asked + 1)]
