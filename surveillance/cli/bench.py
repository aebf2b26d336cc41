"""Measure what a site costs on this machine, and how well it follows things."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from surveillance.cli.words import cli, command
from surveillance.domain.errors import NotFound
from surveillance.domain.suggest import no_such
from surveillance.settings import Settings


@cli.group()
def bench() -> None:
    """Measure what a site costs on this machine, and how well it follows things."""


def tell(lines: Iterable[str], figures: Mapping[str, Any], file: Path | None) -> None:
    """Prints the lines, and writes the figures where a file is asked for."""
    for line in lines:
        click.echo(line)
    keep(figures, file)


def keep(figures: Mapping[str, Any], file: Path | None) -> None:
    if file is not None:
        file.write_text(json.dumps(figures, indent=2), encoding="utf-8")


@command(
    bench,
    "soak",
    """
    surveillance bench soak --clip parking.mp4 --minutes 30
    surveillance bench soak --clip parking.mp4 --cameras 8 --flap 10 --json soak.json
    """,
)
@click.option("--clip", required=True, type=click.Path(path_type=Path, exists=True, dir_okay=False), help="A video.")
@click.option("--minutes", default=30.0, show_default=True, type=click.FloatRange(min=0.2))
@click.option("--cameras", default=4, show_default=True, type=click.IntRange(1, 64))
@click.option("--flap", "flap_s", default=30.0, show_default=True, help="Mean seconds between two losses.")
@click.option("--json", "file", type=click.Path(path_type=Path), help="Also write the figures there.")
@click.pass_obj
def soak(settings: Settings, clip: Path, minutes: float, cameras: int, flap_s: float, file: Path | None) -> None:
    """Run a whole site on flapping RTSP cameras and tell what it holds: memory, threads, descriptors."""
    from surveillance.bench import soak as soaking

    figures = soaking.dated(soaking.soak(settings, soaking.SoakOrder(minutes, clip, cameras, flap_s)))
    tell(soaking.described(figures), figures, file)


@command(
    bench,
    "end-to-end",
    """
    surveillance bench end-to-end --cameras 1 --size 720p
    surveillance bench end-to-end --seconds 20 --json end-to-end.json
    surveillance bench end-to-end --footage yard.mp4 --over file
    """,
)
@click.option("--size", "sizes", multiple=True, type=click.Choice(["720p", "1080p"]), help="Both without.")
@click.option("--over", multiple=True, type=click.Choice(["file", "rtsp"]), help="Both without.")
@click.option("--cameras", multiple=True, type=click.IntRange(1, 64), help="May be repeated; 1, 4 and 16 without.")
@click.option("--seconds", default=8.0, show_default=True, type=click.FloatRange(1, 300), help="Of each turn.")
@click.option("--rounds", default=3, show_default=True, type=click.IntRange(1), help="Turns of each.")
@click.option("--footage", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="One more scene.")
@click.option("--json", "file", type=click.Path(path_type=Path), help="Also write the figures there.")
@click.pass_obj
def end_to_end(settings: Settings, /, file: Path | None, **asked: Any) -> None:
    """What a camera costs from its stream to the record, beside decoding alone and beside tutorial loops."""
    from surveillance.bench import end_to_end as walking

    order = walking.EndToEndOrder(**{name: value for name, value in asked.items() if value})
    figures = walking.measure(settings, order)
    tell(walking.described(figures), figures, file)


@command(
    bench,
    "latency",
    """
    surveillance bench latency
    surveillance bench latency --seconds 30 --json latency.json
    """,
)
@click.option("--seconds", default=10.0, show_default=True, type=click.FloatRange(2, 600), help="With each site.")
@click.option("--json", "file", type=click.Path(path_type=Path), help="Also write the figures there.")
@click.pass_obj
def latency(settings: Settings, seconds: float, file: Path | None) -> None:
    """How long after a picture's capture what it told is on record, with 1 to 256 cameras."""
    from surveillance.bench import latency as waiting

    figures = waiting.measure(settings, waiting.LatencyOrder(seconds=seconds))
    tell(waiting.described(figures), figures, file)


@command(bench, "handoff", "surveillance bench handoff --json handoff.json")
@click.option("--seconds", default=5.0, show_default=True, type=click.FloatRange(1, 300), help="Of each turn.")
@click.option("--rounds", default=3, show_default=True, type=click.IntRange(1), help="Turns of each.")
@click.option("--json", "file", type=click.Path(path_type=Path), help="Also write the figures there.")
def handoff(seconds: float, rounds: int, file: Path | None) -> None:
    """How long a worker waits for its answer, with a stub for a model, beside serving one crop at a time."""
    from surveillance.bench import handoff as asking

    figures = asking.measure(seconds, rounds)
    tell(asking.described(figures), figures, file)


@command(bench, "memory", "surveillance bench memory --json memory.json")
@click.option("--seconds", default=12.0, show_default=True, type=click.FloatRange(4, 600), help="With each site.")
@click.option("--json", "file", type=click.Path(path_type=Path), help="Also write the figures there.")
@click.pass_obj
def memory(settings: Settings, seconds: float, file: Path | None) -> None:
    """What each camera more costs in memory, by process."""
    from surveillance.bench import camera_memory as holding

    figures = holding.measure(settings, holding.MemoryOrder(seconds=seconds))
    tell(holding.described(figures), figures, file)


@command(bench, "inference", "surveillance bench inference --json inference.json")
@click.option("--rounds", default=5, show_default=True, type=click.IntRange(1), help="Turns of each.")
@click.option("--json", "file", type=click.Path(path_type=Path), help="Also write the figures there.")
def inference(rounds: int, file: Path | None) -> None:
    """How much of a network's bare speed is left in the whole classifier."""
    from surveillance.bench import inference as asking

    figures = asking.measure(asking.InferenceOrder(rounds=rounds))
    tell(asking.described(figures), figures, file)


@command(
    bench,
    "dashboard",
    """
    surveillance bench dashboard
    surveillance bench dashboard --events 1000000 --hidden 0.9 --json dashboard.json
    """,
)
@click.option("--events", default=1_000_000, show_default=True, type=click.IntRange(1000))
@click.option(
    "--hidden", default=0.5, show_default=True, type=click.FloatRange(0, 0.95), help="Share that no list has."
)
@click.option(
    "--repeats", default=25, show_default=True, type=click.IntRange(2), help="How often each page is asked for."
)
@click.option("--database", "only", type=click.Choice(["sqlite", "postgresql"]), help="Only this one; both without.")
@click.option("--json", "file", type=click.Path(path_type=Path), help="Also write the figures there.")
@click.pass_obj
def dashboard(
    settings: Settings, events: int, hidden: float, repeats: int, only: str | None, file: Path | None
) -> None:
    """Fill a ledger and time the pages of the event list, on SQLite and, where it is installed, PostgreSQL."""
    from surveillance.bench import dashboard as pages
    from surveillance.bench.ledger_fill import Fill

    databases = (only,) if only else pages.DATABASES
    figures = pages.measure(settings, pages.DashboardOrder(Fill(events, hidden), repeats, databases=databases))
    tell(pages.described(figures), figures, file)


@command(bench, "rules", "surveillance bench rules --json rules.json")
@click.option("--rounds", default=100, show_default=True, type=click.IntRange(3), help="Turns of each.")
@click.option("--json", "file", type=click.Path(path_type=Path), help="Also write the figures there.")
def rules(rounds: int, file: Path | None) -> None:
    """Ask one condition by our language, rule-engine and CEL, in turns."""
    from surveillance.bench import rules as asking

    try:
        figures = asking.measure(asking.RulesOrder(rounds))
    except ModuleNotFoundError as missing:
        raise NotFound(
            f"{missing.name} is not installed; `pip install rule-engine common-expression-language`"
        ) from None
    tell(asking.described(figures), figures, file)


@command(
    bench,
    "backtest",
    """
    surveillance bench backtest
    surveillance bench backtest --observations 100000 --rules 10 --json backtest.json
    """,
)
@click.option("--observations", default=1_000_000, show_default=True, type=click.IntRange(1000))
@click.option("--rules", "count", default=30, show_default=True, type=click.IntRange(1, 1000))
@click.option("--json", "file", type=click.Path(path_type=Path), help="Also write the figures there.")
@click.pass_obj
def backtest(settings: Settings, observations: int, count: int, file: Path | None) -> None:
    """Fill a ledger with a busy day and time a backtest of it, reading included, on SQLite."""
    from surveillance.bench import backtesting

    figures = backtesting.measure(settings, backtesting.BacktestOrder(observations, count))
    tell(backtesting.described(figures), figures, file)


@command(
    bench,
    "plates",
    """
    surveillance bench plates --data plates/
    surveillance bench plates --painted 480 --seed 7 --json plates.json
    """,
)
@click.option(
    "--data", type=click.Path(path_type=Path, exists=True, file_okay=False), help="Pictures named by their plates."
)
@click.option("--painted", default=0, type=click.IntRange(0), help="So many painted European plates too.")
@click.option("--seed", default=7, show_default=True, help="Of the painted ones.")
@click.option("--json", "file", type=click.Path(path_type=Path), help="Also write the figures there.")
def plates(data: Path | None, painted: int, seed: int, file: Path | None) -> None:
    """Read number plates and tell how many came out exactly, nearly, and by character."""
    from surveillance.bench import plates as reading

    if data is None and not painted:
        raise click.UsageError("nothing to read: give --data, --painted or both")
    figures = reading.measure_all(data, painted, seed)
    tell(reading.described(figures), figures, file)


def _size(ctx: click.Context, parameter: click.Parameter, text: str | None) -> tuple[int, int] | None:
    width, _, height = (text or "").partition("x")
    if text is not None and not (width.isdigit() and height.isdigit()):
        raise click.BadParameter("write width and height in pixels, such as 640x480")
    return (int(width), int(height)) if text else None


@command(
    bench,
    "track",
    """
    surveillance bench track
    surveillance bench track det.txt --gt gt.txt --fps 25 --size 640x480
    surveillance bench track det.txt --fps 10 --tracks tracks.txt --json figures.json
    surveillance bench track --norfair norfair/bin/python
    """,
)
@click.argument("found", metavar="[DET]", required=False, type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--gt", "true", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="The true boxes.")
@click.option("--fps", type=click.FloatRange(min=0.1), help="Pictures a second; else seqinfo.ini's, or 25.")
@click.option("--size", callback=_size, metavar="WxH", help="Of the pictures; else seqinfo.ini's, or all boxes'.")
@click.option("--tracks", type=click.Path(path_type=Path), help="Also write the tracks there, as MOT has results.")
@click.option(
    "--norfair", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="A Python that has norfair."
)
@click.option("--cost/--no-cost", "with_cost", default=True, help="Whether updates are timed, too; they are without.")
@click.option("--json", "file", type=click.Path(path_type=Path), help="Also write the figures there.")
def track(
    found: Path | None,
    true: Path | None,
    fps: float | None,
    size: tuple[int, int] | None,
    tracks: Path | None,
    norfair: Path | None,
    with_cost: bool,
    file: Path | None,
) -> None:
    """What one update of the tracker costs with 1 to 200 objects, and how well it follows those of DET, beside others.

    DET is a MOT file of detections; without --gt only what can be counted of its tracks is told.
    """
    from surveillance.bench import mot, track_peers, track_quality

    others = track_peers.peers(norfair)
    figures: dict[str, Any] = {}
    if found is not None:
        boxes = mot.read_mot(found)
        film = mot.film_of(found, boxes, fps, size)
        figures, told = track_quality.measure(boxes, mot.read_mot(true) if true else None, film, others)
        for line in track_quality.described(figures):
            click.echo(line)
        if tracks is not None:
            tracks.write_text(mot.mot_text(told), encoding="utf-8")
    if with_cost:
        figures |= track_quality.cost(others)
        for line in track_quality.described_cost(figures):
            click.echo(line)
    keep(figures, file)


@command(
    bench,
    "propose",
    """
    surveillance bench propose gate.mp4 yard.mp4
    surveillance bench propose videos/*.mp4 --visits visits.yaml --json propose.json
    """,
)
@click.argument("videos", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--visits", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="What they show (YAML).")
@click.option("--json", "file", type=click.Path(path_type=Path), help="Also write the figures there.")
@click.pass_obj
def propose(settings: Settings, videos: tuple[Path, ...], visits: Path | None, file: Path | None) -> None:
    """Walk videos with motion and with a detector saying where to look: tracks, misses, strays, CPU time."""
    from surveillance.bench import propose as proposing

    rows = proposing.measure(settings, videos, proposing.read_truth(visits) if visits else {})
    for line in proposing.described(rows):
        click.echo(line)
    if file is not None:
        file.write_text(json.dumps(rows, indent=2), encoding="utf-8")


@command(
    bench,
    "store",
    """
    surveillance bench store
    surveillance bench store --inserts 100000 --events 1000000 --json store.json
    surveillance bench store --database postgresql
    """,
)
@click.option("--inserts", default=20_000, show_default=True, type=click.IntRange(1000), help="With and without chain.")
@click.option("--events", default=100_000, show_default=True, type=click.IntRange(1000), help="Of what is asked.")
@click.option("--database", "only", type=click.Choice(["sqlite", "postgresql"]), help="Only this one; both without.")
@click.option("--json", "file", type=click.Path(path_type=Path), help="Also write the figures there.")
def store(inserts: int, events: int, only: str | None, file: Path | None) -> None:
    """Inserts with and without the chain, lists and counts of many events, and retention while more come."""
    from surveillance.bench import store as storing

    order = storing.StoreOrder(inserts, events)
    figures = storing.measure(replace(order, databases=(only,)) if only else order)
    tell(storing.described(figures), figures, file)


@command(
    bench,
    "all",
    """
    surveillance bench all --json all.json
    surveillance bench all --only handoff --only track
    """,
)
@click.option("--only", multiple=True, help="Only this part; may be repeated.")
@click.option(
    "--norfair", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="A Python that has norfair."
)
@click.option("--json", "file", type=click.Path(path_type=Path), help="Also write the figures there.")
@click.pass_obj
def everything(settings: Settings, only: tuple[str, ...], norfair: Path | None, file: Path | None) -> None:
    """Everything with a short order, in about ten minutes, and one table beside the goals."""
    from surveillance.bench import everything as measuring

    parts = measuring.parts(settings, norfair)
    for name in only:
        if name not in parts:
            raise NotFound(no_such("part", name, parts))
    figures = measuring.measure({name: parts[name] for name in only or parts})
    tell(measuring.described(figures), figures, file)
