"""What the models of the API are made of: bases for what comes in and what goes out, and texts with their bounds."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:\d\d)")
NO_CONTROLS = r"^[^\u0000-\u001f\u007f]*$"  # no database column holds a NUL, and no page needs the others


class Given(BaseModel):
    """What comes in: each key known, each value of the type that the document says."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Told(BaseModel):
    """What goes out; each key is always there."""

    model_config = ConfigDict(frozen=True, json_schema_serialization_defaults_required=True)


class Nothing(Given):
    """A query that takes no words."""


def _moment(value: Any) -> Any:
    """RFC 3339 and no other way of writing a time."""
    if isinstance(value, datetime):
        return value
    if not isinstance(value, str) or not RFC3339.fullmatch(value):
        raise ValueError("is no time; write it as 2026-12-24T08:00:00Z")
    return datetime.fromisoformat(value)


def _as_number(value: Any) -> Any:
    """A query holds texts; only plain digits are a number."""
    if not isinstance(value, str) or not re.fullmatch(r"-?[0-9]{1,18}", value):
        raise ValueError("is no whole number")
    return int(value)


def _as_flag(value: Any) -> Any:
    if value not in ("true", "false"):
        raise ValueError("is neither true nor false")
    return value == "true"


Word = Annotated[str, Field(min_length=1, max_length=200, pattern=NO_CONTROLS)]
Moment = Annotated[
    datetime,
    BeforeValidator(_moment),
    AfterValidator(lambda at: at.astimezone(UTC)),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
Version = Annotated[int, Field(ge=0, le=2**31 - 1), BeforeValidator(_as_number)]  # in a query
Limit = Annotated[int, Field(ge=1, le=200), BeforeValidator(_as_number)]  # of a page, in a query
Flag = Annotated[bool, BeforeValidator(_as_flag)]  # in a query
Time = Annotated[str, Field(json_schema_extra={"format": "date-time"})]  # as it is on record
SECRET: dict[str, Any] = {"writeOnly": True, "format": "password"}  # comes in and never goes out
SHOWN_ONCE = Field(description="Told in this answer and never again.")
