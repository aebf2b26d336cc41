"""Which tracks become crops to label, and that whoever records never waits for them."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

from ledger_samples import NOON, decision, observation, shot
from patience import eventually

from surveillance.domain.errors import RecordFailed
from surveillance.domain.labels import Pick, Said, subject_of
from surveillance.domain.ports import JudgedInput
from surveillance.domain.values import Event, Observation, Tick
from surveillance.engines.picking import WAITING, Picker, PickingRecord

SHOT = shot()


def track(number: int, *decisions: Any, **end: Any) -> list[JudgedInput]:
    """A track from its first observation, which has the picture, to its last."""
    first = observation(track=number, change="appeared", label="unknown", confidence=0.4, shot=SHOT)
    return [(first, decisions), (observation(track=number, change="left", **end), ())]


def whys(picker: Picker, *judged: JudgedInput) -> list[tuple[int | None, str]]:
    return [(pick.track, pick.why) for pick in picker(judged)]


def test_a_track_in_doubt_at_its_end_is_picked_and_a_sure_one_is_not() -> None:
    picker = Picker(uncertain_below=0.7, sampled_share=0.0)
    judged = [
        *track(1, label="unknown", confidence=0.9),
        *track(2, label="person", confidence=0.69),
        *track(3, label="person", confidence=0.7),
        *track(4, label="background", confidence=0.3),
    ]
    assert whys(picker, *judged) == [(1, "uncertain"), (2, "uncertain")]


def test_a_pick_says_what_the_model_said_and_which_event_there_was() -> None:
    made = decision(track=7)
    [pick] = Picker(0.7, 0.0)(track(7, made, label="person", confidence=0.61))
    subject = subject_of("front", 7, NOON - timedelta(seconds=5))
    assert pick == Pick("uncertain", "front", subject, SHOT, Said("person", 0.61, "embedded"), 7, made.id)


def test_a_share_of_the_sure_tracks_is_picked_by_lot() -> None:
    ended = [entry for number in range(2000) for entry in track(number, confidence=0.99)]
    picked = Picker(0.7, 0.1)(ended)
    assert {pick.why for pick in picked} == {"sampled"}
    assert 120 < len(picked) < 280
    assert len(Picker(0.7, 1.0)(ended)) == 2000


def test_tracks_without_a_picture_and_other_inputs_are_passed_over() -> None:
    picker = Picker(0.7, 1.0)
    assert whys(picker, (Tick(NOON), ()), (observation(change="left"), ())) == []
    [(number, _)] = whys(picker, *track(5, label="unknown"))
    assert number == 5
    restarted = observation(track=5, change="appeared")  # the number begins again, and its picture was another's
    assert whys(picker, (restarted, ()), (observation(track=5, change="left"), ())) == []


class Written:
    """A record that writes nothing, and a store of crops that can be held up."""

    def __init__(self) -> None:
        self.picks: list[Pick] = []
        self.open = threading.Event()
        self.fails = False

    def record(self, judged: Any) -> tuple[Event, ...]:
        if self.fails:
            raise RecordFailed("away")
        return ()

    def queue(self, pick: Pick) -> None:
        self.open.wait(30)
        if pick.track == 0:
            raise OSError("no space left")
        self.picks.append(pick)


def ended(number: int) -> list[JudgedInput]:
    entries: list[tuple[Observation, tuple[()]]] = [
        (observation(track=number, change="appeared", shot=SHOT), ()),
        (observation(track=number, change="left", label="unknown"), ()),
    ]
    return list(entries)


def test_a_slow_disk_holds_up_nobody_and_a_full_one_costs_the_picture_only() -> None:
    written = Written()
    record = PickingRecord(written.record, Picker(0.7, 0.0), written.queue, lambda name, error: None)
    record.start()
    for number in range(WAITING + 10):
        record(ended(number))
    assert record.left_out >= 9
    written.open.set()
    assert eventually(lambda: len(written.picks) == WAITING + 10 - record.left_out - 1)
    record.stop()
    assert written.picks[0].track == 1


def test_what_is_not_on_record_is_not_picked() -> None:
    written = Written()
    record = PickingRecord(written.record, Picker(0.7, 0.0), written.queue, lambda name, error: None)
    written.open.set()
    written.fails = True
    for _ in range(2):
        try:
            record(ended(1))
        except RecordFailed:
            written.fails = False
    record.start()
    record.stop()
    assert [pick.track for pick in written.picks] == [1]
