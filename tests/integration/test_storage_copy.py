"""A site moves between databases whole, both ways, and a failure leaves the target as it was."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from databases import KINDS
from old_databases import build_old, rows_of
from sqlalchemy import text

from surveillance.domain.errors import DatabaseTooNew, RecordFailed, UserMistake
from surveillance.storage.copy import copy_database, heard_s
from surveillance.storage.database import check_version, open_database, revisions, upgrade, writing
from surveillance.storage.queries import Events
from surveillance.storage.state import SharedState


@pytest.fixture(params=KINDS)
def target(request, tmp_path):
    """Another empty database, of either kind."""
    if request.param == "sqlite":
        yield open_database(f"sqlite:///{tmp_path / 'target.db'}")
    else:
        server = request.getfixturevalue("postgres")
        name = server.create()
        yield open_database(server.url(name))
        server.drop(name)


@pytest.fixture
def source(empty_database):
    return open_database(empty_database)


def without_order(tables):
    return {
        name: sorted(repr([(column, row[column]) for column in sorted(row)]) for row in rows)
        for name, rows in tables.items()
    }


@pytest.mark.parametrize("revision", ["0003", revisions()[-1]])
def test_every_row_of_every_table_arrives_as_it_is(source, target, revision):
    build_old(source, revision)
    told = []
    copied = copy_database(source, target, lambda *where: told.append(where))
    assert without_order(rows_of(target)) == without_order(rows_of(source))
    assert copied.revision == revision
    assert copied.rows["observation"] == 1
    assert copied.total == sum(len(rows) for name, rows in rows_of(source).items() if name != "alembic_version")
    assert ("zone", 0, 2) in told
    assert ("zone", 2, 2) in told
    upgrade(target)
    check_version(target)
    assert Events(target).one("event-1")["seq"] == 1


def test_more_than_a_batch_arrives_and_the_digest_is_the_same_again(source, target, tmp_path):
    upgrade(source)
    with writing(source) as connection:
        rows = [{"name": f"picture-{number:05}.jpg", "at": number} for number in range(5003)]
        connection.execute(text("INSERT INTO garbage (name, at) VALUES (:name, :at)"), rows)
    copied = copy_database(source, target)
    assert copied.rows["garbage"] == 5003
    again = open_database(f"sqlite:///{tmp_path / 'again.db'}")
    assert copy_database(target, again) == copied


def test_a_target_that_was_only_made_ready_is_empty_enough(source, target):
    build_old(source, revisions()[-1])
    upgrade(target)
    assert copy_database(source, target).rows["event"] == 1


def test_a_target_with_rows_is_refused_and_stays(source, target):
    build_old(source, "0004")
    build_old(target, "0001")
    before = rows_of(target)
    with pytest.raises(UserMistake, match="is not empty: give a new database"):
        copy_database(source, target)
    assert rows_of(target) == before


def test_a_source_without_a_site_or_from_a_newer_version_is_refused(source, target):
    with pytest.raises(UserMistake, match="holds no site"):
        copy_database(source, target)
    upgrade(source)
    with writing(source) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(DatabaseTooNew, match="is at 9999"):
        copy_database(source, target)
    assert rows_of(target) == {}


def test_an_older_source_asks_for_its_upgrade_where_the_target_is_ahead(source, target):
    build_old(source, "0003")
    upgrade(target)
    with pytest.raises(UserMistake, match="run `surveillance db upgrade` on the source first"):
        copy_database(source, target)


def test_a_failure_in_the_middle_leaves_nothing(source, target):
    build_old(source, revisions()[-1])

    def stop_at_zones(table, done, _total):
        if table == "zone" and done:
            raise RecordFailed("the power went")

    with pytest.raises(RecordFailed, match="the power went"):
        copy_database(source, target, stop_at_zones)
    assert rows_of(target) == {}
    assert copy_database(source, target).rows["zone"] == 2


def test_what_a_server_cannot_hold_is_told_and_nothing_is_copied(tmp_path, postgres):
    source = open_database(f"sqlite:///{tmp_path / 'source.db'}")
    build_old(source, "0004")
    with writing(source) as connection:
        connection.execute(text("UPDATE event SET label = :long"), {"long": "x" * 300})
    name = postgres.create()
    target = open_database(postgres.url(name))
    with pytest.raises(UserMistake, match=r"table event does not fit: value too long for type .* nothing was copied"):
        copy_database(source, target)
    assert rows_of(target) == {}
    postgres.drop(name)


def test_when_core_was_heard_is_known_at_any_revision(source):
    assert heard_s(source, "core") is None
    upgrade(source)
    assert heard_s(source, "core") is None
    SharedState(source).put("core", {"at": datetime.now(UTC).isoformat()})
    assert 0 <= heard_s(source, "core") < 300
    with writing(source) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    assert heard_s(source, "core") is not None
