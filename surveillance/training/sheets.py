"""Rows of pictures with a title and captions become one picture to look at: a contact sheet."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from surveillance.domain.errors import DataError, UserMistake
from surveillance.domain.values import Bgr
from surveillance.training.datasets import Sample, labels_of

Row = tuple[str, Sequence[tuple[Bgr, str]]]  # a title, and pictures with their captions

PAPER, FRAME, INK, SOFT_INK = (255, 255, 255), (225, 225, 225), (30, 30, 30), (90, 90, 90)
MARGIN, GAP = 16, 8
TITLE_PX, CAPTION_PX = 17, 13
LINE = 1.35  # line height of the letters' size
CUT = "\u2026"


def contact_sheet(rows: Sequence[Row], cell: int = 112, across: int = 10) -> Bgr:
    """(height, width, 3) uint8. Every picture fits a square of `cell` pixels; a row goes on below after `across`.

    A caption may have several lines; what is too long for its place ends in an ellipsis.
    """
    columns = max(1, min(across, max((len(pictures) for _, pictures in rows), default=1)))
    width = 2 * MARGIN + columns * cell + (columns - 1) * GAP
    width = max(width, 360)  # so that titles have room
    strips = [_paper(MARGIN, width)]
    for title, pictures in rows:
        strips.append(_title(title, width))
        for start in range(0, len(pictures), columns):
            strips.append(_line(pictures[start : start + columns], cell, width))
        strips.append(_paper(GAP, width))
    return np.concatenate(strips)


def class_rows(samples: Sequence[Sample], per_class: int) -> list[Row]:
    """A row per class, with its name, its count and pictures from evenly spread places."""
    rows: list[Row] = []
    for label in labels_of(samples):
        members = [sample for sample in samples if sample.label == label]
        picked = np.linspace(0, len(members) - 1, min(per_class, len(members))).round().astype(int)
        rows.append((f"{label} ({len(members):,})", [_shown(members[index]) for index in picked]))
    return rows


def _shown(sample: Sample) -> tuple[Bgr, str]:
    name = sample.path.stem if sample.row is None else f"#{sample.row}"
    try:
        return sample.load(), name
    except DataError:
        return _paper(1, 1), f"{name}\ncannot be read"


def save_sheet(sheet: Bgr, path: Path) -> Path:
    """Written as its name's ending says. Raises UserMistake for an ending that is no picture's."""
    try:
        is_made, data = cv2.imencode(path.suffix.lower(), sheet)
    except cv2.error:
        is_made = False
    if not is_made:
        raise UserMistake(f"cannot save a picture as {path.name!r}: let its name end in .png or .jpg")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data.tobytes())
    return path


def _title(text: str, width: int) -> Bgr:
    strip = _paper(round(TITLE_PX * LINE) + GAP, width)
    _write(strip, text, MARGIN, TITLE_PX + 2, width - 2 * MARGIN, TITLE_PX, INK, 600)
    return strip


def _line(pictures: Sequence[tuple[Bgr, str]], cell: int, width: int) -> Bgr:
    told = [caption.splitlines() for _, caption in pictures]
    step = round(CAPTION_PX * LINE)
    strip = _paper(cell + GAP + step * max(map(len, told)), width)
    for index, ((picture, _), lines) in enumerate(zip(pictures, told, strict=True)):
        left = MARGIN + index * (cell + GAP)
        strip[:cell, left : left + cell] = _fitted(picture, cell)
        for number, text in enumerate(lines):
            _write(strip, text, left, cell + step * (number + 1) - 2, cell, CAPTION_PX, SOFT_INK, 400)
    return strip


def _fitted(picture: Bgr, cell: int) -> Bgr:
    """The whole picture in the middle of a square; small ones are enlarged without being smoothed."""
    height, width = picture.shape[:2]
    scale = cell / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    resized = cv2.resize(picture, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_NEAREST)
    square = np.full((cell, cell, 3), FRAME, np.uint8)
    top, left = (cell - size[1]) // 2, (cell - size[0]) // 2
    square[top : top + size[1], left : left + size[0]] = resized
    return square


def _paper(height: int, width: int) -> Bgr:
    return np.full((height, width, 3), PAPER, np.uint8)


def _write(
    strip: Bgr, text: str, left: int, foot: int, room: int, size: int, ink: tuple[int, int, int], weight: int
) -> None:
    """One line of text, `foot` being where its letters stand, shortened to `room` pixels."""
    if hasattr(cv2, "FontFace"):
        face = cv2.FontFace("sans")
        shown = _shortened(text, room, lambda part: _width(part, face, size, weight))
        cv2.putText(strip, shown, (left, foot), ink, face, size, weight)
        return
    scale, font = size / 28, cv2.FONT_HERSHEY_SIMPLEX  # OpenCV 4 knows no letters beyond ASCII
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    shown = _shortened(plain, room, lambda part: cv2.getTextSize(part, font, scale, 1)[0][0], "..")
    cv2.putText(strip, shown, (left, foot), font, scale, ink, 1 + (weight > 500), cv2.LINE_AA)


def _width(text: str, face: Any, size: int, weight: int) -> int:
    return int(cv2.getTextSize((1 << 14, 64), text, (0, 40), face, size, weight)[2])


def _shortened(text: str, room: int, width_of: Callable[[str], int], cut: str = CUT) -> str:
    if width_of(text) <= room:
        return text
    keep = len(text) - 1
    while keep > 0 and width_of(text[:keep] + cut) > room:
        keep -= 1
    return text[:keep].rstrip() + cut
