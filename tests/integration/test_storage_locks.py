"""SQLite's locks are those of a whole process: opening a database a second time must not let go of them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from sqlalchemy import text

from surveillance.storage.database import open_database, writing

READS = "import sqlite3, sys; print(sqlite3.connect(sys.argv[1]).execute('select count(*) from t').fetchone()[0])"


def seen_elsewhere(path: Path) -> int:
    """How many rows another process finds; it opens the database and closes it again."""
    done = subprocess.run([sys.executable, "-c", READS, str(path)], capture_output=True, text=True, check=True)
    return int(done.stdout)


def test_what_is_written_after_a_second_opening_is_seen_elsewhere(tmp_path: Path) -> None:
    """The other process took itself for the last, and removed the write-ahead log under the ones that still wrote."""
    path = tmp_path / "site.db"
    first = open_database(f"sqlite:///{path}")
    with writing(first) as connection:
        connection.execute(text("create table t (x integer)"))
    second = open_database(f"sqlite:///{path}")
    for count in range(1, 4):
        assert seen_elsewhere(path) == count - 1
        with writing(first if count % 2 else second) as connection:
            connection.execute(text("insert into t values (1)"))
    assert seen_elsewhere(path) == 3
    for engine in (first, second):
        engine.dispose()
