"""Doors at which one person is not enough: two persons, who opens, escorts. Stories, and what always holds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from judging import SITE, after, judge, request, rule

from surveillance.domain.company import LetIn
from surveillance.domain.levels import AccessLevel
from surveillance.domain.site import Door, Person, parse_schedule
from surveillance.domain.values import AccessRequest, Decision, Tick
from surveillance.rules.judge import RuleJudge

HOURS = parse_schedule("hours", {"time_zone": "UTC", "weekly": {"fri": ["08:00-12:30", "12:30-18:00"]}})
VAULT = AccessLevel("vault", frozenset({"staff"}), frozenset({"back"}), two_persons=True)
SHOP = AccessLevel("shop", frozenset({"staff"}), frozenset({"back"}), "hours", opened_by="guards")
RULE = rule("by-levels", "access", "authorize", 'permitted and "badge" in factors')
GROUPS = {
    "Ada": {"staff"},
    "Bob": {"staff"},
    "Grace": {"guards", "staff"},
    "Eve": set[str](),
    "Vera": {"guests"},
    "": set[str](),
}


def at_door(second: float, who: str, **more: object) -> AccessRequest:
    asked = request(second, door="back", camera=None, person=who or None, groups=frozenset(GROUPS[who]))
    return replace(asked, id=f"{who}-{second:g}", **more)  # type: ignore[arg-type]


def the_judge(*levels: AccessLevel, rules: str = RULE) -> RuleJudge:
    return judge(rules, site=replace(SITE, access_levels=levels, schedules=(HOURS,), doors=(Door("back"),)))


def decided(judge: RuleJudge, *asked: AccessRequest) -> list[Decision]:
    return [next(made for made in judge(one) if made.kind.startswith("access.")) for one in asked]


def told(judge: RuleJudge, *asked: AccessRequest) -> list[str]:
    return [f"{made.verdict}: {made.reasons[-1]}" for made in decided(judge, *asked)]


# --- two persons ----------------------------------------------------------------------------------------------------

WAITS = "deny: it takes two persons here: {} waits for a second one"


def test_the_first_waits_and_the_second_opens_for_both() -> None:
    first, second, third = decided(the_judge(VAULT), at_door(0, "Ada"), at_door(19, "Bob"), at_door(20, "Bob"))
    assert (first.verdict, first.rule, first.reasons) == (
        "deny", None, ("other", "it takes two persons here: Ada waits for a second one"),
    )  # fmt: skip
    assert first.details["waits_until"] == "2026-11-20T12:00:20.000Z"
    assert (second.verdict, second.details["second_of"]) == ("authorize", "Ada")
    assert third.verdict == "deny"  # Ada was in with Bob already


def test_the_same_person_twice_is_one() -> None:
    assert told(the_judge(VAULT), at_door(0, "Ada"), at_door(1, "Ada")) == [WAITS.format("Ada")] * 2


def test_a_second_one_who_comes_late_is_a_first_one() -> None:
    assert told(the_judge(VAULT), at_door(0, "Ada"), at_door(20.5, "Bob")) == [
        WAITS.format("Ada"), WAITS.format("Bob"),
    ]  # fmt: skip


def test_both_must_be_let_in_by_themselves() -> None:
    no_badge = at_door(0, "Ada", factors=frozenset({"pin"}))
    verdicts = [made.verdict for made in decided(the_judge(VAULT), no_badge, at_door(1, "Eve"), at_door(2, "Bob"))]
    assert verdicts == ["deny", "deny", "deny"]
    locked = at_door(0, "Ada", credential="credential_expired", denials=("credential_expired",))
    assert decided(the_judge(VAULT), locked, at_door(1, "Bob"))[1].verdict == "deny"


def test_who_has_another_level_or_rule_needs_nobody() -> None:
    alone = AccessLevel("guards", frozenset({"guards"}), frozenset({"back"}))
    assert decided(the_judge(VAULT, alone), at_door(0, "Grace"))[0].verdict == "authorize"
    plain = RULE + rule("plain", "access", "authorize", '"guards" in groups and "badge" in factors')
    assert decided(the_judge(VAULT, rules=plain), at_door(0, "Grace"))[0].verdict == "authorize"
    assert decided(the_judge(VAULT, rules=plain), at_door(0, "Ada"))[0].verdict == "deny"


def test_what_did_not_come_on_record_counts_for_nobody() -> None:
    asked = the_judge(VAULT)
    ada = at_door(0, "Ada")
    decided(asked, ada)
    asked.take_back(ada)
    assert told(asked, at_door(1, "Bob")) == [WAITS.format("Bob")]


def test_nobody_is_let_in_unnamed_where_it_takes_two() -> None:
    rules = rule("any", "access", "authorize", "permitted or permitted", camera_only="true")
    assert "deny" in told(the_judge(VAULT, rules=rules), at_door(0, ""))[0]


# --- first person in ------------------------------------------------------------------------------------------------

CLOSED = "access level shop waits until somebody of guards was let in at this door"


def test_a_level_opens_when_somebody_of_the_group_was_let_in() -> None:
    first, guard, second = decided(the_judge(SHOP), at_door(0, "Ada"), at_door(1, "Grace"), at_door(2, "Ada"))
    assert (first.verdict, first.reasons[0]) == ("deny", "not_permitted_at_this_time")
    assert CLOSED in first.reasons[1]
    assert (guard.verdict, second.verdict) == ("authorize", "authorize")


def test_each_window_is_opened_anew_and_what_is_on_record_counts() -> None:
    asked = the_judge(SHOP)
    decided(asked, at_door(0, "Grace"))
    assert decided(asked, at_door(1799, "Ada"))[0].verdict == "authorize"
    assert decided(asked, at_door(1800, "Ada"))[0].verdict == "deny"
    begun = the_judge(SHOP)
    begun.recall_company([LetIn("back", "Grace", frozenset({"guards"}), after(-3600))])
    assert decided(begun, at_door(0, "Ada"))[0].verdict == "authorize"
    begun.recall_company([LetIn("front", "Grace", frozenset({"guards"}), after(-3600))])
    assert decided(begun, at_door(0, "Ada"))[0].verdict == "deny"


def test_a_guard_who_was_denied_opens_nothing() -> None:
    refused = at_door(0, "Grace", factors=frozenset())
    assert [made.verdict for made in decided(the_judge(SHOP), refused, at_door(1, "Ada"))] == ["deny", "deny"]


# --- escorts --------------------------------------------------------------------------------------------------------

VISITOR = "is let in only within 30 s after somebody of staff at this door"


def escorted(*extra: Person) -> RuleJudge:
    always = AccessLevel("all", frozenset({"staff", "guests"}), frozenset({"back", "front"}))
    people = (Person("Vera", frozenset({"guests"}), escort="staff"), *extra)
    doors = (Door("back"), Door("front"))
    return judge(RULE, site=replace(SITE, access_levels=(always,), people=people, doors=doors))


def test_a_visitor_comes_in_with_a_host_only() -> None:
    asked = escorted()
    alone, _, after_host, later = decided(
        asked, at_door(0, "Vera"), at_door(1, "Ada"), at_door(31, "Vera"), at_door(32, "Vera")
    )
    assert (alone.verdict, alone.reasons) == ("deny", ("other", f"Vera {VISITOR}"))
    assert (after_host.verdict, after_host.details["escorted_by"]) == ("authorize", "Ada")
    assert later.verdict == "deny"


def test_a_host_at_another_door_or_who_was_denied_lets_nobody_in() -> None:
    elsewhere = replace(at_door(0, "Ada"), door="front")
    assert decided(escorted(), elsewhere, at_door(1, "Vera"))[1].verdict == "deny"
    refused = at_door(0, "Ada", factors=frozenset())
    assert decided(escorted(), refused, at_door(1, "Vera"))[1].verdict == "deny"


def test_a_visitor_is_no_host_of_themselves_and_a_host_may_bring_several() -> None:
    both = escorted(Person("Bob", frozenset({"staff"}), escort="staff"))
    verdicts = [made.verdict for made in decided(both, at_door(0, "Bob"), at_door(1, "Bob"), at_door(2, "Ada"))]
    assert verdicts == ["deny", "deny", "authorize"]
    assert [made.verdict for made in decided(both, at_door(3, "Bob"), at_door(4, "Vera"))] == ["authorize"] * 2


# --- whatever comes -------------------------------------------------------------------------------------------------


def visited_by(people: tuple[Person, ...]) -> RuleJudge:
    everybody = AccessLevel("all", frozenset({"staff", "guests"}), frozenset({"back"}))
    return judge(RULE, site=replace(SITE, access_levels=(everybody,), people=people, doors=(Door("back"),)))


MOMENTS = st.lists(
    st.tuples(st.integers(0, 4), st.sampled_from(sorted(GROUPS)), st.sampled_from(["badge", "pin"])), max_size=12
)


def requests(moments: Iterable[tuple[int, str, str]]) -> list[AccessRequest]:
    asked, second = [], 0.0
    for number, (step, who, factor) in enumerate(moments):
        second += 6 * step
        asked.append(at_door(second + number / 1000, who, factors=frozenset({factor})))
    return asked


@given(MOMENTS)
def test_asking_for_others_never_grants_what_was_denied_alone(moments: list[tuple[int, str, str]]) -> None:
    asked = requests(moments)
    free = Person("Vera", frozenset({"guests"})), Person("Bob", frozenset({"staff"}))
    bound = replace(free[0], escort="staff"), replace(free[1], escort="guards")
    visited = visited_by(free), visited_by(bound)
    plain, two = the_judge(replace(VAULT, two_persons=False)), the_judge(VAULT)
    opened = the_judge(replace(SHOP, opened_by=None)), the_judge(SHOP)
    for one in asked:
        for loose, strict in ((plain, two), opened, visited):
            [alone], [together] = decided(loose, one), decided(strict, one)
            assert alone.verdict == "authorize" or together.verdict == "deny"


@given(MOMENTS)
def test_two_were_there_for_every_grant_and_none_counts_twice(moments: list[tuple[int, str, str]]) -> None:
    asked, two = requests(moments), the_judge(VAULT)
    alone = the_judge(replace(VAULT, two_persons=False))
    free: list[AccessRequest] = []  # would be let in alone, and were not counted yet
    for one in asked:
        able, verdict = decided(alone, one)[0].verdict, decided(two, one)[0].verdict
        others = [by for by in free if by.person != one.person and (one.at - by.at).total_seconds() <= 20]
        assert (verdict == "authorize") == (able == "authorize" and one.person is not None and bool(others))
        free = [by for by in free if by.person != one.person]
        if verdict == "authorize":
            second = min(others, key=lambda by: str(by.person))
            free.remove(next(by for by in free if by.person == second.person))
        elif able == "authorize" and one.person is not None:
            free.append(one)


@given(MOMENTS)
def test_a_judge_that_is_started_anew_answers_the_same(moments: list[tuple[int, str, str]]) -> None:
    asked = requests(moments)
    for level in (VAULT, SHOP):
        whole, begun = the_judge(level), the_judge(level)
        before = decided(whole, *asked[:-1])
        begun.recall([Tick(after(-1)), *asked[:-1]])
        begun.recall_company(
            LetIn("back", made.identity, frozenset(GROUPS[made.identity]), made.at)
            for made in before
            if made.verdict == "authorize" and made.identity
        )
        assert told(whole, *asked[-1:]) == told(begun, *asked[-1:])
