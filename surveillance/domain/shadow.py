"""A candidate model beside the current one: what both said of a track, and that a candidate cannot be used."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from surveillance.domain.values import new_id


@dataclass(frozen=True, slots=True)
class ShadowVote:
    """Two votes over the same crops of one confirmed track. Only the current one was ever acted on."""

    id: str
    at: datetime  # when the track ended
    camera: str
    track: int
    started_at: datetime
    current_model: str
    candidate_model: str
    current: str  # label
    current_confidence: float
    candidate: str
    candidate_confidence: float
    crops: int  # that both answered

    @property
    def differs(self) -> bool:
        return self.current != self.candidate


@dataclass(frozen=True, slots=True)
class ShadowFailed:
    """A candidate that cannot answer; it is asked no more."""

    model: str
    reason: str


ShadowTold = ShadowVote | ShadowFailed


def vote_of(
    camera: str,
    track: int,
    started_at: datetime,
    at: datetime,
    models: tuple[str, str],
    results: tuple[tuple[str, float], tuple[str, float]],
    crops: int,
) -> ShadowVote:
    """Current first in both pairs."""
    (current, sure), (candidate, also) = results
    return ShadowVote(new_id(), at, camera, track, started_at, *models, current, sure, candidate, also, crops)


@dataclass(frozen=True, slots=True)
class ShadowOrder:
    """Which candidate is shown what cameras see: these, or all of them."""

    model: str
    cameras: tuple[str, ...]  # empty for all
    by: str
    since: datetime

    def covers(self, camera: str) -> bool:
        return not self.cameras or camera in self.cameras
