"""Given detections in, how well they are followed out: this house's tracker beside SORT, judged by TrackEval.

Without true boxes only what can be counted is told. Both trackers tell a track from its third find on, and those of the
first three frames at once, which is how SORT's figures were published.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from surveillance.bench.mot import Boxes, Film
from surveillance.bench.sort import MIN_HITS, follow_sort, overlaps
from surveillance.bench.track_peers import Peer
from surveillance.domain.errors import UserMistake
from surveillance.domain.geometry import Box
from surveillance.domain.values import Bgr, Classification, Detection, Frame, Scene, Subject, Track
from surveillance.perception.settings import TrackSettings
from surveillance.perception.track import DETECTOR, VoteTracker

Floats = NDArray[np.float64]
START = datetime(2026, 1, 1, tzinfo=UTC)
EMPTY = np.zeros((0, 6))
COST_FRAMES = {1: 200, 5: 200, 20: 100, 50: 60, 200: 30}  # number of objects -> updates
COST_FPS = 5.0


@dataclass(frozen=True, slots=True)
class Blank:
    """A picture that nobody looks at."""

    width: int
    height: int

    def crop(self, box: Box) -> Bgr:
        raise NotImplementedError

    def bgr(self) -> Bgr:
        raise NotImplementedError


def settings_for(fps: float) -> TrackSettings:
    """How things found by a detector at that rate are followed: confirmed by three finds with one gap at most."""
    step_s = 1.0 / fps
    return TrackSettings(min_hits=MIN_HITS, min_s=1.9 * step_s, tentative_coast_s=2.2 * step_s, coast_s=1.0)


def follow_votes(found: Boxes, frames: int, film: Film) -> dict[int, Floats]:
    """The tracks told in each frame by VoteTracker, as rows of `found`."""
    told = {}
    for frame, tracks in _followed(found, frames, film, settings_for(film.fps)):
        rows = [_row(track, film) for track in tracks if track.confirmed or frame <= MIN_HITS]
        if rows:
            told[frame] = np.array(rows)
    return told


def _followed(found: Boxes, frames: int, film: Film, settings: TrackSettings) -> Iterator[tuple[int, list[Track]]]:
    """Frame number and the tracks found in it."""
    tracker = VoteTracker("bench", settings)
    for frame in tqdm(range(1, frames + 1), desc="follow", unit="frame", disable=None, leave=False):
        scene = _scene(frame, found.get(frame, EMPTY), film)
        at = scene.frame.captured_at
        yield frame, [track for track in tracker(scene) if track.seen_at == at and not track.ended]


def _scene(number: int, rows: Floats, film: Film) -> Scene:
    at = START + timedelta(seconds=number / film.fps)
    luma = np.zeros((4, 4), np.uint8)
    frame = Frame("bench", at, number, luma, Blank(film.width, film.height))
    return Scene(frame, tuple(subject for row in rows if (subject := _subject(row, film)) is not None))


def _subject(row: Floats, film: Film) -> Subject | None:
    """None for a box that lies outside the picture."""
    size = np.array([film.width, film.height])
    x1, y1 = np.clip(row[1:3] / size, 0.0, 1.0).tolist()
    x2, y2 = np.clip((row[1:3] + row[3:5]) / size, 0.0, 1.0).tolist()
    if x2 <= x1 or y2 <= y1:
        return None
    score = float(np.clip(row[5], 0.0, 1.0))
    seen = Classification("person", score, {"person": score, "background": 1.0 - score}, "given")
    return Subject(Detection(Box(x1, y1, x2, y2), DETECTOR), seen)


def _row(track: Track, film: Film) -> list[float]:
    box, width, height = track.box, film.width, film.height
    return [track.id, box.x1 * width, box.y1 * height, box.width * width, box.height * height, 1.0]


# --- figures -------------------------------------------------------------------------------------------------------


def measure(
    found: Boxes, true: Boxes | None, film: Film, others: Mapping[str, Peer] = MappingProxyType({})
) -> tuple[dict[str, Any], Boxes]:
    """All trackers' figures, JSON-able, and what the house's own told."""
    frames = max(*found, *(true or {1: EMPTY}))
    told = {"house": follow_votes(found, frames, film), "SORT": follow_sort(found, frames)}
    told |= {name: follow(found, frames, film.fps)[0] for name, follow in others.items()}
    figures = {
        "frames": frames,
        "fps": film.fps,
        "size": [film.width, film.height],
        "boxes_found": sum(map(len, found.values())),
        "trackers": {
            name: counts(boxes) | (judged(boxes, true, frames) if true is not None else {})
            for name, boxes in told.items()
        },
    }
    return figures, told["house"]


def counts(told: Boxes) -> dict[str, Any]:
    """What can be said without true boxes."""
    ids = [int(row[0]) for rows in told.values() for row in rows]
    lives = np.unique(ids, return_counts=True)[1] if ids else np.zeros(1)
    return {"tracks": len(set(ids)), "boxes": len(ids), "median_frames": float(np.median(lives))}


def judged(told: Boxes, true: Boxes, frames: int) -> dict[str, Any]:
    """TrackEval's figures at half overlap; true boxes of score 0 do not count (MOT's own mark). In percent."""
    try:
        from trackeval.metrics import CLEAR, HOTA, Identity
    except ImportError:
        raise UserMistake("judging tracks needs TrackEval; install it with: pip install 'trackeval>=1.3'") from None
    counted = {frame: rows[rows[:, 5] != 0] for frame, rows in true.items()}
    data = _numbered(counted, told, frames)
    quiet = {"PRINT_CONFIG": False}
    clear, identity = CLEAR(quiet).eval_sequence(data), Identity(quiet).eval_sequence(data)
    return {
        "MOTA": round(100 * float(clear["MOTA"]), 1),
        "MOTP": round(100 * float(clear["MOTP"]), 1),
        "IDF1": round(100 * float(identity["IDF1"]), 1),
        "HOTA": round(100 * float(HOTA().eval_sequence(data)["HOTA"].mean()), 1),
        "switches": int(clear["IDSW"]),
        "false": int(clear["CLR_FP"]),
        "missed": int(clear["CLR_FN"]),
        "fragments": int(clear["Frag"]),
    }


def _numbered(true: Boxes, told: Boxes, frames: int) -> dict[str, Any]:
    """TrackEval's own form: per frame the ids, counted from 0, and the overlap of each true with each told box."""
    every = range(1, frames + 1)
    ids = [{row[0]: None for rows in boxes.values() for row in rows} for boxes in (true, told)]
    number = [{name: k for k, name in enumerate(names)} for names in ids]
    here = [[boxes.get(frame, EMPTY) for frame in every] for boxes in (true, told)]
    numbered = [[np.array([number[side][row[0]] for row in rows], dtype=int) for rows in here[side]] for side in (0, 1)]
    return {
        "num_timesteps": frames,
        "gt_ids": numbered[0],
        "tracker_ids": numbered[1],
        "similarity_scores": [overlaps(a[:, 1:5], b[:, 1:5]) for a, b in zip(*here, strict=True)],
        "num_gt_dets": sum(map(len, numbered[0])),
        "num_tracker_dets": sum(map(len, numbered[1])),
        "num_gt_ids": len(ids[0]),
        "num_tracker_ids": len(ids[1]),
    }


def described(figures: Mapping[str, Any]) -> Iterator[str]:
    """The figures for people."""
    size = "{} x {}".format(*figures["size"])
    yield f"{figures['boxes_found']} boxes in {figures['frames']} frames of {size} at {figures['fps']:g} a second"
    names = list(dict.fromkeys(key for each in figures["trackers"].values() for key in each))
    yield " ".join([f"{'':24}", *(f"{name:>13}" for name in names)])
    for tracker, each in figures["trackers"].items():
        yield " ".join([f"{tracker:24}", *(f"{each[name]:>13g}" for name in names)])


# --- cost ----------------------------------------------------------------------------------------------------------


def cost(others: Mapping[str, Peer] = MappingProxyType({})) -> dict[str, Any]:
    """Milliseconds of CPU time of one update by tracker and number of objects, of the same walkers at once.

    They walk at random through 1280 x 720, and 5 % of them are not found.
    """
    film, ways = (
        Film(COST_FPS, 1280, 720),
        {"house": _house_ms, **{name: _ms_of(peer) for name, peer in others.items()}},
    )
    told: dict[str, dict[str, Any]] = {way: {} for way in ways}
    for objects, frames in tqdm(COST_FRAMES.items(), unit="size", disable=None, leave=False):
        found = walkers(objects, frames)
        for way, run in ways.items():
            ms = np.array(run(found, frames, film)[frames // 10 :])
            told[way][str(objects)] = {
                "median": round(float(np.median(ms)), 3),
                "p95": round(float(np.percentile(ms, 95)), 3),
            }
    return {"ms_per_update": told}


def _house_ms(found: Boxes, frames: int, film: Film) -> list[float]:
    tracker, spent = VoteTracker("bench"), []
    for scene in [_scene(number, found[number], film) for number in range(1, frames + 1)]:
        before_s = time.process_time()
        tracker(scene)
        spent.append(1000 * (time.process_time() - before_s))
    return spent


def _ms_of(peer: Peer) -> Callable[[Boxes, int, Film], list[float]]:
    return lambda found, frames, film: peer(found, frames, film.fps)[1]


def described_cost(figures: Mapping[str, Any]) -> Iterator[str]:
    """The figures for people."""
    yield " ".join([f"{'ms an update':24}", *(f"{objects:>15} obj." for objects in COST_FRAMES)])
    for way, told in figures["ms_per_update"].items():
        cells = [f"{ms['median']:10.2f} ({ms['p95']:6.2f})" for ms in told.values()]
        yield " ".join([f"{way:24}", *(f"{cell:>20}" for cell in cells)])
    yield "median, and 95 of 100 below"


def walkers(objects: int, frames: int) -> dict[int, Floats]:
    """People who walk at random through a picture of 1280 x 720, as rows of detections."""
    random = np.random.default_rng(1)
    at = random.uniform((0, 0), (1240, 640), (objects, 2))
    velocity = random.normal(0, 12, (objects, 2))
    found = {}
    for frame in range(1, frames + 1):
        at = np.clip(at + velocity, 0, (1240, 640))
        velocity = velocity * np.where((at <= 0) | (at >= (1240, 640)), -1, 1) + random.normal(0, 2, (objects, 2))
        seen = at[random.random(objects) > 0.05]
        size = np.broadcast_to((32.0, 80.0), seen.shape)
        blank = np.full((len(seen), 1), -1.0)
        found[frame] = np.hstack([blank, seen, size, np.full_like(blank, 0.9)])
    return found
