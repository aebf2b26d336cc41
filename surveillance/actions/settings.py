"""Settings of everything that acts: how long a deed may still be done, and how it is tried."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, field_validator

from surveillance.domain.suggest import no_such
from surveillance.translations import LANGUAGES


class ActionSettings(BaseModel):
    """Times for doors and notifications. A door is tried once; a notification until its time is over."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    grant_ttl_s: float = Field(default=2.0, gt=0, le=30)  # a door that was not pulsed by then stays shut
    relay_connect_timeout_s: float = Field(default=1.0, gt=0, le=10)
    relay_timeout_s: float = Field(default=1.8, gt=0, le=10)  # the whole exchange with the controller
    broker_ca_file: Path | None = None  # who signed the certificates of MQTT brokers; None: whom the system trusts
    notify_ttl_s: float = Field(default=24 * 3600.0, gt=0)
    notify_connect_timeout_s: float = Field(default=3.0, gt=0, le=60)
    notify_timeout_s: float = Field(default=10.0, gt=0, le=60)
    retry_first_s: float = Field(default=1.0, gt=0)  # doubles at each attempt ...
    retry_max_s: float = Field(default=900.0, gt=0)  # ... up to here; half of each wait is random
    waiting_per_target: int = Field(default=32, ge=1, le=1000)  # handed to one target's thread at a time
    source: str = "/surveillance"  # the CloudEvents source of webhooks: which site is speaking
    language: str = "en"  # of the sentence in a notification; en or es

    @field_validator("language")
    @classmethod
    def _is_known(cls, language: str) -> str:
        if language not in LANGUAGES:
            raise ValueError(no_such("language", language, LANGUAGES))
        return language
