"""What goes over a broker, signed: claims into a JSON Web Token (RFC 7519, HS256) and back.

A broker's login says who may publish somewhere, not who wrote a message; so each side signs with the device's own key.
`aud` is the topic, `jti` the id of what was asked, `iat` when it was written and `exp` until when it counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import jwt
from jwt.types import Options

from surveillance.domain.errors import SurveillanceError

FRESH = timedelta(seconds=10)  # how far the clock of who wrote a message may be from ours
LARGEST = 8192
_JUDGED: Options = {"require": ["aud", "jti", "iat"], "strict_aud": True, "verify_exp": False, "verify_iat": False}


class Forged(SurveillanceError):  # noqa: N818  named as what happened
    """A message that its device did not write, or wrote for another topic or time."""


def sign(key: str, topic: str, id: str, at: datetime, claims: Mapping[str, Any]) -> bytes:
    """The message as it is published."""
    return jwt.encode({"aud": topic, "jti": id, "iat": at.timestamp(), **claims}, key, "HS256").encode()


def read(key: str, topic: str, message: bytes, now: datetime) -> dict[str, Any]:
    """Its claims. Raises Forged for another's, altered, stale, or one that is no message at all."""
    if len(message) > LARGEST:
        raise Forged(f"a message has {len(message)} bytes; at most {LARGEST} are read")
    try:
        claims = jwt.decode(message, key, ["HS256"], options=_JUDGED, audience=topic)
        written = float(claims["iat"])
    except (jwt.PyJWTError, TypeError, ValueError, RecursionError) as error:
        raise Forged(f"a message was not signed for this topic ({type(error).__name__})") from None
    if not isinstance(claims["jti"], str) or not abs(now.timestamp() - written) <= FRESH.total_seconds():
        raise Forged("a message is stale: its time is not within 10 s of ours")
    return claims
