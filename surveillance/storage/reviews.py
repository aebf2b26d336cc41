"""What people say of events: reviewed or not, in which words, and which label is right. Each is a fact of its own.

The event's payload is never touched. The newest word stands in columns beside it, so that lists can be narrowed by it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Engine, insert, select, update

from surveillance.domain.errors import NotFound
from surveillance.domain.labels import check_label
from surveillance.domain.values import new_id, rfc3339
from surveillance.storage.chain import link_rows
from surveillance.storage.database import in_chunks, reading, writing
from surveillance.storage.ledger import note
from surveillance.storage.rows import Row
from surveillance.storage.tables import event, review

_OF_CORRECTIONS = ("evidence", "label_before", "label")


@dataclass(frozen=True, slots=True)
class Correction:
    """What training can learn of a wrong label: the picture (its row in `evidence` says where the subject is), and both
    labels.
    """

    event: str
    evidence: str
    label_before: str | None
    label: str
    actor: str
    at: datetime


class Reviews:
    """Reads and writes what people say. Safe to share between threads."""

    def __init__(
        self, engine: Engine, corrected: Callable[[str, str, str], None] = lambda event_id, label, actor: None
    ) -> None:
        """`corrected` is told each event whose label was corrected, the label and who did it."""
        self._engine = engine
        self._corrected = corrected

    def review(self, events: Sequence[str], actor: str, comment: str = "") -> int:
        """Marks them as reviewed, all in one transaction; how many changed.

        Who reviewed an event first stays, unless there is a comment to add. Raises NotFound when none is on record.
        """
        now = datetime.now(UTC)
        with writing(self._engine) as connection:
            rows = _found(connection, events)
            fresh = [row.id for row in rows if row.reviewed_at is None or comment]
            said = {"reviewed_at": now, "reviewed_by": actor, **({"review": comment} if comment else {})}
            _say(connection, fresh, "reviewed", actor, now, comment or None, said)
            if fresh:
                note(connection, "user.reviewed", {"events": fresh, "review": comment}, actor)
        return len(fresh)

    def reopen(self, events: Sequence[str], actor: str) -> int:
        """Marks them as not reviewed, so that they wait in the inbox again; how many changed. Raises NotFound."""
        now = datetime.now(UTC)
        with writing(self._engine) as connection:
            done = [row.id for row in _found(connection, events) if row.reviewed_at is not None]
            _say(connection, done, "reopened", actor, now, None, {"reviewed_at": None, "reviewed_by": None})
            if done:
                note(connection, "user.reopened", {"events": done}, actor)
        return len(done)

    def correct(self, event_id: str, label: str, actor: str) -> None:
        """Says which label is right; the model's own takes the correction back.

        Raises NotFound, and UserMistake for a text that is no label.
        """
        label, now = check_label(label), datetime.now(UTC)
        with writing(self._engine) as connection:
            [row] = _found(connection, [event_id])
            before = row.corrected or row.label
            if label == before:
                return
            corrected = None if label == row.label else label
            labels = {"evidence": row.evidence, "label_before": before, "label": label}
            _say(connection, [event_id], "corrected", actor, now, None, {"corrected": corrected}, labels)
            note(connection, "user.corrected", {"events": [event_id], "before": before, "label": label}, actor)
        self._corrected(event_id, label, actor)

    def of(self, event_id: str) -> list[Row]:
        """What was said of it, oldest first: at, actor, act, comment, label_before, label."""
        query = select(review).where(review.c.event == event_id).order_by(review.c.at, review.c.id)
        with reading(self._engine) as connection:
            return [_json(row) for row in connection.execute(query)]

    def corrections(self, since: datetime | None = None) -> Iterator[Correction]:
        """The newest word on each label, oldest first, where a picture was kept."""
        query = select(review).where(review.c.act == "corrected").order_by(review.c.at, review.c.id)
        if since is not None:
            query = query.where(review.c.at >= since)
        with reading(self._engine) as connection:
            rows = {row.event: row for row in connection.execute(query)}
        for row in sorted(rows.values(), key=lambda row: row.at):
            if row.evidence is not None:
                yield Correction(row.event, row.evidence, row.label_before, row.label, row.actor, row.at)


def _found(connection: Connection, events: Sequence[str]) -> list[Any]:
    columns = (event.c.id, event.c.reviewed_at, event.c.label, event.c.corrected, event.c.evidence)
    rows: dict[str, Any] = {}
    for chunk in in_chunks(events):
        rows |= {row.id: row for row in connection.execute(select(*columns).where(event.c.id.in_(chunk)))}
    if not rows:
        raise NotFound(f"no event {', '.join(events) or 'at all'} is on record")
    return [rows[name] for name in dict.fromkeys(events) if name in rows]


def _say(
    connection: Connection,
    events: Sequence[str],
    act: str,
    actor: str,
    at: datetime,
    comment: str | None,
    newest: Mapping[str, Any],
    more: Mapping[str, Any] | None = None,
) -> None:
    """One fact for each, and the newest word into the columns beside them."""
    for chunk in in_chunks(events):
        fact = {"at": at, "actor": actor, "act": act, "comment": comment, **(more or {})}
        rows = [{"id": new_id(), "event": name, **dict.fromkeys(_OF_CORRECTIONS), **fact} for name in chunk]
        link_rows(connection, "review", rows)
        connection.execute(insert(review), rows)
        connection.execute(update(event).where(event.c.id.in_(chunk)).values(newest))


def _json(row: Any) -> Row:
    names = ("actor", "act", "comment", "label_before", "label")
    return {"at": rfc3339(row.at), **{name: getattr(row, name) for name in names}}
