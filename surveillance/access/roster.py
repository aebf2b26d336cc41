"""A list of people as a CSV file, read with every fault at once, and written without secrets. Pure.

One line per credential: name, groups, kind, value, valid_from, valid_until, enabled, escort. A spreadsheet's
semicolons, tabs and byte order mark are understood, as is the apostrophe before what would be taken for a formula.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from surveillance.access.badges import PHONE, QR
from surveillance.access.credentials import GIVEN, PINS, HashCredential
from surveillance.access.duress import UNUSABLE, is_unusable
from surveillance.domain.errors import printable
from surveillance.domain.site import Credential, Person
from surveillance.domain.suggest import suggestion

COLUMNS = ("name", "groups", "kind", "value", "valid_from", "valid_until", "enabled", "escort")
MOST_BYTES = 1_000_000
MOST_ROWS = 5000
MOST_FAULTS = 200
KEPT = "kept:"  # stands for a credential that is on record: its value is not known to anybody
GROUP = re.compile(r"\w[\w .-]{0,99}")
PIN = re.compile(r"[0-9]{4,12}")
_SHORTENED = re.compile(r"[0-9][.,][0-9]+E\+?[0-9]+", re.IGNORECASE)
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_YES, _NO = ("", "yes", "true", "1"), ("no", "false", "0")


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong where, and what to do. `column` is empty where it is the whole line or file."""

    line: int
    column: str
    words: str

    def __str__(self) -> str:
        return printable(f"line {self.line}{f', {self.column}' if self.column else ''}: {self.words}")


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the file. `kind` is empty for a person without a credential on it."""

    line: int
    name: str
    groups: frozenset[str]
    kind: str
    value: str = field(repr=False)
    valid_from: datetime | None = None
    valid_until: datetime | None = None
    enabled: bool = True
    escort: str | None = None

    @property
    def credential(self) -> Credential | None:
        if not self.kind:
            return None
        return Credential(self.kind, self.value, self.enabled, self.valid_from, self.valid_until)


@dataclass(frozen=True, slots=True)
class Roster:
    """The lines that can be used, and every fault. With a fault nothing may be taken over."""

    rows: tuple[Row, ...]
    faults: tuple[Fault, ...]
    columns: tuple[str, ...] = ()


# --- reading --------------------------------------------------------------------------------------------------------


def parse_roster(data: bytes, zone: tzinfo = UTC, kinds: Sequence[str] = GIVEN) -> Roster:
    """Every line, or what is wrong with it. A date without a time counts in `zone`; the last day counts whole.

    `kinds` are those that may be given.
    """
    if len(data) > MOST_BYTES:
        return _failed(1, f"the file has {len(data)} bytes; at most {MOST_BYTES} are accepted, so split it")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        return _failed(line, "is not UTF-8 text; save the file as `CSV UTF-8`")
    if "\0" in text:
        line = text[: text.index("\0")].count("\n") + 1
        return _failed(line, "holds a zero byte; save the file as `CSV UTF-8`")
    return _Reading(text, zone, kinds).roster()


def _failed(line: int, words: str) -> Roster:
    return Roster((), (Fault(line, "", words),))


class _Reading:
    """The text line by line."""

    def __init__(self, text: str, zone: tzinfo, kinds: Sequence[str]) -> None:
        self._kinds = tuple(kinds)
        self._lines = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text), strict=True)
        self._zone = zone
        self._faults: list[Fault] = []
        self._rows: list[Row] = []
        self._line = 1
        self._columns: list[str] = []

    def roster(self) -> Roster:
        try:
            columns = self._columns = self._header()
            for number, cells in enumerate(self._filled() if columns else (), 1):
                if number > MOST_ROWS:
                    self._fault("", f"the file has more than {MOST_ROWS} lines; split it")
                    break
                self._take(columns, cells)
        except csv.Error as error:
            self._line = self._lines.line_num
            self._fault("", f"cannot be read ({error}); close every quotation mark")
        if not self._rows and not self._faults:
            self._fault("", "the file names nobody; write a line for each person below the header")
        self._compare()
        faults = sorted(self._faults, key=lambda fault: fault.line)
        if len(faults) > MOST_FAULTS:
            faults = [
                *faults[:MOST_FAULTS],
                Fault(faults[MOST_FAULTS].line, "", f"and {len(faults) - MOST_FAULTS} more"),
            ]
        return Roster(tuple(self._rows), tuple(faults), tuple(self._columns))

    def _header(self) -> list[str]:
        """The column of each place; empty where the header cannot be used."""
        columns = [cell.strip().lower() for cell in next(self._lines, [])]
        while columns and not columns[-1]:
            columns.pop()
        for number, column in enumerate(columns):
            if column not in COLUMNS:
                self._fault(column[:40], f"no column is called so; {suggestion(column[:40], COLUMNS)}")
            elif column in columns[:number]:
                self._fault(column, "is there twice; keep one")
        if "name" not in columns:
            self._fault("name", f"is missing: the first line names the columns, such as {','.join(COLUMNS)}")
        return [] if self._faults else columns

    def _filled(self) -> Iterator[list[str]]:
        for cells in self._lines:
            self._line = self._lines.line_num
            if any(cell.strip() for cell in cells):
                yield cells

    def _take(self, columns: Sequence[str], cells: Sequence[str]) -> None:
        if any(cell.strip() for cell in cells[len(columns) :]):
            self._fault(
                "", f"has {len(cells)} cells where the header has {len(columns)}; put text with commas in quotes"
            )
            return
        given = dict.fromkeys(COLUMNS, "") | {
            column: _unguarded(cell.strip()) for column, cell in zip(columns, cells, strict=False)
        }
        before = len(self._faults)
        row = Row(
            line=self._line,
            name=self._name(given["name"]),
            groups=self._groups(given["groups"]),
            kind=self._kind(given),
            value=self._value(given),
            valid_from=self._moment("valid_from", given["valid_from"], last=False),
            valid_until=self._moment("valid_until", given["valid_until"], last=True),
            enabled=self._enabled(given["enabled"]),
            escort=self._escort(given["escort"]),
        )
        if row.valid_from and row.valid_until and row.valid_until <= row.valid_from:
            self._fault("valid_until", "is not after valid_from")
        if len(self._faults) == before:
            self._rows.append(row)

    # --- cells ---

    def _name(self, text: str) -> str:
        if not text:
            self._fault("name", "is empty; every line names its person")
        elif len(text) > 100 or not text.isprintable():
            self._fault("name", "may have at most 100 printable characters")
        return text

    def _groups(self, text: str) -> frozenset[str]:
        groups = [part.strip() for part in re.split(r"[|,;]", text) if part.strip()]
        for group in groups:
            if not GROUP.fullmatch(group):
                self._fault("groups", f"{group[:40]!r} is no group; use letters, digits, blanks, dots, - and _")
        return frozenset(groups)

    def _escort(self, text: str) -> str | None:
        if text and not GROUP.fullmatch(text):
            self._fault("escort", f"{text[:40]!r} is no group; write one, of which somebody has to come before them")
        return text or None

    def _kind(self, given: Mapping[str, str]) -> str:
        kind = given["kind"].lower()
        kinds = (*self._kinds, QR, PHONE) if given["value"].startswith(KEPT) else self._kinds
        if kind and kind not in kinds:
            self._fault("kind", f"no kind is called {kind[:40]!r}; {suggestion(kind[:40], kinds)}")
        if not kind and given["value"]:
            self._fault("kind", f"is empty; write which kind the value is: {', '.join(kinds)}")
        return kind

    def _value(self, given: Mapping[str, str]) -> str:
        """Never repeated in a fault: it is a secret."""
        value = given["value"]
        if given["kind"] and not value:
            self._fault("value", "is empty; write what the reader reads, or leave kind empty too")
        elif len(value) > 200 or not value.isprintable():
            self._fault("value", "may have at most 200 printable characters")
        elif value.startswith("hmac-sha256:"):
            self._fault("value", f"is a hash; an export writes {KEPT} and eight characters instead")
        elif value.startswith(KEPT):
            if not re.fullmatch(r"kept:[0-9a-f]{8}", value):
                self._fault("value", f"starts with {KEPT} but is no such mark; copy it whole from the export")
        elif _SHORTENED.fullmatch(value):
            self._fault("value", "was shortened by the spreadsheet; format the column as text and write it again")
        elif given["kind"].lower() in PINS and value and not PIN.fullmatch(value):
            self._fault("value", "a PIN has 4 to 12 digits")
        return value

    def _moment(self, column: str, text: str, last: bool) -> datetime | None:
        try:
            return moment_of(text, self._zone, last) if text else None
        except ValueError:
            self._fault(column, f"{text[:40]!r} is no date; write it as 2026-12-31, or 2026-12-31T18:00")
            return None

    def _enabled(self, text: str) -> bool:
        if text.lower() not in (*_YES, *_NO):
            self._fault("enabled", f"{text[:40]!r} is neither yes nor no")
        return text.lower() not in _NO

    # --- lines together ---

    def _compare(self) -> None:
        """What lines say rightly by themselves but not together."""
        owners: dict[tuple[str, str], Row] = {}
        first: dict[str, Row] = {}
        for row in self._rows:
            same = first.setdefault(row.name, row)
            if row.groups and same.groups != row.groups:
                self._faults.append(Fault(row.line, "groups", f"differ from those on line {same.line}; write the same"))
            if row.escort and same.escort != row.escort:
                self._faults.append(Fault(row.line, "escort", f"differs from that on line {same.line}; write the same"))
            if not row.kind:
                continue
            key = (row.kind, row.value) if row.kind not in PINS else (row.name, row.value)
            owner = owners.setdefault(key, row)
            if owner is not row and not row.value.startswith(KEPT):
                whose = "" if owner.name == row.name else f" of {owner.name}"
                self._faults.append(
                    Fault(row.line, "value", f"is the same {row.kind} as on line {owner.line}{whose}; keep one")
                )

    def _fault(self, column: str, words: str) -> None:
        self._faults.append(Fault(self._line, column, words))


def moment_of(text: str, zone: tzinfo, last: bool) -> datetime:
    """A time in UTC; a date counts from its start in `zone` or, as the last day, to its end. Raises ValueError."""
    try:
        if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
            day = date.fromisoformat(text) + timedelta(days=1 if last else 0)
            return datetime.combine(day, time(0), zone).astimezone(UTC)
        at = datetime.fromisoformat(text)
        return (at if at.tzinfo else at.replace(tzinfo=zone)).astimezone(UTC)
    except OverflowError as error:
        raise ValueError(text) from error


def _delimiter(text: str) -> str:
    """What the header line separates its columns with."""
    header = text.lstrip("\r\n").partition("\n")[0]
    return max(",;\t", key=header.count)


def _unguarded(cell: str) -> str:
    """Without the apostrophe that the export puts before what looks like a formula."""
    return cell[1:] if cell.startswith("'") and cell.lstrip("'").startswith(_FORMULA) else cell


# --- taking over ----------------------------------------------------------------------------------------------------


def merged(
    people: Sequence[Person], roster: Roster, hash_credential: HashCredential, replace_all: bool
) -> tuple[tuple[Person, ...], tuple[Fault, ...]]:
    """The people as they would be, and what stands in the way. Who is in the file has its groups, if it has any at all.

    Without `replace_all` people and credentials that the file does not name stay as they are.
    """
    joining = _Joining(people, hash_credential, replace_all, roster.columns)
    lines: dict[str, list[Row]] = {}
    for row in roster.rows:
        lines.setdefault(row.name, []).append(row)
    after = [joining.person(person, lines.pop(person.name, [])) for person in people]
    after += [joining.person(Person(name), rows) for name, rows in lines.items()]
    kept = tuple(person for person in after if person is not None)
    return kept, tuple(sorted(joining.faults, key=lambda fault: fault.line))


class _Joining:
    """The people on record with the lines about them."""

    def __init__(
        self, people: Sequence[Person], hash_credential: HashCredential, replace_all: bool, columns: Sequence[str]
    ) -> None:
        self._columns = columns
        self._hash = hash_credential
        self._replaces = replace_all
        self._owners = {
            (item.kind, item.value): person.name
            for person in people
            for item in person.credentials
            if item.kind not in PINS
        }
        self.faults: list[Fault] = []

    def person(self, person: Person, rows: Sequence[Row]) -> Person | None:
        if not rows:
            return None if self._replaces else person
        known = {(item.kind, item.value): item for item in person.credentials}
        given = {(item.kind, item.value): item for row in rows if (item := self._credential(person, row)) is not None}
        credentials = given if self._replaces else known | given
        if is_unusable(credentials.values()):
            self.faults.append(Fault(rows[0].line, "value", UNUSABLE))
        groups = next((row.groups for row in rows if row.groups), frozenset())
        return Person(
            person.name,
            groups if "groups" in self._columns else person.groups,
            tuple(credentials.values()),
            next((row.escort for row in rows if row.escort), None) if "escort" in self._columns else person.escort,
        )

    def _credential(self, person: Person, row: Row) -> Credential | None:
        item = row.credential
        if item is None:
            return None
        value = self._kept(person, row) if row.value.startswith(KEPT) else self._hash(row.kind, row.value)
        owner = self._owners.get((row.kind, value), person.name)
        if owner != person.name:
            words = f"this {row.kind} belongs to {owner} already; one credential, one person"
            self.faults.append(Fault(row.line, "value", words))
        return Credential(item.kind, value, item.enabled, item.valid_from, item.valid_until)

    def _kept(self, person: Person, row: Row) -> str:
        mark = row.value.removeprefix(KEPT)
        found = [item.value for item in person.credentials if item.kind == row.kind and mark_of(item.value) == mark]
        if len(found) != 1:
            words = f"{person.name} has no {row.kind} with the mark {mark}; export again, or write the value"
            self.faults.append(Fault(row.line, "value", words))
        return found[0] if found else ""


def mark_of(hashed: str) -> str:
    """The start of a keyed hash, by which people tell one credential from another."""
    return hashed.rpartition(":")[2][:8]


# --- writing --------------------------------------------------------------------------------------------------------


def roster_csv(people: Iterable[Person]) -> str:
    """The people as CSV without secrets: `kept:` and a mark stand for each credential, so that it can be read again."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for person in people:
        groups = "|".join(sorted(person.groups))
        for item in person.credentials or (None,):
            writer.writerow([guarded(cell) for cell in (person.name, groups, *_cells(item), person.escort or "")])
    return out.getvalue()


def _cells(item: Credential | None) -> tuple[str, str, str, str, str]:
    if item is None:
        return "", "", "", "", ""
    valid_from, valid_until = ("" if at is None else at.isoformat() for at in (item.valid_from, item.valid_until))
    return item.kind, f"{KEPT}{mark_of(item.value)}", valid_from, valid_until, "yes" if item.enabled else "no"


def guarded(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    return f"'{cell}" if cell.lstrip("'").startswith(_FORMULA) else cell
