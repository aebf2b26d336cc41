"""Badges as QR codes whose text is signed, so that a reader's forgery ends at the desk before any look-up.

    SB1.  a printed badge: 16 bytes id, 4 bytes issued, 4 bytes expires (Unix seconds, 0: never), in base64url
    SP1.  the link to a badge on a phone: the same; it opens a page, never a door
    SB2.  the code that the phone shows, for seconds: 16 bytes id, 4 bytes expires, 4 random bytes by which it counts
          once, in base32, which makes a code of fewer and larger modules

Each is followed by 64 bytes of Ed25519 over all before. What is printed can be copied by whoever sees it: it is of low
assurance, as the factor `qr` tells rules.
"""

from __future__ import annotations

import base64
import binascii
import os
import struct
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

QR, PHONE = "qr", "phone"  # kinds of the credentials behind a printed badge, and one on a phone
PRINTED, LINK, SHOWN = "SB1.", "SP1.", "SB2."
SHOWN_FOR = timedelta(seconds=40)
_BODY = struct.Struct(">16sII")  # id, issued, expires
_SHOWN_BODY = struct.Struct(">16sI4s")  # id, expires, random
_SIGNATURE_BYTES = 64
_SIGNED = {  # what else this key might sign is never taken for a badge, nor one kind for another
    PRINTED: b"surveillance badge 1\0",
    LINK: b"surveillance pass 1\0",
    SHOWN: b"surveillance badge 2\0",
}


@dataclass(frozen=True, slots=True)
class Badge:
    """What a badge says: its id, which only its credential's hash is kept of, and how long it counts."""

    id: str
    issued: datetime
    expires: datetime | None
    kind: str = QR  # of the credential behind it
    once: str = ""  # by which a code that counts once is known again

    def is_over(self, at: datetime) -> bool:
        return self.expires is not None and at >= self.expires


class BadgeSeal:
    """Issues and reads badges with a key of 32 bytes. Safe to share between threads."""

    def __init__(self, key: bytes, older: Sequence[bytes] = ()) -> None:
        """What `older` keys signed is read too."""
        self._key = Ed25519PrivateKey.from_private_bytes(key)
        self._public = [Ed25519PrivateKey.from_private_bytes(one).public_key() for one in (key, *older)]

    def issue(self, now: datetime, expires: datetime | None) -> tuple[Badge, str]:
        """A new badge to print and the text of its code. Times count in whole seconds."""
        badge = Badge(os.urandom(16).hex(), _whole(now), None if expires is None else _whole(expires))
        return badge, self._sign(PRINTED, _packed(badge))

    def issue_link(self, now: datetime, expires: datetime) -> tuple[Badge, str]:
        """A new badge on a phone and the text of its link, which `show` makes codes of."""
        badge = Badge(os.urandom(16).hex(), _whole(now), _whole(expires), PHONE)
        return badge, self._sign(LINK, _packed(badge))

    def show(self, link: Badge, now: datetime) -> tuple[Badge, str]:
        """A fresh code of a badge on a phone: it counts for SHOWN_FOR, and once at each door."""
        ends_at = _whole(now + SHOWN_FOR)
        body = _SHOWN_BODY.pack(bytes.fromhex(link.id), int(ends_at.timestamp()), os.urandom(4))
        return _shown(body), self._sign(SHOWN, body)

    def read(self, text: str) -> Badge | None:
        """The badge of a code, whether or not it is over; None for anything that was not signed here."""
        if text.startswith(SHOWN):
            body = self._verified(SHOWN, _SHOWN_BODY.size, text)
            return None if body is None else _shown(body)
        body = self._verified(PRINTED, _BODY.size, text)
        return None if body is None else _lasting(body, QR)

    def read_link(self, text: str) -> Badge | None:
        """The badge of a link, whether or not it is over."""
        body = self._verified(LINK, _BODY.size, text)
        return None if body is None else _lasting(body, PHONE)

    def _sign(self, prefix: str, body: bytes) -> str:
        sealed = body + self._key.sign(_SIGNED[prefix] + body)
        coded = base64.b32encode(sealed) if prefix == SHOWN else base64.urlsafe_b64encode(sealed)
        return prefix + coded.rstrip(b"=").decode()

    def _verified(self, prefix: str, size: int, text: str) -> bytes | None:
        """What was signed under that prefix, if it was."""
        try:
            coded = text.removeprefix(prefix).encode("ascii")
            if prefix == SHOWN:
                sealed = base64.b32decode(coded + b"=" * (-len(coded) % 8))
            else:
                sealed = base64.b64decode(coded + b"=" * (-len(coded) % 4), altchars=b"-_", validate=True)
        except (UnicodeEncodeError, binascii.Error):
            return None
        if not text.startswith(prefix) or len(sealed) != size + _SIGNATURE_BYTES:
            return None
        for public in self._public:
            with suppress(InvalidSignature):
                public.verify(sealed[size:], _SIGNED[prefix] + sealed[:size])
                return sealed[:size]
        return None


def is_code(text: str) -> bool:
    """Whether a text looks like a badge's code; only `BadgeSeal.read` tells whether it is one."""
    return text.startswith((PRINTED, SHOWN))


def _lasting(body: bytes, kind: str) -> Badge:
    id, issued, expires = _BODY.unpack(body)
    return Badge(id.hex(), _moment(issued), _moment(expires) if expires else None, kind)


def _shown(body: bytes) -> Badge:
    id, expires, _ = _SHOWN_BODY.unpack(body)
    return Badge(id.hex(), _moment(expires) - SHOWN_FOR, _moment(expires), PHONE, body[16:].hex())


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _packed(badge: Badge) -> bytes:
    ends_s = int(badge.expires.timestamp()) if badge.expires else 0
    return _BODY.pack(bytes.fromhex(badge.id), int(badge.issued.timestamp()), ends_s)


def _whole(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(microsecond=0)
