"""ONVIF's words for what a controller asks and is answered, into ours and back.

Source: ONVIF Access Control Service: the events tns1:AccessControl/Request/Credential and Request/Identifier, the
operation ExternalAuthorization with its Decision, and the denial reasons of tns1:AccessControl/Denied.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

IDENTIFIERS: Mapping[str, str] = {  # ONVIF's IdentifierType -> the kind of factor here
    "pt:Card": "card",
    "pt:PIN": "pin",
    "pt:LicensePlate": "plate",
    "pt:QRCode": "badge",
}
REASONS: Mapping[str, str] = {  # a reason here -> ONVIF's, the gravest first
    "unauthorized": "Unauthorized",
    "invalid_pin": "InvalidPIN",
    "credential_not_enabled": "CredentialNotEnabled",
    "credential_expired": "CredentialExpired",
    "credential_not_active": "CredentialNotActive",
    "antipassback_violation": "AntipassbackViolation",
    "not_permitted_at_this_time": "NotPermittedAtThisTime",
}
OTHER = "Other"


def asked(
    request_token: str, access_point: str, credential: str | None, identifiers: Sequence[tuple[str, str]]
) -> dict[str, Any]:
    """The request as `desk.parse_presented` reads it. A credential's token counts as a card of that number."""
    factors = [{"kind": IDENTIFIERS[kind], "value": value} for kind, value in identifiers]
    if credential is not None:
        factors.insert(0, {"kind": "card", "value": credential})
    return {"request_id": request_token, "door": access_point, "factors": factors}


def decision(answer: Mapping[str, Any]) -> str:
    return "Granted" if answer["verdict"] == "authorize" else "Denied"


def reason(answer: Mapping[str, Any]) -> str | None:
    """ONVIF's one word for why it was denied: the gravest of ours that it has a word for; None where it was granted."""
    if answer["verdict"] == "authorize":
        return None
    return next((word for ours, word in REASONS.items() if ours in answer["reasons"]), OTHER)
