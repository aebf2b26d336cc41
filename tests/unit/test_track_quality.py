"""Given detections are followed, counted and judged; SORT stands beside."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from surveillance.bench.mot import Film, film_of, read_mot
from surveillance.bench.track_quality import measure
from surveillance.cli import cli
from surveillance.domain.errors import DataError

FILM = Film(25.0, 640, 480)


def row(frame: int, number: int, left: float, score: float = 1.0, top: float = 100.0) -> str:
    return f"{frame},{number},{left},{top},60,160,{score},-1,-1,-1"


def written(folder: Path, name: str, rows: list[str]) -> Path:
    file = folder / name
    file.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return file


@pytest.fixture
def crossing(tmp_path: Path) -> tuple[Path, Path]:
    """Two people who pass each other; the one behind is not found for six frames, and once something else is."""
    true, found = [], []
    for frame in range(1, 61):
        right, left = 40 + 6.0 * frame, 500 - 6.0 * frame
        true += [row(frame, 1, right), row(frame, 2, left, top=110)]
        found.append(row(frame, -1, right))
        if not 36 <= frame < 42:
            found.append(row(frame, -1, left, top=110))
    found.append(row(20, -1, 10, 0.3, top=300))
    return written(tmp_path, "det.txt", found), written(tmp_path, "gt.txt", true)


def test_who_passes_behind_another_keeps_a_number_where_sort_starts_anew(crossing: tuple[Path, Path]) -> None:
    found, true = (read_mot(file) for file in crossing)

    figures, told = measure(found, true, FILM)

    house, sort = figures["trackers"]["house"], figures["trackers"]["SORT"]
    assert {key: house[key] for key in ("tracks", "switches", "false", "missed", "MOTA", "IDF1")} == {
        "tracks": 2,
        "switches": 0,
        "false": 0,
        "missed": 6,
        "MOTA": 95.0,
        "IDF1": 97.4,
    }
    assert (sort["tracks"], sort["switches"]) == (3, 1)
    assert sum(map(len, told.values())) == house["boxes"] == 114


def test_the_command_judges_counts_and_writes(crossing: tuple[Path, Path], tmp_path: Path) -> None:
    found, true = map(str, crossing)
    tracks, file = tmp_path / "tracks.txt", tmp_path / "figures.json"
    track = ["bench", "track", "--no-cost", found, "--fps", "25"]

    with_truth = CliRunner().invoke(cli, [*track, "--gt", true, "--size", "640x480", "--json", str(file)])
    without = CliRunner().invoke(cli, [*track, "--tracks", str(tracks)])

    assert (with_truth.exit_code, without.exit_code) == (0, 0)
    assert json.loads(file.read_text())["trackers"]["house"]["MOTA"] == 95.0
    assert "MOTA" in with_truth.output
    assert "MOTA" not in without.output
    assert {len(rows) for rows in read_mot(tracks).values()} == {1, 2}


def test_a_file_that_is_none_is_refused_in_one_line(tmp_path: Path) -> None:
    wrong = written(tmp_path, "det.txt", [row(1, 1, 0), "1,2,three,4,5,6"])

    with pytest.raises(DataError, match=r"det\.txt, line 2: '1,2,three,4,5,6' is no row of numbers between commas"):
        read_mot(wrong)


def test_a_film_is_told_by_its_file(tmp_path: Path) -> None:
    found = read_mot(written(tmp_path, "det.txt", [row(1, 1, 0)]))
    assert film_of(tmp_path / "det.txt", found, None, None) == Film(25.0, 60, 260)

    (tmp_path / "seqinfo.ini").write_text("[Sequence]\nframeRate=7\nimWidth=768\nimHeight=576\n", encoding="utf-8")

    assert film_of(tmp_path / "det.txt", found, None, None) == Film(7.0, 768, 576)
    assert film_of(tmp_path / "det.txt", found, 10.0, (640, 480)) == Film(10.0, 640, 480)
