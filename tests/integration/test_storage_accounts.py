"""People and tokens: given once, checked alike for all, locked after guessing, everything on record."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from argon2 import PasswordHasher
from ledger_samples import open_desk
from sqlalchemy import select, update

from surveillance.domain.errors import NotFound, UserMistake
from surveillance.storage.accounts import Accounts
from surveillance.storage.database import reading, writing
from surveillance.storage.queries import Events
from surveillance.storage.tables import account, api_token

PASSWORD = "correct horse"
QUICK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


@pytest.fixture
def desk(tmp_path, database):
    return open_desk(tmp_path, url=database)


@pytest.fixture
def accounts(desk):
    return Accounts(desk.engine, QUICK)


def kinds(desk):
    return [row["kind"] for row in Events(desk.engine).after(0)]


def test_the_first_administrator_is_made_once(desk, accounts):
    password = accounts.create_first_admin()
    assert accounts.create_first_admin() is None
    user = accounts.authenticate("admin", password)
    assert (user.name, user.role, user.must_change) == ("admin", "administrator", True)
    accounts.passwd("admin", PASSWORD)
    assert accounts.authenticate("admin", password) is None
    assert not accounts.authenticate("admin", PASSWORD).must_change
    assert kinds(desk) == ["user.added", "user.signed_in", "user.password_changed", "user.signed_in"]


def test_passwords_are_argon2id_by_default(desk):
    Accounts(desk.engine).add("ada", "viewer", PASSWORD)
    with reading(desk.engine) as connection:
        assert connection.scalar(select(account.c.password_hash)).startswith("$argon2id$v=19$m=65536,t=3,p=4$")


def test_a_hash_made_with_older_settings_is_renewed_at_sign_in(desk, accounts):
    accounts.add("ada", "viewer", PASSWORD)
    stronger = Accounts(desk.engine, PasswordHasher(time_cost=2, memory_cost=16, parallelism=1))
    assert stronger.authenticate("ada", PASSWORD)
    with reading(desk.engine) as connection:
        assert "m=16,t=2,p=1" in connection.scalar(select(account.c.password_hash))
    assert stronger.authenticate("ada", PASSWORD)


def test_unknown_disabled_and_wrong_are_the_same(desk, accounts):
    user = accounts.add("ada", "viewer", PASSWORD)
    assert accounts.authenticate("bob", PASSWORD) is None
    assert accounts.authenticate("ada", "wrong") is None
    assert accounts.user(user.id) == user
    with writing(desk.engine) as connection:
        connection.execute(update(account).values(enabled=False))
    assert accounts.authenticate("ada", PASSWORD) is None
    assert accounts.user(user.id) is None
    assert accounts.user("nobody") is None


def test_guessing_locks_the_name_for_a_while(desk, accounts):
    accounts.add("ada", "viewer", PASSWORD)
    assert [accounts.authenticate("ada", "wrong") for _ in range(5)] == [None] * 5
    assert accounts.authenticate("ada", PASSWORD) is None
    assert kinds(desk) == ["user.added", "user.locked"]
    with writing(desk.engine) as connection:
        connection.execute(update(account).values(locked_until=datetime.now(UTC) - timedelta(seconds=1)))
    assert accounts.authenticate("ada", PASSWORD).name == "ada"
    with reading(desk.engine) as connection:
        assert connection.scalar(select(account.c.failed)) == 0


def test_a_new_password_unlocks_and_moves_the_time_of_change(accounts):
    made = accounts.add("ada", "viewer", PASSWORD)
    for _ in range(5):
        accounts.authenticate("ada", "wrong")
    accounts.passwd("ada", "battery staple")
    assert accounts.authenticate("ada", "battery staple").changed_at > made.changed_at


@pytest.mark.parametrize(
    ("name", "role", "password", "words"),
    [
        ("ada", "viewer", PASSWORD, "exists already"),
        ("a b", "viewer", PASSWORD, "is no user name"),
        ("bob", "boss", PASSWORD, "no role is called 'boss'; there are: viewer, operator, administrator"),
        ("bob", "viewer", "short", "too weak"),
        ("bobbobbobbob", "viewer", "BobBobBobBob", "too weak"),
    ],
)
def test_mistakes_are_told(accounts, name, role, password, words):
    accounts.add("ada", "viewer", PASSWORD)
    with pytest.raises(UserMistake, match=words):
        accounts.add(name, role, password)


def test_no_password_for_nobody(accounts):
    with pytest.raises(NotFound, match="no user is called 'bob'; there are: none"):
        accounts.passwd("bob", PASSWORD)


def test_a_token_does_what_its_scopes_say_until_it_is_revoked(desk, accounts):
    token = accounts.create_token("reader", ["access:request"])
    found = accounts.find_token(token)
    assert (found.name, found.scopes) == ("reader", frozenset({"access:request"}))
    for wrong in ("", "svt_", token[:-1], token[:-1] + ("a" if token[-1] != "a" else "b"), token + "\n"):
        assert accounts.find_token(wrong) is None
    with reading(desk.engine) as connection:
        assert token.rpartition("_")[2] not in connection.scalar(select(api_token.c.hash))
    accounts.revoke_token("reader")
    assert accounts.find_token(token) is None
    with pytest.raises(NotFound):
        accounts.revoke_token("reader")


def test_a_token_of_the_same_name_replaces_the_old_one(accounts):
    old = accounts.create_token("reader", ["access:request"])
    new = accounts.create_token("reader", ["access:request"])
    assert accounts.find_token(old) is None
    assert accounts.find_token(new) is not None


def test_a_token_needs_known_scopes(accounts):
    with pytest.raises(UserMistake, match="no scope is called door:open; there are: access:request, events:read"):
        accounts.create_token("reader", ["door:open"])
