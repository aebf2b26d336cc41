"""A rule tried on a moment on record says what the judge would have said."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from judging import SITE, after, book, decide, judge, report, request, rule, sight

from surveillance.domain.values import Decision, Input, ModeReport
from surveillance.rules.book import Rule
from surveillance.rules.trial import NOT_KEPT, Case, Trial, parse_key, try_rule

LAWN = {"zones": frozenset({"lawn"}), "dwell_s": {"lawn": 6.0}}
NIGHT = 11 * 3600


def one(text: str) -> Rule:
    [made] = book(text).rules
    return made


def on_lawn(when: str = 'label == "person" and "lawn" in zones', **more: Any) -> Rule:
    return one(rule("a", "sighting", "alert", when, **more))


def case(decision: Decision, *inputs: Input) -> Case:
    triggers = frozenset({"sighting", "presence"} if decision.trigger in ("sighting", "presence") else {"access"})
    return Case(decision.at, triggers, decision.facts, inputs)


def logged(*inputs: Input) -> Case:
    """The case of an event that another rule made of the last input."""
    made = decide(judge(rule("seen", "sighting", "log", 'label == "person"')), [inputs[-1]])
    return case(made[-1], *inputs)


def test_a_rule_that_is_true_would_have_alerted_because_of_its_clauses() -> None:
    trial = try_rule(on_lawn(), logged(sight(6, **LAWN)), SITE)
    assert (trial.outcome, trial.result, trial.before_s) == ("alert", True, None)
    assert trial.because == ('label = "person"', 'zones = {"lawn"}')
    assert trial.clause is not None
    assert [child.result for child in trial.clause.children] == [True, True]


def test_a_rule_that_is_false_says_which_clause_is() -> None:
    trial = try_rule(on_lawn('label == "person" and "store" in zones'), logged(sight(6, **LAWN)), SITE)
    assert (trial.outcome, trial.result, trial.because) == ("silent", False, ('zones = {"lawn"}',))


def test_what_nobody_asked_for_then_is_told_by_the_inputs() -> None:
    rules = on_lawn('dwell_in("lawn") >= 5 and people == 2 and mode == "disarmed"')
    before = [
        ModeReport(after(1), "disarmed"),
        report(5, "yard"),
        sight(5.5, 2, **LAWN),
    ]
    seen = sight(6, **LAWN)
    assert try_rule(rules, logged(*before, seen), SITE).outcome == "alert"
    alone = try_rule(rules, replace(logged(seen), inputs=()), SITE)
    assert (alone.outcome, alone.result) == ("unsure", None)
    assert NOT_KEPT in alone.doubts


def test_the_schedule_is_that_of_the_moment() -> None:
    rules = on_lawn('schedule("night")')
    by_day, at_night = logged(sight(6)), logged(sight(NIGHT))
    assert try_rule(rules, by_day, SITE).outcome == "silent"
    assert try_rule(rules, at_night, SITE).outcome == "alert"
    assert try_rule(rules, replace(at_night, inputs=()), SITE).outcome == "alert"


def test_one_that_fired_before_is_silent_again() -> None:
    inputs = [sight(4, **LAWN), sight(5, **LAWN), sight(6, **LAWN)]
    assert try_rule(on_lawn(), logged(*inputs), SITE).before_s == 2.0
    assert try_rule(on_lawn(cooldown_s=60), logged(*inputs), SITE).before_s == 2.0
    assert try_rule(on_lawn(cooldown_s=1.5), logged(*inputs), SITE).before_s is None


def test_modes_and_triggers_that_keep_it_from_being_asked() -> None:
    seen = logged(sight(6, **LAWN))
    assert try_rule(on_lawn(mode="off"), seen, SITE).outcome == "off"
    assert try_rule(on_lawn(mode="shadow"), seen, SITE).outcome == "alert"
    access = one(rule("b", "access", "authorize", '"badge" in factors'))
    assert try_rule(access, seen, SITE) == Trial("other_trigger")


def test_a_request_is_judged_with_all_rules_and_what_denies_it_anyway() -> None:
    grant = one(rule("grant", "access", "authorize", '"badge" in factors'))
    deny = one(rule("nobody", "access", "deny", "people > 1"))
    steady = [report(0), report(2)]
    denied = decide(judge(), [*steady, request(3)])[-1]
    asked = case(denied, *steady, request(3))
    assert try_rule(grant, asked, SITE, [deny]).together == ("authorize", ('grant: factors = {"badge"}',))
    expired = replace(request(3), credential="credential_expired", denials=("credential_expired",))
    refused = try_rule(grant, case(denied, *steady, expired), SITE, [])
    assert (refused.outcome, refused.together) == ("authorize", ("deny", ("credential_expired",)))
    crowd = [sight(2.6, 1, camera="front"), sight(2.7, 2, camera="front")]
    trial = try_rule(grant, case(denied, *steady, *crowd, request(3)), SITE, [deny])
    assert trial.outcome == "authorize"
    assert trial.together == ("deny", ("unauthorized", "deny rule nobody was true: people = 2"))


def test_an_unknown_deny_rule_would_deny() -> None:
    deny = one(rule("nobody", "access", "deny", "people > 1"))
    denied = decide(judge(), [request()])[-1]
    trial = try_rule(deny, Case(denied.at, frozenset({"access"}), denied.facts), SITE)
    assert (trial.outcome, trial.result) == ("deny", None)
    assert trial.together is not None
    assert trial.together[0] == "deny"


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("people", "people"),
        ('count("person", "yard")', ("count", "person", "yard")),
        ('schedule("night")', ("schedule", "night")),
        ("odd(", "odd("),
    ],
)
def test_keys_on_record_are_read(text: str, key: object) -> None:
    assert parse_key(text) == key


PARTS = (
    'label == "person"',
    '"lawn" in zones',
    "dwell_s >= 5",
    "people > 1",
    'schedule("night")',
    "ended",
    "track_s < 9",
)
inputs = some.lists(
    some.tuples(some.integers(1, 3), some.sampled_from(("person", "animal")), some.booleans(), some.integers(1, 30)),
    min_size=1,
    max_size=8,
)


@given(some.lists(some.sampled_from(PARTS), min_size=1, max_size=3), inputs, some.sampled_from((None, 5)))
@settings(max_examples=100, deadline=None)
def test_a_trial_says_what_the_judge_does(parts: list[str], steps: list[Any], cooldown: int | None) -> None:
    when, more = " and ".join(parts), {} if cooldown is None else {"cooldown_s": cooldown}
    made = on_lawn(when, **more)
    seen: list[Input] = [
        sight(second, track, label, zones=frozenset({"lawn"} if inside else ()), dwell_s={"lawn": float(second)})
        for second, (track, label, inside, _) in enumerate(steps, 1)
    ]
    judged = judge(
        rule("a", "sighting", "alert", " and ".join(parts), **({} if cooldown is None else {"cooldown_s": 5}))
    )
    judged.recall(seen[:-1])
    fires = any(decision.rule == "a" for decision in judged(seen[-1]))
    last = seen[-1]
    trial = try_rule(made, Case(last.at, frozenset({"sighting"}), {}, seen), SITE)
    assert (trial.outcome == "alert" and trial.before_s is None) is fires
