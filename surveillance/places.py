"""Where things lie: what ships with the package, and the data directory. Works from a wheel and from a checkout."""

from __future__ import annotations

import os
import re
from pathlib import Path

from platformdirs import user_data_path

PACKAGE = Path(__file__).resolve().parent
_RECORDING = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{6,63}-(?:picture\.jpg|clip\.mp4)")
_SHELF = 6  # first characters of an id that share a folder; of a UUIDv7 these are four hours and a half


def shipped(name: str) -> Path:
    """`config` or `migrations`: the packaged copy where there is one, else the checkout's."""
    packaged = PACKAGE / f"_{name}"
    return packaged if packaged.is_dir() else PACKAGE.parent / name


def default_data_dir() -> Path:
    """The data directory when the settings name none."""
    return user_data_path("surveillance")


def recording_place(media_dir: Path, name: str) -> Path:
    """Where the recording EVENT-picture.jpg or EVENT-clip.mp4 lies. Raises ValueError for any other name."""
    if not _RECORDING.fullmatch(name):
        raise ValueError(f"{name!r} is not the name of a recording")
    return media_dir / name[:_SHELF] / name


def sync_directory(directory: Path) -> None:
    """Returns when the names in it are on the disk; without this a file may be whole and yet have no name."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
