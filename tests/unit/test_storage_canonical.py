"""Canonical JSON against the examples of RFC 8785 and against what any reader reads."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from surveillance.storage.canonical import canonical

JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner, max_size=4)
    ),
    max_leaves=12,
)


def test_the_example_of_the_rfc():
    value = {
        "numbers": [333333333.33333329, 1e30, 4.50, 2e-3, 0.000000000000000000000000001],
        "string": "\u20ac$\u000f\u000aA'\u0042\u0022\u005c\\\"\u002f",
        "literals": [None, True, False],
    }
    assert canonical(value).decode() == (
        '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],'
        '"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}'
    )


def test_keys_are_sorted_by_utf_16_code_units():
    value = {"€": 5, "\r": 1, "\ufb33": 7, "1": 2, "😂": 6, "\x80": 3, "ö": 4}
    assert list(json.loads(canonical(value)).values()) == [1, 2, 3, 4, 5, 6, 7]


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0.0, "0"),
        (-0.0, "0"),
        (5e-324, "5e-324"),
        (-5e-324, "-5e-324"),
        (1.7976931348623157e308, "1.7976931348623157e+308"),
        (9007199254740992.0, "9007199254740992"),
        (295147905179352830000.0, "295147905179352830000"),
        (9.999999999999997e22, "9.999999999999997e+22"),
        (1e21, "1e+21"),
        (999999999999999700000.0, "999999999999999700000"),
        (333333333.3333332, "333333333.3333332"),
        (-0.0000033333333333333333, "-0.0000033333333333333333"),
        (1e-6, "0.000001"),
        (1e-7, "1e-7"),
        (1424953923781206.2, "1424953923781206.2"),
    ],
)
def test_numbers_as_ecmascript_writes_them(number, text):
    assert canonical(number).decode() == text


@pytest.mark.parametrize("value", [math.nan, math.inf, 2**53, "\ud800"])
def test_what_json_cannot_say_is_refused(value):
    with pytest.raises(ValueError, match=r"."):
        canonical({"value": value})


def test_a_float_that_writes_itself_in_its_own_way_is_a_number_like_any_other():
    assert canonical([np.float64(0.5), np.float64(3)]) == b"[0.5,3]"


def test_other_types_are_refused():
    with pytest.raises(TypeError, match="set is not a JSON value"):
        canonical({"zones": {"yard"}})


@given(JSON_VALUES)
def test_reads_back_as_the_same_and_writes_the_same_again(value):
    written = canonical(value)
    again = json.loads(written, parse_int=read_whole_number)
    assert again == value
    assert canonical(again) == written


def read_whole_number(text):
    """As readers do for whom every number is a double."""
    return int(text) if abs(int(text)) < 2**53 else float(text)
