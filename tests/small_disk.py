"""A small disk in memory, which a test can fill to the last byte."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import FileIO
from pathlib import Path

WHY_NONE = "only root may mount a disk, and not in every container"


@contextmanager
def small_disk(folder: Path, size_mb: int) -> Iterator[bool]:
    """That folder on a disk of its own for the length of the block; False where none may be mounted."""
    options = ["mount", "-t", "tmpfs", "-o", f"size={size_mb}m,mode=0700", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(options, capture_output=True).returncode:
        yield False
        return
    yield True
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


@contextmanager
def full(disk: Path) -> Iterator[None]:
    """No room at all, whatever becomes free meanwhile."""
    ballast, over = disk / "ballast", threading.Event()
    with ballast.open("ab", buffering=0) as file:
        fill(file)
        thread = threading.Thread(target=lambda: keep_full(file, over))
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()
            ballast.unlink()


def keep_full(file: FileIO, over: threading.Event) -> None:
    while not over.wait(0.01):
        fill(file)


def fill(file: FileIO) -> None:
    for size in (2**20, 4096, 1):
        with suppress(OSError):  # no space left on device
            while True:
                file.write(bytes(size))
