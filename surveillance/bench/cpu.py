"""CPU time of processes that run, from /proc: each with everything that it started and that still runs."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from statistics import median

from surveillance.bench.memory import PROC, descendants

TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")
IDLE, WAITING = 3, 4  # places in the first line of /proc/stat
UTIME, STIME = 11, 12  # places after the name in /proc/PID/stat, see proc(5)


def cpu_s(pid: int) -> float:
    """Of one process and its descendants so far; those that ended are not in it. 0 for one that is gone."""
    return sum(_own_cpu_s(each) for each in (pid, *descendants(pid)))


def cpu_by_name(pids: Mapping[str, int]) -> dict[str, float]:
    return {name: cpu_s(pid) for name, pid in pids.items()}


def machine_s() -> tuple[float, float]:
    """Of all cores so far: seconds at work, and seconds there were."""
    fields = [int(field) for field in (PROC / "stat").read_text().partition("\n")[0].split()[1:9]]
    return (sum(fields) - fields[IDLE] - fields[WAITING]) / TICKS_A_SECOND, sum(fields) / TICKS_A_SECOND


def _own_cpu_s(pid: int) -> float:
    with suppress(FileNotFoundError, ProcessLookupError):
        fields = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
        return (int(fields[UTIME]) + int(fields[STIME])) / TICKS_A_SECOND
    return 0.0


def spread(values: Iterable[float], digits: int = 2) -> dict[str, float]:
    """Median, least and most of the rounds."""
    found = sorted(values)
    return {
        "median": round(median(found), digits),
        "least": round(found[0], digits),
        "most": round(found[-1], digits),
    }
