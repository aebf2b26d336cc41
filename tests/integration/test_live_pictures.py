"""A running camera shares its pictures with what was seen in them, for as long as somebody watches."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from painted_site import painted_settings, running_painted
from patience import eventually

from surveillance.app.runtime import live_pictures
from surveillance.engines.live import LivePicture, LivePictures

# Not a whole number of frames: else each pass would be seen at the same places, which may be the unlucky ones.
SITE = """
cameras:
  - name: yard
    url: "paint://yard?period=3.13"
    masks: [[[0, 0], [0.25, 0], [0.25, 1], [0, 1]]]
"""


def pictures(live: LivePictures, seconds: float, after: LivePicture | None = None) -> list[LivePicture]:
    """What a viewer of that long gets, newer than `after`."""
    seen: list[LivePicture] = []
    last_ns = after.shown_ns if after else 0
    ends_s = time.monotonic() + seconds
    while time.monotonic() < ends_s:
        live.watch("yard", "full")
        newest = live.latest("yard", "full", last_ns)
        if newest is not None:
            seen.append(newest)
            last_ns = newest.shown_ns
        time.sleep(0.02)
    return seen


def confirmed_labels(seen: list[LivePicture]) -> set[str]:
    """What the tracks are called once they are confirmed; on a busy machine that takes several passes of the block."""
    return {box["label"] for picture in seen for box in picture.facts["boxes"] if box["confirmed"]}


def red_span(pixels: Any) -> tuple[float, float] | None:
    """Left and right of the red block, in 0..1 of the width."""
    columns = np.flatnonzero((pixels[60:120, :, 2].astype(int) - pixels[60:120, :, 0]).mean(axis=0) > 60)
    return (columns[0] / pixels.shape[1], (columns[-1] + 1) / pixels.shape[1]) if len(columns) else None


def test_pictures_come_with_their_own_boxes_while_somebody_watches(tmp_path: Path) -> None:
    settings = painted_settings(tmp_path, kind="inline")
    live = live_pictures(settings)
    with running_painted(settings, SITE):
        assert eventually(lambda: bool(pictures(live, 0.5)))
        seen = pictures(live, 7.0)

        def is_all_seen() -> bool:
            seen.extend(pictures(live, 1.0, seen[-1]))
            gates = {picture.facts["gate"] for picture in seen}
            return "person" in confirmed_labels(seen) and gates >= {"motion", "quiet"}

        assert eventually(is_all_seen)
        numbers = [picture.facts["number"] for picture in seen]
        assert numbers == sorted(set(numbers))
        beside = 0
        for picture in seen:
            pixels = cv2.imdecode(np.frombuffer(picture.jpeg, np.uint8), cv2.IMREAD_COLOR)
            assert pixels is not None
            assert pixels[:, :70].max() < 24, "a masked pixel was shown"
            span = red_span(pixels)
            for region in picture.facts["regions"] if span else ():
                assert span is not None
                beside += region[0] < span[1] and region[2] > span[0]
        assert beside > 5, "regions lie where the block is in the same picture"
        time.sleep(3.0)  # nobody watches any more

        def is_no_more_written() -> bool:
            written = next((live._directory).glob("yard.full.picture")).stat().st_mtime_ns
            time.sleep(1.0)
            return next((live._directory).glob("yard.full.picture")).stat().st_mtime_ns == written

        assert eventually(is_no_more_written)
