"""What tables and columns are made of: times, JSON, numbers and names, alike on every database.

Times are whole microseconds since 1970 (UTC), so that every database orders and compares them alike.
"""

from __future__ import annotations

import json
import weakref
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from sqlalchemy import BigInteger, Dialect, ForeignKey, Integer, LargeBinary, MetaData, String, Text
from sqlalchemy.types import TypeDecorator, TypeEngine

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

_ENCODER = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"))


class Moment(TypeDecorator[datetime]):
    """An aware datetime as microseconds since 1970. A naive one is a TypeError."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        return None if value is None else (value - EPOCH) // _MICROSECOND

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        return None if value is None else EPOCH + timedelta(microseconds=value)


class Json(TypeDecorator[Any]):
    """A small JSON value as text, the same text on every database."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        if value is None:
            return None
        if not value:
            return "{}" if isinstance(value, dict) else "[]"
        return _ENCODER.encode(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        return None if value is None else json.loads(value)


# --- what may name a person ------------------------------------------------------------------------------------------


class Names(Protocol):
    """Names of people into pseudonyms and back, for the columns below."""

    def pseudonym_of(self, name: str) -> str: ...
    def name_of(self, pseudonym: str) -> str: ...
    def sealed(self, data: bytes, as_json: bool = True) -> bytes: ...
    def opened(self, data: bytes, as_json: bool = True) -> bytes: ...


NAMES: weakref.WeakKeyDictionary[Dialect, Names] = weakref.WeakKeyDictionary()  # where somebody keeps them


class Whom(TypeDecorator[str]):
    """A person's name; in the database it is a pseudonym."""

    impl = String(200)
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        names = NAMES.get(dialect)
        return value if value is None or names is None else names.pseudonym_of(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> str | None:
        names = NAMES.get(dialect)
        return value if value is None or names is None else names.name_of(value)


class Telling(TypeDecorator[bytes]):
    """Canonical JSON as bytes; in the database it names people by pseudonyms."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: bytes | None, dialect: Dialect) -> bytes | None:
        names = NAMES.get(dialect)
        return value if value is None or names is None else names.sealed(value)

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> bytes | None:
        names = NAMES.get(dialect)
        return value if value is None or names is None else names.opened(value)


class Words(TypeDecorator[str]):
    """A text for people; in the database it names people by pseudonyms."""

    impl: TypeEngine[Any] | type[TypeEngine[Any]] = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        names = NAMES.get(dialect)
        return value if value is None or names is None else names.sealed(value.encode(), as_json=False).decode()

    def process_result_value(self, value: str | None, dialect: Dialect) -> str | None:
        names = NAMES.get(dialect)
        return value if value is None or names is None else names.opened(value.encode(), as_json=False).decode()


class ShortWords(Words):
    """The same of at most 200 characters, pseudonyms included."""

    impl = String(200)
    cache_ok = True


class TellingJson(Json):
    """A small JSON value as text; in the database it names people by pseudonyms."""

    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        text, names = super().process_bind_param(value, dialect), NAMES.get(dialect)
        return text if text is None or names is None else names.sealed(text.encode()).decode()

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        names = NAMES.get(dialect)
        if value is None or names is None:
            return super().process_result_value(value, dialect)
        return super().process_result_value(names.opened(value.encode()).decode(), dialect)


Number = BigInteger().with_variant(Integer(), "sqlite")  # as a primary key, SQLite keeps it for free
Kind = String(60).with_variant(String(60, collation="C"), "postgresql")  # a family of kinds is a range of bytes
Name = String(200)
Id = String(64)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(column_0_N_label)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def name_of(parent: str) -> ForeignKey:
    return ForeignKey(f"{parent}.name", ondelete="CASCADE", onupdate="CASCADE")
