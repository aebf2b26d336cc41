"""A wall clock that a test sets under processes that run, as a person or a dead battery would."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from services import lacking

SOURCE = Path(__file__).parent / "clock" / "shifted.c"


class ShiftedClock:
    """That of every process started within `shifted_clock`; not the test's own."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.set(0)

    def set(self, off_by_s: int) -> None:
        """At once, for all of them."""
        with self._file.open("r+b" if self._file.exists() else "wb") as file:
            file.write(off_by_s.to_bytes(8, "little", signed=True))


@contextmanager
def shifted_clock(folder: Path) -> Iterator[ShiftedClock]:
    compiler = shutil.which("cc") or lacking("a C compiler (gcc)")
    library = folder / "shifted.so"
    subprocess.run([compiler, "-O1", "-shared", "-fPIC", "-o", str(library), str(SOURCE)], check=True)
    clock = ShiftedClock(folder / "off_by")
    ours = {"LD_PRELOAD": str(library), "CLOCK_OFF_BY": str(folder / "off_by")}
    before = {name: os.environ.get(name) for name in ours}
    os.environ.update(ours)
    try:
        yield clock
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
