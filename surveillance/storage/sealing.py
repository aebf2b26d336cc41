"""Names that stand in the database in clear into pseudonyms: those from before there were any, or from before somebody
was known. What is chained gets new links, which say why.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from sqlalchemy import Column, Connection, Engine, Table, Text, func, literal, select, tuple_, type_coerce, update

from surveillance.storage.chain import link_state, relink
from surveillance.storage.chained import KEYS, ROWS, STORED, as_stored
from surveillance.storage.columns import Telling, TellingJson, Whom, Words
from surveillance.storage.database import reading, writing
from surveillance.storage.names import PSEUDONYM, PersonNames, names_of
from surveillance.storage.tables import credential, event, face_template, metadata, observation, person, person_name

STEP = 500  # rows in one transaction
WHY = "names of people were sealed in it"

Progress = Callable[[str, int, int], None]  # table, rows done, rows in all


def clear_names(engine: Engine) -> list[str]:
    """Of the people of the site who have no pseudonym yet."""
    with reading(engine) as connection:
        return _clear(connection, person.c.name, face_template.c.person)


def seal_names(engine: Engine, progress: Progress = lambda *_: None) -> int:
    """Seals every known name wherever a column may hold one; how many rows had to be written anew.

    Everybody who has no pseudonym gets one first. Works in small steps beside others who write.
    """
    names = names_of(engine)
    assert names is not None, "keep_names comes first"
    with writing(engine) as connection:
        clear = _clear(connection, person.c.name, face_template.c.person, event.c.identity, observation.c.identity)
        names.admit(connection, clear)
        for name in clear:  # the credentials follow by their key
            raw = type_coerce(person.c.name, Text)
            connection.execute(update(person).where(raw == name).values(name=literal(names.pseudonym_of(name), Text)))
        if clear:
            link_state(connection, "site")
    changed = len(clear)
    for table in metadata.sorted_tables:
        columns = [column.name for column in table.c if isinstance(column.type, Whom | Words | Telling | TellingJson)]
        if columns and table not in (person, credential, person_name):
            changed += _seal_table(engine, names, table, columns, progress)
    return changed


def _clear(connection: Connection, *columns: Column[Any]) -> list[str]:
    found: set[str] = set()
    for column in columns:
        raw = type_coerce(column, Text)
        found.update(connection.scalars(select(raw).where(raw.is_not(None)).distinct()))
    return sorted(name for name in found if not PSEUDONYM.fullmatch(name))


def _seal_table(engine: Engine, names: PersonNames, table: Table, columns: Sequence[str], progress: Progress) -> int:
    with reading(engine, patient=True) as connection:
        total = connection.execute(select(func.count()).select_from(table)).scalar_one()
    done = changed = 0
    for rows in _steps(engine, table, columns):
        wrong = [(row, fresh) for row in rows if (fresh := _sealed(names, table, columns, row))]
        if wrong:
            with writing(engine) as connection:
                for row, fresh in wrong:
                    _write(connection, table, row, fresh)
                if table.name in ROWS:
                    linked = [row[KEYS[table.name]] for row, _ in wrong if row["link"] is not None]
                    relink(connection, table.name, linked, WHY)
                else:
                    link_state(connection, "site")
        done, changed = done + len(rows), changed + len(wrong)
        progress(table.name, done, total)
    return changed


def _steps(engine: Engine, table: Table, columns: Sequence[str]) -> Iterator[list[dict[str, Any]]]:
    key = list(table.primary_key)
    also = [KEYS[table.name], "link"] if table.name in ROWS else []
    query = as_stored(table.name, tuple(dict.fromkeys([*(part.name for part in key), *also, *columns])))
    place: tuple[Any, ...] | None = None
    while True:
        step = query if place is None else query.where(tuple_(*key) > tuple_(*map(literal, place)))
        with reading(engine) as connection:
            rows = [dict(row) for row in connection.execute(step.order_by(*key).limit(STEP)).mappings()]
        if rows:
            yield rows
        if len(rows) < STEP:
            return
        place = tuple(rows[-1][part.name] for part in key)


def _sealed(names: PersonNames, table: Table, columns: Sequence[str], row: dict[str, Any]) -> dict[str, Any]:
    """The columns that should be otherwise, as the database is to hold them."""
    fresh: dict[str, Any] = {}
    for name in columns:
        value, kind = row[name], table.c[name].type
        if value is None:
            continue
        if isinstance(kind, Whom):
            wanted: Any = names.pseudonym_of(value)
        elif isinstance(kind, Telling):
            wanted = names.sealed(bytes(value))
        else:
            wanted = names.sealed(value.encode(), as_json=isinstance(kind, TellingJson)).decode()
        if wanted != value:
            fresh[name] = wanted
    return fresh


def _write(connection: Connection, table: Table, row: dict[str, Any], fresh: dict[str, Any]) -> None:
    values = {name: literal(value, STORED[type(table.c[name].type)]) for name, value in fresh.items()}
    same = [part == row[part.name] for part in table.primary_key]
    connection.execute(update(table).where(*same).values(values))
