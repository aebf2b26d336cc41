"""What processes hold over time: memory of their own, threads and descriptors from /proc, and how fast each grows.

Memory is what is backed by no file: pages of libraries come and go with whoever else on the machine uses them.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
KIB = 1024


@dataclass(frozen=True, slots=True)
class Held:
    """What one process holds at one moment; `memory_mb` is anonymous and shared memory, without mapped files."""

    memory_mb: float
    threads: int
    descriptors: int


def held_by(pid: int) -> Held | None:
    """None for a process that is gone."""
    with suppress(FileNotFoundError, ProcessLookupError):
        lines = (PROC / str(pid) / "status").read_text().splitlines()
        status = dict(line.split(":", 1) for line in lines)
        memory = sum(int(status[name].split()[0]) for name in ("RssAnon", "RssShmem"))
        return Held(memory * KIB / 1e6, int(status["Threads"]), len(os.listdir(PROC / str(pid) / "fd")))  # noqa: PTH208
    return None


def descendants(pid: int) -> list[int]:
    """The processes started by that one, and by those, and so on; the dashboard's server forks."""
    children = []
    with suppress(FileNotFoundError, ProcessLookupError):
        for task in (PROC / str(pid) / "task").iterdir():
            for child in (task / "children").read_text().split():
                children += [int(child), *descendants(int(child))]
    return children


def slope(at_s: Sequence[float], values: Sequence[float]) -> float:
    """Growth a second: the median of the slopes of all pairs (Theil 1950, Sen 1968), which no single jump bends."""
    slopes = sorted(
        (values[later] - values[earlier]) / (at_s[later] - at_s[earlier])
        for earlier in range(len(values))
        for later in range(earlier + 1, len(values))
        if at_s[later] > at_s[earlier]
    )
    return slopes[len(slopes) // 2] if slopes else 0.0


def summed(held: Mapping[str, Held]) -> Held:
    return Held(
        sum(each.memory_mb for each in held.values()),
        sum(each.threads for each in held.values()),
        sum(each.descriptors for each in held.values()),
    )
