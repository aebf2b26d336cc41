"""Walks the chain from its beginning, compares every link with its row and its file, and names what does not fit.

Reads in small steps while others write, and holds no more than one step; what retention took away is known by links.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, Table, select

from surveillance.domain.errors import SettingsError
from surveillance.storage.chain import NOTHING, chain_key, chain_keys, handover, last_link, mac_of, name_of_key
from surveillance.storage.chained import KEYS, ROWS, STATES, as_stored, bytes_of, state_digest, table_of
from surveillance.storage.database import in_chunks, reading
from surveillance.storage.heads import Head, newest_head, public_keys
from surveillance.storage.keys import KeyStore
from surveillance.storage.proof import digest_of, is_signed, leaf_of
from surveillance.storage.removals import Removals
from surveillance.storage.strays import strays
from surveillance.storage.tables import chain, event, head, review

STEP = 1000  # links in one transaction
MOST = 20  # faults after which the walk ends

Row = dict[str, Any]
Files = Callable[[str, str], Path]  # kind and name of a kept file -> where it lies
Progress = Callable[[int, int], None]  # links done, links in all


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that is not as it was recorded: its link (None: of no link), what it is about, and in words."""

    link: int | None
    kind: str
    ref: str
    words: str

    def __str__(self) -> str:
        place = f"link {self.link:,}" if self.link else "no link"
        about = f" ({self.kind} {self.ref})" if self.ref else f" ({self.kind})" if self.kind else ""
        return f"{place}{about}: {self.words}"


@dataclass(slots=True)
class Audit:
    """What a walk came to."""

    faults: list[Fault] = field(default_factory=list)
    links: int = 0  # that were walked
    first: int = 0
    last: int = 0
    rows: int = 0  # that stand as they were recorded
    removed: int = 0  # rows that retention took away
    files: int = 0  # whose bytes were read
    heads: int = 0  # kept elsewhere, and found here
    heads_before: int = 0  # kept elsewhere, and older than what is kept here
    older: int = 0  # events from before the chain
    signed_at: str = ""  # of the newest signed head
    signed: int = 0  # up to which link

    @property
    def is_sound(self) -> bool:
        return not self.faults


class Walk:
    """One audit. Belongs to one thread."""

    def __init__(self, engine: Engine, keys: KeyStore, files: Files | None, against: Iterable[Head] = ()) -> None:
        """Without `files`, kept files are not read. `against` are heads that were kept elsewhere."""
        self._engine = engine
        self._key_store = keys
        self._files = files
        self._audit = Audit()
        self._wanted: dict[int, list[Head]] = {}
        for kept in against:
            self._wanted.setdefault(kept["seq"], []).append(kept)
        self._floor = 0
        self._mac = NOTHING
        self._at = 0
        self._said: dict[str, Row] = {}  # the newest word on each state
        self._seen = dict.fromkeys(ROWS, 0)  # rows that a link stands for
        self._late: list[Fault] = []
        self._removals = Removals()

    def __call__(self, progress: Progress = lambda done, total: None) -> Audit:
        """The whole chain as it is now. Raises RecordFailed while the database is away, SettingsError without keys."""
        with reading(self._engine) as connection:
            last = last_link(connection)[0]
            if not self._has_chain(connection, last):
                return self._audit
        self._keys = {name_of_key(key): key for key in chain_keys(self._key_store)}
        self._key = chain_key(self._key_store)
        while last - self._at > STEP and self._goes_on():
            with reading(self._engine) as connection:
                self._step(connection)
            progress(min(self._at, last) - self._floor, last - self._floor)
        with reading(self._engine) as connection:
            while self._goes_on() and self._step(connection):
                progress(min(self._at, last) - self._floor, last - self._floor)
            if self._goes_on():
                self._end(connection)
        self._audit.faults += self._late
        return self._audit

    def _goes_on(self) -> bool:
        return len(self._audit.faults) < MOST

    def _has_chain(self, connection: Connection, last: int) -> bool:
        counted = connection.execute(select(head.c.value).where(head.c.name == "chain")).scalar_one_or_none()
        if last:
            if not self._key_store.has("chain"):
                raise SettingsError("the key of the chain is gone: put the key files back that belong to this database")
            return True
        self._audit.older = connection.execute(select(head.c.value).where(head.c.name == "event")).scalar_one()
        if counted or (self._audit.older and self._key_store.has("chain")):
            self._tell(None, "", "", "the chain is gone: there was one, and no link of it is left")
        elif self._wanted:
            self._tell(None, "", "", "there is no chain, but heads of one were kept elsewhere")
        return False

    # --- one step --------------------------------------------------------------------------------------------------

    def _step(self, connection: Connection) -> bool:
        """The next links; whether there may be more."""
        self._find_beginning(connection)
        query = select(chain).where(chain.c.seq > self._at).order_by(chain.c.seq).limit(STEP)
        links = [dict(link) for link in connection.execute(query).mappings()]
        self._removals.read(connection)
        rows = _rows_of(connection, links)
        reviews = _reviews_of(connection, [link["ref"] for link in links if link["kind"] == "event"])
        for link in links:
            if not self._goes_on():
                break
            try:
                self._follow(link)
                if link["kind"] in ROWS:
                    self._look_at_row(link, rows[link["kind"]].get(link["ref"]), reviews)
                else:
                    self._look_at_word(link)
            except _GARBAGE:
                self._tell(link["seq"], str(link["kind"]), str(link["ref"]), "it holds what no link ever holds")
        return len(links) == STEP

    def _find_beginning(self, connection: Connection) -> None:
        """Goes on from the newest signed cut, where retention made one since the last step."""
        newest = newest_head(connection, self._key_store)
        if newest is None:
            return
        self._audit.signed, self._audit.signed_at = newest["seq"], newest["at"]
        self._audit.older = newest["began"]["event"]
        floor = newest["floor"]
        if floor["seq"] > self._at:
            self._at, self._mac = floor["seq"], bytes.fromhex(floor["mac"])
            for kept in self._wanted.pop(self._at, ()):
                self._compare(kept, self._mac)
        self._floor = max(self._floor, floor["seq"])

    def _follow(self, link: Row) -> None:
        """Number and MAC. After a fault the walk goes on from what the link says, so as to find what else is wrong."""
        seq, audit = link["seq"], self._audit
        if seq != self._at + 1:
            gone = f"link {self._at + 1:,} is" if seq == self._at + 2 else f"links {self._at + 1:,} to {seq - 1:,} are"
            self._tell(seq, link["kind"], link["ref"], f"{gone} missing before it")
        leaf = leaf_of(seq, link["kind"], link["ref"], link["digest"])
        if not audit.first:  # where the walk begins, that may be any of the keys there were
            fits = (key for key in self._keys.values() if mac_of(key, self._mac, leaf) == link["mac"])
            self._key = next(fits, self._key)
        if seq == self._at + 1 and mac_of(self._key, self._mac, leaf) != link["mac"]:
            self._tell(seq, link["kind"], link["ref"], "its MAC does not fit: this link or the one before was changed")
        self._at, self._mac = seq, link["mac"]
        audit.first = audit.first or seq
        audit.last = seq
        audit.links += 1
        for kept in self._wanted.pop(seq, ()):
            self._compare(kept, link["mac"])

    def _compare(self, kept: Head, mac: bytes) -> None:
        if not any(is_signed(kept, key) for key in public_keys(self._key_store)):
            words = f"the head of {kept.get('at')} that was kept elsewhere was not signed by this site's key"
            self._tell(kept["seq"], "", "", words)
        elif kept["mac"] != mac.hex():
            words = f"the head of {kept['at']} that was kept elsewhere says otherwise: the chain was written anew"
            self._tell(kept["seq"], "", "", words)
        else:
            self._audit.heads += 1

    # --- what links stand for --------------------------------------------------------------------------------------

    def _look_at_word(self, link: Row) -> None:
        kind, payload = link["kind"], link["payload"]
        if payload is None or link["salt"] is None or digest_of(link["salt"], payload) != link["digest"]:
            self._tell(link["seq"], kind, "", "what it says was changed")
        elif kind in STATES:
            self._said[kind] = {"link": link["seq"], **json.loads(payload)}
        elif kind == "start":
            self._audit.older = json.loads(payload)["event"]
        elif kind == "rotated":
            self._go_on_with(link["seq"], json.loads(payload))

    def _go_on_with(self, seq: int, told: Row) -> None:
        """The next links are by another key, if both vouch for that."""
        key = self._keys.get(told["to"])
        if key is None or handover(self._key, key) != told:
            self._tell(seq, "rotated", "", "the chain goes on with a key that is not in the folder of keys")
        else:
            self._key = key

    def _look_at_row(
        self,
        link: Row,
        row: Row | None,
        reviews: Mapping[str, Row],
    ) -> None:
        seq, kind, ref = link["seq"], link["kind"], link["ref"]
        if link["payload"] is not None:
            self._tell(seq, kind, ref, "it says something of its own, which links of rows never do")
        gone = self._removals.of(seq)
        if gone is not None and gone.what != "files":
            self._audit.removed += gone.what == "rows"
            if link["salt"] is not None or (row is not None and row["link"] == seq):
                self._tell(seq, kind, ref, "its row was deleted by retention, and is here again")
        elif row is None:
            self._tell(seq, kind, ref, "its row is missing")
        elif row["link"] != seq:
            self._tell(seq, kind, ref, "its row names another link")
        else:
            self._seen[kind] += 1
            self._compare_row(link, row, None if gone is None else gone.why, reviews)

    def _compare_row(
        self,
        link: Row,
        row: Row,
        gone: str | None,
        reviews: Mapping[str, Row],
    ) -> None:
        seq, kind, ref = link["seq"], link["kind"], link["ref"]
        covered = row | {"state": "kept", "reason": None} if gone is not None and kind == "recording" else row
        if link["salt"] is None or digest_of(link["salt"], bytes_of(kind, covered)) != link["digest"]:
            self._tell(seq, kind, ref, "its row was changed")
            return
        self._audit.rows += 1
        if kind == "event":
            said = reviews.get(ref, _UNREVIEWED)
            changed = [name for name in _UNREVIEWED if row[name] != said[name]]
            if changed:  # told last, for where a review was changed that is what to name
                self._late.append(Fault(seq, kind, ref, f"its row says another {changed[0]} than its reviews do"))
        elif kind == "evidence":
            self._look_at_picture(link, row, gone)
        elif kind == "recording":
            self._look_at_recording(link, row, gone)

    def _look_at_picture(self, link: Row, row: Row, gone: str | None) -> None:
        if row["gone"] != gone:
            words = "its picture is said to be deleted, and was not by this program" if gone is None else _OTHER_REASON
            self._tell(link["seq"], "evidence", link["ref"], words)
        elif row["missing"]:
            self._tell(link["seq"], "evidence", link["ref"], "its picture was lost: it was not there at a start")
        elif gone is None:
            self._read(link, row["sha256"], row["size_bytes"])

    def _look_at_recording(self, link: Row, row: Row, gone: str | None) -> None:
        if gone is not None and (row["state"], row["reason"]) != ("missing", gone):
            self._tell(link["seq"], "recording", link["ref"], _OTHER_REASON)
        elif gone is None and row["state"] == "kept":
            self._read(link, row["sha256"], row["size_bytes"])

    def _read(self, link: Row, sha256: str, size_bytes: int) -> None:
        if self._files is None:
            return
        seq, kind, ref = link["seq"], link["kind"], link["ref"]
        try:
            with self._files(kind, ref).open("rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
        except (OSError, ValueError) as error:
            self._tell(seq, kind, ref, f"its file cannot be read: {getattr(error, 'strerror', None) or error}")
            return
        self._audit.files += 1
        if found != sha256:
            self._tell(seq, kind, ref, "its file was changed: its bytes have another hash than was recorded")

    # --- the end ---------------------------------------------------------------------------------------------------

    def _end(self, connection: Connection) -> None:
        """What can only be told at the end: where it ends, rows without links, and the states."""
        counted = connection.execute(select(head.c.value).where(head.c.name == "chain")).scalar_one_or_none()
        if counted != self._at:
            self._tell(
                None, "", "", f"the chain ends with link {self._at:,}, but {counted} were given: its end was cut"
            )
        for stray in strays(connection, self._seen, self._floor, self._at, self._audit.older):
            self._tell(stray.link, stray.kind, stray.ref, stray.words)
        if self._audit.links and self._key != chain_key(self._key_store):
            self._tell(None, "", "", "the chain ends with a key that was exchanged: its end was cut, or written anew")
        for state in STATES:
            self._look_at_state(connection, state)
        for seq, heads in sorted(self._wanted.items()):
            if seq > self._at:
                words = f"the head of {heads[0].get('at')} that was kept elsewhere is of a link that is not here"
                self._tell(seq, "", "", f"{words}: its end was cut, or an older copy was put in its place")
            else:
                self._audit.heads_before += len(heads)

    def _look_at_state(self, connection: Connection, state: str) -> None:
        said = self._said.get(state)
        if said is None:
            self._tell(None, state, "", "no link says how its tables should be")
            return
        for table, digest in said["tables"].items():
            try:
                found = state_digest(connection, state, table, self._key)
            except _GARBAGE:
                found = ""
            if found != digest:
                self._tell(said["link"], state, "", f"table {table} is not as the last edit on record left it")

    def _tell(self, link: int | None, kind: str, ref: str, words: str) -> None:
        self._audit.faults.append(Fault(link, kind, ref, words))


_GARBAGE = (ValueError, TypeError, KeyError, AttributeError, OverflowError)  # of what no program of ours wrote
_UNREVIEWED: Row = {"reviewed_at": None, "reviewed_by": None, "review": None, "corrected": None}
_OTHER_REASON = "its file was deleted by retention, and its row gives another reason"


def _rows_of(connection: Connection, links: Sequence[Row]) -> dict[str, dict[str, Row]]:
    """By kind and name."""
    found: dict[str, dict[str, Row]] = {}
    for kind in ROWS:
        table, name = table_of(kind), KEYS[kind]
        rows: dict[str, Row] = {}
        for chunk in in_chunks(link["ref"] for link in links if link["kind"] == kind):
            rows |= _readable(connection, table, name, chunk)
        found[kind] = rows
    return found


def _readable(connection: Connection, table: Table, name: str, names: Sequence[str]) -> dict[str, Row]:
    """Rows by name. One that cannot be read, for what it holds is of no kind, comes without its columns."""
    try:
        rows = connection.execute(as_stored(table.name).where(table.c[name].in_(names))).mappings()
        return {row[name]: dict(row) for row in rows}
    except _GARBAGE:
        if len(names) == 1:
            return {names[0]: {"link": None}}
        half = len(names) // 2
        first, second = (_readable(connection, table, name, part) for part in (names[:half], names[half:]))
        return first | second


def _reviews_of(connection: Connection, events: Sequence[str]) -> dict[str, Row]:
    """What the columns of each of these events should say, by what people said of it in turn."""
    try:
        return _said_of(connection, events)
    except _GARBAGE:  # a review that cannot be read is told of by its own link
        return {}


def _said_of(connection: Connection, events: Sequence[str]) -> dict[str, Row]:
    said: dict[str, dict[str, Any]] = {}
    for chunk in in_chunks(events):
        rows = connection.execute(
            as_stored("review")
            .add_columns(event.c.label.label("own_label"))
            .join(event, event.c.id == review.c.event)
            .where(review.c.event.in_(chunk))
            .order_by(review.c.link, review.c.at, review.c.id)
        )
        for row in rows:
            newest = said.setdefault(row.event, dict(_UNREVIEWED))
            if row.act == "reviewed":
                newest |= {"reviewed_at": row.at, "reviewed_by": row.actor}
                newest |= {"review": row.comment} if row.comment else {}
            elif row.act == "reopened":
                newest |= {"reviewed_at": None, "reviewed_by": None}
            else:
                newest["corrected"] = None if row.label == row.own_label else row.label
    return said
