"""An event into an evidence bundle: a ZIP that proves what is in it to anyone who has this site's public key.

It holds the record of the event as it was written, what people said of it, its pictures and clip, for each of them its
link with the path to a signed head, and how to check all that in words.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from sqlalchemy import Connection, Engine, select

from surveillance.domain.errors import NotFound, UserMistake
from surveillance.storage.audit import Files
from surveillance.storage.bundle_check import FORMAT, KEY_FILE, PROOF, README, RECORD
from surveillance.storage.chained import as_stored, covered_text
from surveillance.storage.database import reading
from surveillance.storage.heads import Head, head_over, leaves_of, public_key, sign_heads, succession_of
from surveillance.storage.keys import KeyStore
from surveillance.storage.proof import path_to
from surveillance.storage.tables import chain, event, evidence, recording, review

Row = Mapping[str, Any]

WORDS = """\
Evidence of event {id}
{at}, {kind}

{reasons}

In this file
------------
event.json      the event exactly as it was recorded: what was decided, why, and every clause with its value
reviews         what people said of it afterwards: in proof.json, links of kind review
files/          pictures and clips that were kept with it
proof.json      for each of them the digest that was chained, and the way from there to a signed head
public-key.txt  the public key of the site that signed

How to check it
---------------
    surveillance audit verify-bundle {name}
    surveillance audit verify-bundle {name} --key KEY     KEY: the site's public key, from the site itself

No database and no settings are needed. The key in this file only tells whether the bundle is whole; that it is the
site's own key you must learn from the site (`surveillance audit key`) or from a head that it kept elsewhere.

By hand: the digest of a link is SHA-256 of its salt, its columns and, for the event, the bytes of event.json. The leaf
is SHA-256 of a zero byte, the link's number, kind and name, each with a line feed, and the digest. Along the path each
step is SHA-256 of a byte 1, the left and the right hash. That ends at `root` of the head, whose signature is Ed25519
over "surveillance chain head", a line feed and the head without key and signature as JSON by RFC 8785. The columns of
a picture or clip hold the SHA-256 of its file.

What it proves: that this was on record when the head was signed, and has not been changed since. Not that it is true.
"""


@dataclass(frozen=True, slots=True)
class _Part:
    """A row with its link."""

    kind: str
    ref: str
    row: Row


def write_bundle(engine: Engine, keys: KeyStore, files: Files, event_id: str, out: IO[bytes], name: str) -> None:
    """Writes the bundle of an event; `name` is what it will be called. What is not signed yet is signed now.

    Raises NotFound, and UserMistake for an event that is older than the chain, or whose file is not what was recorded.
    """
    sign_heads(engine, keys)
    with reading(engine) as connection:
        parts = _parts(connection, event_id)
        links = [_proved(connection, part) for part in parts]
    heads = [head for _, head in links]
    numbered = list({head["seq"]: head for head in heads}.values())
    proof = {
        "format": FORMAT,
        "event": event_id,
        "links": [link | {"head": numbered.index(head)} for link, head in links],
        "heads": numbered,
        "successions": succession_of(keys),
    }
    record: bytes = parts[0].row["payload"]
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as bundle:
        bundle.writestr(README, _in_words(json.loads(record), name))
        bundle.writestr(RECORD, record)
        bundle.writestr(PROOF, json.dumps(proof, indent=1, sort_keys=True))
        bundle.writestr(KEY_FILE, public_key(keys) + "\n")
        for part in parts:
            if _is_kept(part):
                _add_file(bundle, files, part)


def _parts(connection: Connection, event_id: str) -> list[_Part]:
    """The event, then what people said of it, its pictures and clips."""
    found = connection.execute(as_stored("event").where(event.c.id == event_id)).mappings().one_or_none()
    if found is None:
        raise NotFound(f"no event {event_id} is on record")
    if found["link"] is None:
        raise UserMistake(f"event {event_id} is older than the chain: nothing can prove it")
    parts = [_Part("event", event_id, dict(found))]
    for table, key in ((review, "id"), (evidence, "name"), (recording, "name")):
        rows = connection.execute(as_stored(table.name).where(table.c.event == event_id).order_by(table.c[key]))
        parts += [_Part(table.name, row[key], dict(row)) for row in rows.mappings() if row["link"] is not None]
    return parts


def _proved(connection: Connection, part: _Part) -> tuple[dict[str, Any], Head]:
    number = part.row["link"]
    link = connection.execute(select(chain).where(chain.c.seq == number)).mappings().one_or_none()
    head = head_over(connection, number)
    if link is None or head is None or link["salt"] is None:
        raise UserMistake(f"{part.kind} {part.ref} has no link in the chain: run `surveillance audit verify`")
    path = path_to(leaves_of(connection, head["first"], head["seq"]), number - head["first"])
    return {
        "seq": number,
        "kind": part.kind,
        "ref": part.ref,
        "salt": link["salt"].hex(),
        "columns": covered_text(part.kind, _as_linked(part)),
        "path": [[side, beside.hex()] for side, beside in path],
        "gone": _gone(part),
    }, head


def _as_linked(part: _Part) -> Row:
    """A recording whose file retention deleted was kept when its link was made."""
    was_kept = part.kind == "recording" and part.row["state"] == "missing" and part.row["sha256"] is not None
    return {**part.row, "state": "kept", "reason": None} if was_kept else part.row


def _gone(part: _Part) -> str | None:
    """Why a file that was kept is not in the bundle."""
    if part.kind == "evidence":
        return part.row["gone"] or ("it was lost" if part.row["missing"] else None)
    return part.row["reason"] if part.kind == "recording" and part.row["sha256"] is not None else None


def _is_kept(part: _Part) -> bool:
    return part.kind in ("evidence", "recording") and part.row["sha256"] is not None and _gone(part) is None


def _add_file(bundle: zipfile.ZipFile, files: Files, part: _Part) -> None:
    try:
        bundle.write(files(part.kind, part.ref), f"files/{part.ref}", zipfile.ZIP_STORED)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise UserMistake(f"{part.ref} cannot be read: {why}; run `surveillance audit verify`") from None


def _in_words(record: Row, name: str) -> str:
    reasons = "\n".join(f"- {reason}" for reason in record["reasons"]) or "(no rule was asked)"
    return WORDS.format(id=record["id"], at=record["at"], kind=record["kind"], reasons=reasons, name=Path(name).name)
