"""A door's state moves only along legal transitions, whatever is asked of it and in whatever order."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from surveillance.access.doors import (
    COMMANDS,
    SECURED,
    TRANSITIONS,
    Doors,
    DoorState,
    Told,
    accessed,
    allows,
    lost,
    moved,
    passed,
    sensed,
)
from surveillance.access.senses import DoorTimes
from surveillance.domain.doors import DoorSensed
from surveillance.domain.errors import NotFound, UserMistake
from surveillance.domain.site import Door, Site
from surveillance.domain.values import DOOR_ALARMS, DOOR_MODES, DoorReport

AT = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
TIMES = DoorTimes()
SITE = Site(doors=(Door("front"), Door("back")))


def after(seconds: float) -> datetime:
    return AT + timedelta(seconds=seconds)


def doors() -> Doors:
    return Doors(lambda: SITE)


def test_the_table_speaks_only_of_known_modes() -> None:
    for moves in TRANSITIONS.values():
        assert set(moves) | set(moves.values()) <= set(DOOR_MODES)
    assert {mode for mode in DOOR_MODES if allows(mode, "access")} == {
        "locked",
        "unlocked",
        "accessed",
        "double_locked",
    }


@pytest.mark.parametrize(
    ("mode", "release"), [("locked_down", "lock_down_release"), ("locked_open", "lock_open_release")]
)
def test_a_lock_down_or_lock_open_ends_only_by_its_release(mode: str, release: str) -> None:
    ways = {command: moves[mode] for command, moves in TRANSITIONS.items() if moves.get(mode, mode) != mode}
    assert ways == {release: "locked"}


def test_a_grant_opens_and_falls_back_by_itself() -> None:
    told = doors()
    assert told.granted("front", after(3), AT) == DoorReport("front", AT, "accessed", "normal", "granted")
    assert told.granted("front", after(5), after(1)) is None
    assert told.tick(after(4)) == ()
    assert told.tick(after(5)) == (DoorReport("front", after(5), "locked", "normal", "time passed"),)
    assert told.state("front").mode == "locked"


@pytest.mark.parametrize("resting", ["locked", "unlocked", "double_locked"])
def test_an_access_falls_back_to_where_it_came_from(resting: str) -> None:
    state = accessed(DoorState(resting, resting=resting), after(3))
    assert passed(state, after(3), TIMES) == DoorState(resting, resting=resting, masked_until=after(5))
    assert passed(passed(state, after(3), TIMES), after(5), TIMES) == DoorState(resting, resting=resting)


@pytest.mark.parametrize("mode", ["blocked", "locked_down", "locked_open", "unknown"])
def test_no_grant_opens_such_a_door(mode: str) -> None:
    told = doors()
    told.recall([DoorReport("front", AT, mode, "normal")])
    assert tuple(told.obeys(door, "access") for door in ("front", "back", "gone")) == (False, True, False)
    with pytest.raises(UserMistake, match=f"^a door that is {mode} does not obey access; it obeys "):
        accessed(told.state("front"), after(3))
    assert told.granted("front", after(3), AT) == DoorReport("front", AT, mode, "normal", f"pulsed although {mode}")
    assert (told.state("front").mode, told.granted("gone", after(3), AT)) == (mode, None)


def contact(is_open: bool, at: float) -> DoorSensed:
    return DoorSensed("front", after(at), "open" if is_open else "closed")


def test_a_door_that_opens_by_itself_was_forced_until_it_is_closed() -> None:
    told = doors()
    told.hear(contact(False, -1))
    assert told.hear(contact(True, 0)) == (
        contact(True, 0),
        DoorReport("front", AT, "locked", "forced_open", "opened"),
    )
    assert told.hear(contact(True, 1)) == ()
    assert told.hear(contact(False, 2)) == (
        contact(False, 2),
        DoorReport("front", after(2), "locked", "normal", "closed"),
    )


def test_a_granted_door_that_stays_open_raises_an_alarm() -> None:
    told = doors()
    told.granted("front", after(3), AT)
    assert told.hear(contact(True, 1)) == (contact(True, 1),)
    assert [report.mode for report in reports(told.tick(after(3)))] == ["locked"]
    assert told.tick(after(30)) == ()
    assert told.tick(after(31)) == (DoorReport("front", after(31), "locked", "open_too_long", "time passed"),)
    assert reports(told.hear(contact(False, 40))) == [DoorReport("front", after(40), "locked", "normal", "closed")]


def reports(entries: tuple[Told, ...]) -> list[DoorReport]:
    return [entry for entry in entries if isinstance(entry, DoorReport)]


def test_a_lock_down_survives_a_restart_and_an_access_does_not() -> None:
    told = doors()
    reports = [told.granted("back", after(9), AT), told.commanded("front", "lock_down", AT, "drill")]
    again = doors()
    again.recall(report for report in reports if report)
    assert (again.state("front").mode, again.state("back").mode) == ("locked_down", "locked")
    assert again.commanded("front", "lock_down_release", after(1)) == DoorReport(
        "front", after(1), "locked", "normal", "lock_down_release"
    )


def test_a_door_whose_controller_did_not_confirm_is_unknown_until_it_does() -> None:
    told = doors()
    assert told.lost("front", AT, "lock not confirmed") == DoorReport(
        "front", AT, "unknown", "normal", "lock not confirmed"
    )
    assert (told.lost("gone", AT, ""), told.obeys("front", "access")) == (None, False)
    told.commanded("front", "lock", after(1))
    assert told.standing() == {"front": (DoorState(), after(1)), "back": (DoorState(), None)}


def test_a_lock_down_stays_one_whatever_its_controller_says() -> None:
    told = doors()
    told.commanded("front", "lock_down", AT)
    assert (told.lost("front", after(1), "no answer"), told.state("front").mode) == (None, "locked_down")


def test_a_wrong_command_or_door_is_told_in_one_line() -> None:
    with pytest.raises(UserMistake, match=r"^no door command is called 'open'; there are: lock, unlock, "):
        doors().commanded("front", "open", AT)
    with pytest.raises(UserMistake, match="no door command is called 'access'"):
        moved(DoorState(), "access")
    with pytest.raises(NotFound, match=r"^no door is called 'side'; there are: back, front$"):
        doors().state("side")


STEPS = st.one_of(
    st.sampled_from(COMMANDS),
    st.floats(0.1, 60).map(lambda pulse_s: ("access", pulse_s)),
    st.booleans(),
    st.just("nobody answered"),
)


@given(st.lists(st.tuples(STEPS, st.floats(0, 40)), max_size=30))
def test_no_story_leaves_the_table(story: list[tuple[object, float]]) -> None:
    state, now = DoorState(), AT
    for step, wait_s in story:
        now += timedelta(seconds=wait_s)
        ticked = passed(state, now, TIMES)
        assert ticked.mode in (state.mode, state.resting)
        state = followed(ticked, step, now)
        assert state.mode in DOOR_MODES
        assert state.alarm in DOOR_ALARMS
        assert (state.mode == "accessed") == (state.until is not None)
        assert state.resting != "accessed"
        assert state.alarm == "normal" or (state.mode in (*SECURED, "unknown") and state.opened_at is not None)


def followed(state: DoorState, step: object, now: datetime) -> DoorState:
    """The state after a step; what is illegal changes nothing, and a lock down is left by its release only."""
    if isinstance(step, bool):
        return sensed(state, step, now)
    if step == "nobody answered":
        left = lost(state)
        assert not allows(left.mode, "access")
        assert left.mode == (state.mode if state.mode in ("blocked", "locked_down", "locked_open") else "unknown")
        return left
    command, until = (step[0], now + timedelta(seconds=step[1])) if isinstance(step, tuple) else (str(step), None)
    try:
        moved_to = accessed(state, until) if until else moved(state, command)
    except UserMistake:
        assert not allows(state.mode, command)
        return state
    assert TRANSITIONS[command][state.mode] == moved_to.mode
    if state.mode == "locked_down" and moved_to.mode != "locked_down":
        assert command == "lock_down_release"
    return moved_to
