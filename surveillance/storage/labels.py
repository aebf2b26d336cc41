"""The labeling inbox as people use it: what waits, what a person said of it, and how to take that back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Engine, func, literal, select, tuple_, update

from surveillance.domain.geometry import Box
from surveillance.domain.labels import check_label
from surveillance.domain.permissions import WHOLE, Reach
from surveillance.storage.columns import Moment
from surveillance.storage.crops import WAITS, crop_box
from surveillance.storage.database import in_chunks, reading, writing
from surveillance.storage.ledger import note
from surveillance.storage.tables import crop

_STEP = 500  # rows read at once


@dataclass(frozen=True, slots=True)
class CropFilter:
    """Which crops; each part narrows the others. `waiting` None: labeled and skipped ones too."""

    why: str | None = None
    camera: str | None = None
    guess: str | None = None
    waiting: bool | None = True
    reach: Reach = WHOLE


@dataclass(frozen=True, slots=True)
class Crop:
    """A crop of the inbox. `label` is None while it waits, and where it was skipped (then it has `labeled_at`)."""

    id: str
    at: datetime
    camera: str
    subject: str
    track: int | None
    event: str | None
    why: str
    guess: str
    confidence: float
    model: str
    other_guess: str | None
    other_confidence: float | None
    other_model: str | None
    box: Box
    aspect: float
    sha256: str
    label: str | None
    labeled_by: str | None
    labeled_at: datetime | None


@dataclass(frozen=True, slots=True)
class Progress:
    """How much of the inbox is done."""

    waiting: int
    labeled: int
    skipped: int


class Labels:
    """Reads the inbox and writes what people say of it. Safe to share between threads."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def page(self, wanted: CropFilter | None = None, limit: int = 60, after: str | None = None) -> list[Crop]:
        """Crops in the order of their time, oldest first; from the one called `after` on."""
        query = _narrowed(select(crop), wanted or CropFilter()).order_by(crop.c.at, crop.c.id).limit(limit)
        with reading(self._engine) as connection:
            if after is not None:
                place = connection.execute(select(crop.c.at, crop.c.id).where(crop.c.id == after)).one_or_none()
                if place is not None:
                    query = query.where(
                        tuple_(crop.c.at, crop.c.id) > tuple_(literal(place.at, Moment), literal(place.id))
                    )
            return [_crop(row) for row in connection.execute(query)]

    def those(self, crop_ids: Sequence[str], reach: Reach = WHOLE) -> list[Crop]:
        """Those that are there and in reach, in that order."""
        found: dict[str, Crop] = {}
        with reading(self._engine) as connection:
            for chunk in in_chunks(crop_ids):
                query = _narrowed(select(crop).where(crop.c.id.in_(chunk)), CropFilter(waiting=None, reach=reach))
                found |= {row.id: _crop(row) for row in connection.execute(query)}
        return [found[name] for name in dict.fromkeys(crop_ids) if name in found]

    def guesses(self, wanted: CropFilter) -> Mapping[str, int]:
        """How many crops each label was guessed for, the most frequent first."""
        count = func.count()
        query = _narrowed(select(crop.c.guess, count), wanted).group_by(crop.c.guess)
        with reading(self._engine) as connection:
            rows = connection.execute(query.order_by(count.desc(), crop.c.guess))
            return {row[0]: row[1] for row in rows}

    def progress(self, wanted: CropFilter) -> Progress:
        """Of the crops that the filter has, whether they wait or not."""
        everything = CropFilter(wanted.why, wanted.camera, wanted.guess, None, wanted.reach)
        states = (func.count(), func.count(crop.c.labeled_at), func.count(crop.c.label))
        with reading(self._engine) as connection:
            count, answered, labeled = connection.execute(_narrowed(select(*states), everything)).one()
        return Progress(count - answered, labeled, answered - labeled)

    def used(self) -> list[str]:
        """Every label that people of this site have given to a crop."""
        query = select(crop.c.label).where(crop.c.label.is_not(None)).distinct().order_by(crop.c.label)
        with reading(self._engine) as connection:
            return list(connection.scalars(query))

    def say(self, crop_ids: Sequence[str], label: str | None, actor: str) -> int:
        """Gives them a label, or skips them with None; how many there were. Raises UserMistake for no label."""
        label = None if label is None else check_label(label)
        now, told = datetime.now(UTC), []
        with writing(self._engine) as connection:
            for chunk in in_chunks(crop_ids):
                there = list(connection.scalars(select(crop.c.id).where(crop.c.id.in_(chunk))))
                said = {"label": label, "labeled_by": actor, "labeled_at": now}
                connection.execute(update(crop).where(crop.c.id.in_(there)).values(said))
                told += there
            if told:
                note(connection, "user.labeled", {"crops": told, "label": label}, actor)
        return len(told)

    def undo(self, actor: str) -> list[str]:
        """Lets wait again what that person labeled or skipped last, all that was said at once; their ids, oldest first.

        Corrected labels of events are taken back at their events.
        """
        own = (crop.c.labeled_by == actor, crop.c.why != "corrected")
        with writing(self._engine) as connection:
            last = connection.execute(select(func.max(crop.c.labeled_at)).where(*own)).scalar_one()
            if last is None:
                return []
            query = select(crop.c.id).where(*own, crop.c.labeled_at == last).order_by(crop.c.at, crop.c.id)
            back = list(connection.scalars(query))
            nothing = {"label": None, "labeled_by": None, "labeled_at": None}
            connection.execute(update(crop).where(*own, crop.c.labeled_at == last).values(nothing))
            note(connection, "user.unlabeled", {"crops": back}, actor)
        return back

    def last(self, actor: str) -> Crop | None:
        """What `undo` would take back, the first of several."""
        query = select(crop).where(crop.c.labeled_by == actor, crop.c.why != "corrected")
        with reading(self._engine) as connection:
            row = connection.execute(query.order_by(crop.c.labeled_at.desc(), crop.c.at, crop.c.id).limit(1)).first()
        return None if row is None else _crop(row)

    def labeled(self) -> Iterator[Crop]:
        """Every crop with a label, in the order of their ids."""
        after = ""
        while True:
            query = select(crop).where(crop.c.label.is_not(None), crop.c.id > after).order_by(crop.c.id).limit(_STEP)
            with reading(self._engine) as connection:
                found = [_crop(row) for row in connection.execute(query)]
            yield from found
            if len(found) < _STEP:
                return
            after = found[-1].id


def _narrowed(query: Any, wanted: CropFilter) -> Any:
    for column, value in ((crop.c.why, wanted.why), (crop.c.camera, wanted.camera), (crop.c.guess, wanted.guess)):
        if value is not None:
            query = query.where(column == value)
    if wanted.waiting is not None:
        query = query.where(WAITS if wanted.waiting else ~WAITS)
    if wanted.reach.cameras is not None:
        query = query.where(crop.c.camera.in_(sorted(wanted.reach.cameras)))
    return query


def _crop(row: Any) -> Crop:
    names = [name for name in Crop.__slots__ if name != "box"]
    return Crop(box=crop_box(row), **{name: getattr(row, name) for name in names})
