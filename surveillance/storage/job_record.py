"""When each job runs next and what became of its last runs, so that both outlive a restart. Safe to share by threads.

Everything raises RecordFailed while the database is away.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, delete, insert, select, update
from sqlalchemy.exc import SQLAlchemyError

from surveillance.domain.errors import RecordFailed
from surveillance.domain.values import new_id
from surveillance.storage.database import reading, writing
from surveillance.storage.tables import job, job_run

KEPT_RUNS = 100  # of each job
_NEWEST_FIRST = (job_run.c.started_at.desc(), job_run.c.id.desc())


@dataclass(frozen=True, slots=True)
class JobRun:
    """One run of a job. `result` is what it did, or why it failed, in words."""

    job: str
    started_at: datetime
    finished_at: datetime
    ok: bool
    result: str
    by: str | None = None  # who ran it by hand; None when it ran by the clock

    @property
    def took_s(self) -> float:
        return (self.finished_at - self.started_at).total_seconds()


class JobRecord:
    """The jobs' rows."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def planned(self) -> dict[str, tuple[float, datetime]]:
        """(interval in seconds, next run) of each job that was planned, by name."""
        with _failing(), reading(self._engine) as connection:
            return {row.name: (row.every_s, row.next_run_at) for row in connection.execute(select(job))}

    def plan(self, name: str, every_s: float, next_run_at: datetime) -> None:
        """Writes down when a job runs next."""
        values = {"every_s": every_s, "next_run_at": next_run_at}
        with _failing(), writing(self._engine) as connection:
            if connection.execute(update(job).where(job.c.name == name).values(**values)).rowcount == 0:
                connection.execute(insert(job), [{"name": name, **values}])

    def forget_all_but(self, names: Collection[str]) -> None:
        """Drops what no version of today knows."""
        with _failing(), writing(self._engine) as connection:
            connection.execute(delete(job).where(job.c.name.not_in(names)))
            connection.execute(delete(job_run).where(job_run.c.job.not_in(names)))

    def write(self, run: JobRun) -> None:
        """Puts a run on record and drops the ones beyond the last `KEPT_RUNS` of its job."""
        row: dict[str, Any] = {
            "id": new_id(),
            "job": run.job,
            "started_at": run.started_at,
            "finished_at": run.finished_at,
            "ok": run.ok,
            "result": run.result,
            "by": run.by,
        }
        beyond = select(job_run.c.id).where(job_run.c.job == run.job).order_by(*_NEWEST_FIRST).offset(KEPT_RUNS)
        with _failing(), writing(self._engine) as connection:
            connection.execute(insert(job_run), [row])
            old = list(connection.scalars(beyond.limit(KEPT_RUNS)))
            if old:
                connection.execute(delete(job_run).where(job_run.c.id.in_(old)))

    def runs(self, name: str) -> list[JobRun]:
        """The runs of a job that are kept, newest first."""
        with _failing(), reading(self._engine) as connection:
            rows = connection.execute(select(job_run).where(job_run.c.job == name).order_by(*_NEWEST_FIRST))
            return [_run_of(row) for row in rows]

    def last_runs(self) -> dict[str, JobRun]:
        """The newest run of each job, by name."""
        with _failing(), reading(self._engine) as connection:
            names = list(connection.scalars(select(job_run.c.job).distinct()))
        return {name: self.runs(name)[0] for name in names}


def _run_of(row: Any) -> JobRun:
    return JobRun(row.job, row.started_at, row.finished_at, row.ok, row.result, row.by)


@contextmanager
def _failing() -> Iterator[None]:
    try:
        yield
    except SQLAlchemyError as error:
        raise RecordFailed("the record of jobs cannot be reached") from error
