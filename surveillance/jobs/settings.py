"""When the health check takes something for a fault, and when a new model is trained."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class RetrainingSettings(BaseModel):
    """When a candidate is trained on the labels that people gave, and how (`jobs.retraining`)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    enabled: bool = False  # whether the clock starts it; `surveillance jobs run retraining` always does
    weekday: Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"] = "sun"
    hour: int = Field(default=2, ge=0, le=20)  # it begins within four hours from then, on the machine's clock
    least_labels: int = Field(default=100, ge=1)  # labels since the last retraining; with fewer it waits
    epochs: int = Field(default=12, ge=1, le=1000)
    hours_max: float = Field(default=5.0, gt=0)  # it is ended after so long, and the next run goes on with it
    mix_with: Path | None = None  # a folder of pictures per label to learn beside the site's own, so as not to forget


class DriftSettings(BaseModel):
    """When what a model says of a camera is taken to have drifted (`jobs.drift`)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    least_tracks: int = Field(default=50, ge=10)  # a day with fewer says nothing
    settle_days: int = Field(default=14, ge=2, le=28)  # a camera's first days with a model, which later ones must match
    psi: float = Field(default=0.25, gt=0)  # population stability index from which a shift counts
    card_drop: float = Field(default=0.15, gt=0, lt=1)  # mean confidence so far below the card's validation counts


class JobSettings(BaseModel):
    """Settings of the jobs."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    outbox_late_s: float = Field(default=300.0, gt=0)  # a deed on record but not done for so long is a fault
    camera_silent_s: float = Field(default=30.0, gt=0)  # so is a camera that has never reported since the start
    health_repeat_s: float = Field(default=3600.0, gt=0)  # one health.degraded per cause in this time
    retraining: RetrainingSettings = RetrainingSettings()
    drift: DriftSettings = DriftSettings()
