"""People: given once, checked alike for all, locked after guessing, limited to their reach, everything on record."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from argon2 import PasswordHasher
from ledger_samples import open_desk
from sqlalchemy import event, select, update

from surveillance.domain.errors import NotFound, UserMistake
from surveillance.domain.permissions import WHOLE, Reach
from surveillance.storage.accounts import Accounts
from surveillance.storage.database import reading, writing
from surveillance.storage.keys import KeyStore
from surveillance.storage.queries import Events
from surveillance.storage.tables import account, sign_in_try
from surveillance.storage.web_sessions import WebSessions

PASSWORD = "correct horse"
YARD = Reach(frozenset({"yard"}), frozenset({"back"}))
QUICK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


@pytest.fixture
def desk(tmp_path, database):
    return open_desk(tmp_path, url=database)


@pytest.fixture
def keys(tmp_path):
    return KeyStore(tmp_path / "keys")


@pytest.fixture
def accounts(desk, keys):
    return Accounts(desk.engine, keys, QUICK)


def kinds(desk):
    return [row["kind"] for row in Events(desk.engine).after(0)]


def told(desk):
    return [(row["kind"], row["details"]) for row in Events(desk.engine).after(0)]


def test_the_first_administrator_is_made_once(desk, accounts):
    password = accounts.create_first_admin()
    assert accounts.create_first_admin() is None
    user = accounts.authenticate("admin", password)
    assert (user.name, user.role, user.must_change, user.reach) == ("admin", "administrator", True, WHOLE)
    accounts.passwd("admin", PASSWORD)
    assert accounts.authenticate("admin", password) is None
    assert not accounts.authenticate("admin", PASSWORD).must_change
    assert kinds(desk) == ["user.added", "user.signed_in", "user.password_changed", "user.signed_in"]


def test_passwords_are_argon2id_by_default(desk, keys):
    Accounts(desk.engine, keys).add("ada", "viewer", PASSWORD)
    with reading(desk.engine) as connection:
        assert connection.scalar(select(account.c.password_hash)).startswith("$argon2id$v=19$m=65536,t=3,p=4$")


def test_a_hash_made_with_older_settings_is_renewed_at_sign_in(desk, keys, accounts):
    accounts.add("ada", "viewer", PASSWORD)
    stronger = Accounts(desk.engine, keys, PasswordHasher(time_cost=2, memory_cost=16, parallelism=1))
    assert stronger.authenticate("ada", PASSWORD)
    with reading(desk.engine) as connection:
        assert "m=16,t=2,p=1" in connection.scalar(select(account.c.password_hash))
    assert stronger.authenticate("ada", PASSWORD)


def test_unknown_disabled_and_wrong_are_the_same(accounts):
    user = accounts.add("ada", "viewer", PASSWORD)
    assert accounts.authenticate("bob", PASSWORD) is None
    assert accounts.authenticate("ada", "wrong") is None
    assert accounts.user(user.id) == user
    accounts.set_enabled("ada", False, "root")
    assert accounts.authenticate("ada", PASSWORD) is None
    assert accounts.user(user.id) is None
    accounts.set_enabled("ada", True, "root")
    assert accounts.authenticate("ada", PASSWORD).name == "ada"
    assert accounts.user("nobody") is None


def test_a_wrong_try_is_the_same_work_for_a_known_and_an_unknown_name(desk, accounts):
    """Every statement and commit is the same, so that there is nothing to time."""
    accounts.add("ada", "viewer", PASSWORD)
    work = []

    def note(connection, cursor, statement, *more):
        work.append(statement)

    def commit(connection):
        work.append("COMMIT")

    event.listen(desk.engine, "before_cursor_execute", note)
    event.listen(desk.engine, "commit", commit)
    tried = {}
    for name in ("ada", "bob"):
        for _ in range(7):  # the fifth locks, later ones meet the lock
            accounts.authenticate(name, "wrong")
        tried[name] = tuple(work)
        work.clear()
    assert tried["ada"] == tried["bob"]
    assert tried["ada"].count("COMMIT") == 14


def test_guessing_locks_the_name_for_a_while(desk, accounts):
    accounts.add("ada", "viewer", PASSWORD)
    assert [accounts.authenticate("ada", "wrong") for _ in range(5)] == [None] * 5
    assert accounts.authenticate("ada", PASSWORD) is None
    assert kinds(desk) == ["user.added", "user.locked"]
    assert set(accounts.locked()) == {"ada"}
    with writing(desk.engine) as connection:
        connection.execute(update(sign_in_try).values(locked_until=datetime.now(UTC) - timedelta(seconds=1)))
    assert accounts.locked() == {}
    assert accounts.authenticate("ada", PASSWORD).name == "ada"
    with reading(desk.engine) as connection:
        assert connection.execute(select(sign_in_try)).all() == []


def test_the_lock_grows_and_an_administrator_lifts_it(desk, accounts):
    accounts.add("ada", "viewer", PASSWORD)
    waits = []
    for _ in range(11):
        accounts.authenticate("ada", "wrong")
        with writing(desk.engine) as connection:
            row = connection.execute(select(sign_in_try)).one()
            waits.append(None if row.locked_until is None else round((row.locked_until - row.at).total_seconds() / 60))
            connection.execute(update(sign_in_try).values(locked_until=None))
    assert waits == [None] * 4 + [1, 2, 4, 8, 15, 15, 15]
    accounts.authenticate("ada", "wrong")
    accounts.unlock("ada", "root")
    assert accounts.authenticate("ada", PASSWORD).name == "ada"
    assert kinds(desk)[-2:] == ["user.unlocked", "user.signed_in"]


def test_what_was_typed_as_a_name_is_not_kept(desk, accounts):
    for _ in range(5):
        accounts.authenticate("my secret passphrase", "x")
    with reading(desk.engine) as connection:
        [row] = connection.execute(select(sign_in_try)).all()
    assert (len(row.name), row.failed) == (64, 5)
    assert told(desk) == [("user.locked", {"actor": "nobody", "user": None, "failed": 5})]


def test_tries_of_yesterday_are_forgotten(desk, accounts):
    accounts.authenticate("bob", "x")
    with writing(desk.engine) as connection:
        connection.execute(update(sign_in_try).values(at=datetime.now(UTC) - timedelta(days=1, seconds=1)))
    accounts.authenticate("eve", "x")
    with reading(desk.engine) as connection:
        assert len(connection.execute(select(sign_in_try)).all()) == 1


def test_a_new_password_unlocks_and_moves_the_time_of_change(accounts):
    made = accounts.add("ada", "viewer", PASSWORD)
    for _ in range(5):
        accounts.authenticate("ada", "wrong")
    accounts.passwd("ada", "battery staple")
    assert accounts.authenticate("ada", "battery staple").changed_at > made.changed_at


def test_a_password_asked_for_again_counts_as_a_try(accounts):
    user = accounts.add("ada", "viewer", PASSWORD)
    assert accounts.confirm(user.id, PASSWORD)
    assert [accounts.confirm(user.id, "wrong") for _ in range(5)] == [False] * 5
    assert not accounts.confirm(user.id, PASSWORD)


def test_a_reset_password_is_for_one_sign_in_and_ends_every_session(desk, accounts):
    user = accounts.add("ada", "guard", PASSWORD, "root", YARD)
    secret = WebSessions(desk.engine).start(user.id, "192.0.2.7", "browser", timedelta(hours=1))
    given = accounts.reset_password("ada", "root")
    assert WebSessions(desk.engine).find(secret) is None
    assert accounts.authenticate("ada", PASSWORD) is None
    assert accounts.authenticate("ada", given).must_change
    assert told(desk)[:2] == [
        ("user.added", {"actor": "root", "user": "ada", "role": "guard", "cameras": ["yard"], "doors": ["back"]}),
        ("user.password_reset", {"actor": "root", "user": "ada"}),
    ]


def test_role_and_reach_are_changed_and_hold_at_once(desk, accounts):
    made = accounts.add("ada", "viewer", PASSWORD)
    assert (made.role, made.reach) == ("viewer", WHOLE)
    changed = accounts.set("ada", "root", reach=YARD)
    assert (changed.role, changed.reach) == ("viewer", YARD)
    assert accounts.set("ada", "root", role="guard").reach == YARD
    assert accounts.set("ada", "root", reach=Reach(frozenset(), None)).reach == Reach(frozenset(), None)
    assert accounts.user(made.id).role == "guard"
    assert accounts.set("ada", "root", reach=WHOLE).reach == WHOLE
    assert told(desk)[1] == (
        "user.changed", {"actor": "root", "user": "ada", "role": "viewer", "cameras": ["yard"], "doors": ["back"]},
    )  # fmt: skip


def test_the_last_administrator_stays(accounts):
    accounts.add("ada", "administrator", PASSWORD)
    accounts.add("bob", "administrator", PASSWORD)
    accounts.add("eve", "operator", PASSWORD)
    accounts.set_enabled("bob", False, "ada")
    for attempt in (
        lambda: accounts.remove("ada", "ada"),
        lambda: accounts.set_enabled("ada", False, "ada"),
        lambda: accounts.set("ada", "ada", role="operator"),
    ):
        with pytest.raises(UserMistake, match="ada is the last administrator who may sign in"):
            attempt()
    accounts.remove("bob", "ada")
    accounts.set("eve", "ada", role="administrator")
    accounts.set("ada", "eve", role="viewer")
    accounts.remove("ada", "eve")
    assert [(user.name, user.role) for user in accounts.list_users()] == [("eve", "administrator")]


@pytest.mark.parametrize(
    ("name", "role", "password", "reach", "words"),
    [
        ("ada", "viewer", PASSWORD, WHOLE, "exists already"),
        ("a b", "viewer", PASSWORD, WHOLE, "is no user name"),
        ("bob", "boss", PASSWORD, WHOLE, "'boss'; there are: viewer, guard, operator, installer, administrator"),
        ("bob", "viewer", "short", WHOLE, "too weak"),
        ("bobbobbobbob", "viewer", "BobBobBobBob", WHOLE, "too weak"),
        ("bob", "administrator", PASSWORD, YARD, "an administrator reaches every camera and door"),
    ],
)
def test_mistakes_are_told(accounts, name, role, password, reach, words):
    accounts.add("ada", "viewer", PASSWORD)
    with pytest.raises(UserMistake, match=words):
        accounts.add(name, role, password, reach=reach)


def test_nothing_is_done_to_nobody(accounts):
    for attempt in (
        lambda: accounts.passwd("bob", PASSWORD),
        lambda: accounts.reset_password("bob", "root"),
        lambda: accounts.set("bob", "root", role="guard"),
        lambda: accounts.set_enabled("bob", False, "root"),
        lambda: accounts.remove("bob", "root"),
        lambda: accounts.unlock("bob", "root"),
    ):
        with pytest.raises(NotFound, match="no user is called 'bob'; there are: none"):
            attempt()
