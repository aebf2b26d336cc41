"""The drift job: the last day of each camera's model against its own first weeks there, and against its card.

Each cause is told once (`model.drifted`), and once more when it is over (`model.settled`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from surveillance.domain.values import Decision, rfc3339, system_decision
from surveillance.jobs.settings import DriftSettings
from surveillance.jobs.table import Done
from surveillance.storage.said import said_of_tracks
from surveillance.storage.state import SharedState
from surveillance.training.drift import Profile, parse_profile, profile_of, shifts

STATE = "drift"  # the name under which baselines and causes are kept
WORDS = {"confidence": "how sure it is has shifted", "classes": "what it sees has shifted"}


class DriftWatch:
    """The job's work. `baseline_of(model)` is what its card says of its validation, or None."""

    def __init__(
        self,
        engine: Any,
        how: DriftSettings,
        baseline_of: Callable[[str], Mapping[str, Any] | None],
        tell: Callable[[Decision], None],
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._state = SharedState(engine)
        self._engine = engine
        self._how = how
        self._baseline_of = baseline_of
        self._tell = tell
        self._clock = clock

    def __call__(self) -> Done:
        now = self._clock()
        kept = self._state.get_dated(STATE)
        own: dict[str, Any] = dict(kept[0]["own"]) if kept else {}
        known: dict[str, Any] = dict(kept[0]["causes"]) if kept else {}
        found, looked = self._look(now, own)
        causes = {name: cause for name, cause in known.items() if name not in looked} | {
            name: known.get(name, {**cause, "since": rfc3339(now)}) for name, cause in found.items()
        }
        for name in sorted(causes.keys() - known.keys()):
            self._tell(_told("model.drifted", now, name, causes[name]))
        for name in sorted(known.keys() - causes.keys()):
            self._tell(_told("model.settled", now, name, known[name]))
        self._state.put(STATE, {"own": own, "causes": causes})
        words = "; ".join(cause["words"] for cause in causes.values())
        return Done(words or "no model has drifted")

    def _look(self, now: datetime, own: dict[str, Any]) -> tuple[dict[str, Any], set[str]]:
        """The causes of today, and the names of all that could be looked for; fills in `own` where it is time."""
        first = self._profiles(now - timedelta(days=self._how.settle_days), now - timedelta(days=1))
        found: dict[str, Any] = {}
        looked: set[str] = set()
        for (camera, model), today in self._profiles(now - timedelta(days=1), now).items():
            if today.count < self._how.least_tracks:
                continue
            key = f"{camera} {model}"
            for kind, words in self._shifted(camera, model, today, own.get(key)):
                found[f"{key} {kind}"] = {"camera": camera, "model": model, "words": words}
            looked |= {f"{key} {kind}" for kind in (*WORDS, "card")}
        for (camera, model), before in first.items():
            if before.count >= self._how.least_tracks * self._how.settle_days / 2:
                own.setdefault(f"{camera} {model}", before.as_json())
        return found, looked

    def _shifted(
        self, camera: str, model: str, today: Profile, own: Mapping[str, Any] | None
    ) -> Iterator[tuple[str, str]]:
        where = f"{model} on camera {camera}"
        if own is not None:
            for kind, psi in shifts(parse_profile(own), today, self._how.psi).items():
                yield kind, f"{where}: {WORDS[kind]} against its first weeks (PSI {psi:.2f}, {today.count} tracks)"
        card = self._baseline_of(model)
        if card is not None:
            expected = parse_profile(card).mean
            if today.mean < expected - self._how.card_drop:
                yield "card", f"{where}: {today.mean:.0%} sure on average, {expected:.0%} in its validation"

    def _profiles(self, since: datetime, until: datetime) -> dict[tuple[str, str], Profile]:
        said: dict[tuple[str, str], list[tuple[str, float]]] = defaultdict(list)
        for camera, model, each in said_of_tracks(self._engine, since, until):
            said[camera, model].append(each)
        return {key: profile_of(each) for key, each in said.items()}


def _told(kind: str, now: datetime, name: str, cause: Mapping[str, Any]) -> Decision:
    over = "over: " if kind == "model.settled" else ""
    details = {"cause": name, "model": cause["model"], "since": cause["since"]}
    return system_decision(kind, now, (f"{over}{cause['words']}",), "drift", camera=cause["camera"], details=details)
