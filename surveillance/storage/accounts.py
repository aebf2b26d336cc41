"""People who sign in, their roles and reach, and programs that hold tokens. Passwords are kept as argon2id.

A try costs the same time for a known and an unknown name, right up to the commit. The last administrator who may sign
in can be neither removed, disabled nor given another role.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import Connection, Engine, delete, func, insert, select, update

from surveillance.domain.errors import NotFound, UserMistake
from surveillance.domain.permissions import ROLES, WHOLE, Reach
from surveillance.domain.suggest import no_such
from surveillance.domain.values import new_id
from surveillance.storage.database import reading, writing
from surveillance.storage.keys import KeyStore
from surveillance.storage.ledger import note
from surveillance.storage.reaches import columns_of, reach_of, told_reach
from surveillance.storage.second_factor import spend_code
from surveillance.storage.tables import account
from surveillance.storage.tokens import Tokens
from surveillance.storage.tries import Tries
from surveillance.storage.web_sessions import end_sessions

PASSWORD_MIN = 10


@dataclass(frozen=True, slots=True)
class User:
    """Somebody who may sign in. `must_change`: the password was given to them, and they have to choose their own."""

    id: str
    name: str
    role: str
    must_change: bool
    changed_at: datetime
    reach: Reach = WHOLE
    enabled: bool = True
    has_second_factor: bool = False
    signed_in_at: datetime | None = None


@cache
def _nobody(time_cost: int, memory_cost: int, parallelism: int) -> str:
    """What a password is compared with when the name is unknown, as slow to compare as a user's; made once."""
    return PasswordHasher(time_cost, memory_cost, parallelism).hash(secrets.token_hex(16))


class Accounts(Tokens):
    """Users with their passwords, and tokens. Safe to share between threads."""

    def __init__(self, engine: Engine, keys: KeyStore, hasher: PasswordHasher | None = None) -> None:
        super().__init__(engine)
        self._keys = keys
        self._tries = Tries(keys)
        self._hasher = hasher or PasswordHasher()
        self._nobody = _nobody(self._hasher.time_cost, self._hasher.memory_cost, self._hasher.parallelism)

    # --- signing in

    def authenticate(self, name: str, password: str) -> User | None:
        """The user, or None for an unknown, disabled or locked name or a wrong password: callers cannot tell which.

        One who has a second factor is not signed in before `second_step`.
        """
        with reading(self._engine) as connection:
            row = _by_name(connection, name)
        hashed = self._nobody if row is None else row.password_hash
        right = self._matches(hashed, password)
        with writing(self._engine) as connection:
            row = _by_name(connection, name)
            if self._tries.locked_until(connection, name) is not None:
                return None
            if row is None or not row.enabled or not right or row.password_hash != hashed:
                self._fail(connection, name, row)
                return None
            if self._hasher.check_needs_rehash(hashed):
                _save(connection, row.id, password_hash=self._hasher.hash(password))
            if row.totp_since is None:
                self._come_in(connection, row, {})
            return _user(row)

    def second_step(self, user_id: str, code: str) -> User | None:
        """The user whose password was right, with the code of the second factor or a recovery code; None otherwise."""
        with writing(self._engine) as connection:
            row = connection.execute(select(account).where(account.c.id == user_id)).one_or_none()
            if row is None or not row.enabled or row.totp_since is None:
                return None
            if self._tries.locked_until(connection, row.name) is not None:
                return None
            by = spend_code(connection, self._keys, row, code)
            if by is None:
                self._fail(connection, row.name, row)
                return None
            self._come_in(connection, row, {"by": by})
            return _user(row)

    def confirm(self, user_id: str, password: str) -> bool:
        """Whether it is the user's password, asked again before something that matters; wrong ones count."""
        with reading(self._engine) as connection:
            row = connection.execute(select(account).where(account.c.id == user_id)).one()
        right = self._matches(row.password_hash, password)
        with writing(self._engine) as connection:
            if self._tries.locked_until(connection, row.name) is not None:
                return False
            if not right:
                self._fail(connection, row.name, row)
            return right

    def user(self, user_id: str) -> User | None:
        """The user of that id, None when there is none or it is disabled."""
        with reading(self._engine) as connection:
            row = connection.execute(select(account).where(account.c.id == user_id)).one_or_none()
        return _user(row) if row is not None and row.enabled else None

    # --- administration

    def list_users(self) -> list[User]:
        """Everybody, by name."""
        with reading(self._engine) as connection:
            return [_user(row) for row in connection.execute(select(account).order_by(account.c.name))]

    def locked(self) -> dict[str, datetime]:
        """The users whose name is locked after wrong passwords, with the end of it."""
        with reading(self._engine) as connection:
            return self._tries.locked_among(connection, list(connection.scalars(select(account.c.name))))

    def create_first_admin(self, name: str = "admin") -> str | None:
        """Makes the first administrator and returns the password, this once; None when there are users already."""
        password = one_time_password()
        hashed = self._hasher.hash(password)
        with writing(self._engine) as connection:
            if connection.execute(select(func.count()).select_from(account)).scalar_one() > 0:
                return None
            self._insert(connection, name, "administrator", WHOLE, hashed, must_change=True, actor="first start")
        return password

    def add(
        self,
        name: str,
        role: str,
        password: str,
        actor: str = "command line",
        reach: Reach = WHOLE,
        must_change: bool = False,
    ) -> User:
        """A new user. Raises UserMistake for a name that is taken or odd, an unknown role or a weak password."""
        _check_name(name)
        _check_role(role, reach)
        _check_password(password, name)
        hashed = self._hasher.hash(password)
        with writing(self._engine) as connection:
            if _by_name(connection, name) is not None:
                raise UserMistake(f"a user {name!r} exists already: choose another name, or change the password")
            self._insert(connection, name, role, reach, hashed, must_change=must_change, actor=actor)
            return _user(_by_name(connection, name))

    def set(self, name: str, actor: str, role: str | None = None, reach: Reach | None = None) -> User:
        """Changes role and reach, which holds from the user's next request on. Raises NotFound, UserMistake."""
        with writing(self._engine) as connection:
            row = _known(connection, name)
            after_role, after_reach = role or row.role, reach_of(row) if reach is None else reach
            _check_role(after_role, after_reach)
            if after_role != "administrator":
                _keep_an_administrator(connection, row)
            _save(connection, row.id, role=after_role, **columns_of(after_reach))
            note(connection, "user.changed", {"user": name, "role": after_role, **told_reach(after_reach)}, actor)
            return _user(_by_name(connection, name))

    def set_enabled(self, name: str, enabled: bool, actor: str) -> None:
        """Lets somebody sign in or no longer; the latter ends every session. Raises NotFound, UserMistake."""
        with writing(self._engine) as connection:
            row = _known(connection, name)
            if not enabled:
                _keep_an_administrator(connection, row)
                end_sessions(connection, row.id)
            _save(connection, row.id, enabled=enabled)
            note(connection, "user.enabled" if enabled else "user.disabled", {"user": name}, actor)

    def remove(self, name: str, actor: str) -> None:
        """Removes an account and its sessions; what it did stays on record. Raises NotFound, UserMistake."""
        with writing(self._engine) as connection:
            row = _known(connection, name)
            _keep_an_administrator(connection, row)
            end_sessions(connection, row.id)
            connection.execute(delete(account).where(account.c.id == row.id))
            self._tries.forget(connection, name)
            note(connection, "user.removed", {"user": name}, actor)

    def unlock(self, name: str, actor: str) -> None:
        """Lets a name that was locked after wrong passwords try again. Raises NotFound."""
        with writing(self._engine) as connection:
            _known(connection, name)
            self._tries.forget(connection, name)
            note(connection, "user.unlocked", {"user": name}, actor)

    def passwd(self, name: str, password: str, actor: str | None = None, keep: str | None = None) -> None:
        """Sets a password of the user's own choice; unlocks the name, and ends the sessions but the one to keep.

        Raises NotFound, UserMistake.
        """
        self._set_password(name, password, actor or name, must_change=False, keep=keep)

    def reset_password(self, name: str, actor: str) -> str:
        """A password for one sign-in, to be told to the user, who then chooses another. Raises NotFound."""
        password = one_time_password()
        self._set_password(name, password, actor, must_change=True)
        return password

    def tell(self, kind: str, details: Mapping[str, Any], actor: str) -> None:
        """Puts something that a person did on record, such as user.viewed."""
        with writing(self._engine) as connection:
            note(connection, kind, details, actor)

    # --- inside

    def _set_password(
        self, name: str, password: str, actor: str, *, must_change: bool, keep: str | None = None
    ) -> None:
        _check_password(password, name)
        hashed = self._hasher.hash(password)
        with writing(self._engine) as connection:
            row = _known(connection, name)
            _save(
                connection, row.id, password_hash=hashed, must_change=must_change, changed_at=datetime.now(UTC)
            )  # fmt: skip
            end_sessions(connection, row.id, keep)
            self._tries.forget(connection, name)
            kind = "user.password_reset" if must_change else "user.password_changed"
            note(connection, kind, {"user": name}, actor)

    def _matches(self, hashed: str, password: str) -> bool:
        try:
            return self._hasher.verify(hashed, password)
        except (VerificationError, InvalidHashError):
            return False

    def _fail(self, connection: Connection, name: str, row: Any) -> None:
        """Counts a wrong try; of an unknown name the record does not tell, for it may be somebody's password."""
        failed = self._tries.count(connection, name)
        if failed is not None:
            known = None if row is None else row.name
            note(connection, "user.locked", {"user": known, "failed": failed}, known or "nobody")

    def _come_in(self, connection: Connection, row: Any, how: Mapping[str, str]) -> None:
        self._tries.forget(connection, row.name)
        _save(connection, row.id, signed_in_at=datetime.now(UTC))
        note(connection, "user.signed_in", {"user": row.name, **how}, row.name)

    def _insert(
        self,
        connection: Connection,
        name: str,
        role: str,
        reach: Reach,
        hashed: str,
        *,
        must_change: bool,
        actor: str,
    ) -> None:
        row = {
            "id": new_id(),
            "name": name,
            "role": role,
            **columns_of(reach),
            "password_hash": hashed,
            "must_change": must_change,
            "enabled": True,
            "changed_at": datetime.now(UTC),
        }
        connection.execute(insert(account), [row])
        note(connection, "user.added", {"user": name, "role": role, **told_reach(reach)}, actor)


def one_time_password() -> str:
    return secrets.token_urlsafe(12)


def _by_name(connection: Connection, name: str) -> Any:
    return connection.execute(select(account).where(account.c.name == name)).one_or_none()


def _known(connection: Connection, name: str) -> Any:
    row = _by_name(connection, name)
    if row is None:
        known: Sequence[str] = connection.scalars(select(account.c.name).order_by(account.c.name)).all()
        raise NotFound(no_such("user", name, list(known)))
    return row


def _save(connection: Connection, user_id: str, **values: Any) -> None:
    connection.execute(update(account).where(account.c.id == user_id).values(**values))


def _keep_an_administrator(connection: Connection, row: Any) -> None:
    """Raises UserMistake when that user is the only administrator who may sign in."""
    others = select(func.count()).where(account.c.role == "administrator", account.c.enabled, account.c.id != row.id)
    if row.role == "administrator" and row.enabled and connection.execute(others).scalar_one() == 0:
        raise UserMistake(f"{row.name} is the last administrator who may sign in: make another one first")


def _user(row: Any) -> User:
    return User(
        id=row.id,
        name=row.name,
        role=row.role,
        must_change=row.must_change,
        changed_at=row.changed_at,
        reach=reach_of(row),
        enabled=row.enabled,
        has_second_factor=row.totp_since is not None,
        signed_in_at=row.signed_in_at,
    )


def _check_name(name: str) -> None:
    if not re.fullmatch(r"[\w][\w.@-]{0,63}", name):
        raise UserMistake(f"{name!r} is no user name: use letters, digits, dots, @, - and _, at most 64")


def _check_role(role: str, reach: Reach) -> None:
    if role not in ROLES:
        raise UserMistake(f"no role is called {role!r}; there are: {', '.join(ROLES)}")
    if role == "administrator" and not reach.is_whole:
        raise UserMistake("an administrator reaches every camera and door: choose another role, or leave them out")


def _check_password(password: str, name: str) -> None:
    if len(password) < PASSWORD_MIN or len(password) > 1000 or password.lower() == name.lower():
        raise UserMistake(f"that password is too weak: use at least {PASSWORD_MIN} characters, not the name")
