"""/api/access: the way in of readers and other controllers. Core answers through the inbox, else it is a denial."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field
from werkzeug.exceptions import NotFound, Unauthorized

from surveillance.access import onvif
from surveillance.access.asking import ask_for_access
from surveillance.access.desk import MAX_FACTORS, MAX_VALUE, REQUEST_ID, parse_presented
from surveillance.dashboard.api.declare import Resource
from surveillance.dashboard.api.models import NO_CONTROLS, SECRET, Given, Time, Told
from surveillance.dashboard.guards import bearer_token, needs, see_door
from surveillance.dashboard.presenting import presenting
from surveillance.dashboard.services import services

resource = Resource("Access requests", "Readers ask at doors.")


class Factor(Given):
    kind: Literal["badge", "card", "plate", "pin"]
    value: Annotated[str, Field(min_length=1, max_length=MAX_VALUE, pattern=NO_CONTROLS, json_schema_extra=SECRET)]


class AccessRequest(Given):
    """What a reader read."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {"request_id": "1f0c", "door": "front", "factors": [{"kind": "badge", "value": "0451"}]}
        }
    )

    request_id: Annotated[
        str, Field(pattern=f"^{REQUEST_ID.pattern}$", description="The same one is the same request.")
    ]
    door: Annotated[str, Field(min_length=1, max_length=128, pattern=NO_CONTROLS)]
    factors: Annotated[list[Factor], Field(max_length=MAX_FACTORS)]


class AccessAnswer(Told):
    model_config = ConfigDict(json_schema_serialization_defaults_required=False)  # waits_until is there or not

    verdict: Literal["authorize", "deny"]
    reasons: list[str]
    event: str | None = Field(description="The id of the event on record; null where nothing was recorded.")
    expires_at: Time | None = Field(description="When a grant ends, used or not.")
    waits_until: Time | None = Field(
        None, description="Only there where it takes two persons: the first waits so long for the second."
    )


@resource.post("/access/requests", body=AccessRequest, gives=AccessAnswer, refusals=(404, 422))
@needs("access.request")
def ask_at_door(body: AccessRequest) -> Mapping[str, Any]:
    """Ask whether a door opens.

    A request_id seen before at that door, from that reader, gets its first answer. While core or the database is away
    the answer is a denial.
    """
    return asked_at_door(body.model_dump())


class Identifier(Given):
    """What was read, in ONVIF's words."""

    IdentifierType: Literal["pt:Card", "pt:PIN", "pt:LicensePlate", "pt:QRCode"]
    IdentifierValue: Annotated[
        str, Field(min_length=1, max_length=MAX_VALUE, pattern=NO_CONTROLS, json_schema_extra=SECRET)
    ]


class ExternalRequest(Given):
    """A controller's request as ONVIF names its parts; beside a door's token there may be a credential's, or what was
    read."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {"RequestToken": "1f0c", "AccessPointToken": "front", "CredentialToken": "0451"},
        }
    )

    RequestToken: Annotated[
        str, Field(pattern=f"^{REQUEST_ID.pattern}$", description="The same one is the same request.")
    ]
    AccessPointToken: Annotated[str, Field(min_length=1, max_length=128, pattern=NO_CONTROLS)]
    CredentialToken: Annotated[
        str | None,
        Field(None, min_length=1, max_length=MAX_VALUE, pattern=NO_CONTROLS, description="It counts as a card."),
    ]
    Identifiers: Annotated[list[Identifier], Field(default_factory=list, max_length=MAX_FACTORS - 1)]


class ExternalDecision(Told):
    """What ExternalAuthorization would be called with."""

    AccessPointToken: str
    CredentialToken: str | None
    Decision: Literal["Granted", "Denied"]
    Reason: str | None = Field(description="ONVIF's word for why it is denied; null where it is granted.")


@resource.post("/access/external-authorizations", body=ExternalRequest, gives=ExternalDecision, refusals=(404, 422))
@needs("access.request")
def authorize_externally(body: ExternalRequest) -> Mapping[str, Any]:
    """Ask whether a door opens, in ONVIF's words.

    For a controller that opens the door by itself: the same request, judged and recorded alike.
    """
    identifiers = [(one.IdentifierType, one.IdentifierValue) for one in body.Identifiers]
    answer = asked_at_door(onvif.asked(body.RequestToken, body.AccessPointToken, body.CredentialToken, identifiers))
    return {
        "AccessPointToken": body.AccessPointToken,
        "CredentialToken": body.CredentialToken,
        "Decision": onvif.decision(answer),
        "Reason": onvif.reason(answer),
    }


def asked_at_door(payload: dict[str, Any]) -> Mapping[str, Any]:
    """Core's answer, however the request was put. Raises NotFound and UserMistake."""
    timeout_s = services().settings.access_deadline_ms / 1000
    now = datetime.now(UTC)
    presented = parse_presented(payload, now, now + timedelta(seconds=timeout_s))
    see_door(presented.door)
    if services().site.read().door(presented.door) is None:
        raise NotFound(f"no door is called {presented.door!r}")
    presenting().present(presented.door, payload["factors"], is_known)
    return ask_for_access(services().inbox, payload, timeout_s, asker())


def is_known(kind: str, value: str) -> bool:
    """Whether somebody has that credential."""
    hashed = services().site.hash_credential(kind, value)
    held = (item for person in services().site.read().people for item in person.credentials)
    return any((kind, hashed) == (item.kind, item.value) for item in held)


def asker() -> str:
    """Which reader asks."""
    token = bearer_token()
    if token is None:
        raise Unauthorized
    return token.id
