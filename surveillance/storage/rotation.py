"""What is sealed or chained by a key that was exchanged, gone over with the new one."""

from __future__ import annotations

from sqlalchemy import Connection, Engine, String, select, update

from surveillance.storage.chain import append, link_state, said
from surveillance.storage.chained import STATES
from surveillance.storage.database import EDIT_MS, writing
from surveillance.storage.heads import sign_heads, succession_of
from surveillance.storage.keys import SEALED, KeyStore
from surveillance.storage.tables import face_template, metadata, person_name

OF_PEOPLE = (face_template.name, person_name.name)  # sealed each with a key of their own


def reseal(engine: Engine, keys: KeyStore) -> int:
    """Seals the site's addresses and secrets with the key there is now; how many. All in one transaction."""
    with writing(engine, lock_ms=EDIT_MS) as connection:
        names = [name for state in STATES.values() for name in state if name not in OF_PEOPLE]
        count = sum(_reseal(connection, keys, name) for name in names)
        for state in STATES:
            link_state(connection, state)
        return count


def hand_over(engine: Engine) -> None:
    """Says on the chain that it goes on with another key, and how everything stands."""
    with writing(engine, lock_ms=EDIT_MS) as connection:
        for state in STATES:  # the link before them comes by itself
            link_state(connection, state)


def succeed(engine: Engine, keys: KeyStore) -> None:
    """Says on the chain which key signs its heads from now on, by both keys, and signs."""
    with writing(engine, lock_ms=EDIT_MS) as connection:
        append(connection, [said("succeeded", succession_of(keys)[0])])
    sign_heads(engine, keys)


def _reseal(connection: Connection, keys: KeyStore, name: str) -> int:
    table, count = metadata.tables[name], 0
    key = list(table.primary_key)
    for column in (each for each in table.c if isinstance(each.type, String)):
        for row in connection.execute(select(*key, column).where(column.startswith(SEALED))).all():
            fresh = keys.encrypt(keys.decrypt(row[-1]))
            same = [part == value for part, value in zip(key, row, strict=False)]
            connection.execute(update(table).where(*same).values({column: fresh}))
            count += 1
    return count
