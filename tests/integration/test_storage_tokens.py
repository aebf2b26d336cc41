"""Tokens: shown once, kept as a hash, limited to scopes, reach and time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from ledger_samples import open_desk
from sqlalchemy import select, update

from surveillance.domain.errors import NotFound, UserMistake
from surveillance.domain.permissions import WHOLE, Reach
from surveillance.storage.database import reading, writing
from surveillance.storage.queries import Events
from surveillance.storage.tables import api_token
from surveillance.storage.tokens import Tokens

HOUR = timedelta(hours=1)


@pytest.fixture
def desk(tmp_path, database):
    return open_desk(tmp_path, url=database)


@pytest.fixture
def tokens(desk):
    return Tokens(desk.engine)


def test_a_token_does_what_its_scopes_say_until_it_is_revoked(desk, tokens):
    token = tokens.create_token("reader", ["access:request"])
    found = tokens.find_token(token)
    assert (found.name, found.scopes, found.reach) == ("reader", frozenset({"access:request"}), WHOLE)
    for wrong in ("", "svt_", token[:-1], token[:-1] + ("a" if token[-1] != "a" else "b"), token + "\n"):
        assert tokens.find_token(wrong) is None
    with reading(desk.engine) as connection:
        assert token.split("_", 2)[2] not in connection.scalar(select(api_token.c.hash))
    tokens.revoke_token("reader")
    assert tokens.find_token(token) is None
    with pytest.raises(NotFound):
        tokens.revoke_token("reader")


def test_a_token_of_the_same_name_replaces_the_old_one(tokens):
    old = tokens.create_token("reader", ["access:request"], reach=Reach(None, frozenset({"front"})))
    new = tokens.create_token("reader", ["access:request"])
    assert tokens.find_token(old) is None
    assert tokens.find_token(new).reach == WHOLE


def test_a_token_ends_by_itself(desk, tokens):
    token = tokens.create_token("reports", ["events:read"], expires_at=datetime.now(UTC) + HOUR)
    assert tokens.find_token(token).name == "reports"
    with writing(desk.engine) as connection:
        connection.execute(update(api_token).values(expires_at=datetime.now(UTC)))
    assert tokens.find_token(token) is None
    assert [known.name for known in tokens.list_tokens()] == ["reports"]


def test_a_token_reaches_its_cameras_and_doors_and_says_when_it_was_used(desk, tokens):
    reach = Reach(frozenset({"yard"}), frozenset())
    token = tokens.find_token(tokens.create_token("reports", ["events:read"], "root", reach))
    assert (token.reach, token.used_at) == (reach, None)
    tokens.touch_token(token)
    used = tokens.list_tokens()[0]
    assert datetime.now(UTC) - used.used_at < timedelta(minutes=1)
    tokens.touch_token(used)
    assert tokens.list_tokens() == [used]
    [made] = Events(desk.engine).after(0)
    assert (made["kind"], made["details"]) == (
        "user.token_made",
        {"actor": "root", "token": "reports", "scopes": ["events:read"], "cameras": ["yard"], "doors": []},
    )


@pytest.mark.parametrize(
    ("name", "scopes", "expires_at", "words"),
    [
        ("reader", ["door:open"], None, "no scope is called door:open; there are: access:request, events:read"),
        ("reader", [], None, "no scope is called nothing"),
        ("", ["events:read"], None, "is no name for a token"),
        ("a\nb", ["events:read"], None, "is no name for a token"),
        ("reader", ["events:read"], datetime(2020, 1, 1, tzinfo=UTC), "expired already"),
    ],
)
def test_mistakes_are_told(tokens, name, scopes, expires_at, words):
    with pytest.raises(UserMistake, match=words):
        tokens.create_token(name, scopes, expires_at=expires_at)
