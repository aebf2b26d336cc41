"""Any story at a door: commands, grants, what its controller tells, time, clocks that are set, and restarts.

Whatever the order, a door moves only along legal transitions, opens only by a grant in a mode that a grant opens, and
every alarm that begins on record ends there before it begins again.
"""

from __future__ import annotations

from collections import deque
from datetime import UTC, datetime, timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from judging import judge

from surveillance.access.doors import COMMANDS, TRANSITIONS, Doors, DoorState, Told, allows, lost
from surveillance.domain.doors import DoorSensed
from surveillance.domain.errors import UserMistake
from surveillance.domain.site import Door, Site
from surveillance.domain.values import DOOR_ALARMS, DOOR_MODES, DoorReport, Tick

AT = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
SITE = Site(doors=(Door("front", watch="push"),))
CLOSED_TO_GRANTS = ("blocked", "locked_down", "locked_open", "unknown")
PAIRS = (
    ({"door.state_unknown"}, {"door.state_known"}),
    ({"door.tampered"}, {"door.tamper_ended"}),
    ({"door.opened"}, {"door.closed"}),
)
SECONDS = st.sampled_from((0.0, 0.2, 1.0, 2.5, 4.0, 9.0, 31.0))


class DoorStory(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.now = AT
        self.doors = Doors(lambda: SITE)
        self.judge = judge(site=SITE)
        self.entries: list[Told] = []
        self.kinds: list[str] = []

    @property
    def state(self) -> DoorState:
        return self.doors.state("front")

    def hear(self, *entries: Told | None) -> None:
        """Core hears of it, and what it decides goes on record."""
        for entry in entries:
            if entry is not None:
                self.entries.append(entry)
                self.kinds += [made.kind for made in self.judge(entry)]

    # --- what happens ---

    @rule(command=st.sampled_from(COMMANDS))
    def somebody_commands(self, command: str) -> None:
        before = self.state
        try:
            self.hear(self.doors.commanded("front", command, self.now))
        except UserMistake:
            assert not allows(before.mode, command)
            assert self.state == before
        else:
            assert self.state.mode == TRANSITIONS[command][before.mode]
            assert before.mode != "locked_down" or command in ("lock_down", "lock_down_release")

    @rule(pulse_s=st.floats(0.1, 60))
    def a_grant_was_carried_out(self, pulse_s: float) -> None:
        before = self.state
        self.hear(self.doors.granted("front", self.now + timedelta(seconds=pulse_s), self.now))
        if before.mode in CLOSED_TO_GRANTS:
            assert self.state == before
        else:
            assert self.state.mode == "accessed"

    @rule()
    def an_order_got_no_answer(self) -> None:
        before = self.state
        self.hear(self.doors.lost("front", self.now, "no answer"))
        assert self.state.mode == lost(before).mode
        assert not allows(self.state.mode, "access")

    @rule(
        contact=st.sampled_from((None, "open", "closed", "unknown")),
        lock=st.sampled_from((None, "locked", "unlocked", "unknown")),
        tamper=st.sampled_from((None, True, False)),
        fault=st.sampled_from((None, "", "battery low")),
        exit=st.booleans(),
    )
    def its_controller_tells(
        self, contact: str | None, lock: str | None, tamper: bool | None, fault: str | None, exit: bool
    ) -> None:
        before = self.state
        self.hear(*self.doors.hear(DoorSensed("front", self.now, contact, lock, tamper, fault, exit)))
        assert self.state.mode == before.mode or (before.mode, self.state.mode, lock) == ("unknown", "locked", "locked")
        assert contact != "closed" or self.state.alarm == "normal", "an alarm ends when the door is closed"

    @rule(seconds=SECONDS)
    def time_passes(self, seconds: float) -> None:
        before = self.state
        self.now += timedelta(seconds=seconds)
        self.hear(*self.doors.tick(self.now))
        self.judge(Tick(self.now))
        assert self.state.mode in (before.mode, before.resting)

    @rule(hours=st.sampled_from((-25.0, -1.0, 1.0, 1000.0)))
    def the_clock_is_set(self, hours: float) -> None:
        before = self.state
        self.hear(*self.doors.tick(self.now))
        ended = self.state
        self.now += timedelta(hours=hours)
        self.hear(*self.doors.tick(self.now))
        assert self.state.mode == ended.mode, "by the clock alone nothing opens, locks or ends"
        assert self.state.alarm in (ended.alarm, before.alarm)

    @rule()
    def core_is_started_anew(self) -> None:
        before = self.state
        again = Doors(lambda: SITE)
        again.recall(entry for entry in self.entries if isinstance(entry, DoorReport))
        self.doors, self.judge = again, judge(site=SITE)
        self.judge.recall(self.entries)
        assert self.state.mode == (before.resting if before.mode == "accessed" else before.mode)
        assert self.state.until is None, "no access survives a restart"

    # --- what always holds ---

    @invariant()
    def the_state_is_one_of_onvif(self) -> None:
        state = self.state
        assert state.mode in DOOR_MODES
        assert state.alarm in DOOR_ALARMS
        assert (state.mode == "accessed") == (state.until is not None)
        assert state.resting != "accessed"
        assert state.until is None or state.until <= self.now + timedelta(seconds=60)

    @invariant()
    def core_knows_it_as_it_stands(self) -> None:
        reports = [entry for entry in self.entries if isinstance(entry, DoorReport)]
        if reports and reports[-1].mode != "accessed":
            assert (reports[-1].mode, reports[-1].alarm) == (self.state.mode, self.state.alarm)

    @invariant()
    def what_begins_ends_before_it_begins_again(self) -> None:
        for begins, ends in PAIRS:
            told = [kind for kind in self.kinds if kind in begins | ends]
            assert all(kind in (begins if place % 2 == 0 else ends) for place, kind in enumerate(told)), told


DoorStory.TestCase.settings = settings(max_examples=300, stateful_step_count=30, deadline=None)
test_any_story_at_a_door = DoorStory.TestCase


def test_each_mode_of_onvif_is_reached_from_locked_and_left_again() -> None:
    """Along the table, by grants, commands and orders that got no answer."""

    def steps(mode: str) -> set[str]:
        return {moves[mode] for moves in TRANSITIONS.values() if mode in moves} | {lost(DoorState(mode)).mode}

    def reached(start: str) -> set[str]:
        seen, waiting = {start}, deque([start])
        while waiting:
            fresh = steps(waiting.popleft()) - seen
            seen |= fresh
            waiting.extend(fresh)
        return seen

    assert all(reached(mode) == set(DOOR_MODES) for mode in DOOR_MODES)
