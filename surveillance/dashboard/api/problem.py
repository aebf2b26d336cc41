"""What an error of the API holds, and what each status says."""

from __future__ import annotations

from pydantic import ConfigDict, Field

from surveillance.dashboard.api.models import Told

REFUSALS = {
    400: "The request does not read as this document says.",
    401: "No valid token or session came with it.",
    403: "The token or role does not include this.",
    404: "There is nothing of that name, or it is out of reach.",
    409: "Somebody edited it since it was read; `version` is the present one.",
    413: "The body is larger than 64 KB.",
    415: "The body is not JSON.",
    422: "It reads well, but the site refuses it.",
    429: "Too many requests from this address.",
    503: "The database or core is away, so nothing was done.",
}


class Fault(Told):
    place: str = Field(description="Where in the request, such as `zones[0].points`; empty for the whole.")
    detail: str


class Problem(Told):
    """What went wrong (RFC 9457)."""

    model_config = ConfigDict(json_schema_serialization_defaults_required=False)

    type: str
    title: str
    status: int
    detail: str
    errors: list[Fault] | None = Field(default=None, description="Of a 400 or 422: the faults with their places.")
    version: int | None = Field(default=None, description="Of a 409: the configuration as it is now.")
