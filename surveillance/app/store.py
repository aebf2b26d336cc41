"""The data directory, opened: database, keys, evidence and what reads and writes them."""

from __future__ import annotations

import hashlib
import hmac
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from surveillance.app.runtime import BELL, runtime_dir
from surveillance.engines.doorbell import ring
from surveillance.settings import Settings
from surveillance.storage.accounts import Accounts
from surveillance.storage.backup import Backup, back_up, backup_name, prune, worth_keeping
from surveillance.storage.chain import keep_chain
from surveillance.storage.crops import CorrectedCrops, Crops
from surveillance.storage.database import (
    check_version,
    open_database,
    reading,
    revision_of,
    revisions,
    scour,
    shown,
    upgrade,
)
from surveillance.storage.evidence import EvidenceStore
from surveillance.storage.faces import Faces
from surveillance.storage.inbox import Inbox
from surveillance.storage.keys import KeyStore
from surveillance.storage.labels import Labels
from surveillance.storage.queries import Events
from surveillance.storage.recordings import Recordings
from surveillance.storage.reviews import Reviews
from surveillance.storage.rulebook import SqlSite
from surveillance.storage.sealing import clear_names, seal_names

BACKUPS = "backups"  # in the data directory
PAGES_KEY = "pages"  # for what pages hand on and nobody else may read, such as a password that was just typed
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Store:
    """Everything that lies in the data directory, opened."""

    engine: Any  # sqlalchemy.Engine; only storage looks inside
    keys: KeyStore
    evidence: EvidenceStore
    recordings: Recordings
    site: SqlSite
    faces: Faces
    events: Events
    reviews: Reviews
    crops: Crops
    labels: Labels
    accounts: Accounts
    inbox: Inbox


def open_store(settings: Settings, existing: bool = False) -> Store:
    """Opens the database of this version. Raises SettingsError or DatabaseTooNew where it is another's.

    A process of a running service asks for an `existing` one: where it was moved away, no empty one takes its place.
    """
    settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    engine = open_database(settings.database_url, settings.storage.commit_timeout_ms, existing)
    check_version(engine)
    keys = KeyStore(settings.data_dir / "keys")
    keep_chain(engine, keys)
    pictures = EvidenceStore(settings.data_dir / "evidence")
    crops = Crops(engine, EvidenceStore(settings.data_dir / "crops"), settings.labeling)
    return Store(
        engine=engine,
        keys=keys,
        evidence=pictures,
        recordings=Recordings(engine, settings.data_dir / "media"),
        site=SqlSite(engine, keys),
        faces=Faces(engine, keys),
        events=Events(engine),
        reviews=Reviews(engine, CorrectedCrops(crops, pictures)),
        crops=crops,
        labels=Labels(engine),
        accounts=Accounts(engine, keys),
        inbox=Inbox(engine, lambda: ring(runtime_dir(settings) / BELL)),
    )


def upgrade_database(settings: Settings, announce: Callable[[str], None] = _log.info, backup: bool = True) -> str:
    """Creates the database, or brings it to this version; returns that in one line.

    A database that has a site is backed up before, and `announce` told so.
    """
    settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    engine = open_database(settings.database_url, settings.storage.commit_timeout_ms)
    with reading(engine) as connection:
        before = revision_of(connection)
    kept = None
    if backup and before in revisions()[:-1] and worth_keeping(engine):
        kept = keep_backup(settings, engine)
    before, after = upgrade(engine)
    if kept is not None:
        announce(f"database brought from {before} to {after}; as it was, it is in {kept.file}")
    keep_chain(engine, KeyStore(settings.data_dir / "keys"))
    if before not in (None, after) or clear_names(engine):
        count = seal_names(engine)
        if count:
            scour(engine)
            announce(f"names of people are sealed now ({count:,} rows); backups from before still hold them in clear")
    return f"{shown(engine.url)} is up to date"


def keep_backup(settings: Settings, engine: Any, spare: Path | None = None) -> Backup:
    """An automatic backup in the data directory; the newest five of each database stay, and `spare` in any case."""
    with reading(engine) as connection:
        name = backup_name(engine.url, revision_of(connection), datetime.now(UTC))
    made = back_up(engine, settings.data_dir / BACKUPS / name)
    prune(settings.data_dir / BACKUPS, engine.url, spare)
    return made


def reader_token(keys: KeyStore, door: str) -> str:
    """What a door's reader signs with over a broker: derived, so that it is nowhere stored."""
    return hmac.new(keys.key("readers"), door.encode(), hashlib.sha256).hexdigest()


def relay_token(keys: KeyStore, door: str) -> str:
    """What a door's controller must be told to expect: derived, so that it is nowhere stored."""
    return hmac.new(keys.key("relays"), door.encode(), hashlib.sha256).hexdigest()
