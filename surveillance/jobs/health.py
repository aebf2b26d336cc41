"""Looks for what nobody else would tell of: full disks, deeds that stay undone, cameras that never came, lost keys.

Each cause that appears is one `health.degraded` (again after an hour), each that ends one `health.restored`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

from surveillance.domain.clock import clock_fault
from surveillance.domain.errors import RecordFailed
from surveillance.domain.site import Site
from surveillance.domain.values import Decision, rfc3339, system_decision
from surveillance.jobs.table import Done

STATE = "health"  # the name under which other processes find the causes
DATABASE = "database"  # the one cause that core itself tells of, when its commits fail
GB = 1_000_000_000
LEAST_MEMORY = 4_000_000  # bytes of what processes share; crops of some frames still fit


@dataclass(frozen=True, slots=True)
class Cause:
    """What is wrong. `name` stays the same as long as it is wrong, `words` may say more."""

    name: str
    words: str


Check = Callable[[datetime], Iterable[Cause]]


class Shared(Protocol):
    """Where the causes outlive a restart, and other processes see them."""

    def put(self, name: str, value: Mapping[str, Any]) -> None: ...
    def get_dated(self, name: str) -> tuple[dict[str, Any], datetime] | None: ...


class Health:
    """The health job: every check, and what changed since the last time."""

    def __init__(
        self,
        checks: Sequence[Check],
        shared: Shared,
        tell: Callable[[Decision], None],
        repeat_s: float,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._checks = checks
        self._shared = shared
        self._tell = tell
        self._repeat = timedelta(seconds=repeat_s)
        self._clock = clock
        self._known: dict[str, dict[str, str]] | None = None  # cause -> words, since, told_at

    def __call__(self) -> Done:
        now = self._clock()
        found = self._look(now)
        known = self._remembered()
        lasting = {name: known.get(name, {"since": rfc3339(now)}) | {"words": words} for name, words in found.items()}
        ended = [name for name in known if name not in lasting]
        for name, cause in lasting.items():
            if name != DATABASE and self._is_due(cause, now):
                cause["told_at"] = rfc3339(now)
                self._tell(_degraded(now, name, cause))
        for name in ended:
            if name != DATABASE:
                self._tell(_restored(now, name, known[name]))
        if lasting != known:
            self._remember(lasting)
        return Done("; ".join(cause["words"] for cause in lasting.values()) or "all is well")

    def _look(self, now: datetime) -> dict[str, str]:
        found: dict[str, str] = {}
        for check in self._checks:
            try:
                found |= {cause.name: cause.words for cause in check(now)}
            except RecordFailed as error:
                found[DATABASE] = str(error)
        return found

    def _is_due(self, cause: Mapping[str, str], now: datetime) -> bool:
        told_at = cause.get("told_at")
        return told_at is None or abs(now - datetime.fromisoformat(told_at)) >= self._repeat

    def _remembered(self) -> dict[str, dict[str, str]]:
        if self._known is None:
            try:
                stored = self._shared.get_dated(STATE)
            except RecordFailed:
                return {}
            self._known = dict(stored[0].get("causes", {})) if stored else {}
        return self._known

    def _remember(self, causes: dict[str, dict[str, str]]) -> None:
        self._known = causes
        with suppress(RecordFailed):  # in memory it goes on, and the next change is written
            self._shared.put(STATE, {"causes": causes})


def _degraded(now: datetime, name: str, cause: Mapping[str, str]) -> Decision:
    details = {"cause": name, "since": cause["since"]}
    return system_decision("health.degraded", now, (cause["words"],), "health", details=details)


def _restored(now: datetime, name: str, cause: Mapping[str, str]) -> Decision:
    details = {"cause": name, "since": cause["since"]}
    return system_decision("health.restored", now, (f"over: {cause['words']}",), "health", details=details)


# --- checks --------------------------------------------------------------------------------------------------------


def disk_check(
    directories: Sequence[Path], least_gb: float, free_bytes: Callable[[Path], int], full: Callable[[], None]
) -> Check:
    """Free space of directories, which may lie on disks of their own. `full` is called while it lacks."""

    def check(now: datetime) -> Iterable[Cause]:
        lacking = next((path for path in directories if free_bytes(path) < least_gb * GB), None)
        if lacking is None:
            return
        full()
        words = f"less than {least_gb:g} GB are free in {lacking} (storage.disk_min_free_gb): old media are deleted"
        yield Cause("disk", words)

    return check


def recordings_check(fault: Callable[[], str]) -> Check:
    """Pictures and clips of events, which workers may write to another disk. `fault` is empty while all is well."""

    def check(now: datetime) -> Iterable[Cause]:
        if why := fault():
            yield Cause("recordings", f"pictures and clips of events cannot be written: {why}")

    return check


def memory_check(directory: Callable[[], Path], free_bytes: Callable[[Path], int]) -> Check:
    """The memory through which processes hand each other pictures."""

    def check(now: datetime) -> Iterable[Cause]:
        if free_bytes(directory()) < LEAST_MEMORY:
            yield Cause("memory", f"{directory()} is full: pictures may reach neither the model nor whoever watches")

    return check


def outbox_check(oldest: Callable[[], datetime | None], late_s: float) -> Check:
    """Deeds on record that are not done. Raises RecordFailed while the database is away."""

    def check(now: datetime) -> Iterable[Cause]:
        since = oldest()
        if since is not None and (now - since).total_seconds() > late_s:
            yield Cause("outbox", f"a deed waits to be done since {rfc3339(since)}: its target does not answer")

    return check


def cameras_check(site: Callable[[], Site], reported: Callable[[], Iterable[str]], silent_s: float) -> Check:
    """Cameras that have not reported once since the start; one that falls silent later is the judge's to tell."""
    missed: dict[str, datetime] = {}

    def check(now: datetime) -> Iterable[Cause]:
        heard = set(reported())
        wanted = {camera.name for camera in site().cameras if camera.enabled} - heard
        for name in missed.keys() - wanted:
            del missed[name]
        for name in sorted(wanted):
            if (now - missed.setdefault(name, now)).total_seconds() >= silent_s:
                yield Cause(f"camera {name}", f"camera {name} has not reported since the start")

    return check


def clock_check(newest_event_at: Callable[[], datetime | None]) -> Check:
    """The machine's clock, as it started or was set. Raises RecordFailed while the database is away."""

    def check(now: datetime) -> Iterable[Cause]:
        fault = clock_fault(now, newest_event_at())
        if fault is not None:
            yield Cause("clock", fault)

    return check


def keys_check(missing: Callable[[], Sequence[Path]]) -> Check:
    """Key files in use that are not there any more: at the next start nothing they sealed could be read."""

    def check(now: datetime) -> Iterable[Cause]:
        for path in missing():
            yield Cause(f"key {path.stem}", f"the key {path} is gone: put its copy back before the next start")

    return check
