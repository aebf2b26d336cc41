"""The data directory, opened: database, keys, evidence and what reads and writes them."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from typing import Any

from surveillance.domain.site import hide_password
from surveillance.settings import Settings
from surveillance.storage.accounts import Accounts
from surveillance.storage.database import check_version, open_database, upgrade
from surveillance.storage.evidence import EvidenceStore
from surveillance.storage.inbox import Inbox
from surveillance.storage.keys import KeyStore
from surveillance.storage.queries import Events
from surveillance.storage.recordings import Recordings
from surveillance.storage.rulebook import SqlSite


@dataclass(frozen=True, slots=True)
class Store:
    """Everything that lies in the data directory, opened."""

    engine: Any  # sqlalchemy.Engine; only storage looks inside
    keys: KeyStore
    evidence: EvidenceStore
    recordings: Recordings
    site: SqlSite
    events: Events
    accounts: Accounts
    inbox: Inbox


def open_store(settings: Settings) -> Store:
    """Opens the database of this version. Raises SettingsError or DatabaseTooNew where it is another's."""
    settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    engine = open_database(settings.database_url, settings.storage.commit_timeout_ms)
    check_version(engine)
    keys = KeyStore(settings.data_dir / "keys")
    return Store(
        engine=engine,
        keys=keys,
        evidence=EvidenceStore(settings.data_dir / "evidence"),
        recordings=Recordings(engine, settings.data_dir / "media"),
        site=SqlSite(engine, keys),
        events=Events(engine),
        accounts=Accounts(engine),
        inbox=Inbox(engine),
    )


def upgrade_database(settings: Settings) -> str:
    """Creates the database, or brings it to this version; says so in one line."""
    settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    engine = open_database(settings.database_url, settings.storage.commit_timeout_ms)
    upgrade(engine)
    return f"{hide_password(settings.database_url)} is up to date"


def relay_token(keys: KeyStore, door: str) -> str:
    """What a door's controller must be told to expect: derived, so that it is nowhere stored."""
    return hmac.new(keys.key("relays"), door.encode(), hashlib.sha256).hexdigest()
