"""An upgrade keeps what was there, and the way back leads to it."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from ledger_samples import decision, observation, open_desk
from old_databases import build_old, rows_of
from sqlalchemy import text

from surveillance.app.database import back_up_site, copy_site, restore_site
from surveillance.app.runtime import CORE_STATUS
from surveillance.app.store import open_store, upgrade_database
from surveillance.domain.errors import DatabaseTooNew, RecordFailed, SettingsError, UserMistake
from surveillance.settings import Settings
from surveillance.storage import backup
from surveillance.storage.backup import back_up, backup_name, inspect_backup, prune, restore
from surveillance.storage.database import check_version, open_database, reading, revisions, upgrade, writing
from surveillance.storage.queries import Events
from surveillance.storage.settings import StorageSettings
from surveillance.storage.state import SharedState
from surveillance.storage.web_sessions import WebSessions

HEAD = revisions()[-1]


def quiet(*_):
    pass


@pytest.fixture
def engine(empty_database):
    return open_database(empty_database)


@pytest.fixture
def settings(tmp_path, empty_database):
    return Settings(data_dir=tmp_path / "data", storage=StorageSettings(url=empty_database))


def sqlite_rows(file: Path):
    engine = open_database(f"sqlite:///{file}")
    try:
        return rows_of(engine)
    finally:
        engine.dispose()


def alike(tables):
    return {
        name: sorted(repr([(column, row[column]) for column in sorted(row)]) for row in rows)
        for name, rows in tables.items()
    }


# --- the story: old database, upgrade, backup, restore, old state --------------------------------------------------


def test_an_upgrade_backs_up_and_the_way_back_leads_to_the_old_state(settings, engine, tmp_path, postgres):
    build_old(engine, "0004")
    old = rows_of(engine)
    told = []
    said = upgrade_database(settings, told.append)
    assert said.endswith("is up to date")
    assert "@" not in said or "***@" in said
    [file] = (settings.data_dir / "backups").iterdir()
    assert told == [
        f"database brought from 0004 to {HEAD}; as it was, it is in {file}",
        "names of people are sealed now (1 rows); backups from before still hold them in clear",
    ]
    assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert inspect_backup(file).revision == "0004"
    check_version(engine)
    assert upgrade_database(settings, told.append) == said
    assert len(told) == 2
    back = settings
    if engine.dialect.name == "postgresql":
        with pytest.raises(UserMistake, match="is not empty: give a new database"):
            restore_site(settings, file, False, quiet)
        fresh = StorageSettings(url=postgres.url(postgres.create()))
        back = settings.model_copy(update={"storage": fresh})
    newer, content = alike(rows_of(engine)), file.read_bytes()
    held, before = restore_site(back, file, False, quiet)
    assert held.revision == "0004"
    assert file.read_bytes() == content
    returned = open_database(back.database_url)
    assert alike(rows_of(returned)) == alike(old)
    if engine.dialect.name == "sqlite":
        assert inspect_backup(before.file).revision == HEAD
        assert alike(sqlite_rows(before.file)) == newer
    upgrade_database(back, told.append)
    by_chance = ("chain", "person", "person_name", "credential")  # pseudonyms and salts are drawn anew
    again = alike(rows_of(returned))
    assert [(name, rows) for name, rows in again.items() if name not in by_chance] == [
        (name, rows) for name, rows in newer.items() if name not in by_chance
    ]
    assert {name: len(again[name]) for name in by_chance} == {name: len(newer[name]) for name in by_chance}


def test_a_new_or_empty_database_is_not_backed_up(settings, engine):
    told = []
    upgrade(engine, "0002")
    upgrade_database(settings, told.append)
    assert told == []
    assert not (settings.data_dir / "backups").exists()


def test_an_upgrade_can_be_asked_to_keep_no_backup(settings, engine):
    build_old(engine, "0004")
    upgrade_database(settings, quiet, backup=False)
    check_version(engine)
    assert not (settings.data_dir / "backups").exists()


def test_an_older_program_takes_a_restored_database_again(tmp_path):
    """As seen by the older version: first it refuses what the newer one left, then it restores its own backup."""
    settings = Settings(data_dir=tmp_path / "data")
    upgrade_database(settings)
    store = open_store(settings)
    store.accounts.add("ada", "viewer", "correct horse")
    kept = back_up_site(settings, tmp_path / "kept.db", quiet)
    with writing(store.engine) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        connection.execute(text("ALTER TABLE account ADD COLUMN newer TEXT"))
    with pytest.raises(DatabaseTooNew):
        open_store(settings)
    _, before = restore_site(settings, kept.file, False, quiet)
    assert open_store(settings).accounts.authenticate("ada", "correct horse").name == "ada"
    assert backup.inspect_backup(before.file, checked=False).revision == "9999"
    with pytest.raises(DatabaseTooNew, match="is at 9999, which this version does not know"):
        restore_site(settings, before.file, False, quiet)


# --- backup --------------------------------------------------------------------------------------------------------


def test_a_backup_is_one_state_while_others_write(database, tmp_path):
    desk = open_desk(tmp_path, 20_000, database)
    desk.ledger([(observation(), (decision(),))])
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            desk.ledger([(observation(), (decision(notify=("ops",)),)) for _ in range(3)])

    writer = threading.Thread(target=write)
    writer.start()
    try:
        made = [back_up(desk.engine, tmp_path / f"copy-{number}.db") for number in range(3)]
    finally:
        stop.set()
        writer.join()
    for kept in made:
        rows = sqlite_rows(kept.file)
        counted = {row["name"]: row["value"] for row in rows["head"]}
        assert counted == {"event": len(rows["event"]), "input": len(rows["observation"]), "chain": len(rows["chain"])}
        assert len(rows["outbox"]) == len(rows["event"]) - 1
        assert (len(rows["event"]) - 1) % 3 == 0


def test_a_backup_is_a_single_file_without_keys(settings, tmp_path):
    upgrade_database(settings)
    store = open_store(settings)
    store.accounts.add("ada", "viewer", "correct horse")
    secret = store.keys.key("sealing")
    made = back_up_site(settings, None, quiet)
    assert made.file.parent == settings.data_dir / "backups"
    assert made.file.name.endswith("-manual.db")
    assert [file.name for file in made.file.parent.iterdir()] == [made.file.name]
    content = made.file.read_bytes()
    assert secret not in content
    assert content[18:20] == b"\x01\x01"  # no WAL: the file needs no other beside it
    assert made.size_bytes == len(content)


def test_a_backup_that_cannot_be_made_leaves_no_file(database, tmp_path):
    engine = open_database(database)
    (tmp_path / "there.db").write_text("mine")
    with pytest.raises(UserMistake, match="is there already: give another name"):
        back_up(engine, tmp_path / "there.db")
    with writing(engine) as connection:
        connection.execute(text("DROP TABLE alembic_version"))
    with pytest.raises(UserMistake, match="holds no site: there is nothing to back up"):
        back_up(engine, tmp_path / "none.db")
    assert (tmp_path / "there.db").read_text() == "mine"
    assert not list(tmp_path.glob("*none.db*"))


def test_the_newest_five_automatic_backups_of_each_database_stay(tmp_path):
    start = datetime(2026, 11, 21, 12, tzinfo=UTC)
    for database in ("site", "site-2"):
        for hour in range(7):
            revision = "0009" if hour < 3 else "0004"  # after going back, older revisions are newer files
            name = backup_name(f"sqlite:///{database}.db", revision, start + timedelta(hours=hour))
            (tmp_path / name).touch()
    by_hand = tmp_path / "site-0004-20261121T120000000000Z-manual.db"
    by_hand.touch()
    [oldest, second] = sorted(tmp_path.glob("site-0009-*Z.db"))[:2]
    assert prune(tmp_path, "sqlite:///site.db", spare=oldest) == [second]
    assert prune(tmp_path, "sqlite:///site.db") == [oldest]
    assert len(list(tmp_path.glob("site-0*Z.db"))) == 5
    assert len(list(tmp_path.glob("site-2-*.db"))) == 7
    assert by_hand.exists()


# --- restore and copy, guarded -------------------------------------------------------------------------------------


def test_nothing_is_restored_or_copied_under_a_core_that_runs(settings, tmp_path):
    upgrade_database(settings)
    store = open_store(settings)
    store.accounts.add("ada", "viewer", "correct horse")
    kept = back_up_site(settings, tmp_path / "kept.db", quiet)
    copies = f"sqlite:///{tmp_path / 'copy.db'}"
    with telling(store.engine):
        with pytest.raises(UserMistake, match=r"core runs on .* stop it first, or give --force"):
            restore_site(settings, kept.file, False, quiet)
        with pytest.raises(UserMistake, match="core runs on"):
            copy_site(settings, settings.database_url, copies, False, quiet)
        assert copy_site(settings, settings.database_url, copies, True, quiet).rows["account"] == 1
    again = f"sqlite:///{tmp_path / 'again.db'}"  # a core that has just stopped is only waited for
    assert copy_site(settings, settings.database_url, again, False, quiet).rows["account"] == 1


@contextmanager
def telling(engine):
    """A core that tells how it fares, as one that runs does."""
    stop, state = threading.Event(), SharedState(engine)
    state.put(CORE_STATUS, {})

    def tell() -> None:
        while not stop.wait(0.2):
            state.put(CORE_STATUS, {})

    teller = threading.Thread(target=tell)
    teller.start()
    try:
        yield
    finally:
        stop.set()
        teller.join()


@pytest.mark.parametrize("content", [b"", b"dear diary, " * 100, None])
def test_a_file_that_is_no_backup_is_told_and_changes_nothing(database, tmp_path, content):
    file = tmp_path / "notes.db"
    if content is not None:
        file.write_bytes(content)
    engine = open_database(database)
    before = rows_of(engine)
    with pytest.raises(UserMistake, match=r"notes\.db"):
        restore(engine, file)
    assert rows_of(engine) == before


def test_a_damaged_backup_is_told(tmp_path):
    engine = open_database(f"sqlite:///{tmp_path / 'site.db'}")
    build_old(engine, HEAD)
    kept = back_up(engine, tmp_path / "kept.db").file
    content = bytearray(kept.read_bytes())
    content[8192:20480] = bytes(12288)
    kept.write_bytes(content)
    with pytest.raises(UserMistake, match=r"kept\.db is (damaged|no backup)"):
        restore(engine, kept)


def test_a_restore_does_not_wait_for_ever_for_a_writer(tmp_path):
    engine = open_database(f"sqlite:///{tmp_path / 'site.db'}", 100)
    build_old(engine, HEAD)
    kept = back_up(engine, tmp_path / "kept.db").file
    before = rows_of(engine)
    other = open_database(f"sqlite:///{tmp_path / 'site.db'}")
    with writing(other), pytest.raises(RecordFailed, match="somebody else writes"):
        restore(engine, kept, patience_s=0.2)
    assert rows_of(engine) == before


def test_others_see_a_restored_database_at_once(tmp_path):
    path = tmp_path / "site.db"
    engine, other = open_database(f"sqlite:///{path}"), open_database(f"sqlite:///{path}")
    build_old(engine, HEAD)
    kept = back_up(engine, tmp_path / "kept.db").file
    with writing(other) as connection:
        connection.execute(text("DELETE FROM outbox"))
        connection.execute(text("DELETE FROM event"))
    assert Events(other).last_seq() == 0
    restore(engine, kept)
    assert Events(other).last_seq() == 1
    with reading(other) as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"


def test_there_must_be_room_for_a_backup(database, tmp_path):
    engine = open_database(database)
    assert backup._bytes_of(engine) > 10_000
    with pytest.raises(UserMistake, match=r"a backup needs \d+ MB in .* make room, or write one elsewhere"):
        backup._refuse_without_room(10**18, tmp_path)


def test_a_backup_says_what_it_is(tmp_path):
    engine = open_database(f"sqlite:///{tmp_path / 'site.db'}")
    build_old(engine, "0003")
    made = back_up(engine, tmp_path / "deep" / "kept.db")
    assert inspect_backup(made.file) == made
    with sqlite3.connect(made.file) as connection:
        connection.execute("DELETE FROM alembic_version")
    connection.close()
    with pytest.raises(UserMistake, match="is no backup of a site: it says no revision"):
        inspect_backup(made.file)
    with pytest.raises(SettingsError, match="there is no backup"):
        inspect_backup(tmp_path / "nowhere.db")


def test_sessions_of_a_backup_do_not_come_back_with_it(tmp_path):
    settings = Settings(data_dir=tmp_path / "data")
    upgrade_database(settings)
    store = open_store(settings)
    user = store.accounts.add("ada", "viewer", "correct horse")
    secret = WebSessions(store.engine).start(user.id, "192.0.2.7", "browser", timedelta(hours=1))
    kept = back_up_site(settings, tmp_path / "kept.db", quiet)
    WebSessions(store.engine).end_all(user.id, "ada")
    restore_site(settings, kept.file, False, quiet)
    restored = open_store(settings)
    assert restored.accounts.user(user.id).name == "ada"
    assert WebSessions(restored.engine).find(secret) is None
