"""Which columns of which rows are in the chain, and rows into the bytes that their links are a digest of.

Bytes are the same on every database. A table has its links row by row, or as part of a state that is digested whole
at each edit, or none, for a reason.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import (
    Boolean,
    Connection,
    Dialect,
    Float,
    Integer,
    LargeBinary,
    Select,
    Table,
    Text,
    select,
    type_coerce,
)
from sqlalchemy.engine.default import DefaultDialect

from surveillance.storage import tables
from surveillance.storage.columns import EPOCH, Json, ShortWords, Telling, TellingJson, Whom, Words

ROWS: Mapping[str, tuple[str, ...]] = {  # by table: what may change later, so that its link does not cover it
    "event": ("link", "reviewed_at", "reviewed_by", "review", "corrected"),  # these repeat what `review` says
    "review": ("link",),
    "evidence": ("link", "missing", "gone"),
    "recording": ("link", "asked"),  # how often a worker was asked proves nothing
}
KEYS: Mapping[str, str] = {"event": "id", "review": "id", "evidence": "name", "recording": "name"}
FILES = ("evidence", "recording")  # their rows hold the hash of a file

SITE = (
    "configuration", "camera", "zone", "line", "mask", "door", "person", "credential", "schedule", "arming", "rule",
    "notify_target", "face_template", "person_name", "access_level", "threat_level",
)  # fmt: skip
STATES: Mapping[str, Mapping[str, tuple[str, ...] | None]] = {  # by state and table: the columns, None for all
    "site": dict.fromkeys(SITE),
    "accounts": {
        "account": ("id", "name", "role", "password_hash", "enabled", "cameras", "doors"),
        "api_token": ("id", "name", "hash", "scopes", "revoked_at", "cameras", "doors", "expires_at"),
    },
}
ACCOUNT_EDITS = frozenset(
    f"user.{done}"
    for done in (
        "added", "changed", "enabled", "disabled", "removed", "password_changed", "password_reset", "token_made",
        "token_revoked",
    )
)  # fmt: skip

UNCHAINED: Mapping[str, str] = {
    "head": "counters; that of the chain is compared with its last link",
    "chain": "the chain itself",
    "observation": "inputs, of which a decision keeps what it rests on",
    "input": "inputs, of which a decision keeps what it rests on",
    "door_mode": "the last door reports, which are events too",
    "garbage": "files that are being deleted",
    "crop": "pictures for training, of which the events keep their own",
    "shadow_vote": "votes of models that act on nothing",
    "outbox": "deeds under way; what became of one at a door is an event",
    "inbox": "questions under way",
    "job": "times of jobs",
    "job_run": "runs of jobs; what one did is an event",
    "setting": "what processes tell each other",
    "web_session": "sessions; signing in is an event",
    "sign_in_try": "wrong passwords of a day",
}

_ENCODER = json.JSONEncoder(separators=(",", ":"), sort_keys=True, allow_nan=False)
_MICROSECOND = timedelta(microseconds=1)
_JSON, _ANY = Json(), DefaultDialect()
STORED: Mapping[type, Any] = {
    Boolean: Integer(), Json: Text(), TellingJson: Text(), Whom: Text(), Words: Text(), ShortWords: Text(),
    Telling: LargeBinary(),
}  # fmt: skip

Plan = tuple[tuple[str, type], ...]  # the columns by name, and of which type each is


def _plan(table: Table, columns: Iterable[str]) -> Plan:
    return tuple((name, type(table.c[name].type)) for name in sorted(columns))


_NAMING: Mapping[str, tuple[tuple[str, Any], ...]] = {
    name: tuple(
        (column.name, column.type)
        for column in tables.metadata.tables[name].c
        if isinstance(column.type, Whom | Words | Telling) and column.name not in later
    )
    for name, later in ROWS.items()
}
_PLANS = {
    name: _plan(tables.metadata.tables[name], set(tables.metadata.tables[name].c.keys()) - {*later, "payload"})
    for name, later in ROWS.items()
}


def as_written(kind: str, row: Mapping[str, Any], dialect: Dialect) -> Mapping[str, Any]:
    """A row that is about to be written, with what may name people as the database will hold it."""
    return {**row, **{name: of.process_bind_param(row.get(name), dialect) for name, of in _NAMING[kind]}}


def bytes_of(kind: str, row: Mapping[str, Any]) -> bytes:
    """The row as its link covers it, then its payload."""
    return _encoded(row, _PLANS[kind]) + (row.get("payload") or b"")


def covered_text(kind: str, row: Mapping[str, Any]) -> str:
    """What `bytes_of` says of the columns, without the payload."""
    return _encoded(row, _PLANS[kind]).decode()


def table_of(kind: str) -> Table:
    """The table whose rows have links of that kind."""
    return tables.metadata.tables[kind]


@cache
def as_stored(name: str, columns: tuple[str, ...] | None = None) -> Select[Any]:
    """What selects columns of a table so that no reading hides a difference, such as 2 for true or a blank in JSON."""
    table = tables.metadata.tables[name]
    return select(
        *(
            type_coerce(column, STORED[type(column.type)]).label(column.name) if type(column.type) in STORED else column
            for column in ([table.c[name] for name in columns] if columns else table.c)
        )
    )


def state_digests(connection: Connection, state: str, key: bytes) -> dict[str, str]:
    """By table: a keyed digest of all its rows, in no order that a database could choose."""
    return {name: state_digest(connection, state, name, key) for name in STATES[state]}


def state_digest(connection: Connection, state: str, name: str, key: bytes) -> str:
    """That of one table."""
    columns = STATES[state][name]
    table = tables.metadata.tables[name]
    plan = _plan(table, columns or table.c.keys())
    rows = connection.execute(as_stored(name, columns)).mappings()
    total = hmac.new(key, name.encode(), "sha256")
    for encoded in sorted(_encoded(dict(row), plan) for row in rows):
        total.update(encoded + b"\n")
    return total.hexdigest()


def _encoded(row: Mapping[str, Any], plan: Plan) -> bytes:
    """A JSON object without what is empty, so that a column that comes later leaves the rows before it as they were."""
    told = {}
    for name, kind in plan:
        value = row[name]
        if value is None:
            continue
        if kind is Float:
            value = float(value)
        elif kind is Json and not isinstance(value, str):
            value = _JSON.process_bind_param(value, _ANY)
        elif isinstance(value, datetime):
            value = (value - EPOCH) // _MICROSECOND
        elif isinstance(value, bool):
            value = int(value)
        told[name] = value
    return _ENCODER.encode(told).encode()
