"""Questions and deeds between processes: asked once, answered once, on disk before anybody acts."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from ledger_samples import NOON, decision, notification, observation, open_desk
from sqlalchemy import select

from surveillance.domain.errors import NotFound, RecordFailed
from surveillance.storage import tables
from surveillance.storage.database import open_database, reading, writing
from surveillance.storage.inbox import Inbox
from surveillance.storage.outbox import SqlOutbox
from surveillance.storage.queries import Events
from surveillance.storage.state import SharedState


@pytest.fixture
def desk(tmp_path, database):
    return open_desk(tmp_path, url=database)


def soon(seconds: float = 20.0) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=seconds)


def test_a_question_is_answered_across_connections(desk):
    asker, core = Inbox(desk.engine), Inbox(desk.engine)
    question = asker.ask("access.request", {"door": "main"}, soon())

    def answer():
        [asked] = core.pending()
        assert (asked.id, asked.kind, asked.payload) == (question, "access.request", {"door": "main"})
        core.answer(asked.id, {"verdict": "deny"})

    thread = threading.Thread(target=answer)
    thread.start()
    assert asker.wait(question, soon()) == {"verdict": "deny"}
    thread.join()
    assert core.pending() == []


def test_the_same_key_is_the_same_question_and_the_first_answer_stays(desk):
    inbox = Inbox(desk.engine)
    question = inbox.ask("access.request", {"n": 1}, soon(), "reader:1")
    assert inbox.ask("access.request", {"n": 2}, soon(), "reader:1") == question
    assert inbox.ask("access.request", {"n": 3}, soon(), "reader:2") != question
    assert inbox.ask("camera.test", {}, soon()) != inbox.ask("camera.test", {}, soon())
    assert inbox.answer(question, {"verdict": "authorize"})
    assert not inbox.answer(question, {"verdict": "deny"})
    assert inbox.answer_of(question) == {"verdict": "authorize"}
    assert len(inbox.pending()) == 3


def test_a_question_waits_until_its_deadline_only(desk):
    inbox = Inbox(desk.engine)
    question = inbox.ask("access.request", {}, soon(0.05))
    assert inbox.wait(question, soon(0.06)) is None
    assert inbox.pending() == []
    with pytest.raises(NotFound):
        inbox.answer_of("nobody asked")


def test_an_open_question_is_shown_until_it_is_answered(desk):
    inbox = Inbox(desk.engine)
    question = inbox.ask("camera.test", {}, soon())
    assert [asked.id for asked in inbox.pending()] == [question]
    assert [asked.id for asked in inbox.pending()] == [question]
    inbox.answer(question, {})
    assert inbox.pending() == []


def test_actions_are_due_until_they_have_an_outcome_doors_first(desk):
    made = decision(notify=("ops",))
    door = replace(notification(made), id="0", kind="door.open", target="main")
    desk.ledger._asks = replace(desk.ledger._asks, intend=lambda _: (notification(made), door))
    desk.ledger([(observation(), (made,))])
    outbox = SqlOutbox(desk.engine)
    first, second = outbox.due(NOON)
    assert [first, second.kind] == [door, "notify"]
    outbox.mark(replace(first, state="attempting", attempts=1))
    assert outbox.due(NOON)[0] == replace(door, state="attempting", attempts=1)
    outbox.mark(replace(first, state="done", attempts=1))
    assert [action.kind for action in outbox.due(NOON)] == ["notify"]
    assert [(row["kind"], row["state"]) for row in Events(desk.engine).one(made.id)["actions"]] == [
        ("door.open", "done"),
        ("notify", "pending"),
    ]
    with pytest.raises(NotFound):
        outbox.mark(replace(first, id="never"))


def test_shared_state_is_what_was_put_last(desk):
    state = SharedState(desk.engine)
    assert state.get_dated("core") is None
    began = datetime.now(UTC)
    state.put("core", {"version": 1})
    state.put("core", {"version": 2})
    value, at = SharedState(desk.engine).get_dated("core")
    assert value == {"version": 2}
    assert began <= at <= datetime.now(UTC)


def test_what_was_asked_is_forgotten_once_it_is_answered(desk):
    inbox = Inbox(desk.engine)
    asked = inbox.ask("access.request", {"factors": [{"kind": "badge", "value": "0451"}]}, soon())
    inbox.answer(asked, {"verdict": "deny"})
    with reading(desk.engine) as connection:
        rows = connection.execute(select(tables.inbox.c.payload, tables.inbox.c.answer)).all()
    assert [tuple(row) for row in rows] == [({}, {"verdict": "deny"})]


def test_an_outbox_that_cannot_be_written_says_so(desk, database):
    desk.ledger([(observation(), (decision(notify=("guard",)),))])
    [action] = SqlOutbox(desk.engine).due(NOON)
    with writing(desk.engine), pytest.raises(RecordFailed):
        SqlOutbox(open_database(database, lock_timeout_ms=50)).mark(action)
