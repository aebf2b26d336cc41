"""How things are kept: where, how long, and how long a commit may take."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class StorageSettings(BaseModel):
    """Settings of the storage package (`storage:` in the settings file)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: str | None = None  # None: surveillance.db in the data directory
    commit_timeout_ms: int = Field(default=2000, ge=50)
    spool_max_mb: int = Field(default=256, ge=1)  # of what is judged while the database is away
    evidence_max_kb: int = Field(default=48, ge=4)
    observation_days: int = Field(default=30, ge=1)
    event_days: int = Field(default=365, ge=1)
    evidence_days: int = Field(default=90, ge=1)
    recording_days: int = Field(default=30, ge=1)
    media_max_gb: float | None = Field(default=None, gt=0)  # budget of pictures and recordings; None: none but the disk
    disk_min_free_gb: float = Field(default=1.0, ge=0)  # with less the oldest media go first
    media_verdicts: tuple[Literal["authorize", "deny", "alert", "log"], ...] = ("alert", "deny", "authorize")
    clip_before_s: float = Field(default=5.0, ge=0, le=60)
    clip_after_s: float = Field(default=5.0, ge=0, le=60)
    inbox_days: int = Field(default=2, ge=1)
    recall_max: int = Field(default=200_000, ge=1000)  # inputs replayed at most to rebuild the judge's memory
    shots_max: int = Field(default=512, ge=1)  # best shots remembered for evidence, of 48 KB at most

    def database_url(self, data_dir: Path) -> str:
        """The address of the database, given the data directory."""
        return self.url or f"sqlite:///{data_dir / 'surveillance.db'}"
