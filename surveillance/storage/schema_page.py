"""The tables into docs/schema.md: `python -m surveillance.storage.schema_page > docs/schema.md`."""

from __future__ import annotations

import sys

from sqlalchemy import Column, Index, Table
from sqlalchemy.dialects import sqlite

from surveillance.storage.columns import Json, Moment
from surveillance.storage.tables import metadata

GROUPS = {
    "The ledger": {
        "head": "The last number given for each sequence. A writer holds its row until the commit: no number is lost.",
        "event": "A decision on record. Written once; what people say of it later stands beside its payload.",
        "chain": "A link for each row of `event`, `review`, `evidence` and `recording`, and for each edit of the site.",
        "review": "What people said of events, in the order in which they said it; the newest stands in the event too.",
        "observation": "What cameras told core, without pictures. Kept for `storage.observation_days`.",
        "input": "What else core was told, numbered together with the observations: replay follows the numbers.",
        "evidence": "The picture kept with an event; the file is on the disk before the row is.",
        "recording": "What is wanted of an event's camera, in the same commit as the event, and what became of it.",
        "shadow_vote": "What a candidate model said of a track beside the model in use. Kept as long as observations.",
        "garbage": "Pictures whose files are still to be deleted; emptied at every start.",
        "crop": "Pictures of tracks that wait for a person's label, and the labels given; the file is written first.",
    },
    "Deeds and questions": {
        "outbox": "Actions, written in the same commit as the event they rest on.",
        "inbox": "Questions of other processes to core, each answered once.",
    },
    "Jobs": {
        "job": "When each job runs next, so that one missed while the service was off is made up for.",
        "job_run": "The last 100 runs of each job; of one that runs every few seconds, at most one a minute of a kind.",
    },
    "The configured site": {
        "configuration": "One row for every edit. Processes compare its greatest version with the one they run.",
        "camera": "Cameras.",
        "zone": "Zones of cameras.",
        "line": "Lines of cameras; the first point is the start.",
        "mask": "Parts of the picture that are blacked out before analysis.",
        "door": "Doors.",
        "person": "People who hold credentials.",
        "person_name": "Their names, and those of people who were removed. Unreadable once a person is erased.",
        "credential": "What they present.",
        "access_level": "Which groups may pass which doors, and when.",
        "face_template": "Faces by which a door's camera confirms them. Unreadable once the person's key is erased.",
        "schedule": "Weekly windows and holidays.",
        "arming": "Which mode the site is in by the clock: the first whose schedule is open, else the default.",
        "threat_level": "The site's own threat levels, the usual one first; none where it keeps to the common ones.",
        "rule": "Every version of every rule; the newest of each name is live.",
        "notify_target": "Where notifications go.",
        "setting": "Small values that one process leaves for the others.",
    },
    "People who sign in": {
        "account": "Users of the dashboard.",
        "web_session": "Sessions of the dashboard; the secret of one is in its cookie and nowhere else.",
        "sign_in_try": "Wrong passwords and codes, by the name that was tried.",
        "api_token": "Tokens of programs such as badge readers.",
    },
}

INTRODUCTION = """\
# The database

Written from `surveillance/storage/tables.py` by `python -m surveillance.storage.schema_page`; a test compares.
The migrations in `migrations/versions/` build it; `surveillance db upgrade` runs them.

SQLite (WAL, `synchronous=FULL`: a commit that returned survives a power cut), or the PostgreSQL that `storage.url`
names; nothing but the opening in `storage/database.py` and the backups know which one it is.

A time is an integer: microseconds since 1970, UTC. JSON in a text column has sorted keys; `payload` columns hold
canonical JSON (RFC 8785), the bytes that a hash can stand for.

There is one writer at a time. Events count from 1 without gaps; a decision or observation written twice is there once.
Sealed columns hold text encrypted with a key from `DATA_DIR/keys`, which belongs in no backup of the database.
"""


def schema_page() -> str:
    """The whole page as Markdown."""
    parts = [INTRODUCTION]
    for title, tables in GROUPS.items():
        parts.append(f"## {title}\n")
        for name, words in tables.items():
            parts.append(_table_part(metadata.tables[name], words))
    return "\n".join(parts)


def _table_part(table: Table, words: str) -> str:
    rows = [f"| {column.name} | {_type(column)} | {_key(column)} | {column.doc} |" for column in table.columns]
    indexes = sorted(_columns(index) for index in table.indexes)
    ends = [f"\nIndexes: {' · '.join(indexes)}\n"] if indexes else [""]
    head = ["| column | type | | what it holds |", "|---|---|---|---|"]
    return "\n".join([f"### {table.name}\n", f"{words}\n", *head, *rows, *ends])


def _columns(index: Index) -> str:
    """`(camera, at)`, and of which rows where it is not of all."""
    where = index.dialect_options["sqlite"]["where"]
    names = ", ".join(column.name for column in index.columns)
    return f"({names})" if where is None else f"({names}) where {where}"


def _type(column: Column[object]) -> str:
    if isinstance(column.type, Moment):
        return "time"
    if isinstance(column.type, Json):
        return "JSON"
    return str(column.type.compile(dialect=sqlite.dialect())).lower().partition("(")[0]


def _key(column: Column[object]) -> str:
    words = ["key"] if column.primary_key else []
    words += [f"→ {key.column.table.name}" for key in column.foreign_keys]
    words += ["unique"] if column.unique else []
    words += ["may be empty"] if column.nullable else []
    return ", ".join(words)


if __name__ == "__main__":
    sys.stdout.write(schema_page())
