"""A process that ends while a thread of its own uses the database ends as any other does."""

from __future__ import annotations

import gc
import subprocess
import sys
import threading
from pathlib import Path

from sqlalchemy import text

from surveillance.storage.database import open_database, reading

ENDS_AMID_STATEMENTS = """
import os, sys, threading
from sqlalchemy import text
from surveillance.storage.database import ChangeWatch, open_database, reading, writing

def use(database, started):
    watch = ChangeWatch(database)
    watch.changed()
    with reading(database) as connection:
        for number in range(120):  # statements that the driver keeps: a connection with many takes long to close
            connection.execute(text(f"SELECT {number}"))
    with writing(database) as connection:
        for number in range(120):
            connection.execute(text(f"SELECT {number}"))
    started.set()
    while True:
        watch.changed()
        with reading(database) as connection:
            connection.execute(text("SELECT 1"))

for _ in range(12):
    child = os.fork()
    if child == 0:
        begun = [threading.Event() for _ in range(3)]
        for started in begun:
            threading.Thread(target=use, args=(open_database(sys.argv[1]), started), daemon=True).start()
        for started in begun:
            started.wait()
        sys.exit()
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""
ENDS_AMID_NOTHING = """
import sys
from surveillance.storage.database import ChangeWatch, open_database

watch = ChangeWatch(open_database(sys.argv[1]))
watch.changed()
"""


def run(program: str, address: str) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, "-X", "dev", "-c", program, address]
    return subprocess.run(words, capture_output=True, text=True, check=True, timeout=240)


def test_a_thread_that_goes_on_at_the_end_does_not_crash_the_process(tmp_path: Path) -> None:
    """The driver crashes when a connection is closed while another thread executes on it."""
    ended = run(ENDS_AMID_STATEMENTS, f"sqlite:///{tmp_path / 'site.db'}")
    assert ended.stdout.split() == ["0"] * 12, ended.stderr


def test_connections_are_closed_at_the_end_where_no_thread_is_left(empty_database: str) -> None:
    assert "ResourceWarning" not in run(ENDS_AMID_NOTHING, empty_database).stderr
    file = Path(empty_database.removeprefix("sqlite:///"))
    assert [path.name for path in file.parent.glob("site.db*")] in ([], [file.name]), "no log is left beside it"


def test_what_another_thread_uses_is_not_closed_although_nobody_else_has_the_engine(tmp_path: Path) -> None:
    begun, collected = threading.Event(), threading.Event()
    found: list[int] = []

    def use() -> None:
        with reading(open_database(f"sqlite:///{tmp_path / 'site.db'}")) as connection:
            begun.set()
            collected.wait(60)
            found.append(connection.execute(text("SELECT 1")).scalar_one())

    thread = threading.Thread(target=use)
    thread.start()
    begun.wait(60)
    gc.collect()
    collected.set()
    thread.join()
    assert found == [1]
