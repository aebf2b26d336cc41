"""Builds the jobs of a site for core, and runs one from the command line: in core where it runs, else right here."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from surveillance.app.audit import keep_heads, nightly_audit
from surveillance.app.drift import DriftWatch
from surveillance.app.proposals import propose
from surveillance.app.retraining import Retraining, why_not_now
from surveillance.app.runtime import CORE_STATUS, media_dir, runtime_dir
from surveillance.app.store import Store, open_store
from surveillance.domain.errors import NotFound, UserMistake
from surveillance.domain.ports import Asked, SiteReader
from surveillance.domain.suggest import no_such
from surveillance.domain.values import Decision, ModeReport, Tick
from surveillance.jobs.arming import Arming
from surveillance.jobs.clock import Jobs
from surveillance.jobs.health import (
    Health,
    cameras_check,
    clock_check,
    disk_check,
    keys_check,
    memory_check,
    outbox_check,
    recordings_check,
)
from surveillance.jobs.table import JOBS, Done, Job, Work
from surveillance.settings import Settings
from surveillance.storage.crops import CropFiles
from surveillance.storage.heads import shorten
from surveillance.storage.job_record import JobRecord, JobRun
from surveillance.storage.ledger import SqlLedger
from surveillance.storage.mode_orders import ModeOrders
from surveillance.storage.retention import Retention, Shelf, disk_free
from surveillance.storage.sizes import newest_event_at
from surveillance.storage.state import SharedState
from surveillance.storage.vitals import oldest_open_action

HEARTBEAT_S = 5.0  # core is taken to run when it told of itself within this
LEAP = timedelta(days=1)
UPTIME = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)  # also counts while the machine sleeps
FULL_AGAIN = timedelta(minutes=10)  # how often a full disk hastens retention
WITHDRAWN: Mapping[str, Any] = {"ok": False, "result": "withdrawn"}  # an answer of whoever asked
QUESTION = "job.run"  # kind of the question by which another process asks core to run a job

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class CorePorts:
    """What jobs need of core: to put an input, to record an event, and what it knows of cameras and recordings."""

    put: Callable[[ModeReport], None]
    tell: Callable[[Decision], None]
    reported: Callable[[], Mapping[str, Any]]
    site: SiteReader
    unkept: Callable[[], str]


class SiteJobs:
    """The jobs of one site over its store. `arm` is to be called once before anything is judged."""

    def __init__(self, settings: Settings, store: Store, core: CorePorts) -> None:
        self._settings = settings
        self._store = store
        self._hastened_at: datetime | None = None
        self._started_at, self._started_s = datetime.now(UTC), time.clock_gettime(UPTIME)
        self.arm = Arming(core.site, ModeOrders(store.engine).remembered(), core.put, settings.rules.mode)
        self._health = self._build_health(core)
        record, stopping = JobRecord(store.engine), threading.Event()
        works: dict[str, Work] = {
            "retention": self._retain,
            "health": self._health,
            "arming": self.arm,
            "heads": partial(keep_heads, settings, store),
            "audit": partial(nightly_audit, settings, store),
            "drift": DriftWatch(store.engine, settings.jobs.drift, partial(card_baseline, settings), core.tell),
            "proposals": lambda: propose(store.engine, core.tell),
            "retraining": Retraining(settings, store.engine, core.site, core.tell, stopping),
        }
        night = partial(why_not_now, settings.jobs.retraining, record, lambda: datetime.now(UTC))
        locks, answer = settings.data_dir / "locks", store.inbox.answer
        self.jobs = Jobs(works, record, core.tell, answer, locks, why_not={"retraining": night}, stopping=stopping)
        self._retention = Retention(
            store.engine,
            store.evidence,
            store.recordings,
            settings.storage,
            stopping=self.jobs.stopping,
            more=crop_shelves(settings, store),
        )

    def start(self) -> None:
        """Runs what is due, now and from now on."""
        self.jobs.start()

    def stop(self) -> None:
        """Nothing of it runs when this returns."""
        self.jobs.stop()

    def ask(self, asked: Asked) -> Mapping[str, Any] | None:
        """Core's answer to a question of kind `job.run`; None: it comes later."""
        return self.jobs.ask(asked)

    def _retain(self) -> Done:
        passed = timedelta(seconds=time.clock_gettime(UPTIME) - self._started_s)
        purged = self._retention(believed(datetime.now(UTC), self._started_at + passed))
        shorten(self._store.engine, self._store.keys)
        return Done(str(purged), worth_telling=not purged.is_empty)

    def _build_health(self, core: CorePorts) -> Health:
        settings, engine = self._settings, self._store.engine
        checks = (
            disk_check(
                (settings.data_dir, media_dir(settings)),
                settings.storage.disk_min_free_gb,
                disk_free,
                self._make_room,
            ),
            recordings_check(core.unkept),
            memory_check(partial(runtime_dir, settings), disk_free),
            outbox_check(partial(oldest_open_action, engine), settings.jobs.outbox_late_s),
            cameras_check(core.site, core.reported, settings.jobs.camera_silent_s),
            keys_check(self._store.keys.missing),
            clock_check(partial(newest_event_at, engine)),
        )
        return Health(checks, SharedState(engine), core.tell, settings.jobs.health_repeat_s)

    def _make_room(self) -> None:
        now = datetime.now(UTC)
        if self._hastened_at is None or abs(now - self._hastened_at) >= FULL_AGAIN:
            self._hastened_at = now
            self.jobs.hasten("retention")


def crop_shelves(settings: Settings, store: Store) -> tuple[Shelf, ...]:
    """The crops of the labeling inbox as retention sees them."""
    waiting, labeled = (CropFiles(store.engine, store.crops, labeled) for labeled in (False, True))
    return (
        Shelf("waiting crop", settings.labeling.waiting_days, "labeling.waiting_days", waiting),
        Shelf("labeled crop", settings.labeling.labeled_days, "labeling.labeled_days", labeled),
    )


def card_baseline(settings: Settings, model: str) -> Mapping[str, Any] | None:
    """How sure a model was on its validation part, by its card; None where that does not say."""
    from surveillance.perception.cards import find_card

    with suppress(UserMistake):
        found: Mapping[str, Any] | None = find_card(model, settings.model_dirs).metrics.get("baseline")
        return found
    return None


def believed(now: datetime, steady: datetime) -> datetime:
    """The clock's time, but for one that leaped ahead since the start: what it would delete cannot be had back."""
    if now - steady <= LEAP:
        return now
    log.warning("clock leaped ahead, retention goes by the time since the start", extra={"ahead": str(now - steady)})
    return steady


# --- the command line ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class JobLine:
    """A job as a list shows it."""

    job: Job
    next_run_at: datetime | None  # None: it runs every few seconds, or has not been planned yet
    last: JobRun | None


def list_jobs(settings: Settings) -> list[JobLine]:
    """Every job with its next and its last run."""
    record = JobRecord(open_store(settings).engine)
    planned, last = record.planned(), record.last_runs()
    return [JobLine(job, planned[job.name][1] if job.name in planned else None, last.get(job.name)) for job in JOBS]


@dataclass(frozen=True, slots=True)
class RanJob:
    """What a run by hand came to. `here`: no core was running, so it ran in this process."""

    ok: bool
    result: str
    here: bool
    took_s: float = 0.0


def run_job(settings: Settings, name: str, by: str | None, timeout_s: float) -> RanJob:
    """Runs a job and waits for its result; `by` is the person it is told of. Raises NotFound for an unknown one."""
    if name not in {job.name for job in JOBS}:
        raise NotFound(no_such("job", name, (job.name for job in JOBS)))
    store = open_store(settings)
    if not core_runs(store):
        return _run_here(settings, store, name, by, timeout_s)
    deadline = datetime.now(UTC) + timedelta(seconds=timeout_s)
    question = store.inbox.ask(QUESTION, {"job": name, "by": by}, deadline)
    answer = _wait(store, question, deadline)
    if answer is WITHDRAWN:
        return _run_here(settings, store, name, by, timeout_s)
    if answer is None:
        return RanJob(False, f"no answer within {timeout_s:g} s; `surveillance jobs list` shows when it has run", False)
    if "ok" not in answer:  # the denial of a core that was started anew meanwhile
        return RanJob(False, "the service was started anew meanwhile; run it again", False)
    return RanJob(answer["ok"], answer["result"], False, answer.get("took_s", 0.0))


def _wait(store: Store, question: str, deadline: datetime) -> Mapping[str, Any] | None:
    """Core's answer; WITHDRAWN when core has ended meanwhile, None when it took too long."""
    while (now := datetime.now(UTC)) < deadline:
        answer = store.inbox.wait(question, min(deadline, now + timedelta(seconds=1)), poll_s=0.05)
        if answer is not None:
            return answer
        if not core_runs(store) and store.inbox.answer(question, WITHDRAWN):
            return WITHDRAWN
    return None


def core_runs(store: Store) -> bool:
    """Whether a core of this site has told of itself within `HEARTBEAT_S`."""
    told = SharedState(store.engine).get_dated(CORE_STATUS)
    if told is None:
        return False
    status, at = told
    age_s = (datetime.now(UTC) - at).total_seconds() + float(status.get("core_age_s", 0.0))
    return abs(age_s) < HEARTBEAT_S


def _run_here(settings: Settings, store: Store, name: str, by: str | None, timeout_s: float) -> RanJob:
    ledger = SqlLedger(store.engine, store.evidence, lambda decision: (), settings.storage)

    def tell(decision: Decision) -> None:
        ledger([(Tick(decision.at), (decision,))])

    site = store.site.read()
    core = CorePorts(
        put=lambda report: None,  # nobody judges now; core tells it at its start
        tell=tell,
        reported=lambda: dict.fromkeys(camera.name for camera in site.cameras),
        site=store.site.read,
        unkept=str,
    )
    jobs = SiteJobs(settings, store, core).jobs
    answered = threading.Event()
    answers: list[Mapping[str, Any]] = []

    def answer(told: Mapping[str, Any]) -> None:
        answers.append(told)
        answered.set()

    jobs.start(by_clock=False)
    try:
        jobs.run_by_hand(name, by, answer)
        answered.wait(timeout_s)
    finally:
        jobs.stop()
    if not answers:
        return RanJob(False, f"ended after {timeout_s:g} s before it was done", True)
    return RanJob(answers[0]["ok"], answers[0]["result"], True, answers[0]["took_s"])
