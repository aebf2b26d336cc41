"""Which candidate is in shadow, and its votes beside those of the model in use, with the label a person gave.

A person's label is that of the event of the same track, corrected or left as it is by whoever reviewed it, or the
one that its crop was given in the labeling inbox.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Engine,
    Select,
    Table,
    and_,
    delete,
    func,
    insert,
    or_,
    select,
    type_coerce,
    update,
)
from sqlalchemy.exc import SQLAlchemyError

from surveillance.domain.errors import RecordFailed
from surveillance.domain.shadow import ShadowOrder, ShadowVote
from surveillance.domain.values import REJECTED, rfc3339
from surveillance.storage.database import Remembered, in_chunks, reading, writing
from surveillance.storage.ledger import note
from surveillance.storage.tables import crop, event, setting, shadow_vote

STATE = "shadow"  # the name under which processes find the order
AFTER = timedelta(seconds=5)  # an event of a track may be a little later than what its last crop shows


@dataclass(frozen=True, slots=True)
class LabeledPair:
    """One track: the true label, and both votes."""

    truth: str
    current: str
    candidate: str


@dataclass(frozen=True, slots=True)
class ShadowCounts:
    """How far a candidate's time in shadow has come."""

    tracks: int
    differing: int
    labeled: int  # with a person's label

    def __str__(self) -> str:
        return f"{self.tracks} tracks, {self.differing} told otherwise, {self.labeled} with a person's label"


class Shadows:
    """Safe to share between threads. Everything raises RecordFailed while the database is away."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def order(self) -> ShadowOrder | None:
        """The candidate that is in shadow now."""
        with _failing(), reading(self._engine) as connection:
            return _order(connection)

    def remembered(self) -> Callable[[], ShadowOrder | None]:
        """As `order`, for one thread, and next to nothing while nobody changes it."""
        return Remembered(self._engine, setting.name, self.order)

    def begin(self, model: str, cameras: Sequence[str], actor: str) -> ShadowOrder:
        """Puts a candidate in shadow, instead of any other; on record."""
        order = ShadowOrder(model, tuple(cameras), actor, datetime.now(UTC))
        page = {"model": model, "cameras": list(cameras), "by": actor, "since": rfc3339(order.since)}
        with _failing(), writing(self._engine) as connection:
            values = {"value": page, "changed_at": order.since}
            if connection.execute(update(setting).where(setting.c.name == STATE).values(**values)).rowcount == 0:
                connection.execute(insert(setting), [{"name": STATE, **values}])
            note(connection, "model.shadow_started", {"model": model, "cameras": list(cameras)}, actor)
        return order

    def end(self, actor: str) -> ShadowOrder | None:
        """Takes the candidate out of the shadow; on record. None when there was none."""
        with _failing(), writing(self._engine) as connection:
            order = _order(connection)
            if order is not None:
                connection.execute(delete(setting).where(setting.c.name == STATE))
                note(connection, "model.shadow_ended", {"model": order.model}, actor)
        return order

    def record(self, kind: str, details: Mapping[str, Any], actor: str) -> None:
        """What a person decided of a candidate."""
        with _failing(), writing(self._engine) as connection:
            note(connection, kind, details, actor)

    def write(self, votes: Sequence[ShadowVote]) -> None:
        """Keeps what was said; a vote that is kept already stays as it is."""
        with _failing(), writing(self._engine) as connection:
            known: set[str] = set()
            for chunk in in_chunks([vote.id for vote in votes]):
                known |= set(connection.scalars(select(shadow_vote.c.id).where(shadow_vote.c.id.in_(chunk))))
            fresh = [asdict(vote) for vote in votes if vote.id not in known]
            if fresh:
                connection.execute(insert(shadow_vote), fresh)

    def counts(self, candidate: str) -> ShadowCounts:
        """Over all models that the candidate stood beside."""
        differs = shadow_vote.c.current != shadow_vote.c.candidate
        query = select(func.count(), func.count().filter(differs)).where(shadow_vote.c.candidate_model == candidate)
        with _failing(), reading(self._engine) as connection:
            tracks, differing = connection.execute(query).one()
            labeled = sum(1 for _ in _labeled(connection, candidate))
        return ShadowCounts(tracks, differing, labeled)

    def pairs(self, candidate: str, current: str | None = None) -> list[LabeledPair]:
        """The tracks that a person labeled, oldest first; beside one model in use, or any."""
        with _failing(), reading(self._engine) as connection:
            return [
                LabeledPair(label, vote.current, vote.candidate)
                for vote, label in _labeled(connection, candidate)
                if current is None or vote.current_model == current
            ]


def _order(connection: Connection) -> ShadowOrder | None:
    page = connection.execute(select(setting.c.value).where(setting.c.name == STATE)).scalar_one_or_none()
    if not page:
        return None
    return ShadowOrder(page["model"], tuple(page["cameras"]), page["by"], datetime.fromisoformat(page["since"]))


def _labeled(connection: Connection, candidate: str) -> Iterator[tuple[ShadowVote, str]]:
    """Each track once, with the label that was given last."""
    found: dict[str, tuple[ShadowVote, str]] = {}
    for query in (_by_events(candidate), _by_crops(candidate)):
        for row in connection.execute(query):
            page = row._asdict()
            label = page.pop("truth")
            found[row.id] = ShadowVote(**page), label
    yield from sorted(found.values(), key=lambda pair: (pair[0].at, pair[0].id))


def _by_events(candidate: str) -> Select[tuple[object, ...]]:
    """Votes with the events of their tracks that a person corrected, or reviewed and let stand; newest event last."""
    truth = func.coalesce(event.c.corrected, event.c.label)
    said = or_(event.c.corrected.is_not(None), event.c.reviewed_at.is_not(None))
    query = select(shadow_vote, truth.label("truth")).join(event, _same_track(event))
    query = query.where(shadow_vote.c.candidate_model == candidate, said, truth.is_not(None), truth != REJECTED)
    return query.order_by(event.c.at, event.c.id)


def _by_crops(candidate: str) -> Select[tuple[object, ...]]:
    """Votes with the labeled crops of their tracks; the newest label last."""
    query = select(shadow_vote, crop.c.label.label("truth")).join(crop, _same_track(crop))
    query = query.where(shadow_vote.c.candidate_model == candidate, crop.c.label.is_not(None))
    return query.order_by(crop.c.labeled_at, crop.c.id)


def _same_track(other: Table) -> ColumnElement[bool]:
    """Numbers of tracks begin anew at every start, so the time must fit too."""
    after_us = AFTER // timedelta(microseconds=1)
    return and_(
        other.c.camera == shadow_vote.c.camera,
        other.c.track == shadow_vote.c.track,
        other.c.at >= shadow_vote.c.started_at,
        type_coerce(other.c.at, BigInteger) - after_us <= type_coerce(shadow_vote.c.at, BigInteger),
    )


@contextmanager
def _failing() -> Iterator[None]:
    try:
        yield
    except SQLAlchemyError as error:
        raise RecordFailed("what candidates said cannot be reached") from error
