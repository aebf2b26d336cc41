"""What can be set about reading cameras and files."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class ViewSettings(BaseModel):
    """When a live camera's view is no longer what it should be. A span of 0 switches that check off."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    frozen_s: float = Field(60.0, ge=0, description="the very same picture for so long is frozen; 0: never")
    blinded_s: float = Field(10.0, ge=0, description="a picture without any detail for so long is blinded; 0: never")
    moved_s: float = Field(20.0, ge=0, description="a view shifted for so long, or another for 3x, is moved; 0: never")
    learn_s: float = Field(30.0, ge=0, description="how long the fixed edges of a view are learned at first")
    min_blocks: int = Field(4, ge=1, le=12, description="of 12 parts of the picture must have edges to judge by")


Decode = Literal["all", "unfiltered_while_quiet", "unfiltered", "reference", "key_while_quiet"]


class IngestSettings(BaseModel):
    """Time limits, the way RTSP travels, and how a lost camera is tried again."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    open_timeout_s: float = Field(5.0, gt=0, description="how long a camera may take to answer")
    read_timeout_s: float = Field(5.0, gt=0, description="how long an open camera may be silent")
    rtsp_transport: Literal["tcp", "udp"] = Field("tcp", description="?transport=udp in a URL overrides it")
    decode: Decode = Field(
        "unfiltered_while_quiet",
        description="all, unfiltered, reference or key_while_quiet: see docs/operating.md, Decoding less",
    )
    decode_of: dict[str, Decode] = Field({}, description="the same for single cameras, by name")
    file_backlog: int = Field(8, ge=1, description="frames of a file that wait before its reader does")
    report_every_s: float = Field(1.0, gt=0, description="how often a camera reports how it fares")
    ring_s: float = Field(30.0, ge=2, description="seconds of each camera's newest video that are held in memory")
    ring_mb: float = Field(32.0, gt=0, description="and at most so many megabytes of it")
    retry_ladder: tuple[tuple[float, int], ...] = Field(
        ((1.0, 5), (5.0, 5), (10.0, 10)), description="(wait in seconds, times); the last rung is retry_at_last_s"
    )
    retry_at_last_s: float = Field(60.0, gt=0, description="the wait once the ladder is climbed")
    retry_jitter: float = Field(0.1, ge=0, le=0.5, description="part of each wait that is drawn by lot")
    view: ViewSettings = Field(ViewSettings(), description="whether a live camera sees what it should")
