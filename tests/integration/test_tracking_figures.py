"""Tracking on TUD-Campus, whose true boxes are known: at least as good as SORT on the same detections."""

from __future__ import annotations

from pathlib import Path

from surveillance.bench.mot import Film, read_mot
from surveillance.bench.track_quality import measure


def test_tracks_are_at_least_as_good_as_those_of_sort(footage: Path) -> None:
    folder = footage / "tracking" / "TUD-Campus"

    figures, _ = measure(read_mot(folder / "det.txt"), read_mot(folder / "gt.txt"), Film(25.0, 640, 480))

    house, sort = figures["trackers"]["house"], figures["trackers"]["SORT"]
    print(f"TUD-Campus: {house}")
    assert (sort["MOTA"], sort["MOTP"], sort["switches"]) == (62.7, 73.7, 6)  # as published
    assert house["switches"] <= sort["switches"]
    assert all(house[name] >= sort[name] for name in ("MOTA", "MOTP", "IDF1", "HOTA")), house
