"""What the command line reads from pictures: lines of text and number plates."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from surveillance.app.looking import open_picture, save_boxes
from surveillance.domain.geometry import Box
from surveillance.domain.values import Bgr

if TYPE_CHECKING:
    from surveillance.perception.plates import Reading
    from surveillance.perception.read import Line


@dataclass(frozen=True, slots=True)
class ReadPicture:
    """A picture with the lines of text that it shows, and its plate where one was asked for and is there."""

    path: Path
    picture: Bgr
    lines: tuple[Line, ...]
    plate: Reading | None

    def found(self, plates_only: bool) -> list[tuple[Box, str, float]]:
        """Place, text and confidence of each line; or of the plate alone."""
        if plates_only:
            return [] if self.plate is None else [(self.plate.box, self.plate.plate, self.plate.confidence)]
        return [(line.box, line.text, line.confidence) for line in self.lines]


def read_pictures(images: Sequence[Path]) -> Iterator[ReadPicture]:
    """Each picture read. Raises SourceError for one that cannot be opened, ModelError."""
    from surveillance.perception.plates import plate_of
    from surveillance.perception.read import text_reader

    read = text_reader()
    for path in images:
        picture = open_picture(path)
        lines = read(picture)
        yield ReadPicture(path, picture, lines, plate_of(lines))


def save_found(file: Path, picture: Bgr, found: Sequence[tuple[Box, str, float]]) -> None:
    """The picture with a numbered box around everything that was found. Raises UserMistake for another kind of file."""
    save_boxes(file, picture, [(box, str(number)) for number, (box, _, _) in enumerate(found, 1)])
