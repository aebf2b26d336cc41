"""What controllers tell of doors: what core hears of it, when it is doubted, and what goes on record."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from judging import judge

from surveillance.access.doors import Doors, Told
from surveillance.domain.doors import DoorSensed
from surveillance.domain.site import Door, Site
from surveillance.domain.values import DoorReport

AT = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
SITE = Site(doors=(Door("front", watch="push"), Door("back")))


def after(seconds: float) -> datetime:
    return AT + timedelta(seconds=seconds)


def heard(at: float, door: str = "front", **told: object) -> DoorSensed:
    return DoorSensed(door, after(at), **{"contact": "closed", "lock": "locked", **told})  # type: ignore[arg-type]


class Hearing:
    """Doors, and the kinds that the judge puts on record of what core hears of them."""

    def __init__(self) -> None:
        self.doors = Doors(lambda: SITE)
        self.judge = judge(site=SITE)
        self.entries: list[Told] = []

    def hear(self, at: float, door: str = "front", **told: object) -> list[str]:
        return self._record(self.doors.hear(heard(at, door, **told)))

    def tick(self, at: float) -> list[str]:
        return self._record(self.doors.tick(after(at)))

    def _record(self, entries: tuple[Told, ...]) -> list[str]:
        self.entries += entries
        return [decision.kind for entry in entries for decision in self.judge(entry)]


def test_what_stays_as_it_was_is_heard_once_and_again_each_hour() -> None:
    told = Hearing()
    assert told.hear(0) == []
    for second in (1, 2, 3599):
        told.hear(second)
    told.hear(3601)
    assert told.entries == [heard(0), heard(3601)]


def test_a_wire_that_tells_little_leaves_the_rest_as_it_was() -> None:
    told = Hearing()
    told.hear(0, tamper=False, fault="")
    told.doors.hear(DoorSensed("front", after(1), tamper=True))
    assert told.doors.known("front") == heard(1, tamper=True, fault="")


def test_each_change_goes_on_record_once() -> None:
    told = Hearing()
    steps = [
        told.hear(0),
        told.hear(1, contact="open"),
        told.hear(2, contact="open", tamper=True),
        told.hear(3, tamper=True, fault="battery low"),
        told.hear(4, tamper=False),
        told.hear(5, fault="no mains"),
        told.hear(6, fault=""),
    ]
    assert steps == [
        [],
        ["door.opened", "door.forced_open"],
        ["door.tampered"],
        ["door.fault", "door.closed", "door.normal"],
        ["door.tamper_ended"],
        ["door.fault"],
        ["door.fault_ended"],
    ]


def test_the_exit_button_masks_the_alarm_for_a_while_and_is_on_record() -> None:
    told = Hearing()
    told.hear(0)
    assert told.hear(1, exit=True) == ["door.exit_requested"]
    assert told.hear(5, contact="open", lock="unlocked") == ["door.opened"]
    assert told.hear(8) == ["door.closed"]
    assert told.hear(12, contact="open") == ["door.opened", "door.forced_open"]


def test_who_opens_at_the_end_of_an_access_and_is_told_late_forces_nothing() -> None:
    told = Hearing()
    told.hear(0)
    told.doors.granted("front", after(3), after(0))
    told.tick(3)
    assert told.hear(4, contact="open") == ["door.opened"]
    assert told.hear(33, contact="open") == told.tick(33.9) == []
    assert told.tick(34.1) == ["door.open_too_long"]
    assert told.hear(40) == ["door.closed", "door.normal"]


def test_a_controller_that_falls_silent_is_told_once_and_once_that_it_is_back() -> None:
    told = Hearing()
    told.hear(0)
    assert [told.tick(second) for second in (5, 10, 10.5, 11, 60)] == [[], [], ["door.state_unknown"], [], []]
    assert told.entries[-1] == heard(
        10.5, contact="unknown", lock="unknown", reason="its controller has told nothing for 10 s"
    )
    assert told.hear(61) == ["door.state_known"]


def test_one_that_never_spoke_is_unknown_too_but_only_where_somebody_should_tell() -> None:
    told = Hearing()
    assert [told.tick(0), told.tick(9), told.tick(11), told.tick(12)] == [[], [], ["door.state_unknown"], []]
    assert [entry.door for entry in told.entries] == ["front"]


def test_the_last_failure_to_ask_says_why() -> None:
    told = Hearing()
    told.hear(0)
    told.doors.unheard("front", "http://10.0.0.5: no answer within 1 s")
    told.tick(11)
    assert told.entries[-1].reason == "http://10.0.0.5: no answer within 1 s"


def test_a_lock_that_stands_otherwise_than_its_door_should_is_unknown_after_a_moment() -> None:
    told = Hearing()
    told.hear(0)
    assert [told.hear(1, lock="unlocked"), told.hear(2, lock="unlocked")] == [[], []]
    assert told.hear(4, lock="unlocked") == ["door.state_unknown"]
    assert told.entries[-1].reason == "its controller tells unlocked although the door should be locked"
    assert told.hear(5) == ["door.state_known"]


def test_a_lock_may_take_a_moment_to_do_as_its_door_is_told() -> None:
    told = Hearing()
    told.hear(0)
    told.doors.commanded("front", "unlock", after(1))
    assert [told.hear(2), told.hear(3, lock="unlocked"), told.hear(60, lock="unlocked")] == [[], [], []]
    told.doors.commanded("front", "lock", after(61))
    assert [told.hear(62, lock="unlocked"), told.hear(63)] == [[], []]


def test_a_door_whose_order_was_unclear_is_locked_again_when_its_controller_says_so_later() -> None:
    told = Hearing()
    told.hear(0)
    told.doors.lost("front", after(1), "lock not confirmed")
    assert [told.hear(2), told.hear(6.5, lock="unlocked"), told.hear(7)] == [[], [], ["door.locked"]]
    assert told.doors.obeys("front", "access")


def test_a_door_that_is_found_open_was_not_forced_but_is_open_too_long_in_time() -> None:
    told = Hearing()
    assert told.hear(0, contact="open") == ["door.opened"]
    told.hear(25, contact="open")
    assert told.tick(31) == ["door.open_too_long"]


def test_what_is_told_of_a_door_never_opens_it_or_moves_its_mode() -> None:
    told = Hearing()
    told.doors.commanded("front", "lock_down", after(0))
    told.hear(1, contact="open", lock="unlocked", exit=True)
    told.hear(2)
    assert told.doors.state("front").mode == "locked_down"


def test_a_replay_of_what_core_heard_gives_the_same() -> None:
    told = Hearing()
    kinds = told.hear(0) + told.hear(1, contact="open") + told.hear(2, tamper=True) + told.tick(13) + told.hear(14)
    again = judge(site=SITE)
    assert [decision.kind for entry in told.entries for decision in again(entry)] == kinds
    assert all(isinstance(entry, DoorSensed | DoorReport) for entry in told.entries)
