"""The second factor: codes of a phone (TOTP, RFC 6238) and ten recovery codes for the day the phone is gone.

The shared secret is sealed, recovery codes are keyed hashes, and a code that was used, or is older than one that was,
is refused.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pyotp
from sqlalchemy import Connection, Engine, select, update

from surveillance.domain.errors import UserMistake
from surveillance.storage.database import reading, writing
from surveillance.storage.keys import KeyStore
from surveillance.storage.ledger import note
from surveillance.storage.tables import account

RECOVERY_CODES = 10
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # none that are taken for another
_DRIFT = 1  # steps of 30 s by which a phone's clock may be off
ISSUER = "Surveillance"


@dataclass(frozen=True, slots=True)
class Draft:
    """A secret that waits for its first code: as text to type, and as the address that a QR code holds."""

    secret: str
    uri: str


class SecondFactor:
    """Sets up and takes away second factors. Safe to share between threads."""

    def __init__(self, engine: Engine, keys: KeyStore) -> None:
        self._engine = engine
        self._keys = keys

    def draft(self, user_id: str) -> Draft:
        """The secret to put into the phone; the same until it is confirmed. Raises UserMistake where one is in use."""
        with writing(self._engine) as connection:
            row = _row(connection, user_id)
            if row.totp_since is not None:
                raise UserMistake("a second factor is set up already: take it away first")
            secret = self._keys.decrypt(row.totp) if row.totp else pyotp.random_base32()
            if row.totp is None:
                _save(connection, user_id, totp=self._keys.encrypt(secret))
        return Draft(secret, pyotp.TOTP(secret).provisioning_uri(name=row.name, issuer_name=ISSUER))

    def confirm(self, user_id: str, code: str) -> list[str]:
        """Puts the drafted secret in force, once the phone shows its code; the recovery codes, this once.

        Raises UserMistake for another code.
        """
        with writing(self._engine) as connection:
            row = _row(connection, user_id)
            if row.totp is None or row.totp_since is not None:
                raise UserMistake("there is no second factor to confirm: begin again")
            step = matching_step(self._keys.decrypt(row.totp), code, None)
            if step is None:
                raise UserMistake("that is not the code: is the clock of the phone right?")
            codes, hashes = self._recovery()
            _save(connection, user_id, totp_since=datetime.now(UTC), totp_step=step, recovery=hashes)
            note(connection, "user.second_factor_added", {"user": row.name}, row.name)
        return codes

    def renew_recovery(self, user_id: str) -> list[str]:
        """New recovery codes in place of all earlier ones, shown this once. Raises UserMistake."""
        with writing(self._engine) as connection:
            row = _row(connection, user_id)
            if row.totp_since is None:
                raise UserMistake("there is no second factor yet: set one up first")
            codes, hashes = self._recovery()
            _save(connection, user_id, recovery=hashes)
            note(connection, "user.recovery_codes_made", {"user": row.name}, row.name)
        return codes

    def remove(self, user_id: str, actor: str) -> None:
        """Takes the second factor away, as when the phone is lost. Nothing happens where there is none."""
        with writing(self._engine) as connection:
            row = _row(connection, user_id)
            _save(connection, user_id, totp=None, totp_since=None, totp_step=None, recovery=None)
            if row.totp_since is not None:
                note(connection, "user.second_factor_removed", {"user": row.name}, actor)

    def recovery_left(self, user_id: str) -> int:
        with reading(self._engine) as connection:
            return len(_row(connection, user_id).recovery or ())

    def _recovery(self) -> tuple[list[str], list[str]]:
        letters = ["".join(secrets.choice(_LETTERS) for _ in range(10)) for _ in range(RECOVERY_CODES)]
        codes = [f"{each[:5]}-{each[5:]}" for each in letters]
        return codes, [hash_recovery(self._keys, code) for code in codes]


def spend_code(connection: Connection, keys: KeyStore, row: Any, code: str) -> str | None:
    """Takes a code of an account's second factor, so that it is never taken again: `code`, `recovery code` or None."""
    step = matching_step(keys.decrypt(row.totp), code, row.totp_step)
    if step is not None:
        _save(connection, row.id, totp_step=step)
        return "code"
    hashed = hash_recovery(keys, code)
    left = [known for known in row.recovery or () if not hmac.compare_digest(known, hashed)]
    if len(left) == len(row.recovery or ()):
        return None
    _save(connection, row.id, recovery=left)
    return "recovery code"


def matching_step(secret: str, code: str, after: int | None) -> int | None:
    """The step of time whose code it is, newer than `after`; None when it is none of about now."""
    totp, digits = pyotp.TOTP(secret), "".join(code.split())
    now = totp.timecode(datetime.now(UTC))
    steps: Sequence[int] = range(now - _DRIFT, now + _DRIFT + 1)
    matching = [step for step in steps if hmac.compare_digest(totp.generate_otp(step).encode(), digits.encode())]
    return next((step for step in matching if after is None or step > after), None)


def hash_recovery(keys: KeyStore, code: str) -> str:
    return keys.hash_text("recovery", code.replace("-", "").replace(" ", "").lower())


def _row(connection: Connection, user_id: str) -> Any:
    return connection.execute(select(account).where(account.c.id == user_id)).one()


def _save(connection: Connection, user_id: str, **values: Any) -> None:
    connection.execute(update(account).where(account.c.id == user_id).values(**values))
