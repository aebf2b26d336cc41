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
CORE_STATUS = "core"  # the name under which core leaves in the database how it fares


def runtime_dir(settings: Settings) -> Path:
    """A private directory of this site: in memory where the system has a place for that, else in the data directory.

    Its path is short, since that of a Unix socket may have 107 bytes at most.
    """
    memory = Path("/dev/shm")  # noqa: S108 (a directory of our own in it, mode 0700)
    name = hashlib.sha256(str(settings.data_dir.resolve()).encode()).hexdigest()[:16]
    directory = memory / f"surveillance-{name}"
    if memory.is_dir():
        with suppress(FileExistsError):
            directory.mkdir(mode=0o700)
        found = directory.lstat()
        if stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o077:
            return directory
    fallback = settings.data_dir / "run"  # also where somebody else made that name first
    fallback.mkdir(parents=True, exist_ok=True, mode=0o700)
    return fallback


def live_pictures(settings: Settings) -> LivePictures:
    return LivePictures(runtime_dir(settings) / "live")


def media_dir(settings: Settings) -> Path:
    """Where pictures at full size and clips are kept."""
    return settings.data_dir / "media"
