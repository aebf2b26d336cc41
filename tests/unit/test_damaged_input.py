"""Whatever a file or a message holds, it is read, or refused in clear words; nothing else ever comes out.

Each reader gets a good document that was damaged at random: bytes, lines, and values of its tree. `FUZZ_CASES=2000`
tries so many for each.
"""

from __future__ import annotations

import gzip
import io
import json
import os
import struct
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from damage import BOMB, damaged
from hypothesis import HealthCheck, given, settings
from judging import SITE

from surveillance.access.desk import parse_presented
from surveillance.access.roster import merged, parse_roster
from surveillance.access.told import parse_told
from surveillance.domain.errors import DataError, UserMistake
from surveillance.perception.cards import load_card
from surveillance.rules.book import load_rules, parse_rulebook
from surveillance.settings import load_settings
from surveillance.storage.bundle_check import FORMAT, KEY_FILE, PROOF, RECORD, check_bundle
from surveillance.storage.heads import read_heads
from surveillance.storage.site_file import load_site
from surveillance.training.datasets import Sample, load_samples
from surveillance.training.runs import load_run
from surveillance.training.versions import load_version

CONFIG = Path(__file__).parents[2] / "config"
CASES = int(os.environ.get("FUZZ_CASES", "40"))
NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
ROSTER = """name,groups,kind,value,valid_until,enabled
Ada,staff guards,badge,1815,2027-01-31,yes
"Hopper, Grace",staff,pin,190600,,no
"""


def body(file: Path) -> Any:
    """As the web server reads it, which refuses by itself what is no JSON."""
    try:
        return json.loads(file.read_bytes())
    except (ValueError, RecursionError):
        raise DataError("no JSON") from None


def read_told(file: Path) -> object:
    told = body(file)
    return parse_told("front", NOW, told) if isinstance(told, dict) else None


def read_roster(file: Path) -> None:
    """Its faults are told by line; one that has none can be taken over."""
    roster = parse_roster(file.read_bytes())
    _, faults = merged((), roster, lambda kind, value: f"hmac-sha256:{kind}{value}", True)
    if faults := (*roster.faults, *faults):
        raise DataError("\n".join(str(fault) for fault in faults))


def read_listed(file: Path) -> list[object]:
    return [sample.load() for sample in load_samples(file.parent)]


def idx(*shape: int) -> bytes:
    count = int(np.prod(shape))
    return struct.pack(f">HBB{len(shape)}I", 0, 8, len(shape), *shape) + bytes(number % 2 for number in range(count))


def picture(kind: str) -> bytes:
    return cv2.imencode(kind, np.full((16, 16, 3), 99, np.uint8))[1].tobytes()


def run_page() -> bytes:
    return json.dumps({"recipe": {"architecture": "compact_cnn", "input": {"size": 32}}, "labels": ["a", "b"]}).encode()


def bundle() -> bytes:
    """Whole as a file, though nothing in it is proved."""
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as file:
        for name, content in ((PROOF, {"format": FORMAT, "event": "e"}), (RECORD, {})):
            file.writestr(name, json.dumps(content))
        file.writestr(KEY_FILE, "00" * 32)
    return written.getvalue()


@dataclass(frozen=True)
class Reader:
    """`read` takes the file of that name, whose good content is `good`; `beside` are files that it needs as well."""

    what: str
    file: str
    good: bytes
    read: Callable[[Path], object]
    beside: tuple[tuple[str, bytes], ...] = ()


def shipped(path: str) -> bytes:
    return (CONFIG / path).read_bytes()


HEAD = b'{"seq": 7, "mac": "' + b"00" * 32 + b'", "at": "2026-11-21T12:00:00Z", "signature": "00", "key": "00"}\n'
PRESENTED = b'{"request_id": "r-1", "door": "front", "factors": [{"kind": "badge", "value": "1815"}]}'
TOLD = b'{"contact": "closed", "lock": "locked", "tamper": false, "fault": "", "exit": true}'
VERSION = b'{"number": 1, "name": "v1", "parents": [], "made_at": "2026-11-21", "digest": "0", "counts": {}}'
LABELS = ("train-labels-idx1-ubyte", idx(4))
PICTURES = ("train-images-idx3-ubyte", idx(4, 3, 3))
CARD = shipped("models/embedded.yaml")
READERS = (
    Reader("rules", "rules.yaml", shipped("rules/example.yaml"), lambda file: parse_rulebook(load_rules(file), SITE)),
    Reader("a site file", "site.yaml", shipped("site.example.yaml"), load_site),
    Reader("settings", "settings.yaml", shipped("default.yaml"), load_settings),
    Reader("a list of people", "people.csv", ROSTER.encode(), read_roster),
    Reader("signed heads", "heads.jsonl", HEAD, lambda file: list(read_heads(file))),
    Reader("an evidence bundle", "bundle.zip", bundle(), check_bundle),
    Reader("a model card", "card.yaml", CARD, load_card),
    Reader("what a reader presents", "body.json", PRESENTED, lambda file: parse_presented(body(file), NOW, NOW)),
    Reader("what a controller tells", "body.json", TOLD, read_told),
    Reader("IDX pictures", *PICTURES, read_listed, (LABELS,)),
    Reader("packed IDX labels", LABELS[0] + ".gz", gzip.compress(LABELS[1]), read_listed, (PICTURES,)),
    Reader(
        "a list of labels",
        "labels.csv",
        b"file,label\na.png,cat\nb.png,dog\n",
        read_listed,
        (
            ("a.png", picture(".png")),
            ("b.png", picture(".png")),
        ),
    ),
    Reader("a PNG", "a.png", picture(".png"), lambda file: Sample(file, "cat", "all", "a").load()),
    Reader("a JPEG", "a.jpg", picture(".jpg"), lambda file: Sample(file, "cat", "all", "a").load()),
    Reader("a run", "run.json", run_page(), lambda file: load_run(file.parent), (("best.safetensors", b"x"),)),
    Reader("a version of a data set", "dataset.json", VERSION, lambda file: load_version(file.parent)),
)


@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.what)
def test_a_damaged_file_is_read_or_refused_in_clear_words(reader: Reader, tmp_path: Path) -> None:
    for name, content in reader.beside:
        (tmp_path / name).write_bytes(content)
    told: set[str] = set()

    @settings(max_examples=CASES, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(damaged(reader.good, reader.file.rpartition(".")[2]))
    def refuses(content: bytes) -> None:
        (tmp_path / reader.file).write_bytes(content)
        words = refusal(reader, tmp_path / reader.file)
        told.update(words)
        assert [fault for text in words for fault in unclear(text)] == [], words

    refuses()
    assert told or CASES < 20, "none of it was damage"


FOUND = (
    ("a model card", "name: Café".encode("latin-1"), "is no UTF-8 text"),
    ("settings", b"1: 2\n", "settings"),
    ("a model card", b"[" * 3000, "nested too deeply"),
    ("a model card", CARD.replace(b"- 0.25", b"- a", 1), "is no model card: could not convert"),
    ("settings", b"[" * 3000, "nested too deeply"),
    ("settings", b"rules_dir: [1]", "this is no path of a file"),
    ("a site file", b"{a: " * 3000, "nested too deeply"),
    ("a site file", b"cameras: &a [*a]", "repeats itself within itself"),
    ("a site file", BOMB, "holds more than"),
    ("rules", b'- {"\\x1b[2J": 1}', r"\\x1b\[2J"),
    ("IDX pictures", idx(), "cut short in its head"),
    ("packed IDX labels", gzip.compress(LABELS[1])[:10] + b"\7" * 20, "cannot be unpacked"),
    ("a list of labels", "file,label\na.png,Bär".encode("latin-1"), "cannot be read as UTF-8 text"),
    ("a list of labels", b"file,label\na\0.png,cat", r"line 2: 'a\\x00\.png' is no name of a file"),
    ("a list of labels", b"file,label\n" + b"a" * 5000 + b",cat", "is no name of a file"),
    ("an evidence bundle", bundle().replace(b"\x14\x00\x00\x00", b"\x40\x00\x00\x00"), "is no evidence bundle"),
    ("a run", b"{", "is no page of a run"),
    ("a run", b"[" * 5000, "is no page of a run"),
    ("a version of a data set", b"[" * 5000, "is no version of a data set"),
)


@pytest.mark.parametrize(("what", "content", "words"), FOUND)
def test_what_once_was_a_traceback_is_told(what: str, content: bytes, words: str, tmp_path: Path) -> None:
    reader = next(reader for reader in READERS if reader.what == what)
    for name, beside in (*reader.beside, (reader.file, content)):
        (tmp_path / name).write_bytes(beside)
    with pytest.raises(UserMistake, match=words) as told:
        reader.read(tmp_path / reader.file)
    assert list(unclear(str(told.value))) == []


def refusal(reader: Reader, file: Path) -> list[str]:
    try:
        reader.read(file)
    except UserMistake as mistake:
        return [str(mistake)]
    return []


def unclear(text: str) -> Iterator[str]:
    """What makes a message one that nobody wants to read."""
    if not text.strip():
        yield "it says nothing"
    for line in text.splitlines():
        if len(line) > 1000:
            yield "a line is very long"
        if not line.replace("\t", " ").isprintable():
            yield "it may upset a terminal"
    if any(word in text for word in ("Traceback", "<class ", "object at 0x")):
        yield "it is a programmer's"
