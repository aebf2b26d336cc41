"""Every word that rules may say is documented, made by whom it says, of its type; and what comes of every operator."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import pytest
from fakes import observation
from judging import NOON, SITE, request

from surveillance.domain.values import TRIGGERS, CameraReport, DoorReport
from surveillance.rules.condition import (
    OPERATORS,
    Both,
    Comparison,
    Either,
    Facts,
    Key,
    Not,
    Operand,
    Truth,
    build_condition,
)
from surveillance.rules.facts import facts_of_camera, facts_of_door, facts_of_observation, facts_of_request
from surveillance.rules.memory import Memory
from surveillance.rules.settings import RuleSettings
from surveillance.rules.vocabulary import (
    NUMBER,
    PRODUCERS,
    SET,
    TEXT,
    TRUTH,
    UNKNOWN,
    WORDS,
    Value,
    Word,
    producers_list,
    vocabulary_table,
)

RULES = (Path(__file__).parents[2] / "docs" / "rules.md").read_text(encoding="utf-8")
OF_TYPE: dict[str, tuple[type, ...]] = {TEXT: (str,), NUMBER: (int, float), TRUTH: (bool,), SET: (frozenset,)}
SAMPLES: dict[str, Value] = {TEXT: "x", NUMBER: 1.0, TRUTH: True, SET: frozenset({"x"})}
ARGUMENTS = {"zone": "lawn", "schedule": "night", "area": "vault", "label": "person"}

# --- words ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("word", WORDS.values(), ids=lambda word: word.name)
def test_a_word_says_what_it_is_and_who_makes_it(word: Word) -> None:
    assert word.type in OF_TYPE
    assert set(word.triggers) <= set(TRIGGERS)
    assert word.triggers
    assert len(word.doc) > 5
    assert not word.doc.endswith(".")
    assert set(word.producer.split(", ")) <= set(PRODUCERS)
    assert not word.unit or word.type == NUMBER
    assert (word.unit == "s") == word.name.endswith("_s") or word.name == "dwell_in"
    assert f"| `{word.shown}` |" in RULES


def test_the_documentation_says_all_of_it_and_no_more() -> None:
    assert vocabulary_table() in RULES
    assert producers_list() in RULES
    assert {name for word in WORDS.values() for name in word.producer.split(", ")} == set(PRODUCERS)


def facts_at(trigger: str) -> Facts:
    """What rules of that trigger may ask, from an input with all that its producers might tell."""
    memory = Memory(RuleSettings())
    memory.hear_camera(CameraReport("front", NOON, "live"))
    of_it = [word for word in WORDS.values() if trigger in word.triggers and made_by_camera(word)]
    told = {word.name: SAMPLES[word.type] for word in of_it}
    match trigger:
        case "access":
            return facts_of_request(request(plate="AB1"), memory, SITE, NOON)
        case "door":
            return facts_of_door(DoorReport("front", NOON, "locked", "normal"), memory, SITE)
        case "camera":
            return facts_of_camera(CameraReport("front", NOON, "live"), memory, SITE)
    return facts_of_observation(observation(camera="front", at=NOON, attributes=told), memory, SITE)


def made_by_camera(word: Word) -> bool:
    return not word.arguments and bool(
        set(word.producer.split(", ")) & {"behavior", "objects", "detector", "plates", "text", "faces", "identify"}
    ) and word.name != "person"  # fmt: skip


@pytest.mark.parametrize("trigger", TRIGGERS)
def test_every_word_of_a_trigger_has_a_producer(trigger: str) -> None:
    facts = facts_at(trigger)
    for word in (word for word in WORDS.values() if trigger in word.triggers):
        arguments = tuple(ARGUMENTS.get(one.kind, "x") for one in word.arguments if not one.optional)
        key: Key = (word.name, *arguments) if arguments else word.name
        value = facts[key]
        if value is UNKNOWN:  # of a camera that has told nothing; but somebody could tell
            doubt = facts.doubts[key]
            assert not doubt.startswith("nothing tells"), (word.name, doubt)
        else:
            assert isinstance(value, OF_TYPE[word.type]), word.name


@pytest.mark.parametrize("trigger", TRIGGERS)
def test_every_fact_is_a_word_of_its_trigger(trigger: str) -> None:
    given = {key if isinstance(key, str) else key[0] for key in facts_at(trigger)}
    assert given <= {word.name for word in WORDS.values() if trigger in word.triggers}


# --- truth tables --------------------------------------------------------------------------------------------------

PAIRS: dict[str, list[tuple[Value, Value]]] = {
    "numbers": list(product((0.0, 1.0, 2.0), repeat=2)),
    "texts": list(product(("", "a", "b"), repeat=2)),
    "truths": list(product((True, False), repeat=2)),
    "sets": list(product((frozenset(), frozenset("a"), frozenset("ab")), repeat=2)),
    "members": [(one, many) for one in ("a", "b") for many in (frozenset(), frozenset("a"), frozenset("ab"))],
}
FITS = {  # which operators the reader admits between which
    **dict.fromkeys(("==", "!="), ("numbers", "texts", "truths", "sets")),
    **dict.fromkeys(("<", ">"), ("numbers",)),
    **dict.fromkeys(("<=", ">="), ("numbers", "sets")),
    **dict.fromkeys(("in", "not in"), ("members",)),
}
TRUTHS: tuple[bool | None, ...] = (True, False, None)
RANK = {False: 0, None: 1, True: 2}  # in Kleene logic `and` is the least, `or` the greatest


@pytest.mark.parametrize("op", OPERATORS)
def test_a_comparison_is_what_it_reads_like_and_unknown_with_any_unknown(op: str) -> None:
    node = Comparison("l op r", Operand("l", "l"), op, Operand("r", "r"))
    condition = build_condition("l op r", node)
    for left, right in (pair for kind in FITS[op] for pair in PAIRS[kind]):
        expected = OPERATORS[op](left, right)
        for given in ({"l": left, "r": right}, {"l": UNKNOWN, "r": right}, {"l": left, "r": UNKNOWN}):
            facts: Facts = dict(given)
            wanted = None if UNKNOWN in given.values() else expected
            assert condition.evaluate(facts) is wanted
            assert condition.explain(facts).result is wanted
    assert condition.evaluate({"l": UNKNOWN, "r": UNKNOWN}) is None


@pytest.mark.parametrize("truths", list(product(TRUTHS, repeat=3)), ids=str)
def test_and_or_and_not_of_three(truths: tuple[bool | None, ...]) -> None:
    facts: Facts = {name: UNKNOWN if one is None else one for name, one in zip("abc", truths, strict=True)}
    parts = tuple(Truth(name, Operand(name, name)) for name in "abc")
    least, most = min(truths, key=RANK.__getitem__), max(truths, key=RANK.__getitem__)
    tables = [
        (Both("and", parts), least),
        (Either("or", parts), most),
        (Not("not a", parts[0]), None if truths[0] is None else not truths[0]),
        (Not("not and", Both("and", parts)), None if least is None else not least),
        (Not("not or", Either("or", parts)), None if most is None else not most),
        (Both("mixed", (parts[0], Either("or", parts[1:]))),
         min(truths[0], max(truths[1:], key=RANK.__getitem__), key=RANK.__getitem__)),
    ]  # fmt: skip
    for node, wanted in tables:
        condition = build_condition(node.text, node)
        assert condition.evaluate(facts) is wanted
        assert condition.explain(facts).result is wanted
