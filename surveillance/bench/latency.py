"""From a picture's capture until what it told is judged and on record, in a whole site with ever more cameras.

One camera in eight has a walker before it, the first one also looks at a door and so goes first. All send by RTSP:
1, 4 and 16 cameras 720p25, more of them a stub that costs next to nothing to decode. A machine that works more than
80 % of the time tells nothing of latency, so such a row has no figures.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy import Engine, select
from tqdm import tqdm

from surveillance.bench.clips import LOOP_S, SIZES, make_clip
from surveillance.bench.cpu import machine_s
from surveillance.bench.handoff import percentiles
from surveillance.bench.machine import facts_of_machine, load_now
from surveillance.bench.rtsp_server import Mount, RtspServer, is_installed
from surveillance.bench.whole_site import WholeSite, whole_site
from surveillance.domain.errors import UserMistake
from surveillance.domain.site import Camera, Door
from surveillance.settings import Settings
from surveillance.storage.database import ChangeWatch, reading
from surveillance.storage.tables import observation

STREAMS, STUBS = (1, 4, 16), (64, 128, 256)
SETTLE_S = 5.0
LOOK_S = 0.002  # how often the record is looked at; what it adds to a figure
MOST_BUSY = 0.8
ONE_IN = 8
GOAL_MS = 200.0


@dataclass(frozen=True, slots=True)
class LatencyOrder:
    """How many cameras with 720p25, and how many with the stub, each for so long."""

    streams: Sequence[int] = STREAMS
    stubs: Sequence[int] = STUBS
    seconds: float = 10.0


def measure(settings: Settings, order: LatencyOrder) -> dict[str, Any]:
    """A row for each number of cameras, and `largest_under_200_ms`, None where there is none.

    Raises UserMistake where RTSP cannot be served here.
    """
    if not is_installed():
        raise UserMistake("no RTSP server here: install gst-rtsp-server (docs/performance.md)")
    load = load_now()
    cells = [("720p", count) for count in order.streams] + [("stub", count) for count in order.stubs]
    with TemporaryDirectory(prefix="bench-") as name, whole_site(settings, Path(name) / "site") as site:
        rows = [
            row_of(site, Path(name), size, count, order.seconds)
            for size, count in tqdm(cells, unit="site", disable=None, leave=False)
        ]
    good = [row["cameras"] for row in rows if "p99_ms" in row and row["p99_ms"] < GOAL_MS]
    return {"machine": facts_of_machine(load), "rows": rows, "largest_under_200_ms": max(good, default=None)}


def row_of(site: WholeSite, folder: Path, size: str, count: int, seconds: float) -> dict[str, Any]:
    with urls_of(folder, size, count) as urls:
        cameras = [Camera(f"{size}-{count}-{number}", url) for number, url in enumerate(urls)]
        try:
            site.watch(cameras, [Door("front", camera=cameras[0].name)])
        except TimeoutError as error:
            site.watch([])
            return {"stream": size, "cameras": count, "cpu": 1.0, "told": 0, "why": str(error)}
        time.sleep(SETTLE_S)
        record = Recorded(site.store.engine)
        worked_s, whole_s = machine_s()
        time.sleep(seconds)
        busy = [after - before for after, before in zip(machine_s(), (worked_s, whole_s), strict=True)]
        found = record.stop()
        site.watch([])
    row: dict[str, Any] = {"stream": size, "cameras": count, "cpu": round(busy[0] / busy[1], 2), "told": len(found)}
    if row["cpu"] > MOST_BUSY or not found:
        return row
    at_door = [late_s for camera, late_s in found if camera == cameras[0].name]
    others = [late_s for camera, late_s in found if camera != cameras[0].name]
    row |= percentiles([late_s for _, late_s in found])
    return row | {name: percentiles(each) for name, each in (("door", at_door), ("others", others)) if each}


@contextmanager
def urls_of(folder: Path, size: str, count: int) -> Iterator[list[str]]:
    scenes = ["one" if number % ONE_IN == 0 else "quiet" for number in range(count)]
    clips = {scene: make_clip(folder, scene, SIZES[size], LOOP_S) for scene in set(scenes)}
    mounts = {f"/camera-{number}": Mount([clips[scene]]) for number, scene in enumerate(scenes)}
    with RtspServer(mounts) as server:
        yield [server.address(path) for path in mounts]


class Recorded:
    """Watches the record from outside: when each observation is seen there, less when its picture was captured."""

    def __init__(self, engine: Engine) -> None:
        self._engine, self._watch = engine, ChangeWatch(engine)
        self._found: list[tuple[str, float]] = []
        self._last = self._newest(0)[1]
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> list[tuple[str, float]]:
        """Camera and seconds of each."""
        self._stopping.set()
        self._thread.join()
        return self._found

    def _run(self) -> None:
        while not self._stopping.wait(LOOK_S):
            if self._watch.changed():
                fresh, self._last = self._newest(self._last)
                seen_at = datetime.now(UTC)
                self._found += [(camera, (seen_at - at).total_seconds()) for camera, at in fresh]

    def _newest(self, after: int) -> tuple[list[tuple[str, datetime]], int]:
        table = observation
        with reading(self._engine) as connection:
            rows = connection.execute(
                select(table.c.number, table.c.camera, table.c.at)
                .where(table.c.number > after)
                .order_by(table.c.number)
            ).all()
        return [(row.camera, row.at) for row in rows], rows[-1].number if rows else after


def described(figures: Mapping[str, Any]) -> Iterator[str]:
    """The figures as lines for people."""
    every = f"the record is looked at every {1000 * LOOK_S:g}"
    yield f"{figures['machine']['told']}; from capture to the record, ms; {every}"
    for row in figures["rows"]:
        yield f"{row['stream']:>5} x{row['cameras']:<4} {row['cpu']:4.0%} CPU {_waits(row)}"
    largest = figures["largest_under_200_ms"]
    yield f"most cameras with a p99 under 200 ms: {'none' if largest is None else largest}"


def _waits(row: Mapping[str, Any]) -> str:
    if "p99_ms" not in row:
        return str(row.get("why", "over 80 % CPU, so not told" if row["told"] else "nothing was told"))
    waits = "  ".join(f"{part} {row[f'{part}_ms']:6.0f}" for part in ("p50", "p95", "p99"))
    places = [f"p99 of {place} {row[place]['p99_ms']:.0f}" for place in ("door", "others") if "others" in row]
    return f"{waits}  ({', '.join([*places, str(row['told'])])} told)"
