"""What the operator's figures say of the database, on either kind of it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from ledger_samples import BOX, JPEG, NOON, Desk, decision, observation, open_desk

from surveillance.domain.site import Camera, Site
from surveillance.domain.values import Shot
from surveillance.storage import sizes
from surveillance.storage.keys import KeyStore
from surveillance.storage.outbox import SqlOutbox
from surveillance.storage.rulebook import SqlSite
from surveillance.storage.state import SharedState
from surveillance.storage.tokens import Token, Tokens


@pytest.fixture
def desk(tmp_path: Path, database: str | None) -> Desk:
    return open_desk(tmp_path, url=database)


def test_an_empty_database(desk: Desk) -> None:
    assert sizes.database_bytes(desk.engine) > 10_000
    assert sizes.evidence_bytes(desk.engine) == 0
    assert sizes.open_actions(desk.engine) == {}
    assert sizes.newest_event_at(desk.engine) is None
    assert sizes.configuration_version(desk.engine) == 0


def test_what_is_there_is_counted(desk: Desk, tmp_path: Path) -> None:
    later = NOON + timedelta(hours=1)
    seen = observation(change="appeared", shot=Shot(JPEG, BOX, NOON))
    told = [decision(at=at, notify=("ops",), track=seen.track) for at in (later, NOON, NOON)]
    desk.ledger([(seen, tuple(told))])
    outbox = SqlOutbox(desk.engine)
    first, second, _ = outbox.due(NOON)
    outbox.mark(first.moved_to("attempting"))
    outbox.mark(second.moved_to("done"))
    assert sizes.open_actions(desk.engine) == {("notify", "attempting"): 1, ("notify", "pending"): 1}
    assert sizes.newest_event_at(desk.engine) == later
    assert sizes.evidence_bytes(desk.engine) % len(JPEG) == 0
    assert sizes.evidence_bytes(desk.engine) > 0
    site = SqlSite(desk.engine, KeyStore(tmp_path / "keys"))
    site.seed(Site(cameras=(Camera("front", "synthetic://yard"),)))
    assert sizes.configuration_version(desk.engine) == site.version() == 1


def test_several_states_are_left_in_one_commit(desk: Desk) -> None:
    state = SharedState(desk.engine)
    state.put("core", {"n": 1})
    state.put_all({"core": {"n": 2}, "figures": {"samples": []}})
    assert [state.get_dated(name)[0] for name in ("core", "figures")] == [{"n": 2}, {"samples": []}]


def test_tokens_are_listed_without_their_secrets(desk: Desk) -> None:
    accounts = Tokens(desk.engine)
    for name, scope in (("reader", "access:request"), ("prometheus", "metrics:read"), ("old", "events:read")):
        accounts.create_token(name, [scope])
    accounts.revoke_token("old")
    prometheus, reader = accounts.list_tokens()
    made_at = prometheus.made_at
    assert prometheus == Token(prometheus.id, "prometheus", frozenset({"metrics:read"}), made_at=made_at)
    assert (reader.name, reader.scopes) == ("reader", frozenset({"access:request"}))
