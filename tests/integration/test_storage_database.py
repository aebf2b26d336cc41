"""Opening and upgrading a database: the schema is the tables', and what does not fit is refused in one line."""

from __future__ import annotations

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import text

from surveillance.domain.errors import DatabaseTooNew, SettingsError
from surveillance.storage.database import check_version, open_database, reading, upgrade, writing
from surveillance.storage.schema_page import schema_page
from surveillance.storage.tables import metadata


@pytest.fixture
def engine(tmp_path):
    return open_database(f"sqlite:///{tmp_path / 'deep' / 'site.db'}")


def test_the_migrations_build_what_the_tables_say(engine):
    upgrade(engine)
    upgrade(engine)
    check_version(engine)
    with reading(engine) as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_the_page_about_the_schema_is_up_to_date():
    page = Path(__file__).parents[2] / "docs" / "schema.md"
    assert page.read_text(encoding="utf-8") == schema_page()


def test_a_commit_is_on_the_disk_and_readers_do_not_wait(engine, tmp_path):
    upgrade(engine)
    with reading(engine) as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2
        with writing(engine) as writer:
            writer.execute(text("UPDATE head SET value = 9"))
            assert connection.execute(text("SELECT max(value) FROM head")).scalar() == 0
    assert (tmp_path / "deep" / "site.db").stat().st_mode & 0o777 == 0o600


def test_an_empty_database_asks_for_an_upgrade(engine):
    with pytest.raises(SettingsError, match=r"site\.db is empty or old: run `surveillance db upgrade`"):
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
        ("nosuch://host/db", "no driver is installed"),
        ("sqlite:////proc/nowhere/site.db", "cannot write /proc/nowhere/site.db"),
    ],
)
def test_an_address_that_cannot_be_used_is_told_in_one_line(url, words):
    with pytest.raises(SettingsError) as caught:
        open_database(url)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_no_database_is_told(tmp_path):
    (tmp_path / "notes.db").write_text("dear diary, " * 100)
    with pytest.raises(SettingsError, match="file is not a database"):
        open_database(f"sqlite:///{tmp_path / 'notes.db'}")
