"""Other trackers on the same detections: those of the package `trackers`, and norfair's where an interpreter has it.

Each gives its tracks, as rows of MOT, and the CPU time of every update in milliseconds. A track is told from its third
find on and may be out of sight for a second, as the house's own; a find's score counts for nothing.
"""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from surveillance.bench.mot import Boxes
from surveillance.bench.sort import MIN_HITS
from surveillance.domain.errors import NotFound

Ran = tuple[dict[int, NDArray[np.float64]], list[float]]  # the tracks told by frame, and ms of each update
Peer = Callable[[Boxes, int, float], Ran]  # detections, how many frames, frames a second
EMPTY = np.zeros((0, 6))
APART_PX = 60.0  # how far a box may have moved for norfair's Euclidean distance


def peers(norfair: Path | None) -> dict[str, Peer]:
    """By name. Raises NotFound where `trackers` is not installed."""
    try:
        import trackers
    except ModuleNotFoundError:
        raise NotFound("trackers is not installed; `pip install trackers`") from None

    found: dict[str, Peer] = {
        "SORT (trackers)": partial(_by_trackers, trackers.SORTTracker, {"track_activation_threshold": 0.0}),
        "ByteTrack (trackers)": partial(_by_trackers, trackers.ByteTrackTracker, {"track_activation_threshold": 0.0}),
        "OC-SORT (trackers)": partial(_by_trackers, trackers.OCSORTTracker, {}),
    }
    if norfair is not None:
        found["norfair, Euclidean"] = partial(_by_norfair, norfair, "mean_euclidean", APART_PX)
        found["norfair, IoU vectorized"] = partial(_by_norfair, norfair, "iou", 0.7)
    return found


def _by_trackers(build: Any, more: Mapping[str, Any], found: Boxes, frames: int, fps: float) -> Ran:
    import supervision

    tracker = build(lost_track_buffer=round(fps), frame_rate=fps, minimum_consecutive_frames=MIN_HITS, **more)
    told: dict[int, NDArray[np.float64]] = {}
    ms = []
    for frame in range(1, frames + 1):
        rows = found.get(frame, EMPTY)
        corners = np.hstack([rows[:, 1:3], rows[:, 1:3] + rows[:, 3:5]])
        given = supervision.Detections(corners, confidence=np.ones(len(rows)), class_id=np.zeros(len(rows), int))
        before_s = time.process_time()
        followed = tracker.update(given)
        ms.append(1000 * (time.process_time() - before_s))
        ids = np.array(followed.tracker_id if followed.tracker_id is not None else [], float)
        boxes = followed.xyxy[ids >= 0]
        if len(boxes):
            size = boxes[:, 2:4] - boxes[:, 0:2]
            told[frame] = np.hstack([ids[ids >= 0, None], boxes[:, 0:2], size, np.ones((len(boxes), 1))])
    return told, ms


def _by_norfair(python: Path, distance: str, threshold: float, found: Boxes, frames: int, fps: float) -> Ran:
    order = {
        "frames": [found.get(frame, EMPTY)[:, 1:5].tolist() for frame in range(1, frames + 1)],
        "distance": distance,
        "threshold": threshold,
        "delay": MIN_HITS - 1,
        "age": max(round(fps), MIN_HITS),
    }
    script = Path(__file__).with_name("norfair_way.py")
    ran = subprocess.run(
        [str(python), str(script)], input=json.dumps(order), capture_output=True, text=True, check=True
    )
    answer = json.loads(ran.stdout)
    told = {
        frame: np.array([[*row, 1.0] for row in rows]) for frame, rows in enumerate(answer["told"], start=1) if rows
    }
    return told, answer["ms"]
