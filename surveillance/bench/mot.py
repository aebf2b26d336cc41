"""Boxes by frame, as the MOT challenge writes them: `frame, id, left, top, width, height, score` in pixels."""

from __future__ import annotations

import configparser
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from surveillance.domain.errors import DataError

Floats = NDArray[np.float64]
Boxes = Mapping[int, Floats]  # frame from 1 -> (n, 6) rows of id, left, top, width, height, score

LEAST_COLUMNS = 6
USUAL_FPS = 25.0


@dataclass(frozen=True, slots=True)
class Film:
    """How fast the pictures came, and their size in pixels."""

    fps: float
    width: int
    height: int


def read_mot(file: Path) -> dict[int, Floats]:
    """The rows of a file by frame. Raises DataError with the line that cannot be read."""
    rows: dict[int, list[list[float]]] = {}
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip():
            continue
        try:
            cells = [float(cell) for cell in line.split(",")]
            frame = int(cells[0])
        except ValueError:
            raise DataError(f"{file}, line {number}: {line!r} is no row of numbers between commas") from None
        if len(cells) < LEAST_COLUMNS or frame < 1:
            raise DataError(f"{file}, line {number}: write frame (from 1), id, left, top, width, height, score")
        score = cells[6] if len(cells) > LEAST_COLUMNS else 1.0
        rows.setdefault(frame, []).append([*cells[1:LEAST_COLUMNS], score])
    if not rows:
        raise DataError(f"{file} has no boxes")
    return {frame: np.array(found) for frame, found in rows.items()}


def film_of(file: Path, boxes: Boxes, fps: float | None, size: tuple[int, int] | None) -> Film:
    """What is given, else what a seqinfo.ini at the file or above it says, else 25 a second and the boxes' extent."""
    told = configparser.ConfigParser()
    told.read([file.parent.parent / "seqinfo.ini", file.parent / "seqinfo.ini"])
    info = told["Sequence"] if told.has_section("Sequence") else {}
    rate = fps or float(info.get("frameRate", USUAL_FPS))
    if size is None and "imWidth" in info:
        size = int(info["imWidth"]), int(info["imHeight"])
    if size is None:
        every = np.concatenate(list(boxes.values()))
        right, bottom = (every[:, 1:3] + every[:, 3:5]).max(axis=0)
        size = int(np.ceil(right)), int(np.ceil(bottom))
    return Film(rate, *size)


def mot_text(told: Boxes) -> str:
    """The rows of a result file, for evaluators elsewhere."""
    lines = [mot_line(frame, row) for frame in sorted(told) for row in told[frame]]
    return "".join(f"{line}\n" for line in lines)


def mot_line(frame: int, row: Iterable[float]) -> str:
    number, left, top, width, height, score = row
    return f"{frame},{number:.0f},{left:.2f},{top:.2f},{width:.2f},{height:.2f},{score:g},-1,-1,-1"
