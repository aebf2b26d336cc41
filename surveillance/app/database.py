"""What moves a whole database: backup, the way back, and into another one. Never under a core that runs."""

from __future__ import annotations

import time
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from surveillance.app.locks import only_core, only_service
from surveillance.app.privacy import settle_erased
from surveillance.app.runtime import CORE_STATUS
from surveillance.app.store import BACKUPS, keep_backup
from surveillance.domain.errors import DatabaseDamaged, UserMistake
from surveillance.settings import Settings
from surveillance.storage.backup import (
    Backup,
    back_up,
    backup_name,
    inspect_backup,
    is_sound,
    restore,
    set_aside,
    worth_keeping,
)
from surveillance.storage.copy import Copied, Progress, copy_database, heard_s
from surveillance.storage.database import open_database, reading, revision_of, revisions, shown

SILENT_S = 5.0  # a core that runs tells how it fares every second
LONG_SILENT_S = 60.0  # what was told before that is not waited for; less may be two clocks that differ
LOOK_S = 0.5


def back_up_site(settings: Settings, file: Path | None, progress: Progress) -> Backup:
    """Backs up the configured database, by default into the data directory, where no automatic one replaces it."""
    engine = _open(settings, settings.database_url, existing=True)
    if file is None:
        with reading(engine) as connection:
            name = backup_name(engine.url, revision_of(connection), datetime.now(UTC))
        file = settings.data_dir / BACKUPS / name.replace(".db", "-manual.db")
    elif not file.parent.is_dir():  # made here, it would hide that a disk is not mounted
        raise UserMistake(f"there is no folder {file.parent}: make it, or mount its disk")
    return back_up(engine, file, progress)


def restore_site(settings: Settings, file: Path, force: bool, progress: Progress) -> tuple[Backup, Backup | None]:
    """Restores a backup; what was there before is backed up first, or moved aside where it is damaged. Returns both.

    Raises UserMistake while core or its service runs, unless forced; none starts meanwhile.
    """
    inspect_backup(file)
    settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    engine, damaged = _open_or_set_aside(settings)
    _refuse_while_core_runs(engine, force)
    with nullcontext() if force else only_service(settings), nullcontext() if force else only_core(settings):
        before = damaged
        if engine.dialect.name == "sqlite" and worth_keeping(engine):
            before = keep_backup(settings, engine, spare=file)
        restored = restore(engine, file, progress)
    if restored.revision == revisions()[-1]:  # an older one is upgraded at the next start, which settles this too
        settle_erased(settings)
    return restored, before


def _open_or_set_aside(settings: Settings) -> tuple[Any, Backup | None]:
    """The configured database, and what was in its place if that is damaged."""
    try:
        engine = _open(settings, settings.database_url)
        if is_sound(engine):
            return engine, None
        engine.dispose()
    except DatabaseDamaged:
        pass
    with only_service(settings), only_core(settings):
        aside = set_aside(settings.database_url, settings.data_dir / BACKUPS, datetime.now(UTC))
    return _open(settings, settings.database_url), aside


def copy_site(settings: Settings, source_url: str, target_url: str, force: bool, progress: Progress) -> Copied:
    """Copies a database into an empty one. Raises UserMistake while core runs on the source, unless forced."""
    source = _open(settings, source_url, existing=True)
    _refuse_while_core_runs(source, force)
    return copy_database(source, _open(settings, target_url), progress)


def _open(settings: Settings, url: str, existing: bool = False) -> Any:
    return open_database(url, settings.storage.commit_timeout_ms, existing)


def _refuse_while_core_runs(engine: Any, force: bool) -> None:
    """Waits until core has been silent for long enough, as one that was just stopped soon is."""
    before_s = None if force else heard_s(engine, CORE_STATUS)
    ends_at_s = time.monotonic() + SILENT_S
    while before_s is not None and before_s < LONG_SILENT_S and time.monotonic() < ends_at_s:
        time.sleep(LOOK_S)
        now_s = heard_s(engine, CORE_STATUS)
        if now_s is not None and now_s < before_s:
            raise UserMistake(f"core runs on {shown(engine.url)}: stop it first, or give --force")
        before_s = now_s
