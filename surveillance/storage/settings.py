"""How things are kept: where, how long, how long a commit may take, and what is kept to be labeled."""

from __future__ import annotations

from pathlib import Path
from typing import Literal
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, Field, field_validator

from surveillance.domain.errors import SettingsError


class StorageSettings(BaseModel):
    """Settings of the storage package (`storage:` in the settings file)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: str | None = None  # None: surveillance.db in the data directory
    password_file: Path | None = None  # holds the password that the url then leaves out
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

    @field_validator("url", "password_file", mode="before")
    @classmethod
    def _empty_is_unset(cls, value: object) -> object:
        """Compose hands over an empty variable where a site sets none."""
        return None if value == "" else value

    def database_url(self, data_dir: Path) -> str:
        """The address of the database, given the data directory.

        Raises SettingsError for a password file that cannot be read or does not fit the address.
        """
        url = self.url or f"sqlite:///{data_dir / 'surveillance.db'}"
        return with_password(url, self.password_file) if self.password_file else url


class AuditSettings(BaseModel):
    """How often the chain over what is on record is signed, and where its heads go (`audit:` in the settings file)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    heads_dir: Path | None = None  # a folder, off this machine if it can be, that every signed head is added to
    heads_to: tuple[str, ...] = ()  # notification targets that every signed head is sent to
    sign_links: int = Field(default=1000, ge=1)  # a head is signed after so many links
    sign_every_s: float = Field(default=600.0, ge=10)  # and after so long, where there are any

    @field_validator("heads_dir", mode="before")
    @classmethod
    def _empty_is_unset(cls, value: object) -> object:
        return None if value == "" else value


class LabelingSettings(BaseModel):
    """Which crops wait for a label, how many, and how long they are kept (`labeling:` in the settings file)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    enabled: bool = True  # whether crops are chosen at all; corrected labels are kept in any case
    uncertain_below: float = Field(default=0.7, ge=0, le=1)  # a track that is less sure in the end is uncertain
    sampled_share: float = Field(default=0.02, ge=0, le=1)  # of the sure tracks, chosen by lot
    camera_day_max: int = Field(default=40, ge=1)  # crops that wait per camera and day; the oldest fall out first
    camera_max: int = Field(default=300, ge=1)  # and per camera in all
    waiting_days: int = Field(default=30, ge=1)  # how long a crop without a label is kept
    labeled_days: int = Field(default=365, ge=1)  # how long one with a label is; data set versions keep their own
    versions_max: int = Field(default=10, ge=1)  # data set versions; older ones go unless a model card names them


def with_password(url: str, file: Path) -> str:
    """`postgresql://user@host/name` with the first line of the file as the user's password."""
    try:
        password = file.read_text(encoding="utf-8").partition("\n")[0].strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise SettingsError(f"storage.password_file {file} cannot be read: {reason}") from None
    scheme, _, rest = url.partition("://")
    user, at, place = rest.partition("@")
    if not password or not at or ":" in user:
        fault = "is empty" if not password else "needs a storage.url such as postgresql://user@host/name"
        raise SettingsError(f"storage.password_file {file} {fault}")
    return f"{scheme}://{user}:{quote(password, safe='')}@{place}"
