"""Signed heads of the chain: what stood in it when, in a statement that can be kept where nobody here reaches it.

A head covers the links since the head before it as a tree, so that one can be proved without the others. It also
says up to where the chain was shortened after retention, and what was on record before the chain began.
"""

from __future__ import annotations

import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, delete, func, insert, select

from surveillance.domain.errors import UserMistake
from surveillance.domain.values import Action, new_id, rfc3339
from surveillance.storage.canonical import canonical
from surveillance.storage.chain import NOTHING, append, last_link, said
from surveillance.storage.chained import ROWS, STATES, table_of
from surveillance.storage.database import reading, writing
from surveillance.storage.durable import append_line
from surveillance.storage.keys import KeyStore
from surveillance.storage.proof import is_signed, leaf_of, public_key_of, root_of, sign, succeed
from surveillance.storage.rows import action_row
from surveillance.storage.tables import chain, outbox

COVERS = 20_000  # links under one head at most
_SIGNING = "chain-signing"
SENT, SENT_FOR = "chain.signed", timedelta(days=1)
_RECEIVED = re.compile(r"head=([A-Za-z0-9_-]{40,}=*)")

Head = dict[str, Any]


def public_key(keys: KeyStore) -> str:
    """By which everybody can check this site's heads."""
    return public_key_of(keys.key(_SIGNING))


def public_keys(keys: KeyStore) -> tuple[str, ...]:
    """That key, then those before it, the newest first."""
    return tuple(public_key_of(key) for key in (keys.key(_SIGNING), *keys.older(_SIGNING)))


def succession_of(keys: KeyStore) -> list[Head]:
    """How each key took the place of the one before, signed by both; the newest first."""
    secrets = [keys.key(_SIGNING), *keys.older(_SIGNING)]
    return [succeed(older, key) for key, older in pairwise(secrets)]


def newest_head(connection: Connection, keys: KeyStore) -> Head | None:
    """The last one that this site's key signed, or one before it."""
    own, before = public_keys(keys), 2**62
    while True:
        newest = select(chain.c.seq, chain.c.payload).where(chain.c.payload.is_not(None), chain.c.kind == "signed")
        row = connection.execute(newest.where(chain.c.seq < before).order_by(chain.c.seq.desc()).limit(1)).one_or_none()
        if row is None:
            return None
        with suppress(ValueError, TypeError):
            head = json.loads(row.payload)
            if isinstance(head, dict) and any(is_signed(head, key) for key in own):
                return head
        before = row.seq


def last_head(engine: Engine, keys: KeyStore) -> Head | None:
    """The last one that this site's key signed; None where none was."""
    with reading(engine) as connection:
        return newest_head(connection, keys)


def head_over(connection: Connection, link: int) -> Head | None:
    """The first head that covers a link."""
    seq = link
    while True:
        later = select(chain.c.seq, chain.c.payload).where(chain.c.payload.is_not(None), chain.c.kind == "signed")
        row = connection.execute(later.where(chain.c.seq > seq).order_by(chain.c.seq).limit(1)).one_or_none()
        if row is None:
            return None
        head = dict(json.loads(row.payload))
        if head["first"] <= link <= head["seq"]:
            return head
        seq = row.seq


def unsigned(engine: Engine, keys: KeyStore) -> tuple[int, datetime | None]:
    """How many links no head covers, and when the last head was signed."""
    with reading(engine) as connection:
        last, head = last_link(connection)[0], newest_head(connection, keys)
    if head is None:
        return last, None
    lacking = last - head["seq"]
    return (0 if lacking == 1 else lacking), datetime.fromisoformat(head["at"])  # one: the link of the head itself


def sign_heads(engine: Engine, keys: KeyStore) -> list[Head]:
    """Signs what no head covers yet; the new heads, oldest first."""
    signed: list[Head] = []
    while unsigned(engine, keys)[0] > 0:
        with writing(engine) as connection:
            signed.append(_sign(connection, keys, None))
    return signed


def shorten(engine: Engine, keys: KeyStore) -> int:
    """Takes links from the beginning that stand for nothing any more; how many. A signed head says that they are gone.

    The chain is cut at a head, so that what is left can be proved as before.
    """
    with reading(engine) as connection:
        head = newest_head(connection, keys)
        cut = None if head is None else _cut(connection, head)
    if head is None or cut is None:
        return 0
    with writing(engine) as connection:
        for state in STATES:
            _carry(connection, state, cut["seq"])
        _sign(connection, keys, {"seq": cut["seq"], "mac": cut["mac"]})
        return connection.execute(delete(chain).where(chain.c.seq <= cut["seq"])).rowcount


def leaves_of(connection: Connection, first: int, last: int) -> list[bytes]:
    """The leaves of those links, which must all be there."""
    columns = (chain.c.seq, chain.c.kind, chain.c.ref, chain.c.digest)
    rows = connection.execute(select(*columns).where(chain.c.seq >= first, chain.c.seq <= last).order_by(chain.c.seq))
    return [leaf_of(row.seq, row.kind, row.ref, row.digest) for row in rows]


def heads_after(engine: Engine, seq: int) -> list[Head]:
    """The signed heads of links after that one, oldest first."""
    later = select(chain.c.payload).where(chain.c.payload.is_not(None), chain.c.kind == "signed", chain.c.seq > seq)
    with reading(engine) as connection:
        found = [dict(json.loads(payload)) for payload in connection.scalars(later.order_by(chain.c.seq))]
    return [head for head in found if head["seq"] > seq]


# --- kept elsewhere ------------------------------------------------------------------------------------------------


def write_heads(directory: Path, heads: Sequence[Head]) -> None:
    """Adds heads to the file of their month in a folder, which must be there: made here, it would hide a lost disk."""
    if not directory.is_dir():
        raise UserMistake(f"there is no folder {directory} for signed heads (audit.heads_dir): make it, or mount it")
    for head in heads:
        append_line(directory / f"heads-{head['at'][:7]}.jsonl", json.dumps(head, sort_keys=True))


def send_heads(engine: Engine, heads: Sequence[Head], targets: Sequence[str]) -> None:
    """Puts heads into the outbox for each of these targets; those that had their turn are forgotten."""
    now = datetime.now(UTC)
    with writing(engine) as connection:
        done = outbox.c.state.not_in(("pending", "attempting"))
        connection.execute(delete(outbox).where(outbox.c.event == SENT, done))
        rows = [action_row(_told(head, target, now), now) for head in heads for target in targets]
        if rows:
            connection.execute(insert(outbox), rows)


def _told(head: Head, target: str, now: datetime) -> Action:
    words = f"link {head['seq']:,}; head={urlsafe_b64encode(canonical(head)).decode()}"
    payload = {"kind": "chain.signed", "at": head["at"], "reasons": [words], "head": head}
    return Action(new_id(), SENT, "notify", target, now + SENT_FOR, f"head-{head['seq']}-{target}", payload)


def read_heads(place: Path) -> Iterator[Head]:
    """The heads of a file, or of every file of a folder that may hold some: as they were kept there, or as a target
    received them, on lines of a log or in bodies of webhooks. Raises UserMistake, with file and line.
    """
    files = sorted([*place.glob("*.json*"), *place.glob("*.log")]) if place.is_dir() else [place]
    if not files:
        raise UserMistake(f"{place} holds no signed heads: give the .jsonl file or the folder that they were kept in")
    for file in files:
        try:
            lines = file.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise UserMistake(f"{file} cannot be read: {getattr(error, 'strerror', None) or 'not text'}") from None
        yield from _parsed(file, lines)


def _parsed(file: Path, lines: Iterable[str]) -> Iterator[Head]:
    for number, line in enumerate(lines, 1):
        received = _RECEIVED.search(line)
        if not line.strip() or (received is None and not line.lstrip().startswith("{")):
            continue  # what else a log says
        try:
            head = json.loads(urlsafe_b64decode(received[1]) if received else line)
            head = head["data"]["head"] if "specversion" in head else head
            if not isinstance(head["seq"], int) or len(bytes.fromhex(head["mac"])) != len(NOTHING):
                raise ValueError
        except (ValueError, KeyError, TypeError):
            raise UserMistake(
                f"{file}, line {number} is no signed head; keep what `audit head --json` prints"
            ) from None
        yield head


# --- inside the transaction ----------------------------------------------------------------------------------------


def _sign(connection: Connection, keys: KeyStore, floor: dict[str, Any] | None) -> Head:
    before = newest_head(connection, keys)
    first = before["seq"] + 1 if before else 1
    newest, _ = last_link(connection)
    last = min(newest, first + COVERS - 1)
    leaves = leaves_of(connection, first, last)
    if not leaves:  # the links were taken away, which the audit tells
        leaves = [NOTHING]
    mac = connection.execute(select(chain.c.mac).where(chain.c.seq == last)).scalar_one_or_none() or NOTHING
    statement = {
        "seq": last,
        "mac": mac.hex(),
        "first": first,
        "root": root_of(leaves).hex(),
        "at": rfc3339(datetime.now(UTC)),
        "floor": floor or (before["floor"] if before else {"seq": 0, "mac": NOTHING.hex()}),
        "began": before["began"] if before else _beginning(connection),
    }
    head = sign(statement, keys.key(_SIGNING))
    append(connection, [said("signed", head)])
    return head


def _beginning(connection: Connection) -> dict[str, Any]:
    """When the chain began, and the last event that is older."""
    start = connection.execute(select(chain.c.payload).where(chain.c.kind == "start", chain.c.payload.is_not(None)))
    return dict(json.loads(start.scalars().first() or b'{"at":"","event":0}'))


def _cut(connection: Connection, head: Head) -> Head | None:
    """The last head before every link that still stands for a row; None where that is where the chain begins now."""
    needed = [link for kind in ROWS if (link := _first_link(connection, kind)) is not None]
    below = min(needed, default=head["seq"] + 1)
    earlier = select(chain.c.payload).where(chain.c.payload.is_not(None), chain.c.kind == "signed")
    for payload in connection.scalars(earlier.where(chain.c.seq <= below).order_by(chain.c.seq.desc())):
        found = dict(json.loads(payload))
        if found["seq"] < below:
            return found if found["seq"] > head["floor"]["seq"] else None
    return None


def _first_link(connection: Connection, kind: str) -> int | None:
    found: int | None = connection.execute(select(func.min(table_of(kind).c.link))).scalar_one()
    return found


def _carry(connection: Connection, state: str, cut: int) -> None:
    """Repeats the newest word on a state where it would be cut off; as it was said, not as the tables are by now."""
    newest = select(chain.c.seq, chain.c.payload).where(chain.c.payload.is_not(None), chain.c.kind == state)
    row = connection.execute(newest.order_by(chain.c.seq.desc()).limit(1)).one_or_none()
    if row is not None and row.seq <= cut:
        append(connection, [said(state, json.loads(row.payload))])
