"""Checks an evidence bundle by itself: no database, no settings, no secret; only hashes and one signature."""

from __future__ import annotations

import hashlib
import json
import zipfile
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from surveillance.domain.errors import UserMistake
from surveillance.storage.proof import digest_of, is_signed, leaf_of, root_by, trusted_with

FORMAT = 1
README, RECORD, PROOF, KEY_FILE = "README.txt", "event.json", "proof.json", "public-key.txt"
FILES = "files/"
MOST_BYTES = 64_000_000  # of the record and of the proof; pictures and clips are read in pieces
_MALFORMED = (KeyError, TypeError, ValueError, IndexError, AttributeError)


@dataclass(slots=True)
class Checked:
    """What a bundle proves, in words, and what is wrong with it."""

    event: str
    key: str
    proved: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    @property
    def is_sound(self) -> bool:
        return not self.faults


def check_bundle(file: Path, key: str | None = None) -> Checked:
    """Everything in it, by that public key (hexadecimal), else by the key that it brings along itself.

    Raises UserMistake for what is no bundle at all.
    """
    try:
        with zipfile.ZipFile(file) as bundle:
            return _checked(bundle, key)
    except (OSError, zipfile.BadZipFile, EOFError, zlib.error, RuntimeError) as error:  # also: encrypted, another zip
        raise UserMistake(f"{file} is no evidence bundle: {str(error)[:200]}") from None
    except _MALFORMED as error:
        raise UserMistake(f"{file} is no evidence bundle of this version: {repr(error)[:200]}") from None


def parse_key(text: str) -> str:
    """A public key in hexadecimal, or a file that holds one. Raises UserMistake."""
    if Path(text).is_file():
        text = Path(text).read_text(encoding="utf-8", errors="replace")
    key = text.strip().lower()
    if len(key) != 64 or set(key) - set("0123456789abcdef"):
        raise UserMistake("a public key is 64 hexadecimal digits, or a file with them: see `surveillance audit key`")
    return key


def _checked(bundle: zipfile.ZipFile, key: str | None) -> Checked:
    proof = json.loads(_read(bundle, PROOF))
    if proof["format"] != FORMAT:
        raise ValueError(f"format {proof['format']}")
    record = _read(bundle, RECORD)
    told = Checked(str(proof["event"]), key or parse_key(_read(bundle, KEY_FILE).decode()))
    trusted = trusted_with(told.key, proof.get("successions", ()))
    expected = {README, RECORD, PROOF, KEY_FILE}
    for link in proof["links"]:
        body = link["columns"].encode() + (record if link["kind"] == "event" else b"")
        if _is_proved(link, body, proof["heads"], told, trusted):
            expected |= _look_at(bundle, link, told)
    if [link["ref"] for link in proof["links"] if link["kind"] == "event"] != [told.event]:
        told.faults.append("it does not prove the event that it is about")
    if json.loads(record)["id"] != told.event:
        told.faults.append(f"{RECORD} is of another event")
    names = bundle.namelist()
    told.faults += [f"{name} is in it, and nothing proves it" for name in names if name not in expected]
    told.faults += [f"{name} is missing" for name in sorted(expected - set(names))]
    if len(names) != len(set(names)):
        told.faults.append("it holds two files of one name")
    return told


def _is_proved(
    link: Mapping[str, Any], body: bytes, heads: Sequence[Mapping[str, Any]], told: Checked, trusted: Iterable[str]
) -> bool:
    """Whether the link leads to a head that the key signed."""
    name = f"{link['kind']} {link['ref']}"
    head = heads[link["head"]]
    digest = digest_of(bytes.fromhex(link["salt"]), body)
    path = [(str(side), bytes.fromhex(beside)) for side, beside in link["path"]]
    root = root_by(leaf_of(link["seq"], link["kind"], link["ref"], digest), path)
    if root.hex() != head["root"] or not head["first"] <= link["seq"] <= head["seq"]:
        told.faults.append(f"{name} is not as it was recorded")
    elif not any(is_signed(head, key) for key in trusted):
        told.faults.append(f"{name}: the head that covers it was not signed by the key {told.key}")
    else:
        told.proved.append(f"{name} is as it was recorded (link {link['seq']:,}, signed {head['at']})")
        return True
    return False


def _look_at(bundle: zipfile.ZipFile, link: Mapping[str, Any], told: Checked) -> set[str]:
    """What a proved link says of this event and its file; the names of the files that must be there."""
    columns = json.loads(link["columns"])
    about = columns["id"] if link["kind"] == "event" else columns["event"]
    if about != told.event:
        told.faults.append(f"{link['kind']} {link['ref']} belongs to another event")
    sha256 = columns.get("sha256")
    if link["kind"] not in ("evidence", "recording") or sha256 is None:
        return set()
    name = FILES + link["ref"]
    if link["gone"] is not None and name not in bundle.namelist():
        told.proved.append(f"{link['ref']} was kept, and is not in the bundle: {link['gone']}")
        return set()
    if name in bundle.namelist():
        with bundle.open(name) as file:
            same = hashlib.file_digest(file, "sha256").hexdigest() == sha256  # type: ignore[arg-type]
        (told.proved if same else told.faults).append(f"{name} {'has' if same else 'has not'} the hash on record")
    return {name}


def _read(bundle: zipfile.ZipFile, name: str) -> bytes:
    if bundle.getinfo(name).file_size > MOST_BYTES:
        raise ValueError(f"{name} is larger than any of ours")
    return bundle.read(name)
