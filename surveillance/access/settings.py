"""Settings of the doors."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class FaceMatchSettings(BaseModel):
    """When a face at a door's camera counts. How alike it must be is measured, and stands on the embedding's card."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    window_s: float = Field(default=4.0, gt=0, le=30)  # a face seen so long before the request counts
    min_frames: int = Field(default=3, ge=2)  # good pictures of one track that it takes


class AccessSettings(BaseModel):
    """How long a door may stand open, when what is told of it is doubted, and when a face counts."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    open_too_long_s: float = Field(default=30.0, gt=0)
    exit_masks_s: float = Field(default=10.0, ge=0, le=60)  # after the exit button nobody breaks in
    relock_masks_s: float = Field(default=2.0, ge=0, le=30)  # nor right after an access ended
    lock_settle_s: float = Field(default=3.0, gt=0, le=30)  # a lock may take so long to do as its door is told
    silent_s: float = Field(default=10.0, ge=2)  # a controller that tells nothing for so long leaves its door unknown
    collect_s: float = Field(default=10.0, ge=0, le=60)  # a token and its PIN within so long are one request; 0: never
    faces: FaceMatchSettings = FaceMatchSettings()
