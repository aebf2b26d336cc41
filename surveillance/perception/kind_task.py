"""The camera task `kind`: tracks in, the detector's own word for each out, such as truck or dog, by vote of its looks.

Where a detector says where to look, its answer is at hand. Elsewhere it is asked only while a track's kind is in doubt.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from surveillance.domain.values import NO_SUBJECT, Attributes, Frame, Track
from surveillance.perception.detect import Found, See
from surveillance.perception.looks import of_live

KIND = "kind"
SAME_PLACE = 0.4  # overlap of a track and a thing that is it
AGREE = 3  # looks that must say the same before it is told
LEAD = 1.5  # how many times the votes of the next kind it needs
MOST_LOOKS = 12  # a track


@dataclass(slots=True)
class Kinds:
    """What the detector said of one track so far."""

    looks: int = 0
    votes: dict[str, float] = field(default_factory=dict)  # word -> confidence, summed over looks
    counts: dict[str, int] = field(default_factory=dict)
    told: str = ""

    def add(self, thing: Found) -> None:
        self.votes[thing.label] = self.votes.get(thing.label, 0.0) + thing.confidence
        self.counts[thing.label] = self.counts.get(thing.label, 0) + 1
        best, *others = sorted(self.votes, key=lambda label: -self.votes[label])
        if self.counts[best] >= AGREE and all(self.votes[best] >= LEAD * self.votes[other] for other in others):
            self.told = best


class KindTask:
    """Implements domain.ports.Task. Tells `kind`: empty as long as it is in doubt."""

    words: tuple[str, ...] = (KIND,)

    def __init__(self, see: See) -> None:
        self._see = see
        self._kinds: dict[int, Kinds] = {}

    def __call__(self, frame: Frame, tracks: Sequence[Track]) -> Mapping[int, Attributes]:
        told: dict[int, Attributes] = {}
        found: Sequence[Found] | None = None
        self._kinds = of_live(self._kinds, tracks)
        for track in tracks:
            if track.ended or not track.confirmed or track.label in NO_SUBJECT:
                continue
            kinds = self._kinds.setdefault(track.id, Kinds())
            if track.seen_at == frame.captured_at and kinds.looks < MOST_LOOKS:
                found = self._see(frame) if found is None else found
                kinds.looks += 1
                thing = _thing_of(track, found)
                if thing is not None:
                    kinds.add(thing)
            told[track.id] = {KIND: kinds.told}
        return told


def _thing_of(track: Track, found: Sequence[Found]) -> Found | None:
    """The thing of the track's label that lies where the track is."""
    alike = [thing for thing in found if thing.ours == track.label and thing.box.iou(track.box) >= SAME_PLACE]
    return max(alike, key=lambda thing: thing.box.iou(track.box), default=None)
