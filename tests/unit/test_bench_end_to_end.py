"""What the end-to-end bench makes of its turns: the ratio of neighbors, and the figures that are quoted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from surveillance.bench.clips import FPS, repeated
from surveillance.bench.end_to_end import Turns, described, headline
from surveillance.domain.ports import SourceOptions
from surveillance.ingest.sources import FileSource
from tests.clips import make_mp4


def row(scene: str, floor: list[float], core: float, worker: list[float], over: str = "file") -> dict[str, Any]:
    counts = {"frames_analyzed": 5.0, "recognizer_crops": 7.5, "observations_recorded": 2.0, "decisions": 0.5}
    ours = [{"core": core, "worker-1": each} for each in worker]
    about = {"size": "720p", "over": over, "cameras": 1, "scene": scene}
    return Turns(floor, ours, [counts] * len(floor)).row(about)


def test_each_ratio_is_of_two_neighbors() -> None:
    assert row("quiet", [50.0, 100.0], 5.0, [60.0, 95.0]) == {
        "size": "720p",
        "over": "file",
        "cameras": 1,
        "scene": "quiet",
        "floor_ms": {"median": 75.0, "least": 50.0, "most": 100.0},
        "ours_ms": {"median": 82.5, "least": 65.0, "most": 100.0},
        "over_floor": {"median": 1.15, "least": 1.0, "most": 1.3},
        "by_process_ms": {"core": 5.0, "worker-1": 77.5},
        "cameras_per_core": 12.1,
        "crops_per_picture": 1.5,
        "observations_per_s": 2.0,
        "decisions_per_s": 0.5,
        "is_overloaded": False,
    }


def test_what_is_quoted_is_720p_with_one_camera() -> None:
    rows = [
        row("quiet", [50.0], 5.0, [50.0]),
        row("embedded", [50.0], 5.0, [70.0]),
        row("busy", [50.0], 5.0, [95.0]),
        row("quiet", [60.0], 5.0, [61.0], "rtsp"),
    ]
    spread = {"least": 1.0, "most": 1.0}
    tutorials = [
        {
            "size": "720p",
            "over": "file",
            "tutorial_ms": {"median": 3000.0, **spread},
            "tutorial_5fps_ms": {"median": 200.0, **spread},
        }
    ]
    assert headline(rows, tutorials) == {
        "quiet_over_floor": 1.1,
        "embedded_over_floor": 1.5,
        "busy_over_floor": 2.0,
        "tutorial_over_ours": 40.0,
        "tutorial_5fps_over_ours": 2.0,
        "rtsp_quiet_over_floor": 1.1,
    }
    figures = {"machine": {"told": "a machine"}, "rounds": 1, "rows": rows, "tutorials": tutorials}
    assert "720p file x1 embedded" in "\n".join(described(figures))


def test_a_clip_is_repeated_without_a_seam(tmp_path: Path) -> None:
    clip = make_mp4(tmp_path / "clip.mp4", frames=FPS)
    longer = repeated(clip, tmp_path / "longer.mp4", seconds=2.5)
    frames = list(FileSource(str(longer), SourceOptions("a", analyze_fps=FPS)).frames())
    assert [frame.media_s for frame in frames] == [number / FPS for number in range(3 * FPS)]
