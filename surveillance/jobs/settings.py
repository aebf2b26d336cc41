"""When the health check takes something for a fault."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class JobSettings(BaseModel):
    """Settings of the jobs."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    outbox_late_s: float = Field(default=300.0, gt=0)  # a deed on record but not done for so long is a fault
    camera_silent_s: float = Field(default=30.0, gt=0)  # so is a camera that has never reported since the start
    health_repeat_s: float = Field(default=3600.0, gt=0)  # one health.degraded per cause in this time
