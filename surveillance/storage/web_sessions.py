"""Sessions of the dashboard, kept here so that they can be listed and ended. A cookie holds a secret, this its hash."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, delete, insert, select, update

from surveillance.domain.errors import NotFound
from surveillance.storage.database import reading, writing
from surveillance.storage.ledger import note
from surveillance.storage.tables import account, web_session

TOUCH_S = 60.0  # how exactly it is known when a session was last used


@dataclass(frozen=True, slots=True)
class WebSession:
    """Somebody's session in some browser. `id` is no secret: it opens nothing."""

    id: str
    user_id: str
    user: str
    made_at: datetime
    seen_at: datetime
    expires_at: datetime
    address: str
    agent: str


class WebSessions:
    """Starts, finds, lists and ends sessions. Safe to share between threads."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def start(self, user_id: str, address: str, agent: str, lasts: timedelta) -> str:
        """A new session; returns its secret, which is nowhere stored. Ones that are over are swept out."""
        secret, now = secrets.token_urlsafe(32), datetime.now(UTC)
        row = {
            "id": _hashed(secret),
            "account": user_id,
            "made_at": now,
            "seen_at": now,
            "expires_at": now + lasts,
            "address": address[:64],
            "agent": agent[:300],
        }
        with writing(self._engine) as connection:
            connection.execute(delete(web_session).where(web_session.c.expires_at <= now))
            connection.execute(insert(web_session), [row])
        return secret

    def find(self, secret: str) -> WebSession | None:
        """The session of that secret, unless it has ended, is over, or its user may no longer sign in."""
        found = self._listed(web_session.c.id == _hashed(secret))
        return found[0] if found else None

    def touch(self, session: WebSession, address: str) -> None:
        """The session was used just now, from there."""
        now = datetime.now(UTC)
        if (now - session.seen_at).total_seconds() < TOUCH_S and session.address == address[:64]:
            return
        with writing(self._engine) as connection:
            used = update(web_session).where(web_session.c.id == session.id)
            connection.execute(used.values(seen_at=now, address=address[:64]))

    def of(self, user_id: str) -> Sequence[WebSession]:
        """One user's sessions, the last used first."""
        return self._listed(web_session.c.account == user_id)

    def every(self) -> Sequence[WebSession]:
        """All sessions, the last used first."""
        return self._listed()

    def end(self, session_id: str, actor: str, user_id: str | None = None) -> None:
        """Ends that session, which must be that user's where one is named. Raises NotFound."""
        with writing(self._engine) as connection:
            found = _rows(connection, web_session.c.id == session_id)
            if not found or user_id not in (None, found[0].user_id):
                raise NotFound("this session has ended already")
            connection.execute(delete(web_session).where(web_session.c.id == session_id))
            kind = "user.signed_out" if found[0].user == actor else "user.session_ended"
            note(connection, kind, {"user": found[0].user, "address": found[0].address}, actor)

    def end_all(self, user_id: str, actor: str, keep: str | None = None) -> int:
        """Ends every session of a user but the one to keep; returns how many."""
        with writing(self._engine) as connection:
            name = connection.scalar(select(account.c.name).where(account.c.id == user_id))
            ended = end_sessions(connection, user_id, keep)
            if ended:
                note(connection, "user.sessions_ended", {"user": name, "count": ended}, actor)
            return ended

    def _listed(self, *which: ColumnElement[bool]) -> list[WebSession]:
        with reading(self._engine) as connection:
            return _rows(connection, *which)


def end_sessions(connection: Connection, user_id: str, keep: str | None = None) -> int:
    """Within the transaction of what ends them, such as a change of password."""
    ended = delete(web_session).where(web_session.c.account == user_id)
    if keep is not None:
        ended = ended.where(web_session.c.id != keep)
    return connection.execute(ended).rowcount


def _rows(connection: Connection, *which: ColumnElement[bool]) -> list[WebSession]:
    query: Any = (
        select(web_session, account.c.name)
        .join(account, account.c.id == web_session.c.account)
        .where(account.c.enabled, web_session.c.expires_at > datetime.now(UTC), *which)
        .order_by(web_session.c.seen_at.desc(), web_session.c.id)
    )
    return [
        WebSession(
            id=row.id,
            user_id=row.account,
            user=row.name,
            made_at=row.made_at,
            seen_at=row.seen_at,
            expires_at=row.expires_at,
            address=row.address,
            agent=row.agent,
        )
        for row in connection.execute(query)
    ]


def _hashed(secret: str) -> str:
    """Plain SHA-256 is enough for 256 random bits."""
    return hashlib.sha256(secret.encode()).hexdigest()
