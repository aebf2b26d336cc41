"""What a camera costs in memory: a whole site without cameras, then with ever more of them, each by process.

Whether that stays flat over hours is what `bench soak` tells.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from tqdm import tqdm

from surveillance.bench.clips import SIZES, make_clip
from surveillance.bench.machine import facts_of_machine, load_now
from surveillance.bench.memory import slope
from surveillance.bench.whole_site import WholeSite, whole_site
from surveillance.domain.site import Camera
from surveillance.settings import Settings

SAMPLE_S = 1.0
SPARE_S = 60.0


@dataclass(frozen=True, slots=True)
class MemoryOrder:
    """How many cameras of 720p25, one after the other, and for how long each."""

    cameras: Sequence[int] = (1, 2, 4, 8)
    seconds: float = 12.0


def measure(settings: Settings, order: MemoryOrder) -> dict[str, Any]:
    """`mb_by_cameras`, by process, and `mb_per_camera`, the slope over them. Files of libraries do not count."""
    load = load_now()
    with TemporaryDirectory(prefix="bench-") as name, whole_site(settings, Path(name) / "site") as site:
        clip = make_clip(Path(name), "one", SIZES["720p"], order.seconds + SPARE_S)
        held = {0: settled(site, order.seconds)}
        for count in tqdm(order.cameras, unit="site", disable=None, leave=False):
            site.watch([Camera(f"{count}-{number}", str(clip)) for number in range(count)])
            held[count] = settled(site, order.seconds)
            site.watch([])
    watched = [count for count in held if count]
    totals = [sum(held[count].values()) for count in watched]
    return {
        "machine": facts_of_machine(load),
        "mb_by_cameras": {str(count): parts for count, parts in held.items()},
        "mb_per_camera": round(slope(watched, totals), 1),
    }


def settled(site: WholeSite, seconds: float) -> dict[str, float]:
    """Megabytes by process: the median of the second half of that time, when rings and models have filled."""
    time.sleep(seconds / 2)
    samples = []
    for _ in range(max(round(seconds / 2 / SAMPLE_S), 1)):
        samples.append(site.memory_mb())
        time.sleep(SAMPLE_S)
    return {name: round(median(sample[name] for sample in samples), 1) for name in samples[0]}


def described(figures: Mapping[str, Any]) -> Iterator[str]:
    """The figures as lines for people."""
    yield f"{figures['machine']['told']}; anonymous and shared memory, MB"
    for count, parts in figures["mb_by_cameras"].items():
        each = ", ".join(f"{name} {mb:.0f}" for name, mb in parts.items())
        yield f"{count:>3} cameras: {sum(parts.values()):6.0f} ({each})"
    yield f"each camera more: {figures['mb_per_camera']} MB"
