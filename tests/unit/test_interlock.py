"""Interlock: of the doors of a group one at a time opens, and doubt about one keeps the others shut."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from judging import after, decide, door_report, judge, request, rule

from surveillance.domain.doors import DoorSensed
from surveillance.domain.site import Door, Person, Site
from surveillance.domain.values import DOOR_MODES, DoorOrder, Input

SITE = Site(
    version=7,
    doors=(Door("outer", interlock="airlock"), Door("inner", interlock="airlock"), Door("shed")),
    people=(Person("Ada", frozenset({"staff"})),),
)
STAFF = rule("staff", "access", "authorize", '"badge" in factors')


def ask(second: float, door: str) -> Input:
    return replace(request(second, "back"), id=f"r-{second:g}", door=door, camera=None)


def sensed(second: float, door: str, **told: Any) -> DoorSensed:
    return DoorSensed(door, after(second), **told)


def last(*inputs: Input) -> tuple[str | None, tuple[str, ...]]:
    made = decide(judge(STAFF, site=SITE), inputs)[-1]
    return made.verdict, made.reasons


@pytest.mark.parametrize(
    ("told", "word"),
    [
        (door_report(1, "inner", "accessed"), "accessed"),
        (door_report(1, "inner", "unlocked"), "unlocked"),
        (door_report(1, "inner", "locked_open"), "unlocked"),
        (door_report(1, "inner", "unknown"), "unknown"),
        (door_report(1, "inner", "locked", "forced_open"), "open"),
        (sensed(1, "inner", contact="open", lock="locked"), "open"),
        (sensed(1, "inner", contact="closed", lock="unlocked"), "unlocked"),
        (sensed(1, "inner", contact="unknown"), "unknown"),
    ],
)
def test_a_door_of_the_group_that_is_not_surely_shut_keeps_the_others_shut(told: Input, word: str) -> None:
    verdict, reasons = last(told, ask(2, "outer"))
    assert (verdict, reasons) == ("deny", ("other", f"interlock airlock: door inner is {word}"))
    assert last(told, ask(2, "shed"))[0] == "authorize"


def test_one_that_is_shut_again_lets_the_others_open() -> None:
    opened, shut = sensed(1, "inner", contact="open"), sensed(2, "inner", contact="closed", lock="locked")
    assert last(opened, shut, ask(3, "outer"))[0] == "authorize"
    assert last(door_report(1, "inner", "locked_down"), ask(3, "outer"))[0] == "authorize"


def test_a_grant_that_is_on_its_way_counts_as_open() -> None:
    assert last(ask(1, "outer"), ask(1.1, "inner")) == (
        "deny",
        ("other", "interlock airlock: door outer is released"),
    )
    assert last(ask(1, "outer"), ask(1.5, "outer"))[0] == "authorize", "the same door may be asked again"
    assert last(ask(1, "outer"), ask(10, "inner"))[0] == "authorize", "it never opened"
    order = DoorOrder("o", after(1), "outer", "open", "grace", "a parcel", after(5))
    assert last(order, ask(2, "inner"))[0] == "deny"


def test_a_grant_that_never_came_on_record_keeps_nothing_shut() -> None:
    judged_by = judge(STAFF, site=SITE)
    first = ask(1, "outer")
    judged_by(first)
    judged_by.take_back(first)
    assert judged_by(ask(1.1, "inner"))[0].verdict == "authorize"


STEPS = some.lists(
    some.tuples(some.sampled_from(("ask", "mode", "contact")), some.sampled_from(("outer", "inner")),
                some.sampled_from(DOOR_MODES), some.sampled_from(("open", "closed", "unknown"))),
    max_size=25,
)  # fmt: skip


@given(STEPS)
@settings(max_examples=300, deadline=None)
def test_never_is_one_granted_while_another_is_not_surely_shut(steps: Sequence[Any]) -> None:
    judged_by = judge(STAFF, site=SITE)
    mode, contact = dict.fromkeys(("outer", "inner"), "locked"), dict.fromkeys(("outer", "inner"), "")
    for second, (what, door, to, is_open) in enumerate(steps, 1):
        other = "inner" if door == "outer" else "outer"
        if what == "mode":
            judged_by(door_report(second, door, to))
            mode[door] = to
        elif what == "contact":
            judged_by(sensed(second, door, contact=is_open))
            contact[door] = is_open
        elif judged_by(ask(second, door))[0].verdict == "authorize":
            assert mode[other] in ("locked", "blocked", "locked_down", "double_locked")
            assert contact[other] in ("", "closed")
