"""How the service's work is spread over processes."""

from __future__ import annotations

import os
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from surveillance.engines.supervise import BACK_OFF_S, WELL_S


class LiveSettings(BaseModel):
    """The pictures shared with whoever watches: small ones of many cameras at once, a larger one of a single camera."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    tile_px: int = Field(480, ge=64, description="width of a picture among others; a smaller camera's stays as it is")
    full_px: int = Field(1280, ge=64, description="width of a picture that is watched alone")
    quality: int = Field(75, ge=10, le=100, description="JPEG quality of both")

    def width_px(self, size: str) -> int:
        """Of one of surveillance.engines.live.SIZES."""
        return self.tile_px if size == "tile" else self.full_px


class EngineSettings(BaseModel):
    """Settings of the engines package (`engine:` in the settings file)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["processes", "inline"] = Field(
        "processes", description="processes: one each for core, recognizer and camera workers; inline: all in one"
    )
    workers: int = Field(0, ge=0, le=256, description="camera worker processes; 0 is one for every two processor cores")
    answer_within_s: float = Field(1.0, gt=0, description="an answer of the recognizer that takes longer is not used")
    slots: int = Field(32, ge=1, description="frames of one worker whose crops may wait at the recognizer")
    slot_mb: float = Field(4.0, gt=0, description="shared memory for the crops of one frame")
    restart_waits_s: tuple[float, ...] = Field(
        BACK_OFF_S, min_length=1, description="waits before a process that ended is started again; the last one stays"
    )
    restart_well_s: float = Field(WELL_S, gt=0, description="what ran for so long starts again after the first wait")
    backlog: int = Field(20_000, ge=100, description="inputs that a worker keeps while core is away")
    live: LiveSettings = Field(LiveSettings(), description="live pictures, encoded only while somebody watches")

    @property
    def worker_names(self) -> tuple[str, ...]:
        """worker-1, worker-2, ..."""
        count = self.workers or max(1, (os.cpu_count() or 2) // 2)
        return tuple(f"worker-{number}" for number in range(1, count + 1))

    @property
    def slot_bytes(self) -> int:
        return int(self.slot_mb * 1024 * 1024)
