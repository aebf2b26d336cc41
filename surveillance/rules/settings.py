"""How the judge remembers: what its settings are, nothing else."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class RuleSettings(BaseModel):
    """Settings of the judge."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    stale_after_s: float = Field(
        default=3.0, gt=0, description="a camera silent for so long is stale: its facts are unknown"
    )
    scene_stale_after_s: float = Field(
        default=30.0, gt=0, description="a scene silent for so long is stale; it is told at least every ten seconds"
    )
    settle_s: float = Field(
        2.0, ge=0, description="a camera just found is not asked about people at a door for so long"
    )
    track_keep_s: float = Field(default=600.0, gt=0, description="a track not seen for so long is forgotten")
    max_tracks: int = Field(default=2000, ge=1, description="tracks remembered per camera; the oldest go first")
    silent_after_s: float = Field(
        default=10.0, gt=0, description="a camera worker silent for so long raises health.degraded"
    )
    health_repeat_s: float = Field(default=3600.0, gt=0, description="one health.degraded per cause in this time")
    taken_within_s: float = Field(
        default=5.0, ge=0, le=60, description="who was let in crosses the door's line at most so long after its pulse"
    )
    forgive_after_h: float = Field(
        default=744.0, gt=0, le=8784, description="so long after somebody went into an area nobody knows where they are"
    )
    second_person_s: float = Field(
        default=20.0, gt=0, le=300, description="where it takes two persons, the first waits so long for the second"
    )
    escort_s: float = Field(
        default=30.0, gt=0, le=600, description="a visitor is let in so long after somebody who escorts them"
    )
    duress_notify: tuple[str, ...] = Field(
        default=(), description="targets that are told when a PIN for duress is typed; none named: all of the site"
    )
    mode: Literal["armed", "disarmed"] = Field(default="armed", description="the arming mode of a site without arming")
