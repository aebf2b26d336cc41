"""Settings of the dashboard: where it listens, how long a session lasts, how much it lets through."""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path
from typing import Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from surveillance.domain.permissions import ROLES


class DashboardSettings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    host: str = "127.0.0.1"
    port: int = Field(default=8080, ge=0, le=65535)
    allow_plain_http: bool = False  # a bind beyond this machine needs HTTPS, or this word
    tls_certificate: Path | None = None  # PEM, with the chain below it: then the pages are served by HTTPS
    tls_key: Path | None = None  # its key, PEM, without a passphrase
    second_factor_roles: tuple[str, ...] = ()  # who must set up a second factor before anything else
    allow_loopback: bool = False  # whether a camera, relay or webhook written on the pages may be this very machine
    cookie_secure: Literal["auto", "always", "never"] = "auto"  # auto: Secure whenever the request came by HTTPS
    trusted_proxies: int = Field(default=0, ge=0)  # how many reverse proxies set X-Forwarded-*
    session_hours: float = Field(default=12.0, gt=0)
    site_name: str = Field(default="Surveillance", max_length=60)  # printed on badges
    time_zone: str | None = None  # None: the site's first schedule's, else UTC
    page_size: int = Field(default=40, ge=1, le=200)
    sign_in_limit: str = "10 per minute"  # per address
    request_limit: str = "600 per minute"  # to the API, per address
    access_deadline_ms: int = Field(default=2000, ge=100, le=30000)
    stream_poll_s: float = Field(default=0.5, gt=0)
    stream_minutes: float = Field(default=10.0, gt=0)  # then the browser comes back, and its session is checked
    max_streams: int = Field(default=32, ge=1, le=1000)  # pages that follow events or watch live; each holds a thread
    core_silent_s: float = Field(default=5.0, gt=0)  # no heartbeat for so long: the pages say so

    @field_validator("time_zone")
    @classmethod
    def _zone_is_known(cls, name: str | None) -> str | None:
        if name is not None:
            try:
                ZoneInfo(name)
            except (ZoneInfoNotFoundError, ValueError) as error:
                raise ValueError(f"{name!r} is no time zone; write one such as Europe/Berlin") from error
        return name

    @field_validator("tls_certificate", "tls_key", mode="before")
    @classmethod
    def _empty_is_unset(cls, value: object) -> object:
        """Compose hands over an empty variable where a site sets none."""
        return None if value == "" else value

    @field_validator("second_factor_roles")
    @classmethod
    def _roles_are_known(cls, roles: tuple[str, ...]) -> tuple[str, ...]:
        unknown = [role for role in roles if role not in ROLES]
        if unknown:
            raise ValueError(f"no role is called {', '.join(unknown)}; there are: {', '.join(ROLES)}")
        return roles

    @model_validator(mode="after")
    def _bind_is_safe(self) -> Self:
        if (self.tls_certificate is None) != (self.tls_key is None):
            raise ValueError("tls_certificate and tls_key belong together: name both files, or neither")
        if not self.allow_plain_http and not self.speaks_tls and not is_loopback(self.host):
            raise ValueError(
                f"{self.host} can be reached from other machines, and this server speaks plain HTTP; name "
                "dashboard.tls_certificate and tls_key, or listen on 127.0.0.1 behind an HTTPS proxy, "
                "or set dashboard.allow_plain_http to true"
            )
        return self

    @property
    def speaks_tls(self) -> bool:
        return self.tls_certificate is not None


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a server that listens there."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
