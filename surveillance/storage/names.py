"""Names of people into pseudonyms on their way into the database, and back on their way out.

Each person has a random pseudonym, and a key outside the database by which their name can be read. Without that key
the pseudonym stands in rows, reasons and explanations as it is: here and in every backup.
"""

from __future__ import annotations

import re
import threading
import weakref
from collections.abc import Iterable
from dataclasses import dataclass
from json.encoder import encode_basestring

from sqlalchemy import Connection, Engine, event, insert, select

from surveillance.storage.columns import NAMES
from surveillance.storage.database import reading
from surveillance.storage.keys import KeyStore, PersonKeys
from surveillance.storage.people_tables import person_name

MARK = "person:"
_MARK = MARK.encode()
PSEUDONYM = re.compile(r"person:[0-9a-f]{32}")
_STANDING = re.compile(r"(person:[0-9a-f]{32})(?:\^([12]))?")  # in a text, and how the name is spelled there
ERASED, KEYLESS = "erased person ", "person without a key "  # followed by the first characters of the pseudonym

# in JSON by RFC 8785: one string, behind the key of a column that holds no person where it has one, or itself a key
_STRING = re.compile(
    r'(?P<other>"(?:camera|door|zones|kind|label|rule|trigger|verdict|evidence|id|at|subject|credential)":)?'
    r'"(?:[^"\\]|\\.)*"(?P<key>:)?'
)
_WORDS = bytes(byte if chr(byte).isalnum() or byte == 0x5F or byte >= 0x80 else 0x20 for byte in range(256))


@dataclass(frozen=True, slots=True)
class _Known:
    """Who has a pseudonym, as of one reading of the table and the keys."""

    pseudonyms: dict[str, str]
    names: dict[str, str]
    by_first: dict[bytes, list[str]]  # names by their first word


class PersonNames:
    """The names of one database, each read once while its key is there. Safe to share between threads."""

    def __init__(self, engine: Engine, keys: PersonKeys) -> None:
        self._engine = weakref.ref(engine)
        self._keys = keys
        self._lock = threading.Lock()
        self._known: _Known | None = None
        self._stamp: object = None  # of the keys as they were when that was read
        self._read_before: dict[str, tuple[str, str]] = {}  # by pseudonym: as it is sealed, and the name
        self._fresh: dict[int, dict[str, str]] = {}  # by connection: names and pseudonyms that are not committed yet

    def pseudonym_of(self, name: str) -> str:
        """A name that nobody bears is left as it is."""
        return self._now().pseudonyms.get(name, name)

    def name_of(self, pseudonym: str) -> str:
        """Words that say so where the person is erased. Anything else is left as it is."""
        if not pseudonym.startswith(MARK) or not PSEUDONYM.fullmatch(pseudonym):
            return pseudonym
        found = self._now().names.get(pseudonym)
        if found is None:  # another process gave it, or its row is lost
            found = self._read().names.setdefault(pseudonym, _nobody(pseudonym, KEYLESS))
        return found

    def sealed(self, data: bytes, as_json: bool = True) -> bytes:
        """The text with pseudonyms in place of names; of JSON only within values, so that it stays JSON."""
        known = self._now()
        if not known.by_first:
            return data
        words = set(data.translate(_WORDS).split())
        words.add(b"")
        maybe = [name for first in known.by_first.keys() & words for name in known.by_first[first]]
        if not maybe:
            return data
        text = data.decode()
        found = {form: known.pseudonyms[name] + mark for name in maybe for form, mark in _forms(name, as_json)}
        found = {form: stands for form, stands in found.items() if form in text}
        return _replaced(text, found, as_json) if found else data

    def opened(self, data: bytes, as_json: bool = True) -> bytes:
        """The text with names in place of pseudonyms."""
        if _MARK not in data:
            return data

        def spelled(one: re.Match[str]) -> str:
            forms = _forms(self.name_of(one[1]), as_json)
            mark = f"^{one[2]}" if one[2] else ""
            return next((form for form, stands in forms if stands == mark), forms[0][0])

        return _STANDING.sub(spelled, data.decode()).encode()

    def everybody(self) -> list[str]:
        """Whose name can be read."""
        return [name for name in self._now().pseudonyms if not name.startswith((ERASED, KEYLESS))]

    def known_as(self, words: str, most: int = 50) -> list[str]:
        """Pseudonyms of those whose names hold the words, whatever the case."""
        wanted = words.casefold()
        return [one for name, one in self._now().pseudonyms.items() if wanted in name.casefold()][:most]

    def admit(self, connection: Connection, names: Iterable[str]) -> None:
        """Gives those who have none a pseudonym and a key, in the transaction that writes of them."""
        known = self._now().pseudonyms
        rows: dict[str, dict[str, str]] = {}
        for name in names:
            if name not in known and name not in rows and not PSEUDONYM.fullmatch(name):
                key = self._keys.make()
                rows[name] = {"id": MARK + key, "name": self._keys.seal(key, name.encode())}
        if not rows:
            return
        connection.execute(insert(person_name), list(rows.values()))
        with self._lock:
            given = self._fresh.setdefault(id(connection), {})
            given |= {name: row["id"] for name, row in rows.items()}
            self._known = None

    def settle(self, connection: Connection, kept: bool) -> None:
        """At the end of a transaction: what it gave is given, or forgotten with its keys."""
        with self._lock:
            given = self._fresh.pop(id(connection), None)
            if given is None or kept:
                return
            self._known = None
        for pseudonym in given.values():
            self._keys.erase(key_of(pseudonym))

    def _now(self) -> _Known:
        known = self._known
        return known if known is not None and self._stamp == self._keys.stamp() else self._read()

    def _read(self) -> _Known:
        engine = self._engine()
        assert engine is not None  # it is in use by whoever asks
        with reading(engine) as connection:
            rows = connection.execute(select(person_name)).all()
        with self._lock:
            stamp, there, erased = self._keys.stamp(), self._keys.names(), self._keys.erased()
            self._read_before = {row.id: (row.name, self._name_in(row.id, row.name, there, erased)) for row in rows}
            pairs = {name: pseudonym for pseudonym, (_, name) in self._read_before.items()}
            for given in self._fresh.values():  # which no other connection sees yet
                pairs |= given
            self._known, self._stamp = _knowing(pairs), stamp
            return self._known

    def _name_in(self, pseudonym: str, sealed: str, there: set[str], erased: set[str]) -> str:
        key = key_of(pseudonym)
        if key in erased or key not in there:
            return _nobody(pseudonym, ERASED if key in erased else KEYLESS)
        before = self._read_before.get(pseudonym)
        if before is not None and before[0] == sealed:
            return before[1]
        opened = self._keys.open(key, sealed)
        return _nobody(pseudonym, KEYLESS) if opened is None else opened.decode()


def keep_names(engine: Engine, keys: KeyStore) -> None:
    """From now on what this process writes there names people by pseudonyms, and what it reads by their names."""
    if engine.dialect in NAMES:
        return
    names = NAMES[engine.dialect] = PersonNames(engine, keys.people)
    event.listen(engine, "commit", lambda connection: names.settle(connection, kept=True))
    event.listen(engine, "rollback", lambda connection: names.settle(connection, kept=False))


def names_of(engine: Engine | Connection) -> PersonNames | None:
    """Those that `keep_names` keeps there; None where nobody does."""
    found = NAMES.get(engine.dialect)
    assert found is None or isinstance(found, PersonNames)
    return found


def key_of(pseudonym: str) -> str:
    """The name of the key that opens what is sealed of that person."""
    return pseudonym.removeprefix(MARK)


def _nobody(pseudonym: str, why: str) -> str:
    return why + key_of(pseudonym)[:8]


def _knowing(pseudonyms: dict[str, str]) -> _Known:
    by_first: dict[bytes, list[str]] = {}
    for name in pseudonyms:
        words = name.encode().translate(_WORDS).split()
        by_first.setdefault(words[0] if words else b"", []).append(name)
    return _Known(pseudonyms, {one: name for name, one in pseudonyms.items()}, by_first)


def _replaced(text: str, by_text: dict[str, str], as_json: bool) -> bytes:
    longest_first = sorted(by_text, key=len, reverse=True)
    named = re.compile(rf"{_STANDING.pattern}|(?<!\w)(?:{'|'.join(map(re.escape, longest_first))})(?!\w)")

    def replaced(part: str) -> str:
        return named.sub(lambda one: by_text.get(one[0], one[0]), part)

    def within(match: re.Match[str]) -> str:
        return match[0] if match["other"] or match["key"] else replaced(match[0])

    return (_STRING.sub(within, text) if as_json else replaced(text)).encode()


def _forms(name: str, as_json: bool) -> list[tuple[str, str]]:
    """How a text may spell the name, each with the mark for it: as it is, within double quotes, within YAML's single
    ones. The first counts where they are alike.
    """
    spellings = [name, _escaped(name), name.replace("'", "''")]
    told = [_escaped(one) if as_json else one for one in spellings]
    return [(one, f"^{place}" if place else "") for place, one in enumerate(told) if one not in told[:place]]


def _escaped(text: str) -> str:
    return encode_basestring(text)[1:-1]
