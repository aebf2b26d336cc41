"""Which events are wanted, as conditions of SQL; and the places at which pages of them begin and end."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (  # fmt: skip
    ColumnElement,
    Connection,
    FromClause,
    Text,
    and_,
    exists,
    func,
    literal,
    literal_column,
    null,
    or_,
    tuple_,
    type_coerce,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from surveillance.domain import duress
from surveillance.domain.errors import UserMistake
from surveillance.domain.permissions import WHOLE, Reach
from surveillance.storage import tables
from surveillance.storage.columns import EPOCH, Moment
from surveillance.storage.names import names_of

EXACT = ("camera", "verdict", "label", "rule", "door", "identity", "shadow", "actor")


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Which events; None does not narrow. `kind` may end in a dot to mean a family, such as `camera.`."""

    camera: str | None = None
    kind: str | None = None
    verdict: str | None = None
    label: str | None = None  # as the model said, whatever a person said of it later
    rule: str | None = None
    door: str | None = None
    identity: str | None = None
    since: datetime | None = None
    until: datetime | None = None  # exclusive
    reviewed: bool | None = None
    shadow: bool | None = None
    incident: str | None = None
    actor: str | None = None  # who did it, of what people and programs did
    words: str | None = None  # a text that the record says somewhere, its explanation left out
    spelled: tuple[str, ...] = ()  # how else the database may hold that text (`as_recorded`)
    listed: bool = False  # without what people and jobs did to the system
    waiting: bool = False  # only what waits for a person's eyes
    audit: bool = False  # only what people and programs did
    reach: Reach = WHOLE  # of whoever asks: what lies outside is not there
    grouped: bool = False  # of each incident only the newest event that fits


@dataclass(frozen=True, slots=True)
class Cursor:
    """The last event of a page, or (without an id) a time; the next page starts after it.

    `str` makes it fit for a URL.
    """

    at: datetime
    id: str

    def __str__(self) -> str:
        return f"{(self.at - EPOCH) // timedelta(microseconds=1)}~{self.id}"

    @classmethod
    def parse(cls, text: str) -> Cursor:
        """Raises UserMistake for text that no cursor wrote."""
        at, mark, event_id = text.partition("~")
        if not mark or not at.isdigit() or len(at) > 17 or len(event_id) > 64:
            raise UserMistake(f"{text!r} is no place in the event list: start again from its first page")
        return cls(EPOCH + timedelta(microseconds=int(at)), event_id)


def conditions(of: FromClause | Unindexed, wanted: EventFilter, met: Collection[str] = ()) -> list[ColumnElement[bool]]:
    """What must hold of a row of `of` (the events, or some columns of them), without what is `met` already."""
    found = {name: of.c[name] == value for name in EXACT if (value := getattr(wanted, name)) is not None}
    if wanted.kind is not None:
        found["kind"] = of_kind(of.c.kind, wanted.kind)
    if wanted.incident is not None:
        found["incident"] = of.c.incident == wanted.incident
    if wanted.since is not None:
        found["since"] = of.c.at >= wanted.since
    if wanted.until is not None:
        found["until"] = of.c.at < wanted.until
    if wanted.reviewed is not None:
        found["reviewed"] = of.c.reviewed_at.is_not(None) if wanted.reviewed else of.c.reviewed_at.is_(None)
    if wanted.listed:
        found["listed"] = of.c.attention.is_not(None)
    if wanted.waiting:
        found["waiting"] = waiting(of)
    if wanted.audit:
        found["audit"] = of.c.actor.is_not(None)
    if not wanted.reach.silent and not (wanted.listed or wanted.waiting):  # those hold nothing of it anyway
        found["silent"] = of.c.kind != duress.EVENT
    if not wanted.reach.is_whole:
        found["reach"] = within(of, wanted.reach)
    if wanted.words:
        found["words"] = _mentions(of, (wanted.words, *wanted.spelled))
    return [condition for name, condition in found.items() if name not in met]


def waiting(of: FromClause | Unindexed) -> ColumnElement[bool]:
    """As `tables.WAITING` says it, word by word: a bound value would keep the database from its index."""
    return (of.c.attention == literal_column("2")) & of.c.reviewed_at.is_(None)


def within(of: FromClause | Unindexed, reach: Reach) -> ColumnElement[bool]:
    """As `Reach.sees`: camera and door must be in reach, and what has neither is for those who reach everything."""
    parts = [of.c.camera.is_not(None) | of.c.door.is_not(None)]
    for column, names in ((of.c.camera, reach.cameras), (of.c.door, reach.doors)):
        if names is not None:
            parts.append(column.is_(None) | column.in_(sorted(names)))
    return and_(*parts)


def newest_of_its_incident(of: FromClause, wanted: EventFilter) -> ColumnElement[bool]:
    """No later event of the same incident fits. What belongs to no incident stands for itself."""
    later = tables.event.alias("later")
    return ~exists().where(
        later.c.incident == of.c.incident,
        tuple_(later.c.at, later.c.id) > tuple_(of.c.at, of.c.id),
        *conditions(Unindexed(later), wanted),
    )


class Unindexed:
    """A table's columns in a form that no index answers. An incident is short, so its own index must lead to it: by
    that of a busy camera the database would pass by all that the camera ever saw.
    """

    def __init__(self, of: FromClause) -> None:
        self._of = of

    @property
    def c(self) -> Unindexed:
        return self

    def __getitem__(self, name: str) -> Any:
        column = self._of.c[name]
        return func.coalesce(column, null(), type_=column.type)

    def __getattr__(self, name: str) -> Any:
        return self[name]


def beyond(of: FromClause, place: Cursor, newer: bool) -> ColumnElement[bool]:
    """Before that place in time, or after it: one comparison of two values, which an index answers."""
    here, there = tuple_(of.c.at, of.c.id), tuple_(literal(place.at, Moment), literal(place.id))
    return here > there if newer else here < there


def of_kind(column: Any, kind: str) -> ColumnElement[bool]:
    """A family is a range of kinds: from `user.` up to `user/`, the next character after the dot."""
    upto = kind[:-1] + chr(ord(".") + 1)
    found: ColumnElement[bool] = (column >= kind) & (column < upto) if kind.endswith(".") else column == kind
    return found


def says(row: Mapping[str, Any], words: str) -> bool:
    """Whether what people read of that event holds the text, whatever the case."""
    told = [row[name] for name in ("kind", "camera", "door", "rule", "label", "identity", "review", "corrected")]
    told += [*row["zones"], *row["reasons"], *row["details"].values()]
    return words.casefold() in "\n".join(str(part) for part in told if part is not None).casefold()


def as_recorded(connection: Connection, wanted: EventFilter) -> EventFilter:
    """The filter with the pseudonyms of those whom its words may mean."""
    names = names_of(connection)
    if not wanted.words or names is None:
        return wanted
    spelled = names.sealed(wanted.words.encode(), as_json=False).decode()
    return replace(wanted, spelled=(*({spelled} - {wanted.words}), *names.known_as(wanted.words)))


def _mentions(of: FromClause | Unindexed, texts: Iterable[str]) -> ColumnElement[bool]:
    """A first, coarse look at the whole record; `says` has the last word."""
    looks: list[ColumnElement[bool]] = []
    for words in texts:
        within_json = json.dumps(words, ensure_ascii=False)[1:-1]
        looks.append(TextOf(of.c.payload).icontains(within_json, autoescape=True))
        looks += [type_coerce(of.c[name], Text()).icontains(words, autoescape=True) for name in ("review", "corrected")]
    return or_(*looks)


class TextOf(FunctionElement[str]):
    """The bytes of a payload as the text that they are."""

    type = Text()
    inherit_cache = True


@compiles(TextOf, "sqlite")
def _on_sqlite(element: TextOf, compiler: Any, **more: Any) -> str:
    return f"CAST({compiler.process(element.clauses, **more)} AS TEXT)"


@compiles(TextOf, "postgresql")
def _on_postgresql(element: TextOf, compiler: Any, **more: Any) -> str:
    return f"convert_from({compiler.process(element.clauses, **more)}, 'UTF8')"
