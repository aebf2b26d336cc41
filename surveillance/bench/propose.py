"""Motion against a detector as what says where to look: tracks per visit, misses, strays and CPU time, side by side.

The truth is a YAML page: per video its `label`, and `visits_s` (spans in seconds in which one such thing is there), or
`things` (how many there are) where nobody wrote down the spans.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import yaml
from tqdm import tqdm

from surveillance.app.watch import camera_name
from surveillance.app.worker import build_classifier, build_worker, source_options
from surveillance.domain.errors import UserMistake
from surveillance.domain.ports import Classifier
from surveillance.domain.site import Camera
from surveillance.domain.values import NO_SUBJECT, Track
from surveillance.engines.worker import walk_end, walk_frame
from surveillance.ingest.decoding import Calm
from surveillance.ingest.sources import FileSource
from surveillance.settings import Settings

START = datetime(2026, 1, 1, tzinfo=UTC)
LONG_S = 2.0  # a track of at least this is something that was followed
COVERED = 0.5  # share of a visit that one track must cover, or the visit was missed
HEADS = {
    "video": "video",
    "way": "where to look",
    "tracks": "tracks",
    "long_tracks": "of 2 s or more",
    "tracks_per_visit": "per visit",
    "missed": "missed",
    "strays": "strays",
    "open": "gate open",
    "cpu_ms_per_frame": "CPU ms a frame",
    "cpu_ms_per_open_frame": "ms an open one",
}
SAVING: Mapping[str, Literal["keys", "unfiltered"]] = {
    "motion, unfiltered while quiet": "unfiltered",
    "motion, key pictures while quiet": "keys",
}
BOTH = "detector + classifier"
WAYS = ("motion", *SAVING, "detector", BOTH)


@dataclass(frozen=True, slots=True)
class Truth:
    """What one video shows."""

    label: str = ""
    visits_s: tuple[tuple[float, float], ...] = ()
    things: int | None = None  # how many there are, where their spans are not known


@dataclass
class Ran:
    """One video walked in one way."""

    frames: int = 0
    open_frames: int = 0
    cpu_s: float = 0.0
    tracks: dict[int, Track] = field(default_factory=dict)

    def told(self) -> list[Track]:
        """Confirmed tracks of subjects."""
        return [track for track in self.tracks.values() if track.confirmed and track.label not in NO_SUBJECT]


def read_truth(file: Path) -> Mapping[str, Truth]:
    """By the video's file name. Raises UserMistake."""
    try:
        page = yaml.safe_load(file.read_text(encoding="utf-8"))
        return {
            str(name): Truth(
                str(said.get("label", "")), tuple(map(tuple, said.get("visits_s", ()))), said.get("things")
            )
            for name, said in page.items()
        }
    except (OSError, yaml.YAMLError, AttributeError, TypeError, ValueError) as error:
        raise UserMistake(f"cannot read the visits in {file}: {error}") from error


def _truth_of(said: Mapping[str, Any]) -> Truth:
    visits = tuple((float(first), float(last)) for first, last in said.get("visits_s", ()))
    return Truth(str(said.get("label", "")), visits, said.get("things"))


def measure(settings: Settings, videos: Sequence[Path], truth: Mapping[str, Truth]) -> list[dict[str, Any]]:
    """One row of figures per video and way. Raises ModelError, NotFound, SourceError."""
    classifier = build_classifier(settings)
    rows = []
    for video in tqdm(videos, unit="video", disable=None, leave=False):
        for way in WAYS:
            ran = _walked(settings, video, way, classifier)
            rows.append({"video": video.name, "way": way, **figures_of(ran, truth.get(video.name, Truth()))})
    return rows


def _walked(settings: Settings, video: Path, way: str, classifier: Classifier) -> Ran:
    detect = settings.perception.detect.model_copy(update={"classify": way == BOTH})
    perception = settings.perception.model_copy(update={"detect": detect})
    settings = settings.model_copy(update={"perception": perception})
    camera = Camera(camera_name(str(video)), f"file:{video}", analyze_fps=settings.analyze_fps)
    camera = replace(camera, proposer="motion" if way.startswith("motion") else "detector")
    calm, options = Calm(), source_options(settings, camera, START)
    if way in SAVING:
        options = replace(options, is_quiet=calm, while_quiet=SAVING[way])
    source = FileSource(str(video), options)
    walk = build_worker(settings, camera, source, classifier)
    ran, frame = Ran(), None
    for frame in source.frames():
        started_s = time.process_time()
        looked = walk_frame(walk, frame)
        ran.cpu_s += time.process_time() - started_s
        calm.looked(frame.captured_at, looked.motion, looked.tracks)
        ran.frames += 1
        ran.open_frames += looked.motion.is_open
        ran.tracks.update({track.id: track for track in looked.tracks})
    if frame is not None:
        walk_end(walk, frame)
    return ran


def figures_of(ran: Ran, truth: Truth) -> dict[str, Any]:
    """What came of one video, JSON-able; None where the truth says nothing."""
    told = ran.told()
    right = [track for track in told if track.label == truth.label]
    long = sum(_length_s(track) >= LONG_S for track in right)
    return {
        "frames": ran.frames,
        "open_frames": ran.open_frames,
        "cpu_ms_per_frame": round(1000 * ran.cpu_s / max(ran.frames, 1), 2),
        "cpu_ms_per_open_frame": round(1000 * ran.cpu_s / max(ran.open_frames, 1), 2),
        "tracks": len(right),
        "long_tracks": long,
        "missed": None if truth.things is None else max(truth.things - long, 0),
        "strays": len(told) - len(right),
        "visits": None,
        "tracks_per_visit": None,
        **(_by_visit(right, len(told) - len(right), truth.visits_s) if truth.visits_s else {}),
    }


def _by_visit(right: Sequence[Track], wrong: int, visits: Sequence[tuple[float, float]]) -> dict[str, Any]:
    """Each track counts for the visit that it shares most time with; one that shares none is a stray."""
    places = [_visit_of(track, visits) for track in right]
    missed = (max((_covered(visit, track) for track in right), default=0.0) < COVERED for visit in visits)
    return {
        "visits": len(visits),
        "tracks_per_visit": round(sum(place is not None for place in places) / len(visits), 2),
        "missed": sum(missed),
        "strays": wrong + places.count(None),
    }


def _span_s(track: Track) -> tuple[float, float]:
    return (track.started_at - START).total_seconds(), (track.seen_at - START).total_seconds()


def _length_s(track: Track) -> float:
    first, last = _span_s(track)
    return last - first


def _covered(visit: tuple[float, float], track: Track) -> float:
    """Share of the visit during which the track was followed."""
    first, last = _span_s(track)
    return max(min(last, visit[1]) - max(first, visit[0]), 0.0) / (visit[1] - visit[0])


def _visit_of(track: Track, visits: Sequence[tuple[float, float]]) -> int | None:
    """The visit that it shares most time with."""
    shares = [_covered(visit, track) for visit in visits]
    return shares.index(max(shares)) if shares and max(shares) > 0 else None


def described(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """The rows as a table in Markdown."""
    yield f"| {' | '.join(HEADS.values())} |"
    yield "|---" * len(HEADS) + "|"
    for row in rows:
        shown = {**row, "open": f"{row['open_frames'] / max(row['frames'], 1):.0%}"}
        yield f"| {' | '.join('-' if shown[key] is None else str(shown[key]) for key in HEADS)} |"
