"""What a denied request would have needed, told from what its event holds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import count
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as some
from judging import decide, judge, report, request, rule, sight

from surveillance.domain.values import Clause, Decision, Event, Input
from surveillance.rules.needed import Needed, Way, Wish, needed_of

STAFF = rule("staff", "access", "authorize", '"badge" in factors and (people == 1 or schedule("night"))')
GUARDS = rule("guards", "access", "authorize", '"guards" in groups and {"badge", "pin"} <= factors and people == 1')
BACK = rule("back", "access", "authorize", 'door == "back" and "badge" in factors')
CROWD = rule("crowd", "access", "deny", "not (people <= 1)")
TWO = [report(0), sight(0, camera="front"), sight(0.2, 2, camera="front")]


def event_of(decision: Decision) -> Mapping[str, Any]:
    whole = Event(1, decision).as_json() | {"trigger": decision.trigger}
    return whole | {"judged": [judged.as_json() for judged in decision.judged]}


def needed(inputs: list[Input], *rules: str) -> Needed | None:
    [decided] = [made for made in decide(judge(*rules), inputs) if made.kind.startswith("access.")]
    return needed_of(event_of(decided))


def test_the_shortest_way_comes_first_and_deny_rules_stand_in_it() -> None:
    two = Wish("people == 1", "people = 2", True)
    assert needed([*TWO, request()], STAFF, GUARDS, BACK, CROWD) == Needed(
        (),
        (Way("crowd", (Wish("people <= 1", "people = 2", True),)),),
        (
            Way("staff", (two,)),
            Way(
                "guards",
                (
                    Wish('"guards" in groups', 'groups = {"staff"}', True),
                    Wish('{"badge", "pin"} <= factors', 'factors = {"badge"}', True),
                    two,
                ),
            ),
        ),
    )


def test_what_no_rule_outweighs_is_told_apart() -> None:
    denied = request(credential="credential_expired", denials=("credential_expired",), deadline=report(0.5).at)
    found = needed([*TWO[:2], denied], STAFF)
    assert found is not None
    assert found.standing == ("credential_expired", "the request is past its deadline")
    assert (found.stops, found.ways) == ((), ())  # the rule itself was true


def test_there_may_be_no_way_and_a_grant_needs_nothing() -> None:
    assert needed([*TWO, request()], BACK) == Needed((), (), ())
    assert needed([*TWO[:2], request()], STAFF) is None


clauses = some.recursive(
    some.builds(
        lambda number, result: Clause(f"w{number}", result),
        some.integers(0, 30),
        some.sampled_from((True, False, None)),
    ),
    lambda part: some.one_of(
        part.map(lambda one: Clause(f"not ({one.text})", _not(one.result), "", (one,))),
        some.tuples(some.sampled_from(("and", "or")), some.lists(part, min_size=2, max_size=3)).map(
            lambda both: _joined(both[0], tuple(both[1]))
        ),
    ),
    max_leaves=10,
)


def _not(result: bool | None) -> bool | None:
    return None if result is None else not result


def _joined(word: str, parts: tuple[Clause, ...]) -> Clause:
    results, settling = [part.result for part in parts], word == "or"
    result = settling if settling in results else None if None in results else not settling
    return Clause(f" {word} ".join(f"({part.text})" for part in parts), result, "", parts)


def _with(clause: Clause, wishes: Mapping[str, bool]) -> Clause:
    """The clause with those leaves as they were wished."""
    if not clause.children:
        return Clause(clause.text, wishes.get(clause.text, clause.result))
    parts = tuple(_with(child, wishes) for child in clause.children)
    if len(parts) == 1:
        return Clause(clause.text, _not(parts[0].result), "", parts)
    return _joined(_top(clause.text), parts)


def _top(text: str) -> str:
    """The word that joins the outermost parts."""
    depth = 0
    for place, letter in enumerate(text):
        depth += (letter == "(") - (letter == ")")
        if depth == 0 and text.startswith((" and ", " or "), place + 1):
            return text[place + 2 :].split(" ", 1)[0]
    return ""


@given(clauses)
@settings(max_examples=300, deadline=None)
def test_with_its_wishes_granted_a_rule_is_true(clause: Clause) -> None:
    clause = _distinct(clause, count())
    judged = {"rule": "x", "verdict": "authorize", "result": clause.result, "note": "", "clause": clause.as_json()}
    event = {"verdict": "deny", "trigger": "access", "judged": [judged], "reasons": []}
    found = needed_of(event)
    assert found is not None
    if clause.result is True:
        assert found.ways == ()
        return
    [way] = found.ways
    assert _with(clause, {wish.text: wish.holds for wish in way.wishes}).result is True


def _distinct(clause: Clause, names: Iterator[int]) -> Clause:
    """The clause with leaves that have nothing to do with each other."""
    if not clause.children:
        return Clause(f"w{next(names)}", clause.result)
    parts = tuple(_distinct(child, names) for child in clause.children)
    if len(parts) == 1:
        return Clause(f"not ({parts[0].text})", clause.result, "", parts)
    return _joined(_top(clause.text), parts)
