"""Who may work on a data directory: one service, and one core. Locks of the system's, which end with their process."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

from surveillance.domain.errors import SettingsError
from surveillance.settings import Settings

HAND_OVER_S = 8.0  # how long to wait for the one before to end


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
