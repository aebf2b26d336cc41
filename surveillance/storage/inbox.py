"""Questions to core from other processes, each with a key, a deadline and one answer: the first."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Engine, bindparam, insert, select, update
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from surveillance.domain.errors import NotFound, RecordFailed
from surveillance.domain.ports import Asked
from surveillance.domain.values import new_id
from surveillance.storage.database import ChangeWatch, reading, writing
from surveillance.storage.tables import inbox

CORE_MARGIN = timedelta(milliseconds=200)  # core gives up first, so nothing is done after it was called too late
_OPEN_ONES = (
    select(inbox)
    .where(inbox.c.answered_at.is_(None), inbox.c.deadline > bindparam("now", type_=inbox.c.deadline.type))
    .order_by(inbox.c.id)
    .limit(1000)
)


class Inbox:
    """Asked by the web process, answered by core. `is_quiet` and `pending` belong to one thread, the rest to any."""

    def __init__(self, engine: Engine, ring: Callable[[], None] = lambda: None) -> None:
        """`ring` is called after each question that was put."""
        self._engine = engine
        self._ring = ring
        self._watch = ChangeWatch(engine, inbox.name)
        self._any_open = False

    def ask(self, kind: str, payload: Mapping[str, Any], deadline: datetime, key: str | None = None) -> str:
        """Puts a question and returns its id; a question with a known key is the one that was asked before."""
        row = {
            "id": new_id(),
            "key": key,
            "kind": kind,
            "payload": dict(payload),
            "asked_at": datetime.now(UTC),
            "deadline": deadline,
        }
        try:
            with writing(self._engine, touches=(inbox.name,)) as connection:
                known = self._id_of(connection, key)
                if known is None:
                    connection.execute(insert(inbox), [row])
        except IntegrityError:  # another process asked the same in this instant
            with reading(self._engine) as connection:
                known = self._id_of(connection, key)
            if known is None:
                raise
        self._ring()
        return known or str(row["id"])

    def answer_of(self, question_id: str) -> dict[str, Any] | None:
        """The answer, or None as long as there is none. Raises NotFound for an unknown question."""
        with reading(self._engine) as connection:
            row = connection.execute(select(inbox.c.answer).where(inbox.c.id == question_id)).one_or_none()
        if row is None:
            raise NotFound(f"no question {question_id} was asked")
        answer: dict[str, Any] | None = row.answer
        return answer

    def wait(self, question_id: str, deadline: datetime, poll_s: float = 0.01) -> dict[str, Any] | None:
        """The answer as soon as there is one; None at the deadline."""
        stop = time.monotonic() + (deadline - datetime.now(UTC)).total_seconds()
        while True:
            answer = self.answer_of(question_id)
            left_s = stop - time.monotonic()
            if answer is not None or left_s <= 0:
                return answer
            time.sleep(min(poll_s, left_s))

    def settle(
        self, kind: str, payload: Mapping[str, Any], timeout_s: float, late: Mapping[str, Any], key: str | None = None
    ) -> Mapping[str, Any]:
        """Core's answer to a question of that kind, or `late` where it gives none in time; either is final.

        Asked again with the same `key` it is the same question, with the same answer. Raises RecordFailed while the
        database is away.
        """
        deadline = datetime.now(UTC) + timedelta(seconds=timeout_s)
        asked = self.ask(kind, payload, deadline - CORE_MARGIN, key)
        answer = self.wait(asked, deadline)
        if answer is None and self.answer(asked, late):  # final, also for whoever asks this again
            return late
        return answer or self.answer_of(asked) or late

    def is_quiet(self) -> bool:
        """Whether certainly nothing is pending. Costs next to nothing."""
        with failing_as_record():
            self._any_open = self._any_open or self._watch.changed()  # until they are read
        return not self._any_open

    def pending(self) -> list[Asked]:
        """Unanswered questions whose deadline has not passed, oldest first. Costs next to nothing when all is quiet."""
        if self.is_quiet():
            return []
        with failing_as_record(), reading(self._engine) as connection:
            rows = connection.execute(_OPEN_ONES, {"now": datetime.now(UTC)}).all()
        self._any_open = bool(rows)
        return [Asked(row.id, row.kind, row.payload, row.asked_at, row.deadline, row.key) for row in rows]

    def answer(self, question_id: str, payload: Mapping[str, Any]) -> bool:
        """Answers a question; False when it has an answer already, which stays. What was asked is forgotten:
        a reader's question holds the badge as read."""
        first = (
            update(inbox)
            .where(inbox.c.id == question_id, inbox.c.answered_at.is_(None))
            .values(answer=dict(payload), payload={}, answered_at=datetime.now(UTC))
        )
        with failing_as_record(), writing(self._engine, touches=(inbox.name,)) as connection:
            return connection.execute(first).rowcount == 1

    def _id_of(self, connection: Any, key: str | None) -> str | None:
        if key is None:
            return None
        found: str | None = connection.execute(select(inbox.c.id).where(inbox.c.key == key)).scalar_one_or_none()
        return found


@contextmanager
def failing_as_record() -> Iterator[None]:
    """What the database refuses is a RecordFailed for core, which goes on without it."""
    try:
        yield
    except SQLAlchemyError as error:
        raise RecordFailed("the inbox cannot be reached") from error
