"""The camera task `plates`: vehicle tracks in, the number plate of each out, by the vote of several looks.

A look costs as much as some tens of crops, so that they are few: see `looks`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from surveillance.domain.values import Attributes, Frame, Track
from surveillance.perception.looks import Looks, of_live
from surveillance.perception.plates import read_plate
from surveillance.perception.read import ReadText

PLATE = "plate"


@dataclass(slots=True)
class Read:
    """What was read of one vehicle: the plate that is told, empty before two looks agree."""

    looks: Looks = field(default_factory=Looks)
    plate: str = ""


class PlateTask:
    """Implements domain.ports.Task. Tells `plate`: empty as long as none is read for certain."""

    words: tuple[str, ...] = (PLATE,)

    def __init__(self, read: ReadText) -> None:
        self._read = read
        self._tracks: dict[int, Read] = {}

    def __call__(self, frame: Frame, tracks: Sequence[Track]) -> Mapping[int, Attributes]:
        """Raises ModelError where nothing can be read."""
        told: dict[int, Attributes] = {}
        self._tracks = of_live(self._tracks, tracks)
        for track in tracks:
            if track.confirmed and not track.ended:
                seen = self._tracks.setdefault(track.id, Read())
                if track.label == "vehicle" and seen.looks.take(track, frame, in_doubt=not seen.plate):
                    self._look(seen, track, frame)
                told[track.id] = {PLATE: seen.plate}
        return told

    def _look(self, seen: Read, track: Track, frame: Frame) -> None:
        reading = read_plate(frame.picture.crop(track.box), self._read)
        if reading is not None:
            seen.looks.add(reading.plate, reading.confidence)
            seen.plate = next(iter(seen.looks.settled()), seen.plate)
