"""People as CSV: every bad line named, nothing else raised whatever comes, and a round trip that changes nothing."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from surveillance.access.roster import (
    COLUMNS,
    MOST_BYTES,
    MOST_ROWS,
    Roster,
    guarded,
    merged,
    parse_roster,
    roster_csv,
)
from surveillance.domain.site import Credential, Person

BERLIN = ZoneInfo("Europe/Berlin")
HEADER = ",".join(COLUMNS) + "\n"


def hashed(kind: str, value: str) -> str:
    return "hmac-sha256:" + hashlib.sha256(f"{kind}/{value}".encode()).hexdigest()


def told(text: str | bytes) -> list[str]:
    data = text.encode() if isinstance(text, str) else text
    return [str(fault) for fault in parse_roster(data).faults]


ADA = Person(
    "Ada", frozenset({"staff"}), (Credential("badge", hashed("badge", "a1")), Credential("pin", hashed("pin", "1234")))
)
GRACE = Person("Grace", frozenset({"guards", "staff"}), (Credential("card", hashed("card", "c7"), enabled=False),))


def test_a_file_becomes_people_with_groups_validity_and_hashed_values() -> None:
    text = HEADER + (
        "Ada,staff|guards,badge,a1,2026-01-01,2026-12-31,yes\n"
        "Ada,,pin,1234,,,\n"
        '"Lovelace, A.","staff, visitors",card,0012,,2026-07-01T18:00,no\n'
        "Nobody,,,,,,\n"
    )
    people, faults = merged((), parse_roster(text.encode(), BERLIN), hashed, replace_all=False)
    assert faults == ()
    assert people == (
        Person(
            "Ada",
            frozenset({"staff", "guards"}),
            (
                Credential(
                    "badge",
                    hashed("badge", "a1"),
                    valid_from=datetime(2025, 12, 31, 23, tzinfo=UTC),
                    valid_until=datetime(2026, 12, 31, 23, tzinfo=UTC),
                ),
                Credential("pin", hashed("pin", "1234")),
            ),
        ),
        Person(
            "Lovelace, A.",
            frozenset({"staff", "visitors"}),
            (
                Credential(
                    "card", hashed("card", "0012"), enabled=False, valid_until=datetime(2026, 7, 1, 16, tzinfo=UTC)
                ),
            ),
        ),
        Person("Nobody"),
    )


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_what_spreadsheets_write_is_understood(mark: bytes, separator: str, ending: str) -> None:
    lines = [("Name", " Groups ", "KIND", "value"), ("Ünal", "staff", "Badge", "a1")]
    text = ending.join(separator.join(cells) for cells in lines) + ending * 3
    roster = parse_roster(mark + text.encode())
    assert roster.faults == ()
    assert [(row.line, row.name, row.groups, row.kind, row.value) for row in roster.rows] == [
        (2, "Ünal", frozenset({"staff"}), "badge", "a1")
    ]


def test_every_bad_line_is_named_with_its_column_and_what_to_do() -> None:
    text = HEADER + (
        ",staff,badge,a1,,,\n"
        "Ada,st%ff,bagde,a2,,,\n"
        "Ada,,badge,,,,\n"
        "Ada,,,a3,,,\n"
        "Ada,,badge,1.23E+15,31.12.2026,,perhaps\n"
        "Ada,,pin,12,,,\n"
        "Ada,,badge,a4,2026-02-01,2026-01-01,\n"
        "Ada,,badge,kept:12,,,\n"
        "Ada,,badge,a5,,,,,surplus\n"
        "Grace,,badge,a6,,,\n"
        "Edith,guards,badge,a6,,,\n"
        "Edith,staff,,,,,\n"
        "Vera,,,,,,,hosts\n"
        "Vera,,,,,,,staff\n"
        "Olga,,,,,,,h%sts\n"
    )
    assert told(text) == [
        "line 2, name: is empty; every line names its person",
        "line 3, groups: 'st%ff' is no group; use letters, digits, blanks, dots, - and _",
        "line 3, kind: no kind is called 'bagde'; did you mean 'badge'?",
        "line 4, value: is empty; write what the reader reads, or leave kind empty too",
        "line 5, kind: is empty; write which kind the value is: badge, card, plate, pin, duress",
        "line 6, value: was shortened by the spreadsheet; format the column as text and write it again",
        "line 6, valid_from: '31.12.2026' is no date; write it as 2026-12-31, or 2026-12-31T18:00",
        "line 6, enabled: 'perhaps' is neither yes nor no",
        "line 7, value: a PIN has 4 to 12 digits",
        "line 8, valid_until: is not after valid_from",
        "line 9, value: starts with kept: but is no such mark; copy it whole from the export",
        "line 10: has 9 cells where the header has 8; put text with commas in quotes",
        "line 12, value: is the same badge as on line 11 of Grace; keep one",
        "line 13, groups: differ from those on line 12; write the same",
        "line 15, escort: differs from that on line 14; write the same",
        "line 16, escort: 'h%sts' is no group; write one, of which somebody has to come before them",
    ]


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (b"", "line 1, name: is missing: the first line names the columns, such as name,groups,kind,value,valid_from,"),
        (b"name,gruops\nAda,x\n", "line 1, gruops: no column is called so; did you mean 'groups'?"),
        (b"name,name\nAda,x\n", "line 1, name: is there twice; keep one"),
        (b"name\n", "line 1: the file names nobody; write a line for each person below the header"),
        (b"name\nAda\n\xff\xfe\n", "line 3: is not UTF-8 text; save the file as `CSV UTF-8`"),
        (b"name\nAda\0\n", "line 2: holds a zero byte; save the file as `CSV UTF-8`"),
        (b'name\n"Ada\n', "line 2: cannot be read (unexpected end of data); close every quotation mark"),
        (b"name\n" + b"x" * MOST_BYTES, f"line 1: the file has {MOST_BYTES + 5} bytes; at most {MOST_BYTES} are"),
        (
            b"name\n" + b"a\n" * (MOST_ROWS + 1),
            f"line {MOST_ROWS + 2}: the file has more than {MOST_ROWS} lines; split it",
        ),
    ],
)
def test_a_file_that_cannot_be_used_is_told_in_one_line(data: bytes, fault: str) -> None:
    [found] = told(data)
    assert found.startswith(fault)


def test_no_fault_repeats_a_secret() -> None:
    text = HEADER + "Ada,,pin,secret99,,,\nGrace,,badge,secret98\x07,,,\nEve,,badge,hmac-sha256:secret97,,,\n"
    faults = " ".join(told(text))
    assert "secret" not in faults
    assert len(told(text)) == 3


def test_a_credential_of_somebody_else_and_a_mark_that_is_gone_stop_the_import() -> None:
    text = HEADER + "Grace,,badge,a1,,,\nAda,,badge,kept:00000000,,,\n"
    people, faults = merged((ADA, GRACE), parse_roster(text.encode()), hashed, replace_all=False)
    assert [str(fault) for fault in faults] == [
        "line 2, value: this badge belongs to Ada already; one credential, one person",
        "line 3, value: Ada has no badge with the mark 00000000; export again, or write the value",
    ]
    assert len(people) == 2


def test_who_is_not_in_the_file_stays_unless_it_is_everything() -> None:
    roster = parse_roster(b"name,kind,value\nAda,card,c1\nNew,,\n")
    card = Credential("card", hashed("card", "c1"))
    kept, _ = merged((ADA, GRACE), roster, hashed, replace_all=False)
    assert kept == (Person("Ada", ADA.groups, (*ADA.credentials, card)), GRACE, Person("New"))
    everything, _ = merged((ADA, GRACE), roster, hashed, replace_all=True)
    assert everything == (Person("Ada", ADA.groups, (card,)), Person("New"))


@pytest.mark.parametrize("cell", ["=1+1", "+49", "-x", "@sum", "'=x", "''-x", "plain", "'quoted"])
def test_no_exported_cell_is_a_formula_and_each_comes_back(cell: str) -> None:
    assert not guarded(cell).startswith(("=", "+", "-", "@"))
    text = roster_csv([Person(cell)])
    assert [row.name for row in parse_roster(text.encode()).rows] == [cell]


NAMES = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=30)
MOMENTS = st.none() | st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))
CREDENTIALS = st.builds(
    lambda kind, number, enabled, at: Credential(kind, hashed(kind, str(number)), enabled, at),
    st.sampled_from(["badge", "card", "pin", "plate", "qr"]),
    st.integers(0, 10**9),
    st.booleans(),
    MOMENTS,
)


def owned_once(people: list[Person]) -> bool:
    """Whether no two persons have the same badge, card, plate or code, which no site lets them have."""
    held = [(item.kind, item.value) for person in people for item in person.credentials if item.kind != "pin"]
    return len(held) == len(set(held))


PEOPLE = st.lists(
    st.builds(
        lambda name, groups, items, escort: Person(name, frozenset(groups), tuple(items), escort),
        NAMES,
        st.sets(st.sampled_from(["staff", "guards", "night shift", "B-2"]), max_size=3),
        st.lists(CREDENTIALS, max_size=3, unique_by=lambda item: item.value),
        st.sampled_from([None, "staff"]),
    ),
    max_size=5,
    unique_by=lambda person: person.name,
).filter(owned_once)


@given(PEOPLE)
def test_an_export_read_again_changes_nothing_and_holds_no_hash(people: list[Person]) -> None:
    text = roster_csv(people)
    assert "hmac" not in text
    roster = parse_roster(text.encode())
    again, faults = merged(people, roster, hashed, replace_all=True)
    if people:
        assert (list(again), faults, roster.faults) == (people, (), ())


BYTES = st.binary(max_size=300) | st.text(max_size=300).map(lambda text: text.encode("utf-8", "replace"))
CELLS = st.lists(
    st.text(max_size=12) | st.sampled_from(["badge", "pin", "=1", "kept:00000000", "2026-01-01", "no", '"'])
)
TABLES = st.lists(CELLS, max_size=8).map(
    lambda rows: (HEADER + "\n".join(",".join(row) for row in rows)).encode("utf-8", "replace")
)


@given(BYTES | TABLES)
def test_whatever_comes_gives_people_or_clear_faults_and_raises_nothing(data: bytes) -> None:
    roster = parse_roster(data)
    assert isinstance(roster, Roster)
    assert roster.rows or roster.faults
    for fault in roster.faults:
        assert fault.line >= 1
        assert str(fault).startswith(f"line {fault.line}")
        assert "\n" not in str(fault)
    people, faults = merged((ADA, GRACE), roster, hashed, replace_all=True)
    assert len({person.name for person in people}) == len(people)
    assert all(fault.words for fault in faults)
