"""Judged inputs into one file on this disk while the database is away, and out again, exactly as they were.

What `add` took would survive a power cut when it returns. The file is bounded; it is read in order and removed when
everything in it is on record. A last line that was cut off is left out; other damage is set aside as `.bad`.
"""

from __future__ import annotations

import itertools
import logging
import os
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from surveillance.domain.errors import RecordFailed, SettingsError
from surveillance.domain.inputs import identity_of
from surveillance.domain.ports import JudgedInput
from surveillance.domain.values import CameraReport, Observation, SceneReport, Tick
from surveillance.storage.durable import sync_directory
from surveillance.storage.spool_lines import parse_line, spool_line

NAME = "judged.jsonl"
THIN_FROM = 0.75  # of the bound: from here on what only says that nothing changed is left out
OVER = 1.1  # of the bound: what core says of itself is taken up to here

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Place:
    """A pair in the file: where its line ends, and what it is known by."""

    end: int
    identity: str | None


class DiskSpool:
    """Implements the port Spool in a directory of its own. Belongs to one thread.

    `faults` says, one line each, what was found damaged. Raises SettingsError for a directory that cannot be used.
    """

    def __init__(self, directory: Path, max_bytes: int) -> None:
        self._path = directory / NAME
        self._max_bytes = max_bytes
        self._places: deque[Place] = deque()  # what waits, in order
        self._identities: set[str] = set()
        self._start = 0  # where the first pair that waits begins
        self._size = 0
        self.faults: tuple[str, ...] = ()
        try:
            directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            if self._path.exists():
                self._take_up()
        except OSError as error:
            hint = "it must be a directory that this program may write"
            raise SettingsError(f"the spool {directory} cannot be used: {error.strerror}; {hint}") from error

    def __len__(self) -> int:
        return len(self._places)

    def __contains__(self, identity: object) -> bool:
        return identity in self._identities

    @property
    def size_bytes(self) -> int:
        return self._size

    def add(self, judged: Sequence[JudgedInput]) -> Counter[str]:
        """Takes these, in order; returns how many were refused, by reason. Raises RecordFailed when none was taken."""
        refused: Counter[str] = Counter()
        lines: list[bytes] = []
        places: list[Place] = []
        end = self._size
        for pair in judged:
            line = _line_of(pair)
            reason = self._refusal(pair, end + len(line)) if line else "unrecordable"
            if reason is not None:
                refused[reason] += 1
                continue
            end += len(line)
            lines.append(line)
            places.append(Place(end, identity_of(pair[0])))
        if lines:
            self._append(b"".join(lines))
            self._size = end
            self._remember(places)
        return refused

    def first(self, limit: int) -> list[JudgedInput]:
        """The pairs that waited longest, in order; they stay until they are dropped. Raises RecordFailed."""
        count = min(limit, len(self._places))
        if not count:
            return []
        try:
            with self._path.open("rb") as file:
                file.seek(self._start)
                data = file.read(self._places[count - 1].end - self._start)
            return [parse_line(line) for line in data.splitlines(keepends=True)]
        except (OSError, ValueError) as error:
            raise RecordFailed(f"the spool {self._path} cannot be read: {error}") from error

    def drop(self, count: int) -> None:
        """Forgets as many, since they are on record; with the last one the file goes."""
        for _ in range(count):
            place = self._places.popleft()
            self._start = place.end
            if place.identity is not None:
                self._identities.discard(place.identity)
        if not self._places:
            with suppress(OSError):  # what is found again at the next start is known then
                self._path.unlink(missing_ok=True)
                self._start = self._size = 0
                sync_directory(self._path.parent)

    def _refusal(self, pair: JudgedInput, end: int) -> str | None:
        if isinstance(pair[0], Tick):
            return None if end <= self._max_bytes * OVER else "spool_full"
        if end > self._max_bytes:
            return "spool_full"
        return "spool_thinned" if end > self._max_bytes * THIN_FROM and says_nothing_new(pair) else None

    def _append(self, data: bytes) -> None:
        """On the disk when it returns; what a failed attempt left is cut off by the next one."""
        is_new = not self._path.exists()
        try:
            descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            try:
                if os.fstat(descriptor).st_size != self._size:  # the rest of an attempt that failed
                    os.ftruncate(descriptor, self._size)
                write_whole(descriptor, data)
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            if is_new:
                sync_directory(self._path.parent)
        except OSError as error:
            raise RecordFailed(f"the spool {self._path} cannot be written: {error.strerror}") from error

    def _remember(self, places: Sequence[Place]) -> None:
        self._places.extend(places)
        self._identities.update(place.identity for place in places if place.identity is not None)

    def _take_up(self) -> None:
        """What an earlier run left."""
        good: list[tuple[bytes, str | None]] = []
        bad = 0
        torn = False
        for line in _lines(self._path):
            try:
                good.append((line, identity_of(parse_line(line)[0])))
            except ValueError:
                torn = not line.endswith(b"\n")
                bad += not torn
        if torn:
            _log.warning("last line of the spool was cut off and is left out", extra={"path": str(self._path)})
        if bad:
            self._set_aside(bad)
        if torn or bad:
            self._rewrite([line for line, _ in good])
        for line, identity in good:
            self._size += len(line)
            self._remember([Place(self._size, identity)])

    def _set_aside(self, bad: int) -> None:
        names = (self._path.with_name(f"{NAME}.{number}.bad") for number in itertools.count(1))
        aside = next(name for name in names if not name.exists())
        os.link(self._path, aside)
        fault = f"{bad} lines of the spool cannot be read; a copy is {aside.name}"
        _log.error("spool damaged", extra={"reason": fault})
        self.faults = (*self.faults, fault)

    def _rewrite(self, lines: Sequence[bytes]) -> None:
        """The file with these lines only, whole whenever the power goes."""
        whole = self._path.with_suffix(".tmp")
        descriptor = os.open(whole, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            write_whole(descriptor, b"".join(lines))
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        whole.replace(self._path)
        sync_directory(self._path.parent)


def says_nothing_new(pair: JudgedInput) -> bool:
    """A heartbeat that led to nothing: the next one says the same."""
    entry, decisions = pair
    if decisions:
        return False
    if isinstance(entry, Observation):
        return entry.change == "heartbeat" and entry.shot is None and not entry.crossed
    return isinstance(entry, CameraReport | SceneReport) and not entry.changed


def _line_of(pair: JudgedInput) -> bytes:
    """Empty for what no record could hold either."""
    try:
        return spool_line(pair)
    except TypeError as error:
        _log.error("input cannot be spooled", extra={"reason": str(error)})
        return b""


def write_whole(descriptor: int, data: bytes) -> None:
    """All of it: one call may write a part only."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def _lines(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        yield from file
