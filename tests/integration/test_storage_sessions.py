"""Sessions: found by a secret that is nowhere stored, listed, and ended one by one or all."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from argon2 import PasswordHasher
from ledger_samples import open_desk
from sqlalchemy import select, update

from surveillance.domain.errors import NotFound
from surveillance.storage.accounts import Accounts
from surveillance.storage.database import reading, writing
from surveillance.storage.keys import KeyStore
from surveillance.storage.queries import Events
from surveillance.storage.tables import web_session
from surveillance.storage.web_sessions import WebSessions

HOUR = timedelta(hours=1)


@pytest.fixture
def desk(tmp_path, database):
    return open_desk(tmp_path, url=database)


@pytest.fixture
def accounts(desk, tmp_path):
    return Accounts(desk.engine, KeyStore(tmp_path / "keys"), PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))


@pytest.fixture
def sessions(desk):
    return WebSessions(desk.engine)


@pytest.fixture
def ada(accounts):
    return accounts.add("ada", "administrator", "correct horse").id


@pytest.fixture
def bob(accounts):
    return accounts.add("bob", "guard", "correct horse").id


def told(desk):
    return [(row["kind"], row["details"]) for row in Events(desk.engine).after(0) if row["kind"] != "user.added"]


def test_a_session_is_found_by_its_secret_only(desk, sessions, ada):
    secret = sessions.start(ada, "192.0.2.7", "browser", HOUR)
    found = sessions.find(secret)
    assert (found.user, found.user_id, found.address, found.agent) == ("ada", ada, "192.0.2.7", "browser")
    assert found.expires_at - found.made_at == HOUR
    assert sessions.find(found.id) is None
    assert sessions.find("") is None
    with reading(desk.engine) as connection:
        assert secret not in str(connection.execute(select(web_session)).all())


def test_a_session_that_is_over_is_not_found_and_swept_out_by_the_next(desk, sessions, ada):
    secret = sessions.start(ada, "", "", HOUR)
    with writing(desk.engine) as connection:
        connection.execute(update(web_session).values(expires_at=datetime.now(UTC)))
    assert sessions.find(secret) is None
    assert sessions.every() == []
    sessions.start(ada, "", "", HOUR)
    with reading(desk.engine) as connection:
        assert len(connection.execute(select(web_session)).all()) == 1


def test_sessions_are_listed_and_ended_one_by_one(desk, sessions, ada, bob):
    first, second = (sessions.start(ada, address, "", HOUR) for address in ("192.0.2.1", "192.0.2.2"))
    third = sessions.start(bob, "192.0.2.3", "", HOUR)
    assert {each.address for each in sessions.of(ada)} == {"192.0.2.1", "192.0.2.2"}
    assert {each.user for each in sessions.every()} == {"ada", "bob"}
    with pytest.raises(NotFound):
        sessions.end(sessions.find(third).id, "ada", user_id=ada)
    sessions.end(sessions.find(third).id, "ada")
    sessions.end(sessions.find(first).id, "ada", user_id=ada)
    assert [sessions.find(secret) is None for secret in (first, second, third)] == [True, False, True]
    with pytest.raises(NotFound):
        sessions.end("gone", "ada")
    assert told(desk) == [
        ("user.session_ended", {"actor": "ada", "user": "bob", "address": "192.0.2.3"}),
        ("user.signed_out", {"actor": "ada", "user": "ada", "address": "192.0.2.1"}),
    ]


def test_all_but_this_one_are_ended(desk, sessions, ada):
    here, there = (sessions.start(ada, "", "", HOUR) for _ in range(2))
    assert sessions.end_all(ada, "ada", keep=sessions.find(here).id) == 1
    assert (sessions.find(here) is None, sessions.find(there) is None) == (False, True)
    assert sessions.end_all(ada, "ada", keep=sessions.find(here).id) == 0
    assert sessions.end_all(ada, "root") == 1
    assert told(desk) == [
        ("user.sessions_ended", {"actor": "ada", "user": "ada", "count": 1}),
        ("user.sessions_ended", {"actor": "root", "user": "ada", "count": 1}),
    ]


def test_use_is_written_down_once_a_minute_or_from_another_place(desk, sessions, ada):
    secret = sessions.start(ada, "192.0.2.7", "", HOUR)
    before = sessions.find(secret)
    sessions.touch(before, "192.0.2.7")
    assert sessions.find(secret) == before
    sessions.touch(before, "192.0.2.8")
    assert (sessions.find(secret).address, sessions.find(secret).seen_at > before.seen_at) == ("192.0.2.8", True)
    with writing(desk.engine) as connection:
        connection.execute(update(web_session).values(seen_at=before.seen_at - 2 * HOUR))
    sessions.touch(sessions.find(secret), "192.0.2.8")
    assert datetime.now(UTC) - sessions.find(secret).seen_at < HOUR


def test_a_new_password_a_disabled_account_and_a_removed_one_end_sessions(accounts, sessions, ada, bob):
    kept, ended = (sessions.start(ada, "", "", HOUR) for _ in range(2))
    accounts.passwd("ada", "battery staple", keep=sessions.find(kept).id)
    assert (sessions.find(kept) is None, sessions.find(ended) is None) == (False, True)
    disabled = sessions.start(bob, "", "", HOUR)
    accounts.set_enabled("bob", False, "ada")
    assert sessions.find(disabled) is None
    accounts.set_enabled("bob", True, "ada")
    assert sessions.find(disabled) is None
    removed = sessions.start(bob, "", "", HOUR)
    accounts.remove("bob", "ada")
    assert sessions.find(removed) is None
