"""Every bench with a short order, one after the other, and one table of what came out beside its goal.

What cannot be measured here, such as RTSP without its server or a package that is missing, is told as not measured.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tqdm import tqdm

from surveillance.bench.machine import facts_of_machine, load_now
from surveillance.domain.errors import SurveillanceError
from surveillance.settings import Settings

Measure = Callable[[], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the table: which figure of which part, by its keys, in what, and its goal where there is one."""

    what: str
    part: str
    keys: tuple[str, ...]
    unit: str = ""
    goal: str = ""


TABLE = (
    Line("quiet camera over decoding alone, file", "end-to-end", ("quiet_over_floor",), "x", "1.1"),
    Line("embedded network over decoding alone, file", "end-to-end", ("embedded_over_floor",), "x", "1.3"),
    Line("mobilenet_v3_large over decoding alone, file", "end-to-end", ("busy_over_floor",), "x", "1.75"),
    Line("tutorial loop over ours, file", "end-to-end", ("tutorial_over_ours",), "x"),
    Line("quiet camera over decoding alone, RTSP", "end-to-end", ("rtsp_quiet_over_floor",), "x", "1.1"),
    Line("embedded network over decoding alone, RTSP", "end-to-end", ("rtsp_embedded_over_floor",), "x", "1.3"),
    Line("mobilenet_v3_large over decoding alone, RTSP", "end-to-end", ("rtsp_busy_over_floor",), "x", "1.75"),
    Line("tutorial loop over ours, RTSP", "end-to-end", ("rtsp_tutorial_over_ours",), "x"),
    Line("most cameras with a p99 under 200 ms", "latency", ("largest_under_200_ms",)),
    Line("hand-off, p95, 5 asks a second of 8 cameras", "handoff", ("handoff_calm_p95_ms",), "ms", "12"),
    Line("hand-off, p95, 181 asks a second", "handoff", ("handoff_brisk_p95_ms",), "ms", "12"),
    Line("the same one at a time", "handoff", ("paces", "brisk", "one_at_a_time", "p95_ms"), "ms"),
    Line("mobilenet_v3_large, of its bare speed", "inference", ("mobilenet_v3_large_of_bare",), "", "0.95"),
    Line("resnet50, of its bare speed", "inference", ("resnet50_of_bare",), "", "0.95"),
    Line("inference on a GPU", "inference", ("gpu", "gpu")),
    Line("tracker, an update with 50 objects", "track", ("ms_per_update", "house", "50", "median"), "ms", "1"),
    Line("tracker, an update with 200 objects", "track", ("ms_per_update", "house", "200", "median"), "ms", "5"),
    Line("ByteTrack of trackers with 200", "track", ("ms_per_update", "ByteTrack (trackers)", "200", "median"), "ms"),
    Line("a rule's answer", "rules", ("us_ours",), "us"),
    Line("rule-engine over ours", "rules", ("ratio_rule_engine",), "x"),
    Line("a camera more, memory", "memory", ("mb_per_camera",), "MB"),
    Line("events on record a second, chained, SQLite", "store", ("databases", "sqlite", "inserts", "chained_per_s")),
    Line("the same, PostgreSQL", "store", ("databases", "postgresql", "inserts", "chained_per_s")),
    Line("share of the rate for the chain, SQLite", "store", ("databases", "sqlite", "inserts", "cost"), "", "0.11"),
    Line("events of a kind, p95, SQLite", "store", ("databases", "sqlite", "asked", "list kind", "p95_ms"), "ms"),
    Line("rows deleted a second beside inserts", "store", ("databases", "sqlite", "retention", "rows_per_s")),
    Line("observations a second of a backtest", "backtest", ("per_s",)),
    Line("slowest page of events, p95, SQLite", "dashboard", ("slowest_p95_ms",), "ms", "50"),
)


def parts(settings: Settings, norfair: Path | None) -> dict[str, Measure]:
    """By name, the quick ones last. Each is imported when its turn comes."""

    def end_to_end() -> dict[str, Any]:
        from surveillance.bench import end_to_end as bench
        from surveillance.bench.rtsp_server import is_installed

        over = ("file", "rtsp") if is_installed() else ("file",)
        return bench.measure(settings, bench.EndToEndOrder(("720p",), over, (1,), seconds=6.0, rounds=2))

    def latency() -> dict[str, Any]:
        from surveillance.bench import latency as bench

        return bench.measure(settings, bench.LatencyOrder((1, 4), (64,), seconds=6.0))

    def memory() -> dict[str, Any]:
        from surveillance.bench import camera_memory as bench

        return bench.measure(settings, bench.MemoryOrder((1, 2, 4), seconds=6.0))

    sites = {"end-to-end": end_to_end, "latency": latency, "memory": memory}
    return sites | quick_parts(norfair) | ledgers(settings)


def ledgers(settings: Settings) -> dict[str, Measure]:
    """Those that fill a database and read it."""

    def store() -> dict[str, Any]:
        from surveillance.bench import store as bench

        return bench.measure(bench.StoreOrder(inserts=6000, events=20_000, repeats=10))

    def backtest() -> dict[str, Any]:
        from surveillance.bench import backtesting as bench

        return bench.measure(settings, bench.BacktestOrder(20_000, 30))

    def dashboard() -> dict[str, Any]:
        from surveillance.bench import dashboard as bench
        from surveillance.bench.ledger_fill import Fill

        order = bench.DashboardOrder(Fill(20_000, 0.5), repeats=3, inserts=2000, databases=("sqlite",))
        figures = bench.measure(settings, order)
        pages = figures["databases"]["sqlite"]["pages"]
        return figures | {
            "slowest_p95_ms": max(page["p95_ms"] for places in pages.values() for page in places.values())
        }

    return {"store": store, "backtest": backtest, "dashboard": dashboard}


def quick_parts(norfair: Path | None) -> dict[str, Measure]:
    """Those that need no site."""

    def handoff() -> dict[str, Any]:
        from surveillance.bench import handoff as bench

        return bench.measure(seconds=3.0, rounds=2)

    def inference() -> dict[str, Any]:
        from surveillance.bench import inference as bench

        return bench.measure(bench.InferenceOrder(rounds=2))

    def track() -> dict[str, Any]:
        from surveillance.bench import track_peers, track_quality

        return track_quality.cost(track_peers.peers(norfair))

    def rules() -> dict[str, Any]:
        from surveillance.bench import rules as bench

        return bench.measure(bench.RulesOrder(30))

    return {"handoff": handoff, "inference": inference, "track": track, "rules": rules}


def measure(chosen: Mapping[str, Measure]) -> dict[str, Any]:
    """`parts`: the figures of each by its name, or {"not_measured": why}; `table`: TABLE's values by their words."""
    load, found = load_now(), {}
    with tqdm(chosen.items(), unit="bench", disable=None) as bar:
        for name, run in bar:
            bar.set_postfix_str(name)
            try:
                found[name] = run()
            except (SurveillanceError, ImportError) as error:
                found[name] = {"not_measured": str(error)}
    quoted = {line.what: value_of(line, found) for line in TABLE}
    flat = {line.keys[0]: value_of(line, found) for line in TABLE if len(line.keys) == 1}
    return {"machine": facts_of_machine(load), "parts": found, "table": quoted} | flat


def value_of(line: Line, found: Mapping[str, Any]) -> Any:
    """None for what was not measured."""
    value: Any = found.get(line.part, {})
    for key in line.keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def described(figures: Mapping[str, Any], table: Sequence[Line] = TABLE) -> Iterator[str]:
    """The table for people."""
    yield figures["machine"]["told"]
    for line in table:
        value = figures["table"][line.what]
        told = "not measured" if value is None else f"{value}{' ' * bool(line.unit)}{line.unit}"
        goal = f"  goal {line.goal} {line.unit}".rstrip() if line.goal else ""
        yield f"{line.what:46} {told:>16}{goal}"
    for name, part in figures["parts"].items():
        if "not_measured" in part:
            yield f"{name} was not measured: {part['not_measured']}"
