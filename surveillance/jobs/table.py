"""Every job there is, in one table. What each does when it runs is built by `app`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Job:
    """Something to run every `every_s` seconds."""

    name: str
    does: str
    every_s: float
    is_brief: bool = False  # it is done in the scheduler's own thread, since a hand-over costs more than its work

    @property
    def schedule(self) -> str:
        """The interval in words: `every hour`, `every 30 s`."""
        for unit_s, unit in ((86400, "day"), (3600, "hour"), (60, "minute"), (1, "second")):
            if self.every_s >= unit_s and self.every_s % unit_s == 0:
                count = int(self.every_s // unit_s)
                return f"every {unit}" if count == 1 else f"every {count} {unit}s"
        return f"every {self.every_s:g} seconds"


@dataclass(frozen=True, slots=True)
class Done:
    """What a run did. `worth_telling` makes an event of it."""

    words: str
    worth_telling: bool = False
    is_idle: bool = False  # it was not its time; such a run is not kept
    details: Mapping[str, Any] = field(default_factory=dict)


Work = Callable[[], Done]  # one run; whatever it raises is a failed run

JOBS = (
    Job("retention", "deletes what was kept long enough or does not fit", 3600.0),
    Job("health", "looks at disk, database, deeds, cameras and keys", 30.0),
    Job("arming", "sets the arming mode by schedule or by hand", 1.0, is_brief=True),
    Job("heads", "signs the head of the chain, and keeps it elsewhere", 10.0),
    Job("audit", "walks the chain and looks for what was changed", 86400.0),
    Job("drift", "compares what models say with what they said before", 86400.0),
    Job("proposals", "proposes a candidate that has shown itself better", 3600.0),
    Job("retraining", "trains a candidate on the labels that people gave", 3600.0),
)
