"""The figures of `bench propose` are counted as its page says: tracks per visit, misses and strays."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from moving import block, track_of

from surveillance.bench.propose import START, Ran, Truth, described, figures_of, read_truth
from surveillance.domain.errors import UserMistake
from surveillance.domain.values import Track

TWO_VISITS = Truth("person", ((0.0, 10.0), (20.0, 30.0)))


def ran(*tracks: Track) -> Ran:
    return Ran(100, 50, 0.5, dict(enumerate(tracks)))


def seen(first_s: float, last_s: float, label: str = "person", confirmed: bool = True) -> Track:
    spans = {"started_at": START + timedelta(seconds=first_s), "seen_at": START + timedelta(seconds=last_s)}
    return track_of(block(0.1), label=label, confirmed=confirmed, **spans)


def test_tracks_are_counted_by_visit() -> None:
    """The first visit has two tracks, the second a short one; one is elsewhere, one of something else."""
    told = figures_of(
        ran(
            seen(1, 8),
            seen(8, 10),
            seen(20, 21),
            seen(12, 15),
            seen(0, 9, "vehicle"),
            seen(0, 9, "background"),
            seen(0, 9, confirmed=False),
        ),
        TWO_VISITS,
    )
    assert told == {
        "frames": 100,
        "open_frames": 50,
        "cpu_ms_per_frame": 5.0,
        "cpu_ms_per_open_frame": 10.0,
        "tracks": 4,
        "long_tracks": 3,
        "missed": 1,
        "strays": 2,
        "visits": 2,
        "tracks_per_visit": 1.5,
    }


def test_things_without_spans_are_missed_by_number() -> None:
    told = figures_of(ran(seen(0, 5), seen(0, 1)), Truth("person", things=3))
    assert (told["missed"], told["strays"], told["tracks_per_visit"]) == (2, 0, None)
    row = {"video": "yard.mp4", "way": "motion", **told}
    assert list(described([row]))[2] == "| yard.mp4 | motion | 2 | 1 | - | 2 | 0 | 50% | 5.0 | 10.0 |"


def test_the_visits_of_the_footage_are_read() -> None:
    truth = read_truth(Path(__file__).parents[1] / "visits.yaml")
    assert truth["car-detection.mp4"] == Truth("vehicle", things=4)
    assert len(truth["one-by-one-person-detection.mp4"].visits_s) == 6


def test_a_page_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "visits.yaml").write_text("- yard.mp4")
    with pytest.raises(UserMistake, match="cannot read the visits in"):
        read_truth(tmp_path / "visits.yaml")
