"""APScheduler's jobs with their next run times in the database, so that a run missed while off is made up for.

What runs is found by its name in the table of jobs; nothing of it is stored, so no pickle can grow unreadable.
While the database is away the times in memory go on.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Any

from apscheduler.jobstores.memory import MemoryJobStore

from surveillance.domain.errors import RecordFailed
from surveillance.jobs.table import Job
from surveillance.storage.job_record import JobRecord

QUICK_S = 15.0  # jobs with a shorter interval just begin again at a start
_SLACK = timedelta(seconds=1)

log = logging.getLogger(__name__)


class RecordedJobStore(MemoryJobStore):  # type: ignore[misc]  # the library is not typed
    """Implements APScheduler's BaseJobStore."""

    def __init__(self, record: JobRecord) -> None:
        super().__init__()
        self._record = record

    def add_job(self, job: Any) -> None:
        super().add_job(job)
        self._write(job)

    def update_job(self, job: Any) -> None:
        super().update_job(job)
        self._write(job)

    def get_due_jobs(self, now: datetime) -> list[Any]:
        """Also due is what lies further ahead than its interval: the clock was set back."""
        for job in self.get_all_jobs():
            if job.next_run_time - now > job.trigger.interval + _SLACK:
                job.modify(next_run_time=now)
        due: list[Any] = super().get_due_jobs(now)
        return due

    def _write(self, job: Any) -> None:
        every_s = job.trigger.interval.total_seconds()
        if every_s < QUICK_S:
            return
        try:
            self._record.plan(job.id, every_s, job.next_run_time)
        except RecordFailed:
            log.warning("next run not written", extra={"job": job.id, "reason": "the database is away"})


def first_run(job: Job, planned: tuple[float, datetime] | None, now: datetime) -> datetime:
    """When a job runs first after a start: at its planned time, at once where that has passed.

    One that was never planned runs after five minutes at most; none waits longer than its interval.
    """
    if job.every_s < QUICK_S:
        return now
    latest = now + timedelta(seconds=job.every_s)
    if planned is None or planned[0] != job.every_s:
        return min(latest, now + timedelta(minutes=5))
    return min(max(planned[1], now), latest)
