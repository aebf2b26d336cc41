"""Boxes in, norfair's tracks and what they cost out. Runs as a script by an interpreter that has norfair.

norfair wants NumPy below 2, which this house is above, so it lives in an environment of its own and nothing of the
house is imported here. Reads {"frames": [[[x, y, width, height], ...], ...], "distance", "threshold", "delay", "age"},
writes {"told": [[[id, x, y, width, height], ...], ...], "ms": [...]}, a list for each frame.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any


def follow(order: dict[str, Any]) -> dict[str, Any]:
    import norfair
    import numpy as np

    tracker = norfair.Tracker(
        distance_function=order["distance"],
        distance_threshold=order["threshold"],
        initialization_delay=order["delay"],
        hit_counter_max=order["age"],
    )
    told, ms = [], []
    for boxes in order["frames"]:
        corners = [np.array([[x, y], [x + width, y + height]]) for x, y, width, height in boxes]
        before_s = time.process_time()
        finds = [norfair.Detection(points=points) for points in corners]
        tracks = tracker.update(finds)
        ms.append(1000 * (time.process_time() - before_s))
        told.append([[track.id, *_box(track.estimate)] for track in tracks if track.last_detection in finds])
    return {"told": told, "ms": ms}


def _box(corners: Any) -> list[float]:
    (x1, y1), (x2, y2) = corners.tolist()
    return [x1, y1, x2 - x1, y2 - y1]


if __name__ == "__main__":
    json.dump(follow(json.load(sys.stdin)), sys.stdout)
