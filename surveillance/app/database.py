"""What moves a whole database: backup, the way back, and into another one. Never under a core that runs."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from surveillance.app.runtime import CORE_STATUS
from surveillance.app.store import BACKUPS, keep_backup
from surveillance.domain.errors import UserMistake
from surveillance.settings import Settings
from surveillance.storage.backup import Backup, back_up, backup_name, inspect_backup, restore, worth_keeping
from surveillance.storage.copy import Copied, Progress, copy_database, heard_s
from surveillance.storage.database import open_database, reading, revision_of

SILENT_S = 5.0  # a core that runs tells how it fares every second


def back_up_site(settings: Settings, file: Path | None, progress: Progress) -> Backup:
    """Backs up the configured database, by default into the data directory, where no automatic one replaces it."""
    engine = _open(settings, settings.database_url, existing=True)
    if file is None:
        with reading(engine) as connection:
            name = backup_name(engine.url, revision_of(connection), datetime.now(UTC))
        file = settings.data_dir / BACKUPS / name.replace(".db", "-manual.db")
    return back_up(engine, file, progress)


def restore_site(settings: Settings, file: Path, force: bool, progress: Progress) -> tuple[Backup, Backup | None]:
    """Restores a backup; what was there before is backed up first. Returns both.

    Raises UserMistake while core runs, unless forced.
    """
    inspect_backup(file)
    settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    engine = _open(settings, settings.database_url)
    _refuse_while_core_runs(engine, force)
    before = None
    if engine.dialect.name == "sqlite" and worth_keeping(engine):
        before = keep_backup(settings, engine, spare=file)
    return restore(engine, file, progress), before


def copy_site(settings: Settings, source_url: str, target_url: str, force: bool, progress: Progress) -> Copied:
    """Copies a database into an empty one. Raises UserMistake while core runs on the source, unless forced."""
    source = _open(settings, source_url, existing=True)
    _refuse_while_core_runs(source, force)
    return copy_database(source, _open(settings, target_url), progress)


def _open(settings: Settings, url: str, existing: bool = False) -> Any:
    return open_database(url, settings.storage.commit_timeout_ms, existing)


def _refuse_while_core_runs(engine: Any, force: bool) -> None:
    age_s = None if force else heard_s(engine, CORE_STATUS)
    if age_s is not None and age_s < SILENT_S:
        raise UserMistake(
            f"core runs on this database (heard {max(age_s, 0):.0f} s ago): stop it first, or give --force"
        )
