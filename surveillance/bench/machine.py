"""The machine that was measured on, as figures carry it: processor, cores, and how busy it was."""

from __future__ import annotations

import os
import platform
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

IDLE_SHARE = 0.25  # of the cores; where more of them work before anything is measured, the machine is busy


def facts_of_machine(load: float | None = None) -> dict[str, Any]:
    """`told` is all of it in one line. `load` is what `load_now` gave before the measuring began."""
    cores, processor = os.cpu_count() or 1, processor_name()
    facts: dict[str, Any] = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "processor": processor,
        "cores": cores,
        "python": platform.python_version(),
    }
    told = f"{facts['at'][:10]}, {processor}, {cores} cores"
    if load is not None:
        facts |= {"load": load, "is_busy": load > IDLE_SHARE * cores}
        told += ", a busy machine" if facts["is_busy"] else ", quiet"
    return facts | {"told": told}


def load_now() -> float:
    """How many processes wanted to run in the last minute."""
    return round(os.getloadavg()[0], 2)


def processor_name() -> str:
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
