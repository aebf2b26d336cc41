"""Every earlier version's database becomes this version's, and nothing in it is lost or means something else."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime, timedelta

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from argon2 import PasswordHasher
from old_databases import AT, build_old, rows_of
from sqlalchemy import MetaData, Table, text
from sqlalchemy.exc import IntegrityError

from surveillance import places
from surveillance.domain.errors import RecordFailed, SettingsError
from surveillance.domain.geometry import Line, Zone
from surveillance.domain.values import CameraReport, DoorReport, Observation, Tick
from surveillance.storage import database as opened
from surveillance.storage.accounts import Accounts
from surveillance.storage.chained import ROWS, SITE
from surveillance.storage.columns import EPOCH
from surveillance.storage.database import (
    check_version,
    open_database,
    reading,
    revision_of,
    revisions,
    upgrade,
    writing,
)
from surveillance.storage.inbox import Inbox
from surveillance.storage.keys import KeyStore
from surveillance.storage.outbox import SqlOutbox
from surveillance.storage.queries import Events
from surveillance.storage.rulebook import SqlSite
from surveillance.storage.tables import metadata

MOMENT = EPOCH + timedelta(microseconds=AT)
FRESH = {"head": [{"name": "chain", "value": 0}]}  # what migrations put into tables that were there before
EVENT_OF_ADA = {
    "seq": 2, "id": "event-2", "at": AT, "kind": "user.added", "zones": "[]", "rulebook_version": 0, "shadow": False,
}  # fmt: skip
QUICK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


@pytest.fixture
def engine(empty_database):
    return open_database(empty_database)


def test_there_is_one_line_of_migrations_with_one_head():
    config = Config()
    config.set_main_option("script_location", str(places.shipped("migrations")))
    config.set_main_option("path_separator", "os")
    script = ScriptDirectory.from_config(config)
    assert len(script.get_heads()) == 1
    known = revisions()
    assert list(known) == [f"{number:04}" for number in range(1, len(known) + 1)]
    for before, after in zip((None, *known), known, strict=False):
        assert script.get_revision(after).down_revision == before


@pytest.mark.parametrize("revision", revisions())
def test_an_old_database_keeps_every_row(engine, revision):
    seeds = build_old(engine, revision)
    before = rows_of(engine)
    if revision != revisions()[-1]:
        with pytest.raises(SettingsError, match="is empty or old"):
            check_version(engine)
    assert upgrade(engine) == (revision, revisions()[-1])
    check_version(engine)
    after = rows_of(engine)
    assert set(seeds) <= set(after)
    for table in set(before) - {"alembic_version"}:
        columns = before[table][0].keys() & after[table][0].keys() if before[table] else ()
        kept = [row for row in after[table] if row not in FRESH.get(table, ()) or row in before[table]]
        assert in_order(kept, columns) == in_order(before[table], columns), table
    assert after["head"]
    assert upgrade(engine) == (revisions()[-1], revisions()[-1])
    assert rows_of(engine) == after


def in_order(rows, columns):
    return sorted(repr([(column, row[column]) for column in sorted(columns)]) for row in rows)


@pytest.mark.parametrize("revision", [name for name in revisions() if name >= "0019"])
def test_rows_from_before_are_in_the_chain_as_they_were(engine, revision):
    """What is empty is not in a row's digest: a column that came later and says something would break it."""
    build_old(engine, revision)
    before = rows_of(engine)
    upgrade(engine)
    after = rows_of(engine)
    told = {
        (table, column)
        for table in {*ROWS, *SITE} & set(before)
        for row in after[table] if before[table]
        for column in row.keys() - before[table][0].keys()
        if row[column] is not None
    }  # fmt: skip
    assert told == set()


def test_an_old_database_means_what_it_meant(engine, tmp_path):
    keys = KeyStore(tmp_path / "keys")
    build_old(engine, "0004", SEALED=keys.encrypt, HASHED=QUICK.hash)
    upgrade(engine)
    site = SqlSite(engine, keys).read()
    assert [(camera.name, camera.url, camera.enabled, camera.zones_version) for camera in site.cameras] == [
        ("front", "rtsp://10.0.0.9/1", True, 3),
        ("yard", "yard.mp4", False, 1),
    ]
    assert site.cameras[0].zones == (
        Zone("yard", ((0, 0), (1, 0), (1, 1)), restricted=True),
        Zone("gate", ((0, 0), (0.5, 0), (0.5, 0.7))),
    )
    assert site.cameras[0].lines == (Line("line", (0, 0.5), (1, 0.5)),)
    assert (site.door("main").relay, site.door("main").on_camera_stale) == ("http://10.0.0.5/doors", "badge_only")
    assert (site.people[0].groups, site.people[0].credentials[0].valid_until) == ({"admins", "staff"}, MOMENT)
    assert (site.rules, site.version) == ("- {name: seen, on: sighting, verdict: log}\n", 1)
    events = Events(engine)
    told = events.one("event-1")
    assert (told["seq"], told["zones"], told["review"], told["actions"][0]["state"]) == (
        1, ["gate", "yard"], "a fox, ünlike", "pending",
    )  # fmt: skip
    kinds = [type(entry) for entry in events.inputs_since(MOMENT - timedelta(seconds=1))]
    assert kinds == [Observation, Tick, CameraReport, DoorReport, DoorReport]
    assert events.door_modes() == [DoorReport("main", MOMENT, "locked_down", "normal", "drill")]
    assert Accounts(engine, keys, QUICK).authenticate("ada", "correct horse").role == "administrator"
    assert [asked.id for asked in Inbox(engine).pending()] == ["question-2"]
    assert [action.id for action in SqlOutbox(engine).due(datetime.now(UTC))] == ["action-1"]
    assert events.after(1)[0]["seq"] == 2  # ada's sign-in: the numbers go on where they were


def test_who_did_what_is_found_in_an_old_database(engine):
    build_old(engine, "0011")
    payload = EVENT_OF_ADA | {"payload": b'{"details":{"actor":"ada","user":"bob"},"kind":"user.added"}'}
    nobody = EVENT_OF_ADA | {"seq": 3, "id": "event-3", "payload": b'{"details":{},"kind":"user.added"}'}
    with writing(engine) as connection:
        event = Table("event", MetaData(), autoload_with=connection)
        connection.execute(event.insert(), [payload, nobody])
    upgrade(engine)
    assert sorted((row["seq"], row["actor"]) for row in rows_of(engine)["event"]) == [(1, None), (2, "ada"), (3, None)]


def test_a_column_counts_only_where_the_house_counts(engine):
    """No database hands out numbers of its own, so that a copied one goes on where it was."""
    upgrade(engine)
    counting = [
        str(column)
        for table in metadata.sorted_tables
        for column in table.columns
        if column.server_default is not None or column.identity is not None
    ]
    assert counting == []
    if engine.dialect.name == "postgresql":
        with reading(engine) as connection:
            sequences = text("SELECT count(*) FROM information_schema.sequences WHERE sequence_schema = 'public'")
            assert connection.execute(sequences).scalar() == 0


def test_kinds_compare_by_bytes_whatever_the_language_of_the_server(engine):
    upgrade(engine)
    if engine.dialect.name == "postgresql":
        asked = text(
            "SELECT collation_name FROM information_schema.columns WHERE table_name = 'event' AND column_name = 'kind'"
        )
        with reading(engine) as connection:
            assert connection.execute(asked).scalar() == "C"


def test_after_an_upgrade_rows_still_cannot_name_what_is_not_there(engine):
    build_old(engine, "0003")
    upgrade(engine)
    stray = text("INSERT INTO mask (camera, position, points) VALUES ('nobody', 0, '[]')")
    with pytest.raises(IntegrityError), opened.writing(engine) as connection:
        connection.execute(stray)


def test_rows_that_belonged_to_nothing_before_hold_up_no_upgrade(tmp_path):
    engine = open_database(f"sqlite:///{tmp_path / 'site.db'}")
    upgrade(engine, "0003")
    with sqlite3.connect(tmp_path / "site.db") as stranger:
        stranger.execute("INSERT INTO mask (camera, position, points) VALUES ('nobody', 0, '[]')")
    stranger.close()
    upgrade(engine)
    assert rows_of(engine)["mask"] == [{"camera": "nobody", "position": 0, "points": "[]"}]


def test_an_upgrade_that_fails_changes_nothing(engine, tmp_path):
    build_old(engine, "0002")
    before = rows_of(engine)
    with opened.writing(engine) as connection:
        connection.execute(text("CREATE TABLE camera (name TEXT)"))  # in the way of 0003
    with pytest.raises(RecordFailed, match=r"the upgrade failed and changed nothing: .*camera.* already exists"):
        upgrade(engine)
    with reading(engine) as connection:
        assert revision_of(connection) == "0002"
    left = rows_of(engine)
    assert left.pop("camera") == []
    assert left == before
