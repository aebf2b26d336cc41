"""A whole site with flapping RTSP cameras for as long as it is let run: what it holds, and whether that grows.

The cameras are real RTSP streams whose server is killed and started again at moments drawn from a seed.
"""

from __future__ import annotations

import os
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tqdm import tqdm

from surveillance.app.service import RunningSite, running_site
from surveillance.bench.memory import Held, descendants, held_by, slope, summed
from surveillance.bench.rtsp_server import Mount, RtspServer, free_port
from surveillance.domain.site import Camera, Site
from surveillance.settings import Settings
from surveillance.storage.queries import EventFilter

SAMPLE_S = 10.0
WARM_UP = 1 / 3  # of the time; what is allocated in it is no growth
RULES = """
- {name: seen, on: sighting, verdict: log, when: track_s >= 1}
- {name: told, on: sighting, verdict: alert, when: track_s >= 2}
"""


@dataclass(frozen=True, slots=True)
class SoakOrder:
    """How long, how many cameras, of which clip, and how often their server is killed (mean, seconds)."""

    minutes: float
    clip: Path
    cameras: int = 4
    flap_s: float = 30.0
    seed: int = 1


@dataclass
class Diary:
    """What each process held at each sample."""

    at_s: list[float] = field(default_factory=list)
    held: list[Mapping[str, Held]] = field(default_factory=list)
    flaps: int = 0

    def report(self, order: SoakOrder, kinds: Mapping[str, int]) -> dict[str, Any]:
        """The figures, JSON-able. Slopes are of the time after the warm-up."""
        first = next(n for n, at in enumerate(self.at_s) if at >= self.at_s[-1] * WARM_UP)
        at_s, held = self.at_s[first:], self.held[first:]
        names = sorted({name for moment in held for name in moment})
        per_hour = {name: 3600 * slope(*series(at_s, held, name)) for name in names}
        total = [summed(moment) for moment in held]
        grows = 3600 * slope(at_s, [moment.memory_mb for moment in total])
        return {
            "minutes": round(self.at_s[-1] / 60, 1),
            "cameras": order.cameras,
            "flaps": self.flaps,
            "events": dict(kinds),
            "memory_mb": {"first": round(total[0].memory_mb, 1), "last": round(total[-1].memory_mb, 1)},
            "memory_mb_per_hour": round(grows, 2),
            "memory_mb_per_hour_and_camera": round(grows / order.cameras, 2),
            "memory_mb_per_hour_by_process": {name: round(value, 2) for name, value in per_hour.items()},
            "samples": {
                "at_s": [round(at) for at in self.at_s],
                "memory_mb": {
                    name: [round(moment[name].memory_mb, 1) if name in moment else None for moment in self.held]
                    for name in names
                },
            },
            "threads": span([moment.threads for moment in total]),
            "descriptors": span([moment.descriptors for moment in total]),
        }


def soak(settings: Settings, order: SoakOrder) -> dict[str, Any]:
    """Runs a site in a directory of its own and returns the figures. Raises SettingsError where it cannot start."""
    with TemporaryDirectory(prefix="soak-") as folder, flapping(order) as (server, flaps):
        dashboard = settings.dashboard.model_copy(update={"port": free_port()})
        how = settings.engine.model_copy(update={"kind": "processes"})
        ours = settings.model_copy(update={"data_dir": Path(folder), "dashboard": dashboard, "engine": how})
        with running_site(ours, None, lambda line: None) as running:
            running.store.site.save(site_of(server, order), "bench")
            diary = watch_over(running, order, flaps)
            diary.flaps = sum(flaps.values())
            page = running.store.events.page(EventFilter(), None, 100_000)[0]
            return diary.report(order, Counter(event["kind"] for event in page))


def site_of(server: RtspServer, order: SoakOrder) -> Site:
    cameras = tuple(Camera(f"camera-{n}", server.address(f"/camera-{n}")) for n in range(1, order.cameras + 1))
    return Site(cameras=cameras, rules=RULES)


@contextmanager
def flapping(order: SoakOrder) -> Iterator[tuple[RtspServer, Counter[str]]]:
    """A server that is killed every now and then and comes back after a while; and how often that was."""
    mounts = {f"/camera-{n}": Mount([order.clip]) for n in range(1, order.cameras + 1)}
    flaps: Counter[str] = Counter()
    stopping = threading.Event()
    dice = random.Random(order.seed)  # noqa: S311 (the same flaps in every run)

    def flap(server: RtspServer) -> None:
        while not stopping.wait(dice.expovariate(1 / order.flap_s)):
            server.kill()
            flaps["killed"] += 1
            stopping.wait(dice.uniform(0.5, 5.0))
            server.start()

    with RtspServer(mounts) as server:
        thread = threading.Thread(target=flap, args=(server,), daemon=True)
        thread.start()
        try:
            yield server, flaps
        finally:
            stopping.set()
            thread.join(10)


def watch_over(running: RunningSite, order: SoakOrder, flaps: Counter[str]) -> Diary:
    """Samples every process until the time is up, with a progress bar."""
    diary, began_s, whole_s = Diary(), time.monotonic(), order.minutes * 60
    with tqdm(total=round(whole_s), unit="s", disable=None) as bar:
        while (passed_s := time.monotonic() - began_s) < whole_s:
            held = now_held(running)
            diary.at_s.append(passed_s)
            diary.held.append(held)
            bar.update(round(passed_s) - bar.n)
            bar.set_postfix_str(f"{summed(held).memory_mb:.0f} MB, {sum(flaps.values())} flaps")
            time.sleep(min(SAMPLE_S, whole_s - passed_s))
    return diary


def now_held(running: RunningSite) -> dict[str, Held]:
    """What each process of the site holds, those that it forked with it."""
    found = {}
    for child in running.children.children:
        pid = running.children.pid(child.name)
        if pid is None:
            continue
        parts = {str(each): held for each in (pid, *descendants(pid)) if (held := held_by(each)) is not None}
        found[child.name] = summed(parts)
    own = held_by(os.getpid())
    return found if own is None else {**found, "run": own}


def series(at_s: list[float], held: list[Mapping[str, Held]], name: str) -> tuple[list[float], list[float]]:
    """(times, megabytes) of one process, where it was there."""
    pairs = [(at, moment[name].memory_mb) for at, moment in zip(at_s, held, strict=True) if name in moment]
    return [at for at, _ in pairs], [value for _, value in pairs]


def span(values: list[int]) -> dict[str, int]:
    return {"first": values[0], "least": min(values), "most": max(values), "last": values[-1]}


def described(figures: Mapping[str, Any]) -> Iterator[str]:
    """The figures as lines for people."""
    memory = figures["memory_mb"]
    yield f"{figures['minutes']} minutes, {figures['cameras']} cameras, {figures['flaps']} flaps"
    yield f"memory {memory['first']} -> {memory['last']} MB after the warm-up, {figures['memory_mb_per_hour']} MB/h"
    yield f"       {figures['memory_mb_per_hour_and_camera']} MB/h per camera"
    for name, value in figures["memory_mb_per_hour_by_process"].items():
        yield f"       {name}: {value} MB/h"
    for what in ("threads", "descriptors"):
        yield f"{what}: {figures[what]['least']} to {figures[what]['most']}, {figures[what]['last']} at the end"
    yield "events: " + ", ".join(f"{kind} {count}" for kind, count in sorted(figures["events"].items()))


def dated(figures: Mapping[str, Any]) -> dict[str, Any]:
    return {"at": datetime.now(UTC).isoformat(timespec="seconds"), **figures}
