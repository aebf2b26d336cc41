"""What makes a new name in a directory, or a line at the end of a file, survive a power cut."""

from __future__ import annotations

import os
from pathlib import Path

from surveillance.places import sync_directory

__all__ = ["append_line", "sync_directory"]


def append_line(file: Path, line: str) -> None:
    """Adds a line to a file, which is made where there is none; it is on the disk when this returns."""
    is_new = not file.exists()
    with file.open("a", encoding="utf-8") as out:
        out.write(line + "\n")
        out.flush()
        os.fsync(out.fileno())
    if is_new:
        sync_directory(file.parent)
