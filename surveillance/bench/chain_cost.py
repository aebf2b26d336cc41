"""What the chain costs: two ledgers of the same events, one chained and one not, and how fast the chain is read.

Commits of both alternate, so that whatever else the machine does meets both alike.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from tqdm import tqdm

from surveillance.bench.ledger_fill import forms
from surveillance.domain.values import Tick, new_id
from surveillance.storage.audit import Walk
from surveillance.storage.chain import keep_chain
from surveillance.storage.database import open_database, upgrade
from surveillance.storage.evidence import EvidenceStore
from surveillance.storage.heads import sign_heads
from surveillance.storage.keys import KeyStore
from surveillance.storage.ledger import SqlLedger

COMMIT = 200  # events in one


@dataclass(frozen=True, slots=True)
class _Ledger:
    engine: Any
    write: SqlLedger
    wall_s: list[float]
    cpu_s: list[float]


def measure(events: int, folder: Path | None = None, fresh: Callable[[], str] | None = None) -> dict[str, Any]:
    """`plain_per_s`, `chained_per_s`, `cost` and `cpu_cost` (shares), `verified_per_s`, `signed_ms` for all links.

    Rates are by the median commit; `folder` is where the databases are, by default where temporary files are, unless
    `fresh` gives their addresses.
    """
    dice = random.Random(2)  # noqa: S311 (the same events in every run)
    several = forms(dice)
    with TemporaryDirectory(prefix="bench-", dir=folder) as name:
        place = Path(name)
        keys = KeyStore(place / "keys")
        plain, chained = (_ledger(place, name, fresh) for name in ("plain", "chained"))
        keep_chain(chained.engine, keys)
        for number in tqdm(range(events // COMMIT), unit="commit", disable=None):
            now = datetime.now(UTC)
            made = [replace(dice.choice(several), id=new_id(), at=now) for _ in range(COMMIT)]
            for ledger in (plain, chained) if number % 2 else (chained, plain):
                _time(ledger, [(Tick(now), (one,)) for one in made])
        began_s = time.perf_counter()
        sign_heads(chained.engine, keys)
        signed_s = time.perf_counter() - began_s
        began_s = time.perf_counter()
        found = Walk(chained.engine, keys, None)()
        verified_s = time.perf_counter() - began_s
    if not found.is_sound:
        raise RuntimeError(f"the chain that was just written is not sound: {found.faults[0]}")
    return {
        "events": events,
        "plain_per_s": round(COMMIT / median(plain.wall_s)),
        "chained_per_s": round(COMMIT / median(chained.wall_s)),
        "cost": round(1 - median(plain.wall_s) / median(chained.wall_s), 3),
        "cpu_cost": round(1 - median(plain.cpu_s) / median(chained.cpu_s), 3),
        "verified_per_s": round(found.links / verified_s),
        "signed_ms": round(signed_s * 1000),
    }


def described(figures: Mapping[str, Any]) -> Iterator[str]:
    """The figures as lines for people."""
    yield f"{figures['events']:,} events in commits of {COMMIT}, with all indexes"
    yield f"  {figures['plain_per_s']:>8,} a second without the chain"
    words = f"{figures['cost']:.0%} of the rate, {figures['cpu_cost']:.0%} of the CPU time"
    yield f"  {figures['chained_per_s']:>8,} a second with it: {words}"
    yield f"  {figures['verified_per_s']:>8,} links a second verified; all signed in {figures['signed_ms']:,} ms"


def _ledger(place: Path, name: str, fresh: Callable[[], str] | None) -> _Ledger:
    engine = open_database(fresh() if fresh is not None else f"sqlite:///{place / name}.db")
    upgrade(engine)
    return _Ledger(engine, SqlLedger(engine, EvidenceStore(place / name), lambda decision: ()), [], [])


def _time(ledger: _Ledger, judged: Any) -> None:
    wall_s, cpu_s = time.perf_counter(), time.process_time()
    ledger.write(judged)
    ledger.wall_s.append(time.perf_counter() - wall_s)
    ledger.cpu_s.append(time.process_time() - cpu_s)
