"""What runs by the clock beside core: each job by name, every so often, in APScheduler's threads.

A job that fails is told and runs again at its next time.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from apscheduler.events import EVENT_JOB_ERROR, JobExecutionEvent
from apscheduler.schedulers.background import BackgroundScheduler

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Job:
    """Something to run every `every_s` seconds."""

    name: str
    run: Callable[[], object]
    every_s: float


def build_scheduler(jobs: Sequence[Job], failed: Callable[[str, Exception], None]) -> BackgroundScheduler:
    """A scheduler ready to start. `failed(name, error)` is told of each failure."""
    scheduler = BackgroundScheduler(timezone="UTC")
    for job in jobs:
        options = {"max_instances": 1, "coalesce": True, "misfire_grace_time": None}
        scheduler.add_job(job.run, "interval", seconds=job.every_s, id=job.name, name=job.name, **options)

    def on_error(event: JobExecutionEvent) -> None:
        log.error("job %s failed: %s", event.job_id, event.exception)
        failed(f"job {event.job_id}", event.exception)

    scheduler.add_listener(on_error, EVENT_JOB_ERROR)
    return scheduler
