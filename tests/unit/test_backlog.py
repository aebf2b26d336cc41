"""What a worker told stays until core has it safe: in order, again after a lost line, bounded."""

from __future__ import annotations

from dataclasses import replace

from fakes import NOON, observation

from surveillance.domain.values import CameraReport, Input
from surveillance.engines.backlog import Backlog

LIVE = CameraReport("yard", NOON, "live")
LOST = CameraReport("yard", NOON, "lost", "timeout", changed=True)


def sent(backlog: Backlog) -> list[tuple[int | None, bool, Input]]:
    """Everything there is to send now."""
    told = []
    while (next_one := backlog.take(0.0)) is not None:
        told.append((next_one.number, next_one.again, next_one.entry))
    return told


def test_told_in_order_and_kept_until_safe() -> None:
    backlog = Backlog()
    first, second = observation(track=1), observation(track=2)
    for entry in (first, LOST, second):
        backlog.add(entry)
    assert sent(backlog) == [(1, False, first), (2, False, LOST), (3, False, second)]
    backlog.durable(2)
    backlog.send_again()
    assert sent(backlog) == [(3, True, second)]
    assert not backlog.wait_empty(0.0)
    backlog.durable(3)
    assert backlog.wait_empty(0.0)


def test_only_what_was_sent_is_marked_as_sent_before() -> None:
    backlog = Backlog()
    entries = [observation(track=number) for number in range(3)]
    for entry in entries:
        backlog.add(entry)
    backlog.take(0.0)
    backlog.send_again()
    assert [(number, again) for number, again, _ in sent(backlog)] == [(1, True), (2, False), (3, False)]


def test_of_a_cameras_heartbeats_only_the_newest_is_sent_and_none_is_kept() -> None:
    backlog = Backlog()
    backlog.add(LIVE)
    newer = replace(LIVE, fps=5.0)
    backlog.add(newer)
    assert sent(backlog) == [(None, False, newer)]
    assert backlog.wait_empty(0.0)


def test_when_full_the_oldest_heartbeat_goes_first_and_is_counted() -> None:
    backlog = Backlog(limit=3)
    appeared = observation(track=1)
    beats = [observation(track=1, change="heartbeat") for _ in range(3)]
    backlog.add(appeared)
    for beat in beats:
        backlog.add(beat)
    assert [entry for _, _, entry in sent(backlog)] == [appeared, beats[1], beats[2]]
    backlog.add(observation(track=1, change="left"))
    assert backlog.dropped == 2
    assert sent(backlog)[0][0] == 5, "numbers go on, whatever was dropped"
