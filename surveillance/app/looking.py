"""What the command line looks at: single pictures, by a detector or a segmenter, and how what was found is drawn."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from surveillance.app.detectors import detector_of, segmenter_of
from surveillance.domain.errors import UserMistake
from surveillance.domain.geometry import Box
from surveillance.domain.ports import SourceOptions
from surveillance.domain.values import Bgr
from surveillance.settings import Settings

if TYPE_CHECKING:
    from surveillance.perception.detect import Found
    from surveillance.perception.segment import Labels

SUFFIXES = (".jpg", ".jpeg", ".png")


@dataclass(frozen=True, slots=True)
class Detected:
    """A picture with the things in it, surest first."""

    path: Path
    picture: Bgr
    found: tuple[Found, ...]
    model: str


@dataclass(frozen=True, slots=True)
class Segmented:
    """A picture with the label of each pixel, and the share of each label, largest first."""

    path: Path
    picture: Bgr
    labels: Labels
    shares: Mapping[str, float]
    ours: Mapping[str, str]  # the model's label -> ours
    model: str


def open_picture(path: Path) -> Bgr:
    """(height, width, 3) uint8. Raises SourceError, UserMistake for a video."""
    from surveillance.ingest.sources import open_source

    frames = list(islice(open_source(f"file:{path}", SourceOptions(camera="image")).frames(), 2))
    if len(frames) > 1:
        raise UserMistake(f"{path} is a video, and this looks at pictures; `surveillance watch {path}` follows it")
    return frames[0].picture.bgr()


def detect(settings: Settings, images: Sequence[Path], model: str | None) -> Iterator[Detected]:
    """Each picture with what is in it. Raises SourceError, ModelError, NotFound."""
    detector = detector_of(settings, model)
    for path in images:
        picture = open_picture(path)
        yield Detected(path, picture, detector(picture), detector.card.name)


def segment(settings: Settings, images: Sequence[Path], model: str | None) -> Iterator[Segmented]:
    """Each picture with what its pixels show. Raises SourceError, ModelError, NotFound."""
    segmenter = segmenter_of(settings, model)
    for path in images:
        picture = open_picture(path)
        labels = segmenter(picture)
        card = segmenter.card
        yield Segmented(path, picture, labels, segmenter.shares(labels), card.classes, card.name)


def save_boxes(file: Path, picture: Bgr, boxes: Sequence[tuple[Box, str]]) -> None:
    """The picture with a named frame around each box. Raises UserMistake for another kind of file."""
    from surveillance.ingest.drawing import draw_boxes

    file.write_bytes(draw_boxes(picture, boxes, suffix_of(file)))


def save_labels(file: Path, told: Segmented) -> None:
    """The picture, each label's pixels in a color of its own. Raises UserMistake for another kind of file."""
    from surveillance.ingest.drawing import draw_labels

    file.write_bytes(draw_labels(told.picture, told.labels, suffix_of(file)))


def suffix_of(file: Path) -> str:
    if file.suffix.lower() not in SUFFIXES:
        raise UserMistake(f"{file}: pictures are saved as .jpg or .png; name the file so")
    return file.suffix
