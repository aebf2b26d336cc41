"""Settings of the doors."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class AccessSettings(BaseModel):
    """How long a door may stand open."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    open_too_long_s: float = Field(default=30.0, gt=0)
