"""A ledger of many observations and a rulebook of many rules: how long a backtest of them takes, on one core.

The ledger is that of a busy day: each of a dozen cameras follows something in every second, and reports; and a tick.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy import Engine, insert, update
from tqdm import tqdm

from surveillance.app.backtesting import backtest_rules
from surveillance.app.store import open_store, upgrade_database
from surveillance.bench.ledger_fill import CAMERAS, LABELS, id_at
from surveillance.domain.geometry import Box, Zone
from surveillance.domain.site import Camera, Site, parse_schedule
from surveillance.domain.values import CameraReport, Observation, Tick
from surveillance.rules.book import RuleDocument
from surveillance.settings import Settings
from surveillance.storage import tables
from surveillance.storage.database import writing
from surveillance.storage.rows import Row, input_row, observation_row

ZONES = ("yard", "door", "store", "drive")
BATCH = 5000
TRACK = 12  # observations of one track
SQUARE = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0))
CONDITIONS = (
    'label == "{label}" and "{zone}" in zones and dwell_in("{zone}") >= 5 and schedule("night")',
    'camera == "{camera}" and label in {{"person", "animal"}} and track_s > 8',
    'label == "{label}" and count("{label}", "{zone}") >= 2',
    'camera == "{camera}" and ("{zone}" in zones or confidence >= 0.9) and people >= 1',
    'label == "{label}" and not schedule("night") and dwell_s >= 10 and mode == "armed"',
)


@dataclass(frozen=True, slots=True)
class BacktestOrder:
    """How many observations and rules, and which seed."""

    observations: int = 1_000_000
    rules: int = 30
    seed: int = 1


@dataclass(frozen=True, slots=True)
class Track:
    """What was seen for a while."""

    number: int
    camera: str
    label: str
    zones: frozenset[str]
    start: datetime


def measure(settings: Settings, order: BacktestOrder) -> dict[str, Any]:
    """{"observations", "rules", "inputs", "seconds", "per_s", "fired"}: the whole of it, reading included."""
    with TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as folder:
        storage = settings.storage.model_copy(update={"url": f"sqlite:///{Path(folder) / 'bench.db'}"})
        ours = settings.model_copy(update={"data_dir": Path(folder), "storage": storage})
        upgrade_database(ours, lambda line: None)
        store = open_store(ours)
        until = datetime.now(UTC)
        began = until - timedelta(seconds=seconds_of(order))
        inputs = fill(store.engine, order, began)
        draft = (RuleDocument(rules_text(order), "bench"),)
        began_s, worked_s = time.perf_counter(), time.process_time()
        with tqdm(total=inputs, unit="input", unit_scale=True, disable=None) as bar:

            def moved(done: int, of: int) -> None:
                bar.update(done)

            found = backtest_rules(ours, store, bench_site(), draft, (began, until), moved)
        seconds = time.perf_counter() - began_s
    return {
        "observations": order.observations,
        "rules": order.rules,
        "inputs": found.inputs,
        "seconds": round(seconds, 2),
        "cpu_seconds": round(time.process_time() - worked_s, 2),
        "per_s": round(order.observations / seconds),
        "fired": sum(tally.now for tally in found.tallies),
    }


def bench_site() -> Site:
    """A dozen cameras with the same zones."""
    zones = tuple(Zone(name, SQUARE) for name in ZONES)
    night = {
        "time_zone": "Europe/Berlin",
        "weekly": {day: ["22:00-06:00"] for day in ("mon", "tue", "wed", "thu", "fri")},
    }
    return Site(
        cameras=tuple(Camera(name, "synthetic://yard", zones=zones) for name in CAMERAS),
        schedules=(parse_schedule("night", night),),
    )


def seconds_of(order: BacktestOrder) -> int:
    """How long the ledger is: every camera follows something in every second."""
    return order.observations // len(CAMERAS)


def rules_text(order: BacktestOrder) -> str:
    """So many rules of the usual kinds, half of them with a cooldown."""
    dice = random.Random(order.seed)  # noqa: S311 (the same rules in every run)
    rules = []
    for number in range(order.rules):
        names = {"label": dice.choice(LABELS), "zone": dice.choice(ZONES), "camera": dice.choice(CAMERAS)}
        when = CONDITIONS[number % len(CONDITIONS)].format(**names)
        cools = "  cooldown_s: 300\n" if number % 2 else ""
        verdict = "alert" if number % 3 else "log"
        rules.append(f"- name: rule-{number}\n  on: sighting\n  verdict: {verdict}\n  when: ({when})\n{cools}")
    return "".join(rules)


def fill(engine: Engine, order: BacktestOrder, began: datetime) -> int:
    """Writes the inputs and returns how many there are."""
    dice = random.Random(order.seed)  # noqa: S311 (the same ledger in every run)
    number = 0
    with tqdm(total=order.observations, unit="observation", unit_scale=True, disable=None) as bar:
        for seen, others in _batches(order, began, dice):
            with writing(engine, patient=True) as connection:
                connection.execute(insert(tables.observation), seen)
                connection.execute(insert(tables.input_), others)
            number = max(seen[-1]["number"], others[-1]["number"])
            bar.update(len(seen))
    with writing(engine, patient=True) as connection:
        head = tables.head
        connection.execute(update(head).where(head.c.name == "input").values(value=number))
    return number


def _batches(order: BacktestOrder, began: datetime, dice: random.Random) -> Iterator[tuple[list[Row], list[Row]]]:
    """Second by second: what each camera follows, its report, and a tick."""
    seen: list[Row] = []
    others: list[Row] = []
    tracks: dict[str, Track] = {}
    number = 0
    for second in range(seconds_of(order)):
        at = began + timedelta(seconds=second)
        for place, camera in enumerate(CAMERAS):
            lived = (second + place) % TRACK
            if lived == 0 or camera not in tracks:
                tracks[camera] = _new_track(camera, number, at, dice)
            seen.append(_seen(number + 1, at, tracks[camera], lived, dice))
            others.append(input_row(CameraReport(camera, at, "live"), number + 2))
            number += 2
        number += 1
        others.append(input_row(Tick(at), number))
        if len(seen) >= BATCH:
            yield seen, others
            seen, others = [], []
    if seen:
        yield seen, others


def _new_track(camera: str, number: int, at: datetime, dice: random.Random) -> Track:
    zones = frozenset(zone for zone in ZONES if dice.random() < 0.4)
    return Track(number, camera, dice.choice(LABELS), zones, at)


def _seen(number: int, at: datetime, track: Track, second: int, dice: random.Random) -> Row:
    """The row of one observation."""
    change = "appeared" if second == 0 else "left" if second == TRACK - 1 else "heartbeat"
    seen = Observation(
        id=id_at(at, dice),
        camera=track.camera,
        at=at,
        media_s=None,
        change=change,
        track=track.number,
        label=track.label,
        confidence=round(dice.uniform(0.5, 1), 4),
        box=Box(0.1, 0.2, 0.3, 0.9),
        zones=track.zones,
        zones_version=1,
        dwell_s=dict.fromkeys(track.zones, float(second)),
        track_s=float(second),
        started_at=track.start,
        model="embedded",
    )
    return observation_row(seen, number)


def described(figures: dict[str, Any]) -> Iterator[str]:
    yield (
        f"{figures['observations']:,} observations ({figures['inputs']:,} inputs) x {figures['rules']} rules: "
        f"{figures['seconds']:.1f} s, {figures['cpu_seconds']:.1f} s of CPU; {figures['fired']:,} verdicts"
    )
