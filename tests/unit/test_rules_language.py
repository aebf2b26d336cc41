"""The language of conditions: what it admits, what it refuses and how it says so, and three-valued logic."""

from itertools import product

import pytest
from judging import SITE, parse_condition

from surveillance.domain.errors import RuleError
from surveillance.domain.values import Clause
from surveillance.rules.condition import Facts
from surveillance.rules.vocabulary import UNKNOWN, Value, build_names

NAMES = build_names(SITE)

FACTS: Facts = {
    "label": "person",
    "confidence": 0.875,
    "zones": frozenset({"lawn"}),
    "dwell_s": 6.0,
    "people": 2,
    "ended": False,
    "camera": "yard",
    "crossed": frozenset({"gate:in"}),
    ("count", "person", "lawn"): 2,
    ("dwell_in", "lawn"): 6.0,
    ("schedule", "night"): UNKNOWN,
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('label == "person"', True),
        ("label != 'person'", False),
        ('label in {"person", "animal"}', True),
        ('label not in ["person", "animal"]', False),
        ('"lawn" in zones and not ended', True),
        ('{"lawn"} <= zones', True),
        ('{"lawn", "store"} <= zones', False),
        ("zones == []", False),
        ("1 <= people <= 3", True),
        ("1 < people < 2", False),
        ("people > -1", True),
        ('count("person", "lawn") >= 2', True),
        ('dwell_in("lawn") > 5.5', True),
        ('"gate:in" in crossed', True),
        ('schedule("night")', None),
        ('schedule("night") and ended', False),
        ('ended and schedule("night")', False),
        ('schedule("night") or people == 2', True),
        ('not schedule("night")', None),
        ("true", True),
        ("not True", False),
        ("ended == false", True),
        ('(label == "vehicle" or\n  "lawn" in zones)', True),
    ],
)
def test_a_condition_says_what_it_reads_like(text: str, expected: bool | None) -> None:
    assert parse_condition(text, "sighting", NAMES).evaluate(FACTS) is expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the condition is empty"),
        ("   ", "the condition is empty"),
        ("label", 'label is a text; compare it, for example label == "..."'),
        ("people and ended", "people is a number; compare it, for example people >= 1"),
        ("zones", 'zones is a set; compare it, for example "..." in zones'),
        ('label = "person"', "write == to compare"),
        ('lable == "person"', "did you mean 'label'?"),
        ("label == persn", 'a text needs quotes: did you mean "person"?)'),
        ("label == person", "label and person are names of different things"),
        ('label == "dog"', "no label is called 'dog'; there are: animal, person, vehicle"),
        ('"lwan" in zones', "no zone is called 'lwan'; did you mean 'lawn'?"),
        ('camera == "yrd"', "no camera is called 'yrd'; did you mean 'yard'?"),
        ('"gate:inn" in crossed', "did you mean 'gate:in'?"),
        ('schedule("nigth")', "no schedule is called 'nigth'; did you mean 'night'?"),
        ('count("person", "lown") > 1', "no zone is called 'lown'; did you mean 'lawn'?"),
        ('zones == "lawn"', 'zones is a set; write "lawn" in zones'),
        ('"person" in label', 'label is a text, not a set; write "person" == label'),
        ('label == {"person"}', 'write label in {"person"}'),
        ('people > "2"', 'people is a number and "2" is a text'),
        ('label > "a"', "> compares numbers or sets, and label is a text"),
        ("confidence > 80", "confidence runs from 0 to 1"),
        ("2 in zones", "only a text can be in a set"),
        ("{1, 2} <= zones", "a set holds texts in quotes"),
        ('{"a": 1} == zones', 'a set is written {"a", "b"}'),
        ("people + 1 > 2", "there is no arithmetic here"),
        ("people ** 9 ** 9 > 2", "there is no arithmetic here"),
        ("label.upper() == 'X'", "only the words that take brackets can be called"),
        ("label.x == 'X'", "there are no attributes here"),
        ('label[0] == "p"', "there are no indexes here"),
        ('__import__("os")', "there is no word '__import__'"),
        ("(lambda: true)()", "only the words that take brackets can be called"),
        ("[z for z in zones]", "this cannot be used here"),
        ("true if ended else false", "there is no if here"),
        ('f"{label}" == "x"', "write a plain text in quotes"),
        ("(ended := true)", "compare with =="),
        ('label is "person"', "there is no `is` here"),
        ("None == label", "use a number, a text in quotes, true, false or a set of texts"),
        ("people == 1j", "use a number, a text in quotes, true, false or a set of texts"),
        ("people == 1e999", "this number is too large"),
        ("(people > 1) == true", "a comparison cannot be compared again"),
        ("dwell_in > 3", "write dwell_in(zone)"),
        ("dwell_in() > 3", "write dwell_in(zone)"),
        ("dwell_in(zone='lawn') > 3", "write dwell_in(zone)"),
        ("dwell_in(label) > 3", "takes a text in quotes here"),
        ("ended()", "ended takes no brackets"),
        ('door == "front"', "door is not known on sighting, only on access, door"),
        ('label == "a\\x62"', "there are no escapes here"),
        ('label == "person" # and ended', "a comment hides what follows it"),
        ("ended) or (true", "this is no condition"),
        ("(" * 300 + "ended" + ")" * 300, "nested"),
        ("not " * 400 + "ended", "too large"),
        (" or ".join(["ended"] * 320), "at most 2000 are read"),
        (" or ".join(["1<2"] * 250), "too large"),
    ],
)
def test_what_is_wrong_is_said(text: str, message: str) -> None:
    with pytest.raises(RuleError) as refused:
        parse_condition(text, "sighting", NAMES)
    assert message in str(refused.value)


def test_every_fault_is_said_at_once_with_a_caret_under_its_place() -> None:
    with pytest.raises(RuleError) as refused:
        parse_condition('lable == "person" and "é" in zones and dwell_s >= "5"', "sighting", NAMES)
    assert refused.value.faults == [
        "column 1: there is no word 'lable' here; did you mean 'label'?\n"
        '    lable == "person" and "é" in zones and dwell_s >= "5"\n'
        "    ^^^^^",
        "column 23: no zone is called 'é'; there are: lawn, store\n"
        '    lable == "person" and "é" in zones and dwell_s >= "5"\n'
        "                          ^^^",
        'column 40: dwell_s is a number (s) and "5" is a text\n'
        '    lable == "person" and "é" in zones and dwell_s >= "5"\n'
        "                                           ^^^^^^^^^^^^^^",
    ]


def test_without_a_site_only_its_own_names_are_unchecked() -> None:
    assert parse_condition('"pool" in zones', "sighting").text == '"pool" in zones'
    with pytest.raises(RuleError, match="no label is called 'dog'"):
        parse_condition('label == "dog"', "sighting", build_names())
    own = build_names(labels={"cat", "dog"})
    assert parse_condition('label == "dog"', "sighting", own).evaluate({"label": "dog"}) is True


TRUTHS: tuple[bool | None, ...] = (True, False, None)


def _value(truth: bool | None) -> Value:
    return UNKNOWN if truth is None else truth


@pytest.mark.parametrize(("one", "two"), list(product(TRUTHS, TRUTHS)))
def test_kleene_truth_tables(one: bool | None, two: bool | None) -> None:
    facts: Facts = {("schedule", "night"): _value(one), ("schedule", "office-hours"): _value(two)}
    both = parse_condition('schedule("night") and schedule("office-hours")', "sighting", NAMES)
    either = parse_condition('schedule("night") or schedule("office-hours")', "sighting", NAMES)
    negation = parse_condition('not schedule("night")', "sighting", NAMES)
    order = {False: 0, None: 1, True: 2}  # in Kleene logic `and` is the least, `or` the greatest
    assert both.evaluate(facts) is min(one, two, key=lambda truth: order[truth])
    assert either.evaluate(facts) is max(one, two, key=lambda truth: order[truth])
    assert negation.evaluate(facts) is (None if one is None else not one)
    for condition in (both, either, negation):
        assert condition.explain(facts).result is condition.evaluate(facts)


def test_an_explanation_holds_every_clause_with_what_was_found() -> None:
    text = 'label == "person" and ("store" in zones or schedule("night")) and not dwell_s < 5'
    assert parse_condition(text, "sighting", NAMES).explain(FACTS) == Clause(
        text,
        None,
        "",
        (
            Clause('label == "person"', True, 'label = "person"'),
            Clause(
                '"store" in zones or schedule("night")',
                None,
                "",
                (
                    Clause('"store" in zones', False, 'zones = {"lawn"}'),
                    Clause('schedule("night")', None, 'schedule("night") = unknown'),
                ),
            ),
            Clause("not dwell_s < 5", True, "", (Clause("dwell_s < 5", False, "dwell_s = 6"),)),
        ),
    )


def test_the_leaves_that_settle_a_result() -> None:
    condition = parse_condition('label == "person" and people == 1 and not "lawn" in zones', "sighting", NAMES)
    assert [(leaf.text, leaf.found) for leaf in condition.because(FACTS)] == [
        ("people == 1", "people = 2"),
        ('not "lawn" in zones', 'zones = {"lawn"}'),
    ]
