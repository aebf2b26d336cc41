"""Jobs over a real database and scheduler: nothing is lost over a restart, nothing runs twice, no failure is silent."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.interval import IntervalTrigger
from patience import eventually

from surveillance.domain.errors import JobBusy, RecordFailed, UserMistake
from surveillance.domain.ports import Asked
from surveillance.domain.values import Decision
from surveillance.jobs.clock import Jobs, only_once
from surveillance.jobs.store import RecordedJobStore, first_run
from surveillance.jobs.table import Done, Job
from surveillance.storage.database import open_database, reading, upgrade
from surveillance.storage.job_record import KEPT_RUNS, JobRecord, JobRun

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
DAILY = Job("sweep", "sweeps the yard", 86400.0)
QUICK = Job("sweep", "sweeps the yard", 0.05)


class House:
    """What jobs need around them, with what they told and answered."""

    def __init__(self, url: str, directory: Path) -> None:
        self.engine = open_database(url)
        upgrade(self.engine)
        self.record = JobRecord(self.engine)
        self.directory = directory
        self.told: list[Decision] = []
        self.answers: dict[str, Mapping[str, Any]] = {}

    def jobs(self, work: Callable[[], Done], job: Job = DAILY) -> Jobs:
        return Jobs(
            {job.name: work}, self.record, self.told.append, self.answers.__setitem__, self.directory / "locks", (job,)
        )

    @contextmanager
    def running(self, work: Callable[[], Done], job: Job = DAILY, by_clock: bool = True) -> Iterator[Jobs]:
        jobs = self.jobs(work, job)
        jobs.start(by_clock)
        try:
            yield jobs
        finally:
            jobs.stop()

    def ask(self, jobs: Jobs, name: str = "sweep") -> Mapping[str, Any]:
        now = datetime.now(UTC)
        asked = Asked(f"ask-{len(self.answers)}", "job.run", {"job": name, "by": "ada"}, now, now)
        refused = jobs.ask(asked)
        if refused is not None:
            return refused
        assert eventually(lambda: asked.id in self.answers)
        return self.answers[asked.id]

    def kinds(self) -> list[str]:
        return [decision.kind for decision in self.told]


@pytest.fixture
def house(database: str, tmp_path: Path) -> Iterator[House]:
    house = House(database, tmp_path)
    yield house
    house.engine.dispose()


def swept() -> Done:
    return Done("swept 3 leaves")


def test_a_run_missed_while_off_is_made_up_for_once(house: House) -> None:
    yesterday = datetime.now(UTC) - timedelta(days=3)
    house.record.plan("sweep", DAILY.every_s, yesterday)
    with house.running(swept):
        assert eventually(lambda: len(house.record.runs("sweep")) == 1)
        time.sleep(0.2)
    [run] = house.record.runs("sweep")
    assert (run.ok, run.result, run.by) == (True, "swept 3 leaves", None)
    planned_s, planned = house.record.planned()["sweep"]
    assert planned_s == DAILY.every_s
    assert timedelta(hours=23) < planned - datetime.now(UTC) <= timedelta(days=1)
    assert house.kinds() == [], "a run by the clock that did nothing worth telling is no event"


def test_a_planned_run_stays_where_it_was_over_a_restart(house: House) -> None:
    planned = datetime.now(UTC) + timedelta(hours=5)
    house.record.plan("sweep", DAILY.every_s, planned)
    house.record.plan("of an older version", 60.0, planned)
    for _ in range(2):
        with house.running(swept):
            pass
    assert house.record.planned() == {"sweep": (DAILY.every_s, planned)}
    assert house.record.runs("sweep") == []


def test_a_failing_job_is_told_and_runs_again(house: House) -> None:
    tries: list[int] = []

    def stumble() -> Done:
        tries.append(len(tries))
        if len(tries) < 4:
            raise ValueError("a stone in the way\nand more")
        return swept()

    with house.running(stumble, QUICK):
        assert eventually(lambda: len(house.record.runs("sweep")) == 2)
    [failed] = house.told
    assert (failed.kind, failed.reasons, failed.subject) == (
        "job.failed",
        ("sweep: ValueError: a stone in the way",),
        "sweep",
    )
    assert [(run.ok, run.result) for run in house.record.runs("sweep")] == [
        (True, "swept 3 leaves"),
        (False, "ValueError: a stone in the way"),
    ], "what repeats itself every moment is on record once a minute"


def test_what_did_something_is_an_event(house: House) -> None:
    def work() -> Done:
        return Done("deleted 2 events", worth_telling=True, details={"events": 2})

    house.record.plan("sweep", DAILY.every_s, datetime.now(UTC))
    with house.running(work):
        assert eventually(lambda: house.kinds() == ["job.finished"])
    [told] = house.told
    assert told.reasons == ("sweep: deleted 2 events",)
    assert (told.details["job"], told.details["events"]) == ("sweep", 2)


def test_a_run_by_hand_is_answered_told_and_on_record(house: House) -> None:
    with house.running(swept) as jobs:
        answer = house.ask(jobs)
        assert (answer["ok"], answer["result"]) == (True, "swept 3 leaves")
        refused = house.ask(jobs, "sweeep")
    assert refused == {"ok": False, "result": "no job is called 'sweeep'; did you mean 'sweep'?"}
    assert [(told.kind, told.details["actor"]) for told in house.told] == [("job.finished", "ada")]
    assert [run.by for run in house.record.runs("sweep")] == ["ada"]
    stopped = house.ask(jobs)
    assert stopped == {"ok": False, "result": "the service is stopping; run it again when it is up"}


def test_a_run_by_hand_that_fails_says_why(house: House) -> None:
    def refuse() -> Done:
        raise UserMistake("the yard is locked; unlock it")

    with house.running(refuse) as jobs:
        answer = house.ask(jobs)
    assert (answer["ok"], answer["result"]) == (False, "the yard is locked; unlock it")
    assert house.kinds() == ["job.failed"]


def test_a_job_never_runs_twice_at_the_same_time(house: House) -> None:
    inside, most, runs = [0], [0], [0]
    counting = threading.Lock()

    def work() -> Done:
        with counting:
            inside[0] += 1
            runs[0] += 1
            most[0] = max(most[0], inside[0])
        time.sleep(0.1)
        with counting:
            inside[0] -= 1
        return swept()

    with house.running(work, QUICK) as jobs:
        for _ in range(5):
            jobs.run_by_hand("sweep", "ada", lambda told: None)
        assert eventually(lambda: runs[0] >= 8)
    assert most[0] == 1


def test_nor_in_two_processes(tmp_path: Path) -> None:
    lock = tmp_path / "locks" / "sweep.lock"
    with only_once(lock, "sweep"), pytest.raises(JobBusy, match="sweep runs already"), only_once(lock, "sweep"):
        pass
    with only_once(lock, "sweep"):
        pass


def test_a_clock_set_back_stops_nothing(house: House) -> None:
    store = RecordedJobStore(house.record)
    scheduler = BackgroundScheduler(timezone=UTC, jobstores={"default": store})
    scheduler.start(paused=True)
    try:
        tomorrow = NOON + timedelta(days=1)
        scheduler.add_job(
            swept, IntervalTrigger(seconds=DAILY.every_s, timezone=UTC), id="sweep", next_run_time=tomorrow
        )
        assert store.get_due_jobs(NOON) == []
        last_year = NOON - timedelta(days=365)
        assert [job.id for job in store.get_due_jobs(last_year)] == ["sweep"]
        assert house.record.planned() == {"sweep": (DAILY.every_s, last_year)}
    finally:
        scheduler.shutdown()


def test_the_last_hundred_runs_are_kept(house: House) -> None:
    for number in range(KEPT_RUNS + 5):
        at = NOON + timedelta(minutes=number)
        house.record.write(JobRun("sweep", at, at, True, f"run {number}"))
    house.record.write(JobRun("mow", NOON, NOON + timedelta(seconds=2), False, "no petrol", "ada"))
    kept = house.record.runs("sweep")
    assert [run.result for run in kept] == [f"run {number}" for number in range(KEPT_RUNS + 4, 4, -1)]
    assert house.record.last_runs() == {
        "sweep": kept[0],
        "mow": JobRun("mow", NOON, NOON + timedelta(seconds=2), False, "no petrol", "ada"),
    }


def test_jobs_go_on_while_the_database_is_away(tmp_path: Path) -> None:
    engine = open_database(f"sqlite:///{tmp_path / 'site.db'}")  # without a table, so that nothing can be written
    record = JobRecord(engine)
    with pytest.raises(RecordFailed):
        record.planned()
    runs: list[int] = []
    told: list[Decision] = []

    def work() -> Done:
        runs.append(1)
        raise ValueError("no table")

    job = Job("sweep", "sweeps", 15.0)
    jobs = Jobs({"sweep": work}, record, told.append, lambda question, answer: None, tmp_path / "locks", (job,))
    jobs.start()
    try:
        jobs.hasten("sweep")
        assert eventually(lambda: len(runs) == 1 and len(told) == 1)
        jobs.hasten("sweep")
        assert eventually(lambda: len(runs) == 2)
    finally:
        jobs.stop()
        engine.dispose()


def test_the_first_run_after_a_start() -> None:
    ahead = NOON + timedelta(days=1)
    assert first_run(DAILY, (86400.0, NOON - timedelta(days=9)), NOON) == NOON
    assert first_run(DAILY, (86400.0, NOON + timedelta(hours=7)), NOON) == NOON + timedelta(hours=7)
    assert first_run(DAILY, (86400.0, NOON + timedelta(days=90)), NOON) == ahead, "the clock was set back"
    assert first_run(DAILY, (60.0, NOON), NOON) == NOON + timedelta(minutes=5), "its interval was another"
    assert first_run(DAILY, None, NOON) == NOON + timedelta(minutes=5)
    assert first_run(QUICK, None, NOON) == NOON


@pytest.mark.parametrize(
    ("every_s", "words"),
    [
        (1, "every second"),
        (30, "every 30 seconds"),
        (3600, "every hour"),
        (86400, "every day"),
        (0.5, "every 0.5 seconds"),
    ],
)
def test_a_schedule_in_words(every_s: float, words: str) -> None:
    assert Job("x", "y", every_s).schedule == words


def test_the_jobs_of_the_scheduler_are_not_pickled(house: House) -> None:
    house.record.plan("sweep", DAILY.every_s, datetime.now(UTC) + timedelta(hours=1))
    with house.running(swept), reading(house.engine) as connection:
        [row] = connection.exec_driver_sql("SELECT * FROM job").all()
    assert set(row._mapping) == {"name", "every_s", "next_run_at"}
