"""A whole site from one database into another: all of it or nothing, compared before it counts.

Works at whatever revision the source is, by the columns that are there. Numbers, ids and sealed texts stay as they
are; what lies outside the database (keys, pictures) is not touched.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection, Engine, MetaData, Table, func, inspect, select, text
from sqlalchemy.exc import DataError

from surveillance.domain.errors import DatabaseTooNew, RecordFailed, UserMistake
from surveillance.storage.columns import EPOCH
from surveillance.storage.database import migrate, reading, revision_of, revisions, shown, writing

BATCH = 2000
_DIGEST_SIZE = 2**256
_NOT_COPIED = "alembic_version"  # the target's own migrations write it

Progress = Callable[[str, int, int], None]  # table, rows done, rows in all


@dataclass(frozen=True, slots=True)
class Copied:
    """What was copied. `digest` stands for every row of the ledger's events."""

    revision: str
    rows: Mapping[str, int]  # by table
    digest: str

    @property
    def total(self) -> int:
        return sum(self.rows.values())


def copy_database(source: Engine, target: Engine, progress: Progress = lambda *_: None) -> Copied:
    """Copies every table into an empty database, in one transaction.

    Raises UserMistake when the target holds something or cannot hold what the source does, DatabaseTooNew for a source
    that this version does not know, RecordFailed when either breaks off; the target is then as it was.
    """
    with reading(source, patient=True) as out, writing(target, patient=True) as into:
        revision = known_revision(out)
        refuse_full(into)
        migrate(into, revision)
        if revision_of(into) != revision:
            raise UserMistake(
                f"{shown(target.url)} is at {revision_of(into)} and the source at {revision}: run "
                "`surveillance db upgrade` on the source first"
            )
        tables = _tables(into)
        origin = {table.name: table for table in _tables(out)}
        for table in reversed(tables):
            into.execute(table.delete())  # what the migrations put in: counters at zero
        sums = {table.name: _copy_table(out, into, origin[table.name], table, progress) for table in tables}
        for table in tables:
            if _sum_of(_rows(into, table)) != sums[table.name]:
                raise RecordFailed(f"table {table.name} does not read back as it was written; nothing was copied")
        return Copied(revision, {name: count for name, (count, _) in sums.items()}, f"{sums['event'][1]:064x}")


def known_revision(connection: Connection) -> str:
    """The revision of a database that holds a site. Raises UserMistake, DatabaseTooNew."""
    revision = revision_of(connection)
    where = shown(connection.engine.url)
    if revision is None:
        raise UserMistake(f"{where} holds no site: there is nothing to take along")
    if revision not in revisions():
        raise DatabaseTooNew(f"{where} is at {revision}, which this version does not know: use the one that wrote it")
    return revision


def is_empty(connection: Connection) -> bool:
    """True when there are no rows, but for the counters that the first migration sets to zero."""
    for table in _tables(connection):
        rows = select(func.count()).select_from(table)
        if table.name == "head":
            rows = rows.where(table.c.value > 0)
        if connection.execute(rows).scalar_one() > 0:
            return False
    return True


def refuse_full(connection: Connection) -> None:
    """Raises UserMistake for a database that is not empty."""
    if not is_empty(connection):
        raise UserMistake(f"{shown(connection.engine.url)} is not empty: give a new database; this one stays as it is")


def heard_s(engine: Engine, name: str) -> float | None:
    """Seconds since that shared state was written; None where it never was. Reads any revision, also a newer one's."""
    with reading(engine) as connection:
        if not inspect(connection).has_table("setting"):
            return None
        query = text("SELECT changed_at FROM setting WHERE name = :name")
        at = connection.execute(query, {"name": name}).scalar_one_or_none()
    return None if at is None else (datetime.now(UTC) - EPOCH).total_seconds() - int(at) / 1e6


def _tables(connection: Connection) -> list[Table]:
    """As they are in that database, each after the ones that its rows name."""
    found = MetaData()
    found.reflect(connection)
    return [table for table in found.sorted_tables if table.name != _NOT_COPIED]


def _copy_table(out: Connection, into: Connection, source: Table, target: Table, progress: Progress) -> tuple[int, int]:
    """How many rows, and the digest of them."""
    total = out.execute(select(func.count()).select_from(source)).scalar_one()
    progress(target.name, 0, total)
    count, digest = 0, 0
    with closing(_batches(out, source, [column.name for column in target.columns])) as batches:
        for batch in batches:
            _insert(into, target, batch)
            more, part = _sum_of(batch)
            count, digest = count + more, (digest + part) % _DIGEST_SIZE
            progress(target.name, count, total)
    return count, digest


def _insert(into: Connection, table: Table, rows: list[dict[str, Any]]) -> None:
    try:
        into.execute(table.insert(), rows)
    except DataError as error:
        reason = str(error.orig).partition("\n")[0]
        raise UserMistake(f"table {table.name} does not fit: {reason}; nothing was copied") from error


def _batches(connection: Connection, table: Table, names: list[str]) -> Generator[list[dict[str, Any]]]:
    query = select(*(table.c[name] for name in names)).execution_options(yield_per=BATCH)
    with connection.execute(query) as result:
        for batch in result.mappings().partitions():
            yield [dict(row) for row in batch]


def _rows(connection: Connection, table: Table) -> Iterator[dict[str, Any]]:
    for batch in _batches(connection, table, [column.name for column in table.columns]):
        yield from batch


def _sum_of(rows: Any) -> tuple[int, int]:
    """Count and digest, the same whatever the order: databases sort texts differently."""
    count, digest = 0, 0
    for row in rows:
        count += 1
        digest += int.from_bytes(sha256(repr(sorted(row.items())).encode()).digest(), "big")
    return count, digest % _DIGEST_SIZE
