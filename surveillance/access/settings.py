"""Settings of the access desk and the doors."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class AccessSettings(BaseModel):
    """How long a reader waits for its answer, and how long a door may stand open."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    deadline_ms: int = Field(default=2000, ge=100, le=30_000)
    open_too_long_s: float = Field(default=30.0, gt=0)
