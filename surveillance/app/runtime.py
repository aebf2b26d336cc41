"""Where the running processes of one site meet: sockets and live pictures, gone when the machine is switched off."""

from __future__ import annotations

import hashlib
import os
import stat
from contextlib import suppress
from pathlib import Path

from surveillance.engines.live import LivePictures
from surveillance.settings import Settings

REPORT = "processes.json"  # in the runtime directory: what runs, and how often it was started again
BELL = "bell"  # there too: whoever asks core something rings it
CORE_STATUS = "core"  # the name under which core leaves in the database how it fares


def runtime_dir(settings: Settings, memory: Path = Path("/dev/shm")) -> Path:  # noqa: S108 (ours in it has mode 0700)
    """A private directory of this site: in memory where the system has room for that, else in the data directory.

    The same for all processes. Its path is short, since that of a Unix socket may have 107 bytes at most.
    """
    name = hashlib.sha256(str(settings.data_dir.resolve()).encode()).hexdigest()[:16]
    directory, fallback = memory / f"surveillance-{name}", settings.data_dir / "run"
    if _is_private(directory):
        return directory
    if not fallback.is_dir():  # else another process of the site found no room in memory
        with suppress(OSError):  # full, read-only, not there; or somebody else made that name first
            directory.mkdir(mode=0o700)
            return directory
    fallback.mkdir(parents=True, exist_ok=True, mode=0o700)
    return fallback


def _is_private(directory: Path) -> bool:
    """Whether it is there, this user's, and nobody else's."""
    try:
        found = directory.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o077


def live_pictures(settings: Settings) -> LivePictures:
    return LivePictures(runtime_dir(settings) / "live")


def media_dir(settings: Settings) -> Path:
    """Where pictures at full size and clips are kept."""
    return settings.data_dir / "media"
