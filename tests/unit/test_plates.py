"""Plates as text: however they are written they are spelled alike, and only what is near is called near."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from surveillance.domain.plates import EXACT, NONE, Match, looks_like_plate, match, plate_in, spelled, spellings

PLATES = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", min_size=4, max_size=8)


@pytest.mark.parametrize(
    ("written", "plate"),
    [
        ("b-mw 1234", "BMW1234"),
        ("AB12 CDE", "AB12CDE"),
        ("1-ABC-234", "1ABC234"),
        ("А123ВС 77", "A123BC77"),  # Cyrillic letters
        ("ΙΚΥ·4521", "IKY4521"),  # Greek ones
        ("皖A·OC333", "皖A0C333"),
        ("沪I1234I", "沪112341"),
        ("TÜ-AB 12", "TÜAB12"),
        (" . - ", ""),
    ],
)
def test_a_plate_is_spelled_alike_however_it_is_written(written: str, plate: str) -> None:
    assert spelled(written) == plate


@pytest.mark.parametrize("plate", ["AB12CDE", "BMW1", "皖A0C333", "1ABC234", "TÜAB12"])
def test_what_looks_like_a_plate(plate: str) -> None:
    assert looks_like_plate(plate)


@pytest.mark.parametrize("text", ["TAXI", "20261125", "B1", "", "AB12CDE99X", "皖皖A1234", "Д123AB"])
def test_what_does_not(text: str) -> None:
    assert not looks_like_plate(text)


@pytest.mark.parametrize(
    ("text", "plate"),
    [("院A·288J3", "A288J3"), ("皖A·288J3", "皖A288J3"), ("•B MW 1234•", "BMW1234"), ("TAXI", ""), ("中国", "")],
)
def test_the_plate_in_a_line_of_text(text: str, plate: str) -> None:
    assert plate_in(text) == plate


@pytest.mark.parametrize(
    ("read", "known", "result"),
    [
        ("ab12 cde", "AB12CDE", EXACT),
        ("A812CDE", "AB12CDE", Match("near", "8 for B in place 2")),
        ("A8I2CDE", "AB12CDE", Match("near", "8 for B in place 2, I for 1 in place 3")),
        ("AX12CDE", "AB12CDE", Match("near", "X for B in place 2")),
        ("AX12CDF", "AB12CDE", NONE),
        ("AB12CD", "AB12CDE", Match("near", "E missing in place 7")),
        ("DAB12CDE", "AB12CDE", Match("near", "D added in place 1")),
        ("A288J3", "皖A288J3", Match("near", "皖 missing in place 1")),
        ("AO88I3", "皖A08813", Match("near", "皖 missing in place 1")),
        ("AB1", "AB12", NONE),
        ("", "", NONE),
    ],
)
def test_how_a_plate_stands_to_a_known_one(read: str, known: str, result: Match) -> None:
    assert match(read, known) == result


@given(PLATES, PLATES)
def test_what_is_looked_up_is_what_is_near(read: str, other: str) -> None:
    read = spelled(read)
    near = list(spellings(read))
    assert len(near) == len(set(near)) < 1200
    assert read not in near
    assert all(match(read, one).kind == "near" for one in near[:40])
    assert (other in near) == (match(read, other).kind == "near") or len(read) > 6  # bounded for the longest
