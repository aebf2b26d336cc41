"""Runs the jobs by the clock and by hand, in APScheduler's threads, each at most once at a time on one machine.

A run that fails is told as `job.failed`, and the job runs again at its next time. What a run came to is on record.
"""

from __future__ import annotations

import fcntl
import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from apscheduler.events import EVENT_JOB_ERROR, EVENT_JOB_EXECUTED, JobExecutionEvent
from apscheduler.executors.debug import DebugExecutor
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.jobstores.memory import MemoryJobStore
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.interval import IntervalTrigger

from surveillance.domain.errors import JobBusy, RecordFailed, UserMistake
from surveillance.domain.ports import Asked
from surveillance.domain.suggest import no_such
from surveillance.domain.values import Decision, new_id, system_decision
from surveillance.jobs.store import RecordedJobStore, first_run
from surveillance.jobs.table import JOBS, Done, Job, Work
from surveillance.storage.job_record import JobRecord, JobRun

THREADS = 4
BRIEF = "brief"  # the executor of jobs that are done before a thread could be woken for them
BY_HAND = "by hand"  # the scheduler's store of runs that a person asked for
BUSY_S = 5.0  # how long such a run waits for the one under way
SAME_S = 60.0  # a run like the one before is on record this often
REPEAT_S = 3000.0  # and a failure like the one before an event this often

Answer = Callable[[Mapping[str, Any]], None]
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ByHand:
    """A run that somebody waits for."""

    job: str
    by: str | None
    answer: Answer


class Jobs:
    """The jobs of a site. `tell` records an event; `answer` answers a question of another process.

    `why_not` says by job why the clock must not start it now; whoever runs it by hand is not asked.
    """

    def __init__(
        self,
        works: Mapping[str, Work],
        record: JobRecord,
        tell: Callable[[Decision], None],
        answer: Callable[[str, Mapping[str, Any]], object],
        locks: Path,
        jobs: tuple[Job, ...] = JOBS,
        why_not: Mapping[str, Callable[[], str | None]] | None = None,
        stopping: threading.Event | None = None,
    ) -> None:
        self._works = works
        self._record = record
        self._tell = tell
        self._answer = answer
        self._locks = locks
        self._why_not = why_not or {}
        self._jobs = {job.name: job for job in jobs if job.name in works}
        self._by_hand: dict[str, ByHand] = {}
        self._began: dict[str, datetime] = {}
        self._kept: dict[str, JobRun] = {}  # the last run of each job that is on record
        self._failures: dict[str, JobRun] = {}  # and the last failure that was told
        self.stopping = stopping or threading.Event()  # long work looks at it between two steps
        self._scheduler = BackgroundScheduler(
            timezone=UTC,
            executors={"default": ThreadPoolExecutor(THREADS), BRIEF: DebugExecutor()},
            jobstores={"default": RecordedJobStore(record), BY_HAND: MemoryJobStore()},
        )
        self._scheduler.add_listener(self._ended, EVENT_JOB_EXECUTED | EVENT_JOB_ERROR)

    def start(self, by_clock: bool = True) -> None:
        """Goes on where the last start left off; with `by_clock` False only what is asked for by hand runs."""
        for name in ("apscheduler.executors", "apscheduler.scheduler"):  # what matters of it is told here
            logging.getLogger(name).setLevel(logging.CRITICAL)
        if by_clock:
            self._plan(datetime.now(UTC))
        self._scheduler.start()

    def stop(self) -> None:
        """Ends what runs after its step; nothing runs when this returns."""
        self.stopping.set()
        if self._scheduler.running:
            self._scheduler.shutdown()

    def ask(self, asked: Asked) -> Mapping[str, Any] | None:
        """Core's answer to a question of kind `job.run`: a refusal at once, else None and the result later."""
        name, by = str(asked.payload.get("job")), asked.payload.get("by")
        try:
            self.run_by_hand(name, by, lambda told: self._write_answer(asked.id, told))
        except UserMistake as mistake:
            return {"ok": False, "result": str(mistake)}
        return None

    def run_by_hand(self, name: str, by: str | None, answer: Answer) -> None:
        """Runs a job now; `answer` gets `ok`, `result` and `took_s` from its thread. Raises UserMistake.

        What a person (`by`) ran is told as an event; without one it is as if it had run by the clock.
        """
        if name not in self._jobs:
            raise UserMistake(no_such("job", name, self._jobs))
        if self.stopping.is_set() or not self._scheduler.running:
            raise UserMistake("the service is stopping; run it again when it is up")
        key = new_id()
        self._by_hand[key] = ByHand(name, by, answer)
        self._scheduler.add_job(
            self._work, args=(key, name), id=key, jobstore=BY_HAND, misfire_grace_time=None, executor="default"
        )

    def hasten(self, name: str) -> None:
        """Runs a job at once instead of at its next time."""
        if self._scheduler.running and self._scheduler.get_job(name) is not None:
            self._scheduler.modify_job(name, next_run_time=datetime.now(UTC))

    def _plan(self, now: datetime) -> None:
        try:
            self._record.forget_all_but(list(self._jobs))
            planned = self._record.planned()
        except RecordFailed:
            log.warning("planned runs not read", extra={"reason": "the database is away"})
            planned = {}
        for job in self._jobs.values():
            self._scheduler.add_job(
                self._work,
                IntervalTrigger(seconds=job.every_s, timezone=UTC),
                args=(job.name, job.name),
                id=job.name,
                executor=BRIEF if job.is_brief else "default",
                next_run_time=first_run(job, planned.get(job.name), now),
                max_instances=1,
                coalesce=True,
                misfire_grace_time=None,
            )

    # --- in the scheduler's threads ---

    def _work(self, key: str, name: str) -> Done:
        self._began[key] = datetime.now(UTC)
        patience_s = BUSY_S if key in self._by_hand else 0.0
        why_not = self._why_not[name]() if name in self._why_not and key not in self._by_hand else None
        if why_not is not None:
            return Done(why_not, is_idle=True)
        with only_once(self._locks / f"{name}.lock", name, patience_s):
            return self._works[name]()

    def _ended(self, event: JobExecutionEvent) -> None:
        asked = self._by_hand.pop(event.job_id, None)
        name = asked.job if asked else event.job_id
        began = self._began.pop(event.job_id, event.scheduled_run_time)
        if isinstance(event.exception, JobBusy):
            if asked:
                asked.answer({"ok": False, "result": str(event.exception), "took_s": 0.0})
            return
        done = event.retval if event.exception is None else Done(_words_of(event.exception))
        if done.is_idle:
            return
        ok = event.exception is None
        run = JobRun(name, began, datetime.now(UTC), ok, done.words, asked.by if asked else None)
        self._keep(run)
        self._make_event(run, done, event.exception)
        if asked:
            asked.answer({"ok": ok, "result": done.words, "took_s": round(run.took_s, 3)})

    def _keep(self, run: JobRun) -> None:
        last = self._kept.get(run.job)
        if run.by is None and last is not None and _alike(run, last) and _apart_s(run, last) < SAME_S:
            return
        self._kept[run.job] = run
        try:
            self._record.write(run)
        except RecordFailed:
            log.warning("run not written", extra={"job": run.job, "reason": "the database is away"})

    def _make_event(self, run: JobRun, done: Done, error: BaseException | None) -> None:
        if run.ok:
            self._failures.pop(run.job, None)
            if run.by is not None or done.worth_telling:
                self._tell(_event("job.finished", run, done))
            return
        last = self._failures.get(run.job)
        if run.by is None and last is not None and _alike(run, last) and _apart_s(run, last) < REPEAT_S:
            return
        self._failures[run.job] = run
        log.error("job failed", exc_info=error, extra={"job": run.job, "reason": run.result})
        self._tell(_event("job.failed", run, done))

    def _write_answer(self, question_id: str, told: Mapping[str, Any]) -> None:
        try:
            self._answer(question_id, told)
        except RecordFailed:
            log.warning("result not answered", extra={"reason": "the database is away"})


@contextmanager
def only_once(lock: Path, name: str, patience_s: float = 0.0) -> Iterator[None]:
    """Holds the job for this run. Raises JobBusy when it runs already, in this process or another, and goes on."""
    lock.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    ends_s = time.monotonic() + patience_s
    with lock.open("a") as file:
        while not _held(file):
            if time.monotonic() >= ends_s:
                raise JobBusy(f"{name} runs already; wait until it has finished")
            time.sleep(0.02)
        yield


def _held(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _event(kind: str, run: JobRun, done: Done) -> Decision:
    details = {"job": run.job, "took_s": round(run.took_s, 3), **done.details}
    if run.by is not None:
        details["actor"] = run.by
    return system_decision(kind, run.finished_at, (f"{run.job}: {done.words}",), run.job, details=details)


def _words_of(error: BaseException) -> str:
    """The first line of an error, with its kind where it is not meant for people."""
    text = str(error).strip().partition("\n")[0]
    if isinstance(error, UserMistake | RecordFailed):
        return text
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _alike(run: JobRun, other: JobRun) -> bool:
    return (run.ok, run.result) == (other.ok, other.result)


def _apart_s(run: JobRun, other: JobRun) -> float:
    return abs((run.finished_at - other.finished_at).total_seconds())
