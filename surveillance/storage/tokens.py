"""Tokens for programs such as badge readers: shown once, kept as a hash, limited to their scopes."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Engine, insert, select, update

from surveillance.domain.errors import NotFound, UserMistake
from surveillance.domain.permissions import SCOPES, WHOLE, Reach
from surveillance.storage.database import reading, writing
from surveillance.storage.ledger import note
from surveillance.storage.tables import api_token

_TOKEN = re.compile(r"svt_([0-9a-f]{16})_([A-Za-z0-9_-]{43})")


@dataclass(frozen=True, slots=True)
class Token:
    """What a token may do; holds no secret."""

    id: str
    name: str
    scopes: frozenset[str]
    reach: Reach = WHOLE


class Tokens:
    """Makes and checks tokens. Safe to share between threads."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def create_token(self, name: str, scopes: Iterable[str], actor: str = "command line") -> str:
        """A new token, in clear for the only time; a token of that name is replaced. Raises UserMistake."""
        wanted = sorted(set(scopes))
        unknown = [scope for scope in wanted if scope not in SCOPES]
        if unknown or not wanted:
            raise UserMistake(f"no scope is called {', '.join(unknown) or 'nothing'}; there are: {', '.join(SCOPES)}")
        token_id, secret = secrets.token_hex(8), secrets.token_urlsafe(32)
        row = {"id": token_id, "name": name, "hash": _hash(secret), "scopes": wanted}
        fresh = row | {"created_at": datetime.now(UTC), "revoked_at": None}
        with writing(self._engine) as connection:
            done = connection.execute(update(api_token).where(api_token.c.name == name).values(**fresh))
            if done.rowcount == 0:
                connection.execute(insert(api_token), [fresh])
            note(connection, "user.token_made", {"token": name, "scopes": wanted}, actor)
        return f"svt_{token_id}_{secret}"

    def find_token(self, token: str) -> Token | None:
        """The token when it is genuine and not revoked, whatever its scopes: a program is told which it lacks."""
        parts = _TOKEN.fullmatch(token)
        if parts is None:
            return None
        with reading(self._engine) as connection:
            row = connection.execute(select(api_token).where(api_token.c.id == parts[1])).one_or_none()
        if row is None or row.revoked_at is not None or not hmac.compare_digest(row.hash, _hash(parts[2])):
            return None
        return Token(row.id, row.name, frozenset(row.scopes))

    def list_tokens(self) -> list[Token]:
        """Every token that is not revoked, by name."""
        with reading(self._engine) as connection:
            rows = connection.execute(
                select(api_token).where(api_token.c.revoked_at.is_(None)).order_by(api_token.c.name)
            ).all()
        return [Token(row.id, row.name, frozenset(row.scopes)) for row in rows]

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


def _hash(secret: str) -> str:
    """Plain SHA-256 is enough for 256 random bits."""
    return hashlib.sha256(secret.encode()).hexdigest()
