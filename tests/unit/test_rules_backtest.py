"""A rulebook on stored inputs: the one that was in force gives the record again, another one what it changes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as some
from judging import after, decide, door_report, judge, report, request, rule, sight

from surveillance.domain.values import Input
from surveillance.domain.verdicts import Was
from surveillance.rules.backtest import MOST, Backtest, backtest, is_asked
from surveillance.rules.timeline import timeline

LAWN = frozenset({"lawn"})
STORE = frozenset({"store"})
SPAN = after(0), after(560)
SEEN = rule("seen", "sighting", "log", 'label == "person"', cooldown_s=10)
LINGERS = rule("lingers", "sighting", "alert", 'dwell_in("lawn") >= 5')
STAFF = rule("staff", "access", "authorize", '"badge" in factors and "staff" in groups')
GUARD = rule("guard", "presence", "authorize", 'person == "Grace"')
OPENED = rule("opened", "door", "log", 'door_mode == "accessed"')
LOST = rule("lost", "camera", "alert", 'camera_state == "lost"')
RULES = (SEEN, LINGERS, STAFF, GUARD, OPENED, LOST)
DAY: tuple[Input, ...] = (
    report(0),
    *(sight(second, zones=LAWN, dwell_s={"lawn": float(second)}) for second in range(1, 12)),
    sight(13, 2, zones=STORE),
    sight(13.5, 5, zones=STORE, identity="Grace"),
    report(14),
    request(14),
    door_report(15, mode="accessed"),
    request(16, door="back", factors=frozenset({"pin"})),
    report(20, state="lost", changed=True),
    sight(30, 3, label="vehicle"),
    sight(559, 4),
)


def record_of(inputs: Sequence[Input], *rules: str) -> list[Was]:
    """What a ledger holds of the verdicts of those rules."""
    judged_by = judge(*rules)
    return [
        Was(
            number, f"event-{number}", made.at, made.trigger, made.rule, str(made.verdict), made.shadow,
            made.camera, made.door,
        )
        for number, entry in enumerate(inputs)
        for made in judged_by(entry)
        if is_asked(made)
    ]  # fmt: skip


def tried(inputs: Sequence[Input], was: Iterable[Was], *rules: str) -> Backtest:
    return backtest(judge(*rules), enumerate(inputs), was, SPAN)


def differences(found: Backtest) -> list[tuple[Any, ...]]:
    return [(one.what, one.number, one.rule, one.was, one.now, one.event) for one in found.differences]


def test_the_rulebook_that_was_in_force_gives_the_record_again() -> None:
    record = record_of(DAY, *RULES)
    assert {was.verdict for was in record} == {"alert", "log", "deny", "authorize"}
    found = tried(DAY, record, *RULES)
    assert (found.differs, found.differences, found.inputs) == (0, (), len(DAY))
    assert {tally.rule: (tally.was, tally.now) for tally in found.tallies} == {
        "": (2, 2),
        "guard": (1, 1),
        "lingers": (1, 1),
        "lost": (1, 1),
        "opened": (1, 1),
        "seen": (3, 3),
        "staff": (1, 1),
    }


rulebooks = some.frozensets(some.sampled_from(RULES))


@given(rulebooks, rulebooks, some.lists(some.sampled_from(DAY), max_size=12))
@settings(max_examples=80, deadline=None)
def test_two_rulebooks_differ_where_their_decisions_do(
    live: frozenset[str], draft: frozenset[str], inputs: list[Input]
) -> None:
    found = tried(inputs, record_of(inputs, *live), *draft)
    if live == draft:
        assert found.differs == 0
    by_rule = {tally.rule: tally for tally in found.tallies}
    for tally, made in ((by_rule.get(name), record_of(inputs, *draft)) for name in by_rule):
        assert tally is not None
        assert tally.now == sum((was.rule or "") == tally.rule for was in made)
    assert found.differs == len(found.differences)


def test_newly_fired_fallen_silent_and_changed_verdicts_are_told_with_their_events() -> None:
    draft = (
        rule("seen", "sighting", "alert", 'label == "person"', cooldown_s=10),
        rule("cars", "sighting", "log", 'label == "vehicle"'),
        rule("staff", "access", "authorize", '"badge" in factors and "guards" in groups'),
        GUARD,
        OPENED,
        LOST,
    )
    found = tried(DAY, record_of(DAY, *RULES), *draft)
    assert differences(found) == [
        ("changed", 1, "seen", "log", "alert", "event-1"),
        ("silent", 5, "lingers", "alert", "", "event-5"),
        ("changed", 11, "seen", "log", "alert", "event-11"),
        ("changed", 15, "", "authorize", "deny", "event-15"),
        ("new", 19, "cars", "", "log", None),
        ("changed", 20, "seen", "log", "alert", "event-20"),
    ]
    [cars] = [one for one in found.differences if one.rule == "cars"]
    assert (cars.because, cars.camera, cars.track) == (('label = "vehicle"',), "yard", 3)


def test_a_shadow_is_compared_with_itself_alone() -> None:
    shadow = SEEN + "  mode: shadow\n"
    found = tried(DAY, record_of(DAY, *RULES), LINGERS, STAFF, GUARD, OPENED, LOST, shadow)
    assert [(one.what, one.rule) for one in found.differences] == 3 * [("silent", "seen"), ("new", "seen")]


def test_differences_are_counted_beyond_those_that_are_told() -> None:
    many = [sight(second / 10, track=second) for second in range(1, MOST + 30)]
    found = tried(many, (), rule("all", "sighting", "log", "true"))
    assert (found.differs, len(found.differences)) == (MOST + 29, MOST)


def test_verdicts_whose_input_is_gone_are_passed_over() -> None:
    record = record_of(DAY, *RULES)
    judged_by = judge(*RULES)
    decide(judged_by, DAY[:10])
    kept = [(number, entry) for number, entry in enumerate(DAY) if number >= 10]
    assert backtest(judged_by, kept, record, SPAN).differs == 0


def test_the_timeline_says_in_numbers_what_it_draws() -> None:
    late = rule("late", "sighting", "log", "track_s > 5")
    picture = timeline(tried(DAY, record_of(DAY, *RULES), SEEN, STAFF, late))
    assert picture.count("<text") > 6
    for words in ("seen", "3 → 3", "no difference", "late", "0 → ", "1 → 0", "no rule"):
        assert words in picture


def test_what_a_sighting_makes_false_already_is_not_asked() -> None:
    asked = judge(
        rule("cars", "sighting", "log", 'label in {"vehicle"} and people > 9'),
        rule("here", "sighting", "log", 'not (camera != "yard" or label == "animal")'),
        rule("any", "sighting", "log", 'label == "vehicle" or track_s > 0'),
    )
    assert [made.rule for made in decide(asked, [sight(1)])] == ["any", "here"]
