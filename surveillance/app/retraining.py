"""The retraining job in core: starts a retraining in a process of its own, and records what came of it.

It never promotes. A candidate that is not worse on the frozen test part is put in shadow; one that is, is rejected.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from threading import Event
from typing import Any

from surveillance.app.candidates import ITSELF, Check, start_shadow
from surveillance.app.model_trial import try_model
from surveillance.app.proposals import remember_trained
from surveillance.domain.errors import SurveillanceError, UserMistake
from surveillance.domain.site import Site
from surveillance.domain.values import Decision, system_decision
from surveillance.engines.children import PARENT
from surveillance.jobs.settings import RetrainingSettings
from surveillance.jobs.table import Done
from surveillance.settings import PREFIX, Settings
from surveillance.storage.job_record import JobRecord
from surveillance.storage.state import SharedState
from surveillance.training.compare import comparison_of, say

STATE = "retraining"  # the name under which it is kept how many labels were trained on
LOOK_S = 0.2
SAME_NIGHT = timedelta(hours=20)

Tell = Callable[[Decision], None]


class Retraining:
    """The job's work. `stopping` ends a retraining; the next one goes on with it."""

    def __init__(
        self,
        settings: Settings,
        engine: Any,
        site: Callable[[], Site],
        tell: Tell,
        stopping: Event,
        check: Check = try_model,
    ) -> None:
        self._settings = settings
        self._engine = engine
        self._site = site
        self._tell = tell
        self._stopping = stopping
        self._check = check

    def __call__(self) -> Done:
        """Raises UserMistake for labels that cannot be trained on, SurveillanceError when it took too long."""
        current = model_in_use(self._site(), self._settings.perception.model)
        kept = SharedState(self._engine).get_dated(STATE)
        seen = int(kept[0]["labels"]) if kept else 0
        told = self._run({"current": current, "seen": seen})
        if "fault" in told:
            raise UserMistake(told["fault"])
        if "skipped" in told:
            return Done(told["skipped"])
        SharedState(self._engine).put(STATE, {"labels": told["labels"], "model": told["model"]})
        return self._trained(told)

    def _trained(self, told: Mapping[str, Any]) -> Done:
        model, current, page = told["model"], told["current"], told["comparison"]
        remember_trained(self._engine, told)
        words = "there is no test part yet to compare it on"
        if page is not None:
            words = say(comparison_of(page), current, model)
        self._record("model.trained", f"{model} was trained on {told['dataset']}: {words}", told)
        if page is not None and page["is_worse"]:
            self._record("model.rejected", f"{model} is not put in shadow: {words}", told)
            return Done(f"{model} rejected: {words}")
        start_shadow(self._settings, model, (), ITSELF, self._check)
        return Done(f"{model} is in shadow: {words}")

    def _record(self, kind: str, words: str, told: Mapping[str, Any]) -> None:
        details = {"model": told["model"], "before": told["current"], "dataset": told["dataset"]}
        figures = {"labels": told["labels"], "new_labels": told["new_labels"], "comparison": told["comparison"]}
        self._tell(system_decision(kind, datetime.now(UTC), (words,), "retraining", details={**details, **figures}))

    def _run(self, order: Mapping[str, Any]) -> dict[str, Any]:
        """What the child said. Raises SurveillanceError when it was ended, or ended by itself without a word."""
        asked = json.dumps({"settings": self._settings.model_dump(mode="json"), "order": order}).encode()
        environment = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
        limit_s = self._settings.jobs.retraining.hours_max * 3600
        ends_s = time.monotonic() + limit_s
        with subprocess.Popen(
            [sys.executable, "-m", "surveillance.app.retrain"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**environment, PARENT: str(os.getpid()), "OMP_NUM_THREADS": "1"},
        ) as child:
            assert child.stdin is not None
            assert child.stdout is not None
            child.stdin.write(asked)
            child.stdin.close()
            while child.poll() is None and not self._stopping.wait(LOOK_S):
                if time.monotonic() > ends_s:
                    break
            is_over = child.poll() is not None
            if not is_over:
                child.kill()
            said = child.stdout.read()
        if not is_over:
            why = "the service stops" if self._stopping.is_set() else f"{limit_s / 3600:g} hours are over"
            raise SurveillanceError(f"ended before it was done: {why}; the next run goes on with it")
        return _answer(said, child.returncode)


def _answer(said: bytes, code: int) -> dict[str, Any]:
    """The last line; what libraries print comes before it."""
    lines = said.decode(errors="replace").strip().splitlines()
    try:
        told: dict[str, Any] = json.loads(lines[-1])
    except (IndexError, ValueError):
        raise SurveillanceError(f"the process that trains ended with code {code} and without a word") from None
    return told


def model_in_use(site: Site, default: str) -> str:
    """That of most cameras that are watched."""
    used = Counter(camera.model or default for camera in site.cameras if camera.enabled)
    return used.most_common(1)[0][0] if used else default


def why_not_now(how: RetrainingSettings, record: JobRecord, now: Callable[[], datetime]) -> str | None:
    """Why the clock does not start it; None when its night has come. Whoever runs it by hand is not asked."""
    if not how.enabled:
        return "switched off (jobs.retraining.enabled)"
    local = now().astimezone()
    if local.strftime("%a").lower() != how.weekday or not how.hour <= local.hour < how.hour + 4:
        return f"waits for {how.weekday} {how.hour:02d}:00"
    runs = record.runs("retraining")
    if runs and now() - runs[0].finished_at < SAME_NIGHT:
        return "has run this night"
    return None
