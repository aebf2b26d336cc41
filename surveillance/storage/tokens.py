"""Tokens for programs such as badge readers: shown once, kept as a hash, limited to scopes, reach and time."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Engine, insert, select, update

from surveillance.domain.errors import NotFound, UserMistake
from surveillance.domain.permissions import SCOPES, WHOLE, Reach
from surveillance.domain.values import rfc3339
from surveillance.storage.database import reading, writing
from surveillance.storage.ledger import note
from surveillance.storage.reaches import columns_of, reach_of, told_reach
from surveillance.storage.tables import api_token

TOUCH_S = 60.0  # how exactly it is known when a token was last used
_TOKEN = re.compile(r"svt_([0-9a-f]{16})_([A-Za-z0-9_-]{43})")


@dataclass(frozen=True, slots=True)
class Token:
    """What a token may do; holds no secret."""

    id: str
    name: str
    scopes: frozenset[str]
    reach: Reach = WHOLE
    made_at: datetime | None = None
    expires_at: datetime | None = None  # None: never
    used_at: datetime | None = None  # None: not yet; to the minute


class Tokens:
    """Makes and checks tokens. Safe to share between threads."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def create_token(
        self,
        name: str,
        scopes: Iterable[str],
        actor: str = "command line",
        reach: Reach = WHOLE,
        expires_at: datetime | None = None,
    ) -> str:
        """A new token, in clear for the only time; a token of that name is replaced. Raises UserMistake."""
        wanted = _check(name, scopes, expires_at)
        token_id, secret = secrets.token_hex(8), secrets.token_urlsafe(32)
        row = {"id": token_id, "name": name, "hash": _hash(secret), "scopes": wanted, **columns_of(reach)}
        fresh = row | {"created_at": datetime.now(UTC), "expires_at": expires_at, "used_at": None, "revoked_at": None}
        told: dict[str, Any] = {"token": name, "scopes": wanted, **told_reach(reach)}
        if expires_at is not None:
            told["expires_at"] = rfc3339(expires_at)
        with writing(self._engine) as connection:
            done = connection.execute(update(api_token).where(api_token.c.name == name).values(**fresh))
            if done.rowcount == 0:
                connection.execute(insert(api_token), [fresh])
            note(connection, "user.token_made", told, actor)
        return f"svt_{token_id}_{secret}"

    def find_token(self, token: str) -> Token | None:
        """The token when it is genuine and still holds, whatever its scopes: a program is told which it lacks."""
        parts = _TOKEN.fullmatch(token)
        if parts is None:
            return None
        with reading(self._engine) as connection:
            row = connection.execute(select(api_token).where(api_token.c.id == parts[1])).one_or_none()
        if row is None or row.revoked_at is not None or not hmac.compare_digest(row.hash, _hash(parts[2])):
            return None
        found = _token(row)
        return None if found.expires_at is not None and found.expires_at <= datetime.now(UTC) else found

    def touch_token(self, token: Token) -> None:
        """The token was used just now."""
        now = datetime.now(UTC)
        if token.used_at is None or (now - token.used_at).total_seconds() >= TOUCH_S:
            with writing(self._engine) as connection:
                connection.execute(update(api_token).where(api_token.c.id == token.id).values(used_at=now))

    def list_tokens(self) -> list[Token]:
        """Every token that is not revoked, by name."""
        with reading(self._engine) as connection:
            rows = connection.execute(
                select(api_token).where(api_token.c.revoked_at.is_(None)).order_by(api_token.c.name)
            ).all()
        return [_token(row) for row in rows]

    def revoke_token(self, name: str, actor: str = "command line") -> None:
        """Ends a token at once. Raises NotFound."""
        with writing(self._engine) as connection:
            done = connection.execute(
                update(api_token)
                .where(api_token.c.name == name, api_token.c.revoked_at.is_(None))
                .values(revoked_at=datetime.now(UTC))
            )
            if done.rowcount != 1:
                raise NotFound(f"no token is called {name!r}")
            note(connection, "user.token_revoked", {"token": name}, actor)


def _check(name: str, scopes: Iterable[str], expires_at: datetime | None) -> list[str]:
    """The scopes in order. Raises UserMistake for a name, scope or end that cannot be."""
    wanted = sorted(set(scopes))
    unknown = [scope for scope in wanted if scope not in SCOPES]
    if unknown or not wanted:
        raise UserMistake(f"no scope is called {', '.join(unknown) or 'nothing'}; there are: {', '.join(SCOPES)}")
    if not re.fullmatch(r"\w[\w .:@-]{0,99}", name):
        raise UserMistake(f"{name!r} is no name for a token: use letters, digits, blanks, dots, colons, @, - and _")
    if expires_at is not None and expires_at <= datetime.now(UTC):
        raise UserMistake("that token would have expired already: choose a later end")
    return wanted


def _token(row: Any) -> Token:
    return Token(
        id=row.id,
        name=row.name,
        scopes=frozenset(row.scopes),
        reach=reach_of(row),
        made_at=row.created_at,
        expires_at=row.expires_at,
        used_at=row.used_at,
    )


def _hash(secret: str) -> str:
    """Plain SHA-256 is enough for 256 random bits."""
    return hashlib.sha256(secret.encode()).hexdigest()
