"""Who may work on a data directory: one service, and one core. Locks of the system's, which end with their process.

A database on a server has one core too, whichever machine and directory that is on.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

from surveillance.app.runtime import CORE_STATUS
from surveillance.domain.errors import SettingsError
from surveillance.settings import Settings
from surveillance.storage.keys import KeyStore
from surveillance.storage.state import SharedState

HAND_OVER_S = 8.0  # how long to wait for the one before to end
OTHER_S, LOOK_S = 4.0, 0.2  # a core that runs tells of itself every second


@contextmanager
def only_core(settings: Settings, wait_s: float = HAND_OVER_S) -> Iterator[None]:
    """Holds the data directory against any other core.

    Waits for a core that is just ending. Raises SettingsError when it goes on.
    """
    with _alone(settings, "core.lock", wait_s):
        yield


@contextmanager
def only_service(settings: Settings, wait_s: float = HAND_OVER_S) -> Iterator[None]:
    """Holds the data directory against any other service, also while its core is not there for a moment.

    Waits for one that is just ending. Raises SettingsError when it goes on.
    """
    with _alone(settings, "service.lock", wait_s):
        yield


@contextmanager
def _alone(settings: Settings, name: str, wait_s: float) -> Iterator[None]:
    descriptor = os.open(settings.data_dir / name, os.O_RDWR | os.O_CREAT, 0o600)
    with os.fdopen(descriptor) as file:
        ends_s = time.monotonic() + wait_s
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > ends_s:
                    raise SettingsError(
                        f"another service runs on {settings.data_dir}; stop it, or choose another directory with "
                        "SURVEILLANCE__DATA_DIR"
                    ) from None
                time.sleep(0.1)
        yield


def core_place(keys: KeyStore) -> str:
    """Which data directory a core runs on, as other machines see it; tells nothing of the key."""
    return hashlib.sha256(b"core place" + keys.key("link")).hexdigest()[:16]


def refuse_other_core(state: SharedState, place: str, patience_s: float = OTHER_S) -> None:
    """Raises SettingsError when a core of another data directory tells of itself in the same database.

    Two would both answer the same request. Waits only where another one was the last to tell.
    """
    told = state.get_dated(CORE_STATUS)
    if told is None or told[0].get("place") in (None, place):
        return
    ends_s = time.monotonic() + patience_s
    while time.monotonic() < ends_s:
        time.sleep(LOOK_S)
        again = state.get_dated(CORE_STATUS)
        if again is not None and again[1] != told[1]:
            raise SettingsError(
                "another service, with another data directory, runs on this database; stop it, or choose another "
                "database with SURVEILLANCE__STORAGE__URL"
            )
