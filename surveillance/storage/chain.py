"""What goes on record into links of one chain: each a keyed MAC over the one before and a salted digest of its row.

The key lies outside the database. Links are written in the transaction of what they are about, by one writer at a time,
and the chain begins with the first of them: what is older has none.
"""

from __future__ import annotations

import hmac
import os
import weakref
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Engine, bindparam, insert, select, update

from surveillance.domain.errors import RecordFailed
from surveillance.domain.values import rfc3339
from surveillance.storage.canonical import canonical
from surveillance.storage.chained import KEYS, STATES, as_stored, as_written, bytes_of, state_digests, table_of
from surveillance.storage.database import in_chunks
from surveillance.storage.keys import KeyStore
from surveillance.storage.names import keep_names
from surveillance.storage.proof import digest_of, leaf_of
from surveillance.storage.tables import chain, head

SALT_BYTES = 16
NOTHING = bytes(32)  # the MAC before the first link
_CHAIN_KEY = "chain"
_KEYS: weakref.WeakKeyDictionary[Engine, KeyStore] = weakref.WeakKeyDictionary()
_HANDED: weakref.WeakKeyDictionary[Engine, bytes] = weakref.WeakKeyDictionary()  # the key of which that was looked at
_COUNTERS = (
    select(head.c.name, head.c.value)
    .where(head.c.name.in_(("chain", "event")))
    .order_by(head.c.name.desc())
    .with_for_update()
)
_NEWEST = select(chain.c.seq, chain.c.mac).order_by(chain.c.seq.desc()).limit(1)
_APPEND = insert(chain)
_ADVANCE = update(head).where(head.c.name == "chain").values(value=bindparam("last"))

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Entry:
    """What is to become a link: `body` is what its digest covers, kept as its `payload` where no row says it."""

    kind: str
    ref: str
    body: bytes
    payload: bytes | None = None


def keep_chain(engine: Engine, keys: KeyStore) -> None:
    """From now on what this process records there has links, and names people by pseudonyms.

    The key is made when the first link is.
    """
    _KEYS[engine] = keys
    keep_names(engine, keys)


def chain_key(keys: KeyStore) -> bytes:
    """The key of the chain's MACs."""
    return keys.key(_CHAIN_KEY)


def mac_of(key: bytes, before: bytes, leaf: bytes) -> bytes:
    """The MAC of a link, given that of the one before."""
    return hmac.digest(key, before + leaf, "sha256")


def name_of_key(key: bytes) -> str:
    """By which a key is known without being told."""
    return hmac.digest(key, b"name of a chain key", "sha256").hex()[:32]


def handover(older: bytes, key: bytes) -> dict[str, str]:
    """What a link says that ends one key's part of the chain: the new key vouches for it, the old one made the link."""
    names = {"from": name_of_key(older), "to": name_of_key(key)}
    return names | {"witness": hmac.digest(key, canonical(names), "sha256").hex()}


def chain_keys(keys: KeyStore) -> list[bytes]:
    """The key of the chain, then those before it, the newest first."""
    return [chain_key(keys), *keys.older(_CHAIN_KEY)]


def link_rows(connection: Connection, kind: str, rows: Sequence[Row]) -> None:
    """Gives rows that are about to be written their links, in `link`."""
    if not rows:
        return
    bodies = (bytes_of(kind, as_written(kind, row, connection.dialect)) for row in rows)
    entries = [Entry(kind, row[KEYS[kind]], body) for row, body in zip(rows, bodies, strict=True)]
    numbers = _extend(connection, entries, rows[0])
    for row, number in zip(rows, numbers, strict=False):
        row["link"] = number


def relink(
    connection: Connection, kind: str, names: Iterable[str], why: str = "another link says what became of it"
) -> None:
    """New links for rows that were just changed by rule, as when something is erased from them.

    The old ones stay, say `why`, and lose their salt: nobody can tell by them what the rows were.
    """
    table = table_of(kind)
    name = table.c[KEYS[kind]]
    for chunk in in_chunks(names):
        rows = [dict(row) for row in connection.execute(as_stored(kind).where(name.in_(chunk))).mappings()]
        link_removal(connection, "settled", [row["link"] for row in rows], why)
        link_rows(connection, kind, rows)
        for row in rows:
            connection.execute(update(table).where(name == row[KEYS[kind]]).values(link=row["link"]))


def link_state(connection: Connection, state: str) -> None:
    """The tables of a state as they are now, after an edit of any of them."""
    keys = _keys_of(connection)
    if keys is not None:
        _extend(connection, [_state_entry(connection, state, keys)])


def link_removal(connection: Connection, what: str, links: Iterable[int | None], why: str) -> None:
    """What goes by rule: `rows`, only their `files`, or links that others stand in for (`settled`).

    Called before the rows are deleted.
    """
    spans = spans_of(link for link in links if link is not None)
    if not spans:
        return
    _extend(connection, [said("removed", {what: spans, "why": why})])
    if what != "files":
        for first, last in spans:
            connection.execute(update(chain).where(chain.c.seq >= first, chain.c.seq <= last).values(salt=None))


def spans_of(numbers: Iterable[int]) -> list[list[int]]:
    """Numbers in any order as spans [first, last]."""
    spans: list[list[int]] = []
    for number in sorted(set(numbers)):
        if spans and spans[-1][1] == number - 1:
            spans[-1][1] = number
        else:
            spans.append([number, number])
    return spans


def said(kind: str, payload: Mapping[str, Any]) -> Entry:
    """A link that has no row of its own."""
    body = canonical(payload)
    return Entry(kind, "", body, body)


def last_link(connection: Connection) -> tuple[int, bytes]:
    """The number and MAC of the newest link; 0 before the first."""
    row = connection.execute(_NEWEST).one_or_none()
    return (0, NOTHING) if row is None else (row.seq, row.mac)


def append(connection: Connection, entries: Sequence[Entry]) -> list[int]:
    """Links for these, in order; their numbers."""
    return _extend(connection, entries)


# --- inside the transaction ----------------------------------------------------------------------------------------


def _extend(connection: Connection, entries: Sequence[Entry], first_row: Row | None = None) -> list[int]:
    keys = _keys_of(connection)
    if keys is None:
        return []
    last, before = _take_turn(connection)
    rows = _handed_over(connection, keys, last, before)
    if rows:
        last, before = rows[-1]["seq"], rows[-1]["mac"]
    fresh = [] if last else _beginning(connection, keys, first_row)
    made = _links([*fresh, *entries], last, before, chain_key(keys))
    connection.execute(_APPEND, [*rows, *made])
    connection.execute(_ADVANCE, {"last": made[-1]["seq"]})
    return [row["seq"] for row in made[len(fresh) :]]


def _handed_over(connection: Connection, keys: KeyStore, last: int, before: bytes) -> list[Row]:
    """Where the key was exchanged since the last link: one that both keys vouch for, then the states by the new one."""
    key = chain_key(keys)
    if not last or _HANDED.get(connection.engine) == key:
        return []
    _HANDED[connection.engine] = key
    older = next((one for one in keys.older(_CHAIN_KEY) if _is_by(connection, last, one)), None)
    if older is None or _is_by(connection, last, key):
        return []
    rows = _links([said("rotated", handover(older, key))], last, before, older)
    states = [_state_entry(connection, state, keys) for state in STATES]
    return rows + _links(states, rows[-1]["seq"], rows[-1]["mac"], key)


def _is_by(connection: Connection, last: int, key: bytes) -> bool:
    """Whether that key made the newest link."""
    two = select(chain).where(chain.c.seq <= last).order_by(chain.c.seq.desc()).limit(2)
    newest, *before = connection.execute(two).all()
    leaf = leaf_of(newest.seq, newest.kind, newest.ref, newest.digest)
    return bool(mac_of(key, before[0].mac if before else NOTHING, leaf) == newest.mac)


def _links(entries: Sequence[Entry], last: int, before: bytes, key: bytes) -> list[Row]:
    salts = os.urandom(SALT_BYTES * len(entries))
    rows: list[Row] = []
    for place, entry in enumerate(entries):
        seq, salt = last + 1 + place, salts[place * SALT_BYTES : (place + 1) * SALT_BYTES]
        digest = digest_of(salt, entry.body)
        before = mac_of(key, before, leaf_of(seq, entry.kind, entry.ref, digest))
        rows.append(
            {
                "seq": seq,
                "kind": entry.kind,
                "ref": entry.ref,
                "salt": salt,
                "digest": digest,
                "mac": before,
                "payload": entry.payload,
            }
        )
    return rows


def _take_turn(connection: Connection) -> tuple[int, bytes]:
    """The last number given and the MAC to go on from. Whoever has read this holds the chain until the commit.

    The counter of events is held too, and first, as by all who write events: so that no two wait for each other. Where
    the last link was taken away, the next goes on behind the gap: recording never stops for it, and the audit tells.
    """
    held = {row.name: row.value for row in connection.execute(_COUNTERS)}
    newest, mac = last_link(connection)
    return max(held["chain"], newest), mac


def _beginning(connection: Connection, keys: KeyStore, first_row: Row | None) -> list[Entry]:
    """The first link, which says what is older than the chain, and the states as they are."""
    if first_row is not None and "seq" in first_row:
        older = first_row["seq"] - 1
    else:
        older = connection.execute(select(head.c.value).where(head.c.name == "event")).scalar_one()
    began = said("start", {"at": rfc3339(datetime.now(UTC)), "event": older})
    return [began, *(_state_entry(connection, state, keys) for state in STATES)]


def _state_entry(connection: Connection, state: str, keys: KeyStore) -> Entry:
    return said(state, {"tables": state_digests(connection, state, chain_key(keys))})


def _keys_of(connection: Connection) -> KeyStore | None:
    """None where nobody keeps a chain. Raises RecordFailed where others do, whose chain this would break."""
    keys = _KEYS.get(connection.engine)
    if keys is None and connection.execute(select(head.c.value).where(head.c.name == "chain")).scalar():
        raise RecordFailed("what is recorded here is chained, and this program was not given the keys")
    return keys
