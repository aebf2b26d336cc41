"""One file or camera through the whole walk without a site: events come out as they are decided, nothing acts."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from tqdm import tqdm

from surveillance import places
from surveillance.app.store import open_store, upgrade_database
from surveillance.app.worker import build_classifier, build_frames, build_worker, source_options
from surveillance.domain.ports import Record, Source
from surveillance.domain.site import Camera, SceneWatch, Site
from surveillance.domain.values import CameraReport, Decision, Event, Frame, Input, Tick
from surveillance.engines.worker import Looked, walk_end, walk_source
from surveillance.rules.book import load_rules, parse_rulebook
from surveillance.rules.judge import RuleJudge
from surveillance.settings import Settings
from surveillance.storage.ledger import SqlLedger
from surveillance.walk import WorkerWalk

SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class WatchOrder:
    """What to watch and how. `start_at` dates a file's first frame; schedules follow it."""

    source: str
    rules_file: Path | None = None
    record: bool = False
    timeout_s: float | None = None
    start_at: datetime | None = None
    model: str | None = None
    proposer: str = "motion"
    tasks: tuple[str, ...] = ()
    scenes: tuple[SceneWatch, ...] = ()


def watch(settings: Settings, order: WatchOrder) -> Iterator[Event]:
    """The events of one source, in order, until it ends or the time is up. A progress bar on stderr for files."""
    from surveillance.ingest.sources import open_source
    from surveillance.perception.cards import find_card

    for scene in order.scenes:
        find_card(scene.model, settings.all_model_dirs)
    camera = camera_to_watch(settings, order)
    source = open_source(order.source, source_options(settings, camera, order.start_at))
    judge = build_watch_judge(settings, order, camera, source.live)
    record = build_record(settings) if order.record else MemoryRecord()
    frames: Source = build_frames(settings, camera, lambda report: None, once=True) if source.live else source
    walk = build_worker(settings, camera, frames, build_classifier(settings, order.model))
    with closing(frames), Progress(source) as progress:
        for entries in heartbeats(camera.name, timed(walk, order.timeout_s, progress.move)):
            yield from record([(entry, judge(entry)) for entry in entries])


def camera_to_watch(settings: Settings, order: WatchOrder) -> Camera:
    return Camera(
        camera_name(order.source),
        order.source,
        model=order.model,
        analyze_fps=settings.analyze_fps,
        proposer=order.proposer,
        tasks=order.tasks,
        scenes=order.scenes,
    )


def build_watch_judge(settings: Settings, order: WatchOrder, camera: Camera, live: bool) -> RuleJudge:
    """The judge of the given rules, else of the built-in ones: every confirmed track is logged once."""
    built_in = places.shipped("config") / "rules" / ("watch-live.yaml" if live else "watch.yaml")
    site = Site(cameras=(camera,))
    book = parse_rulebook(load_rules(order.rules_file or built_in))
    return RuleJudge(book, site, settings.rules)


def build_record(settings: Settings) -> Record:
    """The site's ledger. A watched source only tells: its events ask for no action."""
    upgrade_database(settings)
    store = open_store(settings)
    return SqlLedger(store.engine, store.evidence, lambda decision: (), settings.storage)


class MemoryRecord:
    """Numbers the events and keeps nothing."""

    def __init__(self) -> None:
        self._seq = 0

    def __call__(self, judged: Sequence[tuple[Input, tuple[Decision, ...]]]) -> tuple[Event, ...]:
        events = []
        for _, decisions in judged:
            for decision in decisions:
                self._seq += 1
                events.append(Event(self._seq, decision))
        return tuple(events)


def timed(walk: WorkerWalk, timeout_s: float | None, moved: Callable[[Frame], None]) -> Iterator[Looked]:
    """The frames of a walk until the time is up; then what is still followed leaves."""
    ends_s = time.monotonic() + timeout_s if timeout_s is not None else None
    for looked in walk_source(walk):
        moved(looked.frame)
        yield looked
        if ends_s is not None and time.monotonic() >= ends_s:
            yield walk_end(walk, looked.frame)
            return


def heartbeats(camera: str, frames: Iterator[Looked]) -> Iterator[tuple[Input, ...]]:
    """What each frame told, with the camera's report and a tick once a second of the source's own time."""
    due: datetime | None = None
    for looked in frames:
        frame, told = looked.frame, looked.all_told
        beat: tuple[Input, ...] = ()
        if due is None or frame.captured_at >= due:
            due = frame.captured_at + SECOND
            beat = (CameraReport(camera, frame.captured_at, "live"), Tick(frame.captured_at))
        if beat or told:
            yield (*beat, *told)


class Progress:
    """A bar of the file's seconds on stderr, where that is a terminal; nothing for a live camera."""

    def __init__(self, source: Source) -> None:
        self._bar = tqdm(total=0, unit="s", disable=True if source.live else None, leave=False)
        self._source = source

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()

    def move(self, frame: Frame) -> None:
        if self._bar.disable or frame.media_s is None:
            return
        if self._source.duration_s and not self._bar.total:
            self._bar.reset(total=round(self._source.duration_s, 1))
        self._bar.update(round(frame.media_s, 1) - self._bar.n)


def camera_name(source: str) -> str:
    """A short name for a source: a file's stem, a URL's host and path, never its password."""
    scheme, mark, rest = source.partition("://")
    if not mark or scheme == "file":
        return Path(rest or source).stem
    place = re.split(r"[?#]", rest.rpartition("@")[2])[0]
    return re.sub(r"[^A-Za-z0-9.-]+", "-", place).strip("-") or scheme
