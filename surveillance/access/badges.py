"""Badges to print: a QR code whose text is signed, so that a reader's forgery ends at the desk before any look-up.

`SB1.` and, in base64url: 16 bytes id, 4 bytes issued, 4 bytes expires (Unix seconds, 0: never), 64 bytes Ed25519 over
all before. What is printed can be copied by whoever sees it: it is of low assurance, as the factor `qr` tells rules.
"""

from __future__ import annotations

import base64
import binascii
import os
import struct
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

PREFIX = "SB1."
QR = "qr"  # kind of the credential behind a printed badge
_BODY = struct.Struct(">16sII")
_SIGNATURE_BYTES = 64
_SIGNED = b"surveillance badge 1\0"  # what else this key might sign is never taken for a badge


@dataclass(frozen=True, slots=True)
class Badge:
    """What a badge says: its id, which only its credential's hash is kept of, and how long it counts."""

    id: str
    issued: datetime
    expires: datetime | None

    def is_over(self, at: datetime) -> bool:
        return self.expires is not None and at >= self.expires


class BadgeSeal:
    """Issues and reads badges with a key of 32 bytes. Safe to share between threads."""

    def __init__(self, key: bytes) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(key)
        self._public = self._key.public_key()

    def issue(self, now: datetime, expires: datetime | None) -> tuple[Badge, str]:
        """A new badge and the text of its code. Times count in whole seconds."""
        badge = Badge(os.urandom(16).hex(), _whole(now), None if expires is None else _whole(expires))
        body = _BODY.pack(
            bytes.fromhex(badge.id),
            int(badge.issued.timestamp()),
            int(badge.expires.timestamp()) if badge.expires else 0,
        )
        sealed = body + self._key.sign(_SIGNED + body)
        return badge, PREFIX + base64.urlsafe_b64encode(sealed).rstrip(b"=").decode()

    def read(self, text: str) -> Badge | None:
        """The badge of a code, whether or not it is over; None for anything that was not signed here."""
        try:
            coded = text.removeprefix(PREFIX).encode("ascii")
            sealed = base64.b64decode(coded + b"=" * (-len(coded) % 4), altchars=b"-_", validate=True)
        except (UnicodeEncodeError, binascii.Error):
            return None
        if not text.startswith(PREFIX) or len(sealed) != _BODY.size + _SIGNATURE_BYTES:
            return None
        body, signature = sealed[: _BODY.size], sealed[_BODY.size :]
        try:
            self._public.verify(signature, _SIGNED + body)
        except InvalidSignature:
            return None
        id, issued, expires = _BODY.unpack(body)
        return Badge(
            id.hex(), datetime.fromtimestamp(issued, UTC), datetime.fromtimestamp(expires, UTC) if expires else None
        )


def _whole(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(microsecond=0)
