"""A database that goes away, hangs or is fought over: an error in time, recovery by itself, no gap, nothing twice."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import pytest
from ledger_samples import Desk, decision, observation, open_desk
from patience import eventually
from postgres_server import PASSWORD, PostgresServer, running_postgres
from sqlalchemy import NullPool, create_engine, select, text

from surveillance.domain.errors import RecordFailed
from surveillance.storage.database import reading, writing
from surveillance.storage.inbox import Inbox
from surveillance.storage.keys import KeyStore
from surveillance.storage.outbox import SqlOutbox
from surveillance.storage.queries import Events
from surveillance.storage.rulebook import SqlSite
from surveillance.storage.state import SharedState
from surveillance.storage.tables import event

TESTS = Path(__file__).parents[1]
WRITERS = 4
BATCHES = 12


@pytest.fixture
def server() -> Iterator[PostgresServer]:
    """A server of its own, to break."""
    with running_postgres() as server:
        yield server


@contextmanager
def hung(server: PostgresServer) -> Iterator[None]:
    """Every process of the server stops answering, as on a machine whose disk does not answer."""
    postmaster = psutil.Process(server.pid)
    processes = [postmaster, *postmaster.children(recursive=True)]
    for process in processes:
        process.suspend()
    try:
        yield
    finally:
        for process in processes:
            process.resume()


def append(desk: Desk) -> list[int]:
    return [written.seq for written in desk.ledger([(observation(), (decision(notify=("ops",)),))])]


def test_a_server_that_was_away_is_used_again_without_a_restart_of_ours(server, tmp_path, caplog):
    desk = open_desk(tmp_path, 10_000, server.url_with_password(server.create()))
    site, inbox, state = SqlSite(desk.engine, KeyStore(tmp_path / "keys")), Inbox(desk.engine), SharedState(desk.engine)
    outbox, events = SqlOutbox(desk.engine), Events(desk.engine)
    soon = datetime.now(UTC) + timedelta(minutes=5)
    uses = [
        lambda: append(desk),
        site.read,
        inbox.pending,
        lambda: inbox.ask("camera.test", {}, soon),
        lambda: state.put("core", {}),
        lambda: state.get_dated("core"),
        lambda: outbox.due(soon),
        events.page,
    ]
    for use in uses:
        use()
    server.stop()
    for use in uses * 2:
        with pytest.raises(RecordFailed) as told:
            use()
        assert PASSWORD not in str(told.value)
        assert "\n" not in str(told.value)
    server.start()
    for use in uses:
        use()
    assert append(desk) == [3]
    assert PASSWORD not in caplog.text


def test_a_connection_that_breaks_within_a_transaction_leaves_nothing(server, tmp_path):
    desk = open_desk(tmp_path, 10_000, server.url(server.create()))

    def interrupted() -> None:
        with writing(desk.engine) as connection:
            connection.execute(text("UPDATE head SET value = 77"))
            server.stop()
            connection.execute(text("UPDATE head SET value = 78"))

    with pytest.raises(RecordFailed):
        interrupted()
    server.start()
    assert append(desk) == [1]


def test_a_server_that_hangs_is_given_up_in_time(server, tmp_path):
    desk = open_desk(tmp_path, 200, server.url_with_password(server.create()))
    append(desk)
    with hung(server), pytest.raises(RecordFailed, match=r"did not answer within 1.2 s|timeout expired"):
        append(desk)
    again: list[int] = []

    def is_used_again() -> bool:
        with suppress(RecordFailed):  # what it was given before it hung may hold it for a moment yet
            again.extend(append(desk))
        return bool(again)

    assert eventually(is_used_again)
    assert again == [2]


APPEND = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from ledger_samples import decision, observation, open_desk
desk = open_desk(Path(sys.argv[2]), 60_000, sys.argv[3])
print("ready", flush=True)
sys.stdin.readline()
for number in range(int(sys.argv[4])):
    desk.ledger([(observation(), (decision(),) * 2) for _ in range(number % 3 + 1)])
"""


def test_many_processes_append_in_the_order_of_their_commits_without_a_gap(database, tmp_path):
    """A reader that asks again and again never sees a number appear below one that it has seen."""
    desk = open_desk(tmp_path, url=database)
    command = [sys.executable, "-c", APPEND, str(TESTS), str(tmp_path), database, str(BATCHES)]
    writers = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(WRITERS)
    ]
    for writer in writers:
        assert writer.stdout.readline() == "ready\n"
    seen: list[list[int]] = []
    done = threading.Event()

    def look() -> None:
        while not done.is_set():
            with reading(desk.engine) as connection:
                seen.append(list(connection.scalars(select(event.c.seq).order_by(event.c.seq))))

    watcher = threading.Thread(target=look)
    watcher.start()
    for writer in writers:
        writer.communicate("go\n")
    done.set()
    watcher.join()
    assert [writer.returncode for writer in writers] == [0] * WRITERS
    total = WRITERS * sum(number % 3 + 1 for number in range(BATCHES))
    assert [row["seq"] for row in Events(desk.engine).after(0, 10_000)] == list(range(1, total + 1))
    assert all(numbers == list(range(1, len(numbers) + 1)) for numbers in seen)


def test_the_head_row_keeps_out_also_a_program_that_does_not_know_the_writers_lock(postgres, tmp_path):
    name = postgres.create("site_1")
    desk = open_desk(tmp_path, 60, postgres.url(name))
    stranger = create_engine(postgres.url(name), poolclass=NullPool)
    with stranger.connect() as connection:
        connection.execute(text("SELECT value FROM head WHERE name = 'event' FOR UPDATE"))
        with pytest.raises(RecordFailed, match="lock timeout"):
            append(desk)
    assert append(desk) == [1]
    desk.engine.dispose()
    postgres.drop(name)
