"""What must hold of any rules and any facts."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as some
from judging import SITE, book, decide, judge, parse_condition, rule, sight

from surveillance.domain.errors import RuleError
from surveillance.rules.book import Rule, RuleDocument, parse_rulebook
from surveillance.rules.condition import Key
from surveillance.rules.facts import Facts
from surveillance.rules.permission import combine, permits
from surveillance.rules.vocabulary import UNKNOWN, Value, build_names

NAMES = build_names(SITE)
LEAVES = (
    "people == 1",
    "people > 1",
    'door == "front"',
    'credential == "valid"',
    '"staff" in groups',
    '"badge" in factors',
    '"face" not in factors',
    '{"badge", "face"} <= factors',
    'factors == {"face"}',
    'factors > {"plate"}',
    'schedule("night")',
    "true",
    "false",
)
conditions = some.recursive(
    some.sampled_from(LEAVES),
    lambda part: some.one_of(
        part.map(lambda text: f"not ({text})"),
        some.tuples(part, some.sampled_from(("and", "or")), part).map(
            lambda three: f"(({three[0]}) {three[1]} ({three[2]}))"
        ),
    ),
    max_leaves=6,
)
factor_sets = some.frozensets(some.sampled_from(("badge", "face", "plate", "pin")))


def _facts(known: dict[Key, Value]) -> Facts:
    facts = Facts(known, lambda key, doubts: UNKNOWN)
    facts.doubts = {key: "camera front is lost" for key, value in known.items() if value is UNKNOWN}
    return facts


@some.composite
def facts(draw: Any) -> Facts:
    known: dict[Key, Value] = {
        "people": draw(some.sampled_from((0, 1, 2, UNKNOWN))),
        "door": draw(some.sampled_from(("front", "back"))),
        "credential": draw(some.sampled_from(("valid", "none"))),
        "groups": draw(some.frozensets(some.sampled_from(("staff", "guards")))),
        "factors": draw(factor_sets),
        ("schedule", "night"): draw(some.sampled_from((True, False, UNKNOWN))),
    }
    return _facts(known)


@some.composite
def rules(draw: Any) -> tuple[Rule, ...]:
    verdicts = some.sampled_from(("authorize", "deny"))
    modes = some.sampled_from(("active", "active", "shadow"))
    given_rules = draw(some.lists(some.tuples(verdicts, conditions, modes), max_size=5))
    return tuple(
        Rule(f"rule-{number}", "access", verdict, parse_condition(when, "access", NAMES), mode=mode)
        for number, (verdict, when, mode) in enumerate(given_rules)
    )


@given(rules(), facts(), some.randoms())
@settings(max_examples=400, deadline=None)
def test_order_never_matters(given_rules: Sequence[Rule], seen: Facts, random: Any) -> None:
    shuffled = list(given_rules)
    random.shuffle(shuffled)
    one, other = combine(given_rules, seen), combine(shuffled, seen)
    assert (one.verdict, one.rule, one.notify) == (other.verdict, other.rule, other.notify)
    assert sorted(one.reasons) == sorted(other.reasons)


@given(rules(), facts())
@settings(max_examples=400, deadline=None)
def test_the_quick_way_says_the_same(given_rules: Sequence[Rule], seen: Facts) -> None:
    permission = combine(given_rules, seen)
    assert permits(given_rules, seen) is (permission.verdict == "authorize")
    assert permission.reasons
    for judged in permission.judged:
        assert judged.clause.result is judged.result


@given(rules(), facts(), some.integers(0, 4))
@settings(max_examples=400, deadline=None)
def test_removing_an_authorize_rule_never_grants_more(given_rules: Sequence[Rule], seen: Facts, which: int) -> None:
    fewer = [rule for number, rule in enumerate(given_rules) if number != which or rule.verdict != "authorize"]
    assert permits(given_rules, seen) or not permits(fewer, seen)


@given(rules(), facts())
@settings(max_examples=400, deadline=None)
def test_shadow_rules_change_nothing(given_rules: Sequence[Rule], seen: Facts) -> None:
    active = [rule for rule in given_rules if not rule.is_shadow]
    assert combine(given_rules, seen).reasons == combine(active, seen).reasons


@given(rules(), facts(), some.sampled_from(("people", ("schedule", "night"))))
@settings(max_examples=400, deadline=None)
def test_unknown_never_turns_a_denial_into_a_grant(given_rules: Sequence[Rule], seen: Facts, key: Key) -> None:
    """A grant in doubt is a grant whatever the truth may be."""
    if permits(given_rules, _facts({**seen, key: UNKNOWN})):
        truths: tuple[Value, ...] = (0, 1, 2, 3) if key == "people" else (True, False)
        assert all(permits(given_rules, _facts({**seen, key: truth})) for truth in truths)


@given(conditions, facts(), some.frozensets(some.sampled_from(("door", "credential", "people", "groups"))))
@settings(max_examples=300, deadline=None)
def test_what_is_left_to_be_asked_once_some_words_are_known_says_the_same(
    when: str, seen: Facts, known: frozenset[str]
) -> None:
    condition = parse_condition(when, "access", NAMES)
    sure: dict[Key, Value] = {key: seen[key] for key in known if seen[key] is not UNKNOWN}
    rest = condition.given(sure)
    assert (False if rest is None else rest(seen)) is condition.evaluate(seen)


@given(conditions, facts(), some.frozensets(some.sampled_from(("face", "plate"))))
@settings(max_examples=200, deadline=None)
def test_a_rule_that_passes_as_not_camera_only_needs_a_carried_factor(
    when: str, seen: Facts, camera_factors: frozenset[str]
) -> None:
    try:
        accepted = book(rule("x", "access", "authorize", when)).rules[0]
    except RuleError:
        return
    assert accepted.condition.evaluate(_facts({**seen, "factors": camera_factors})) is not True


@example("\x850")  # white space of two bytes
@given(some.text(max_size=60) | some.text("()[]{}<>=!\"' .,:#\\andorit01", max_size=60))
@settings(max_examples=200, deadline=None)
def test_any_text_is_read_or_refused(text: str) -> None:
    with suppress(RuleError):
        parse_condition(text, "sighting", NAMES)


@given(some.text(max_size=200) | some.text("-: \n'\"[]{}&*|>namewhenorules", max_size=200))
@settings(max_examples=200, deadline=None)
def test_any_document_is_read_or_refused(text: str) -> None:

    with suppress(RuleError):
        parse_rulebook([RuleDocument(text, "x.yaml")], SITE)


SIGHTINGS = (
    'label == "person"',
    'label != "vehicle" and "lawn" in zones',
    "people > 1",
    "dwell_s >= 3 or confidence < 0.5",
    'count("animal") >= 1 and not schedule("night")',
)
told_rules = some.lists(
    some.tuples(
        some.sampled_from(SIGHTINGS), some.sampled_from(("alert", "log")), some.sampled_from((None, 0, 5)),
        some.sampled_from(("active", "shadow")),
    ),
    max_size=6,
)  # fmt: skip
seen_things = some.lists(
    some.tuples(
        some.integers(0, 12), some.integers(1, 3), some.sampled_from(("person", "vehicle", "animal", "unknown")),
        some.sampled_from((frozenset(), frozenset({"lawn"}))),
    ),
    max_size=8,
)  # fmt: skip


@given(told_rules, seen_things)
@settings(max_examples=150, deadline=None)
def test_an_alert_or_log_is_told_whatever_the_other_rules_are(given_rules: list[Any], things: list[Any]) -> None:
    """Neither order nor company makes one vanish."""
    texts = [
        rule(f"rule-{number}", "sighting", verdict, when, mode=mode, **({} if cool is None else {"cooldown_s": cool}))
        for number, (when, verdict, cool, mode) in enumerate(given_rules)
    ]
    inputs = [
        sight(second, track, label, zones=zones, dwell_s=dict.fromkeys(zones, float(second)))
        for second, track, label, zones in sorted(things, key=lambda thing: thing[0])
    ]
    together = told_by(texts, inputs)
    assert together == sorted(made for text in texts for made in told_by([text], inputs))


def told_by(texts: Sequence[str], inputs: Sequence[Any]) -> list[tuple[Any, ...]]:
    decided = decide(judge(*texts), inputs)
    return sorted((made.rule, made.at, made.track, made.verdict) for made in decided if made.rule is not None)
