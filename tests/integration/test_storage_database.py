"""Opening and upgrading a database: the schema is the tables', and what does not fit is refused in one line."""

from __future__ import annotations

import gc
import sqlite3
import threading
import weakref
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from postgres_server import PASSWORD
from sqlalchemy import text

from surveillance.domain.errors import DatabaseTooNew, RecordFailed, SettingsError
from surveillance.storage.backup import back_up
from surveillance.storage.database import (
    ChangeWatch,
    Remembered,
    check_version,
    open_database,
    reading,
    revisions,
    upgrade,
    writing,
)
from surveillance.storage.schema_page import schema_page
from surveillance.storage.tables import metadata


@pytest.fixture
def engine(empty_database):
    return open_database(empty_database)


def test_the_migrations_build_what_the_tables_say(engine):
    upgrade(engine)
    upgrade(engine)
    check_version(engine)
    with reading(engine) as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_the_page_about_the_schema_is_up_to_date():
    page = Path(__file__).parents[2] / "docs" / "schema.md"
    assert page.read_text(encoding="utf-8") == schema_page()


def test_a_commit_is_on_the_disk_and_the_file_is_private(tmp_path):
    engine = open_database(f"sqlite:///{tmp_path / 'deep' / 'site.db'}")
    with reading(engine) as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2
    assert (tmp_path / "deep" / "site.db").stat().st_mode & 0o777 == 0o600


def test_readers_do_not_wait_and_see_one_state_throughout(engine):
    upgrade(engine)
    greatest = text("SELECT max(value) FROM head")
    with reading(engine) as connection:
        assert connection.execute(greatest).scalar() == 0
        with writing(engine) as writer:
            writer.execute(text("UPDATE head SET value = 9"))
            assert connection.execute(greatest).scalar() == 0
        assert connection.execute(greatest).scalar() == 0
    with reading(engine) as connection:
        assert connection.execute(greatest).scalar() == 9


def test_there_is_one_writer_at_a_time_even_before_there_are_tables(empty_database):
    engine, other = open_database(empty_database), open_database(empty_database, 60)
    with writing(engine):
        with pytest.raises(RecordFailed, match=r"database is locked|lock timeout"), writing(other):
            pytest.fail("two writers at once")
        with reading(other) as connection:
            assert connection.execute(text("SELECT 1")).scalar() == 1
    with writing(other) as connection:
        assert connection.execute(text("SELECT 1")).scalar() == 1


def test_a_writer_sees_what_the_one_before_it_committed(engine):
    upgrade(engine)
    waited = []

    def add() -> None:
        with writing(engine) as connection:
            value = connection.execute(text("SELECT value FROM head WHERE name = 'event'")).scalar_one()
            connection.execute(text("UPDATE head SET value = :next WHERE name = 'event'"), {"next": value + 1})
            waited.append(value)

    threads = [threading.Thread(target=add) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert waited == list(range(8))


def test_a_commit_of_somebody_else_is_seen_and_quiet_is_quiet(engine, empty_database):
    upgrade(engine)
    watch, other = ChangeWatch(engine), open_database(empty_database)
    assert [watch.changed(), watch.changed()] == [True, False]
    with writing(other) as connection:
        connection.execute(text("UPDATE head SET value = 5"))
        assert not watch.changed()
    assert [watch.changed(), watch.changed()] == [True, False]
    with pytest.raises(KeyError), writing(other) as connection:
        raise KeyError
    assert not watch.changed()


def test_signs_of_life_wake_nobody_who_waits_for_something_else(empty_database, tmp_path):
    engine, other = open_database(empty_database), open_database(empty_database)
    upgrade(engine)
    watch, reads = ChangeWatch(engine, "inbox"), []
    remembered = Remembered(engine, "inbox", lambda: reads.append(head_of(engine)) or reads[-1])
    own = [({"touches": ()}, 1), ({"touches": ("outbox",)}, 2), ({"touches": ("inbox",)}, 3), ({}, 4)]
    seen = [(watch.changed(), remembered())]
    for options, value in own:
        set_head(engine, value, **options)
        seen.append((watch.changed(), remembered()))
    set_head(other, 5, touches=())
    seen.append((watch.changed(), remembered()))
    if engine.dialect.name == "sqlite":
        assert seen == [(True, 0), (False, 0), (False, 0), (True, 3), (True, 4), (True, 5)]
        assert reads == [0, 3, 4, 5]
    else:  # a server is asked each time
        assert seen == [(True, value) for value in range(6)]


def test_an_empty_database_asks_for_an_upgrade(engine):
    with pytest.raises(SettingsError, match=r"is empty or old: run `surveillance db upgrade`"):
        check_version(engine)


def test_a_newer_database_is_left_alone(engine):
    upgrade(engine)
    with writing(engine) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    for look in (check_version, upgrade):
        with pytest.raises(DatabaseTooNew, match="is at 9999, which this version does not know"):
            look(engine)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("nonsense", "is not a database address"),
        ("sqlite://", "a database in memory keeps nothing"),
        ("nosuch://host/db", "write sqlite:////path/to/site.db or postgresql://"),
        ("sqlite:////proc/nowhere/site.db", "cannot write /proc/nowhere/site.db"),
        ("postgresql://site:hunter2@127.0.0.1:1/site", "Connection refused"),
        ("postgresql+psycopg://site:hunter2@127.0.0.1:1/site", "Connection refused"),
        ("postgresql://127.0.0.1:1/site?password=hunter2", "Connection refused"),
        ("postgresql://site:p@ss-hunter2@127.0.0.1:1/site", "write the @ in its password as %40"),
        ("postgresql://site:hunter2@127.0.0.1:1/site?nonsense=1", 'invalid connection option "nonsense"'),
        ("postgresql://site:hunter2@127.0.0.1:port/site", "is not a database address"),
        ("postgresql+psycopg2://site:hunter2@127.0.0.1:1/site", "Connection refused"),
    ],
)
def test_an_address_that_cannot_be_used_is_told_in_one_line(url, words):
    with pytest.raises(SettingsError) as caught:
        open_database(url)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_a_file_that_is_no_database_is_told(tmp_path):
    (tmp_path / "notes.db").write_text("dear diary, " * 100)
    with pytest.raises(SettingsError, match="file is not a database"):
        open_database(f"sqlite:///{tmp_path / 'notes.db'}")


FILES = ("site.db", "site.db-wal", "site.db-shm")


@pytest.mark.parametrize("moved", [FILES, FILES[:1]], ids=["with its log", "without its log"])
def test_a_file_that_is_moved_away_takes_nothing_until_it_is_back(tmp_path, moved):
    """SQLite itself would go on writing to it, and say that all is well."""
    engine = open_database(f"sqlite:///{tmp_path / 'site.db'}")
    upgrade(engine)
    watch = ChangeWatch(engine)
    set_head(engine, 5)
    assert [watch.changed(), watch.changed()] == [True, False]
    (tmp_path / "away").mkdir()
    for name in moved:
        (tmp_path / name).rename(tmp_path / "away" / name)
    for use in (lambda: set_head(engine, 6), lambda: head_of(engine), watch.changed, lambda: set_head(engine, 7)):
        with pytest.raises(RecordFailed, match="could not be used"):
            use()
    assert not (tmp_path / "site.db").exists(), "no empty one is made in its place"
    for name in moved:
        (tmp_path / "away" / name).rename(tmp_path / name)
    assert head_of(engine) == 5
    set_head(engine, 8)
    assert (head_of(engine), watch.changed(), watch.changed()) == (8, True, False)


def test_a_file_that_goes_while_somebody_writes_has_recorded_nothing(tmp_path):
    engine = open_database(f"sqlite:///{tmp_path / 'site.db'}")
    upgrade(engine)

    def interrupted() -> None:
        with writing(engine) as connection:
            connection.execute(text("UPDATE head SET value = 5"))
            (tmp_path / "site.db").rename(tmp_path / "away.db")

    with pytest.raises(RecordFailed, match="No such file"):
        interrupted()


def test_a_copy_that_takes_the_place_of_the_file_is_the_one_that_is_used(tmp_path):
    engine = open_database(f"sqlite:///{tmp_path / 'site.db'}")
    upgrade(engine)
    watch = ChangeWatch(engine)
    set_head(engine, 5)
    assert [watch.changed(), watch.changed()] == [True, False]
    with closing(sqlite3.connect(tmp_path / "site.db")) as other:
        other.execute("VACUUM INTO ?", (str(tmp_path / "copy.db"),))
    (tmp_path / "copy.db").rename(tmp_path / "site.db")
    assert (watch.changed(), head_of(engine)) == (True, 5)
    set_head(engine, 6)
    with closing(sqlite3.connect(tmp_path / "site.db")) as other:
        assert other.execute("SELECT value FROM head LIMIT 1").fetchone() == (6,)


def set_head(engine, value, **options):
    with writing(engine, **options) as connection:
        connection.execute(text("UPDATE head SET value = :value"), {"value": value})


def head_of(engine):
    with reading(engine) as connection:
        return connection.scalar(text("SELECT value FROM head LIMIT 1"))


# --- PostgreSQL alone ----------------------------------------------------------------------------------------------


def test_a_password_in_the_address_works_and_shows_nowhere(postgres):
    name = postgres.create()
    engine = open_database(postgres.url_with_password(name))
    with pytest.raises(SettingsError, match="is empty or old") as told:
        check_version(engine)
    assert PASSWORD not in str(told.value)
    with pytest.raises(SettingsError, match="password authentication failed") as told:
        open_database(postgres.url_with_password(name, "wrong-password"))
    assert "wrong-password" not in str(told.value)
    with pytest.raises(SettingsError, match='database "nowhere" does not exist'):
        open_database(postgres.url_with_password("nowhere"))
    engine.dispose()
    postgres.drop(name)


def test_the_owner_of_a_database_needs_no_further_rights(postgres, tmp_path):
    postgres.command("CREATE ROLE plain LOGIN PASSWORD 'plain-password'")
    name = postgres.create(words="OWNER plain")
    engine = open_database(postgres.url_with_password(name, "plain-password").replace("//site:", "//plain:"))
    upgrade(engine)
    check_version(engine)
    with writing(engine) as connection:
        connection.execute(text("UPDATE head SET value = 3"))
    assert back_up(engine, tmp_path / "kept.db").revision == revisions()[-1]
    engine.dispose()
    postgres.drop(name)
    postgres.command("DROP ROLE plain")


def test_a_database_that_cannot_hold_every_name_is_refused(postgres):
    name = postgres.create(words="ENCODING 'LATIN1' LOCALE 'C'")
    with pytest.raises(SettingsError, match="is encoded in LATIN1; make one with `createdb --encoding UTF8"):
        open_database(postgres.url(name))
    postgres.drop(name)


def test_an_engine_that_nobody_has_is_gone_with_its_connections(empty_database):
    engine = open_database(empty_database)
    with engine.connect() as connection:
        driver = connection.connection.driver_connection
    gone = weakref.ref(engine)
    del engine, connection
    gc.collect()
    assert gone() is None
    with pytest.raises((sqlite3.ProgrammingError, psycopg.OperationalError), match="closed"):
        driver.execute("SELECT 1")
