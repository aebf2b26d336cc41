"""The camera task `plates`: vehicle tracks in, the number plate of each out, by the vote of several looks.

A look costs as much as some tens of crops, so that one is taken only of a confirmed vehicle, where its picture is
clearly larger than before or its plate is in doubt, and a bounded number of times for each track.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from surveillance.domain.values import Attributes, Frame, Track
from surveillance.perception.plates import read_plate
from surveillance.perception.read import ReadText

PLATE = "plate"
LEAST_WIDTH_PX = 48  # of a vehicle whose plate could be read at all
MOST_LOOKS = 12  # at a track that comes no nearer
AGREE = 2  # looks that must read the same before it is told
LARGER_BY = 1.25  # the width of a vehicle worth another look, by the widest so far
EVERY_S = 1.0  # one that stands still is looked at again so often while its plate is in doubt


@dataclass(slots=True)
class Looks:
    """What was read of one track so far."""

    count: int = 0
    widest: float = 0.0
    looked_at_s: float = float("-inf")
    votes: dict[str, float] = field(default_factory=dict)  # plate -> confidence, summed over looks
    read: dict[str, int] = field(default_factory=dict)  # plate -> looks that read it
    told: str = ""

    def settled(self) -> str:
        """The plate with the most votes, once enough looks agree on it; empty before."""
        best = max(self.votes, key=self.votes.__getitem__, default="")
        return best if self.read.get(best, 0) >= AGREE else ""


class PlateTask:
    """Implements domain.ports.Task. Tells `plate`: empty as long as none is read for certain."""

    words: tuple[str, ...] = (PLATE,)

    def __init__(self, read: ReadText) -> None:
        self._read = read
        self._looks: dict[int, Looks] = {}

    def __call__(self, frame: Frame, tracks: Sequence[Track]) -> Mapping[int, Attributes]:
        """Raises ModelError where nothing can be read."""
        told: dict[int, Attributes] = {}
        for track in tracks:
            if track.ended:
                self._looks.pop(track.id, None)
            elif track.confirmed:
                looks = self._looks.setdefault(track.id, Looks())
                if self._is_worth(looks, track, frame):
                    self._look(looks, track, frame)
                told[track.id] = {PLATE: looks.told}
        return told

    def _is_worth(self, looks: Looks, track: Track, frame: Frame) -> bool:
        """Whether a look may tell something new: the vehicle is seen, and larger than before or still in doubt."""
        width = track.box.width * frame.picture.width
        if track.label != "vehicle" or track.seen_at != frame.captured_at or width < LEAST_WIDTH_PX:
            return False
        if width >= LARGER_BY * looks.widest:  # also after many looks from afar: it may only now be near enough
            return True
        waited_s = frame.captured_at.timestamp() - looks.looked_at_s
        return not looks.told and looks.count < MOST_LOOKS and waited_s >= EVERY_S

    def _look(self, looks: Looks, track: Track, frame: Frame) -> None:
        looks.count += 1
        looks.widest = max(looks.widest, track.box.width * frame.picture.width)
        looks.looked_at_s = frame.captured_at.timestamp()
        reading = read_plate(frame.picture.crop(track.box), self._read)
        if reading is not None:
            looks.votes[reading.plate] = looks.votes.get(reading.plate, 0.0) + reading.confidence
            looks.read[reading.plate] = looks.read.get(reading.plate, 0) + 1
            looks.told = looks.settled() or looks.told
