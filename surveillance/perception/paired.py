"""The votes of two models over the same crops of one track, counted alike, so that only their answers differ."""

from __future__ import annotations

from dataclasses import dataclass, field

from surveillance.domain.values import Classification
from surveillance.perception.track import Vote

Result = tuple[str, float]


@dataclass(slots=True)
class TwoVotes:
    """Implements engines.shadow.PairedVote. Each crop has one voice, as loud as its label leads."""

    min_share: float
    min_lead: float
    current: Vote = field(default_factory=Vote)
    candidate: Vote = field(default_factory=Vote)

    def add(self, current: Classification, candidate: Classification) -> None:
        self.current.add(current, 1.0, 1.0)
        self.candidate.add(candidate, 1.0, 1.0)

    def results(self) -> tuple[Result, Result]:
        """Label and confidence of the current model's vote, then of the candidate's."""
        return (
            self.current.result(self.min_share, self.min_lead),
            self.candidate.result(self.min_share, self.min_lead),
        )
