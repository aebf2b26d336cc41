"""People who sign in and programs that hold tokens. Passwords are kept as argon2id, tokens as hashes.

Signing in costs the same time for a known and an unknown name; a name is locked for a while after wrong passwords.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import Connection, Engine, func, insert, select, update

from surveillance.domain.errors import NotFound, UserMistake
from surveillance.domain.permissions import ROLES, WHOLE, Reach
from surveillance.domain.suggest import no_such
from surveillance.domain.values import new_id
from surveillance.storage.database import reading, writing
from surveillance.storage.ledger import note
from surveillance.storage.tables import account
from surveillance.storage.tokens import Tokens

PASSWORD_MIN = 10
_FREE_TRIES = 5
_LOCK_MAX = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class User:
    """Somebody who may sign in. `changed_at` moves with password and role: a session from before it is over."""

    id: str
    name: str
    role: str
    must_change: bool
    changed_at: datetime
    reach: Reach = WHOLE


class Accounts(Tokens):
    """Users with their passwords, and tokens. Safe to share between threads."""

    def __init__(self, engine: Engine, hasher: PasswordHasher | None = None) -> None:
        super().__init__(engine)
        self._hasher = hasher or PasswordHasher()
        self._nobody = self._hasher.hash(secrets.token_hex(16))  # compared with when the name is unknown

    def create_first_admin(self, name: str = "admin") -> str | None:
        """Makes the first administrator and returns the password, this once; None when there are users already."""
        password = secrets.token_urlsafe(12)
        hashed = self._hasher.hash(password)
        with writing(self._engine) as connection:
            if connection.execute(select(func.count()).select_from(account)).scalar_one() > 0:
                return None
            self._insert(connection, name, "administrator", hashed, must_change=True, actor="first start")
        return password

    def add(self, name: str, role: str, password: str, actor: str = "command line") -> User:
        """A new user. Raises UserMistake for a name that is taken or odd, an unknown role or a weak password."""
        _check_name(name)
        _check_role(role)
        _check_password(password, name)
        hashed = self._hasher.hash(password)
        with writing(self._engine) as connection:
            if _by_name(connection, name) is not None:
                raise UserMistake(f"a user {name!r} exists already: choose another name, or change the password")
            self._insert(connection, name, role, hashed, must_change=False, actor=actor)
            return _user(_by_name(connection, name))

    def passwd(self, name: str, password: str, actor: str | None = None) -> None:
        """Sets a password of the user's own choice; unlocks the name. Raises NotFound, UserMistake."""
        _check_password(password, name)
        hashed = self._hasher.hash(password)
        with writing(self._engine) as connection:
            done = connection.execute(
                update(account)
                .where(account.c.name == name)
                .values(
                    password_hash=hashed, must_change=False, failed=0, locked_until=None, changed_at=datetime.now(UTC)
                )
            )
            if done.rowcount != 1:
                known = connection.scalars(select(account.c.name).order_by(account.c.name))
                raise NotFound(no_such("user", name, list(known)))
            note(connection, "user.password_changed", {"user": name}, actor or name)

    def authenticate(self, name: str, password: str) -> User | None:
        """The user, or None for an unknown, disabled or locked name or a wrong password: callers cannot tell which."""
        with reading(self._engine) as connection:
            row = _by_name(connection, name)
        right = self._matches(self._nobody if row is None else row.password_hash, password)
        if row is None:
            return None
        with writing(self._engine) as connection:
            row = _by_name(connection, name)
            if row is None or not row.enabled or _is_locked(row):
                return None
            if not right:
                _count_failure(connection, row)
                return None
            self._settle(connection, row, password)
            return _user(row)

    def user(self, user_id: str) -> User | None:
        """The user of that id, None when there is none or it is disabled."""
        with reading(self._engine) as connection:
            row = connection.execute(select(account).where(account.c.id == user_id)).one_or_none()
        return _user(row) if row is not None and row.enabled else None

    def tell(self, kind: str, details: Mapping[str, Any], actor: str) -> None:
        """Puts something that a person did on record, such as user.viewed."""
        with writing(self._engine) as connection:
            note(connection, kind, details, actor)

    def _matches(self, hashed: str, password: str) -> bool:
        try:
            return self._hasher.verify(hashed, password)
        except (VerificationError, InvalidHashError):
            return False

    def _settle(self, connection: Connection, row: Any, password: str) -> None:
        values: dict[str, Any] = {"failed": 0, "locked_until": None}
        if self._hasher.check_needs_rehash(row.password_hash):
            values["password_hash"] = self._hasher.hash(password)
        connection.execute(update(account).where(account.c.id == row.id).values(**values))
        note(connection, "user.signed_in", {"user": row.name}, row.name)

    def _insert(
        self, connection: Connection, name: str, role: str, hashed: str, *, must_change: bool, actor: str
    ) -> None:
        row = {
            "id": new_id(),
            "name": name,
            "role": role,
            "password_hash": hashed,
            "must_change": must_change,
            "enabled": True,
            "failed": 0,
            "changed_at": datetime.now(UTC),
        }
        connection.execute(insert(account), [row])
        note(connection, "user.added", {"user": name, "role": role}, actor)


def _by_name(connection: Connection, name: str) -> Any:
    return connection.execute(select(account).where(account.c.name == name)).one_or_none()


def _user(row: Any) -> User:
    return User(row.id, row.name, row.role, row.must_change, row.changed_at)


def _is_locked(row: Any) -> bool:
    return row.locked_until is not None and row.locked_until > datetime.now(UTC)


def _count_failure(connection: Connection, row: Any) -> None:
    """From the fifth wrong password on, the name is locked: a minute, then twice as long each time."""
    failed = row.failed + 1
    locked_until = None
    if failed >= _FREE_TRIES:
        locked_until = datetime.now(UTC) + min(timedelta(minutes=2 ** min(failed - _FREE_TRIES, 10)), _LOCK_MAX)
        note(connection, "user.locked", {"user": row.name, "failed": failed}, row.name)
    connection.execute(update(account).where(account.c.id == row.id).values(failed=failed, locked_until=locked_until))


def _check_name(name: str) -> None:
    if not re.fullmatch(r"[\w][\w.@-]{0,63}", name):
        raise UserMistake(f"{name!r} is no user name: use letters, digits, dots, @, - and _, at most 64")


def _check_role(role: str) -> None:
    if role not in ROLES:
        raise UserMistake(f"no role is called {role!r}; there are: {', '.join(ROLES)}")


def _check_password(password: str, name: str) -> None:
    if len(password) < PASSWORD_MIN or len(password) > 1000 or password.lower() == name.lower():
        raise UserMistake(f"that password is too weak: use at least {PASSWORD_MIN} characters, not the name")
