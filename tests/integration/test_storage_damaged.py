"""A database file with damage in it: said in one line, and replaced by a backup without being lost."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from surveillance.app.database import back_up_site, restore_site
from surveillance.app.doctor import examine
from surveillance.app.store import BACKUPS, open_store, upgrade_database
from surveillance.domain.errors import DatabaseDamaged, RecordFailed
from surveillance.settings import Settings
from surveillance.storage.backup import prune
from surveillance.storage.database import open_database, reading


def quiet(*_: object) -> None:
    pass


def overwrite_head(file: Path) -> None:
    """Not even the first page can be read."""
    file.write_bytes(b"x" * 4096 + file.read_bytes()[4096:])


def overwrite_accounts(file: Path) -> None:
    """It opens, and one of its tables cannot be read."""
    with closing(sqlite3.connect(file)) as connection:
        root = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'account'").fetchone()[0]
        size = connection.execute("PRAGMA page_size").fetchone()[0]
    with file.open("r+b") as whole:
        whole.seek((root - 1) * size)
        whole.write(b"x" * size)


def cut_short(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: 4096 * 5])


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A site that nothing has open, with a backup beside it."""
    made = Settings(data_dir=tmp_path / "made")
    upgrade_database(made)
    open_store(made).accounts.add("ada", "viewer", "correct horse")
    kept = back_up_site(made, tmp_path / "kept.db", quiet)
    settings = Settings(data_dir=tmp_path / "data")
    settings.data_dir.mkdir()
    shutil.copy(kept.file, settings.data_dir / "surveillance.db")
    return settings


@pytest.mark.parametrize("damage", [overwrite_head, overwrite_accounts, cut_short])
def test_a_damaged_database_is_replaced_by_a_backup_and_kept(
    settings: Settings, tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    file = settings.data_dir / "surveillance.db"
    damage(file)
    damaged = file.read_bytes()[4096:]  # opening it writes to the first page
    _, before = restore_site(settings, tmp_path / "kept.db", False, quiet)
    assert open_store(settings).accounts.authenticate("ada", "correct horse") is not None
    assert before is not None
    assert before.file.parent == settings.data_dir / BACKUPS
    assert before.file.read_bytes()[4096:] == damaged
    assert prune(settings.data_dir / BACKUPS, settings.database_url, keep=1) == []


def test_damage_is_told_in_one_line_that_says_what_to_do(settings: Settings) -> None:
    overwrite_head(settings.data_dir / "surveillance.db")
    with pytest.raises(DatabaseDamaged, match=r"is damaged .* `surveillance db restore BACKUP`"):
        open_store(settings)
    told = [finding.what for finding in examine(settings) if finding.level == "fail"]
    assert any("is damaged" in what for what in told)


def test_damage_met_while_it_runs_is_a_record_that_failed(settings: Settings) -> None:
    file = settings.data_dir / "surveillance.db"
    overwrite_accounts(file)
    engine = open_database(f"sqlite:///{file}")
    with pytest.raises(RecordFailed, match="the database is damaged"), reading(engine) as connection:
        connection.exec_driver_sql("SELECT password_hash FROM account").all()
