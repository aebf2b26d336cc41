"""When a track is worth another costly look: its picture is clearly larger than before, or what it shows in doubt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from surveillance.domain.values import Frame, Track

LEAST_WIDTH_PX = 48  # of a track on which anything could be read at all
MOST_LOOKS = 12  # at a track that comes no nearer
AGREE = 2  # looks that must read the same before it is told
LARGER_BY = 1.25  # the width worth another look, by the widest so far
EVERY_S = 1.0  # one that stands still is looked at again so often while what it shows is in doubt

T = TypeVar("T")


def of_live(known: Mapping[int, T], tracks: Sequence[Track]) -> dict[int, T]:
    """What is known of those tracks that go on. Ask it before any look, which may fail."""
    return {track.id: known[track.id] for track in tracks if track.id in known and not track.ended}


@dataclass(slots=True)
class Looks:
    """How often and how near one track was looked at, and what was read there."""

    count: int = 0
    widest: float = 0.0
    looked_at_s: float = float("-inf")
    votes: dict[str, float] = field(default_factory=dict)  # text -> confidence, summed over looks
    read: dict[str, int] = field(default_factory=dict)  # text -> looks that read it

    def take(self, track: Track, frame: Frame, in_doubt: bool) -> bool:
        """Whether to look now, which then counts as a look. It is seen in this frame, or nothing is."""
        width, at_s = track.box.width * frame.picture.width, frame.captured_at.timestamp()
        if track.seen_at != frame.captured_at or width < LEAST_WIDTH_PX:
            return False
        is_nearer = width >= LARGER_BY * self.widest  # also after many looks from afar: it may only now be near enough
        if not is_nearer and not (in_doubt and self.count < MOST_LOOKS and at_s - self.looked_at_s >= EVERY_S):
            return False
        self.count, self.widest, self.looked_at_s = self.count + 1, max(self.widest, width), at_s
        return True

    def add(self, text: str, confidence: float) -> None:
        self.votes[text] = self.votes.get(text, 0.0) + confidence
        self.read[text] = self.read.get(text, 0) + 1

    def settled(self) -> list[str]:
        """What enough looks agree on, the surest first."""
        agreed = [text for text, looks in self.read.items() if looks >= AGREE]
        return sorted(agreed, key=lambda text: -self.votes[text])
