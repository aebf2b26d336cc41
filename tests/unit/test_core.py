"""Core: judged in order, recorded before anything acts, denied when nothing could be recorded."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from fakes import MemoryInbox, MemoryLedger, as_presented, grant_all, nothing_due, observation, request_of

from surveillance.domain.errors import RecordFailed
from surveillance.domain.ports import Asked
from surveillance.engines.core import Core, told_of_itself
from surveillance.walk import CoreWalk


def core_with(ledger: MemoryLedger, inbox: MemoryInbox) -> Core:
    return Core(CoreWalk(request_of, grant_all, ledger, nothing_due), inbox, as_presented)


def asking(door: str) -> Asked:
    now = datetime.now(UTC)
    return Asked("ask-1", "access.request", {"request_id": "r1", "door": door}, now, now + timedelta(seconds=2))


def test_a_request_is_answered_with_its_recorded_event() -> None:
    ledger, inbox = MemoryLedger(), MemoryInbox()
    inbox.asked.append(asking("front"))
    core_with(ledger, inbox).turn()
    [event] = ledger.events
    answer = inbox.answers["ask-1"]
    assert (answer["verdict"], answer["reasons"], answer["event"]) == (
        "authorize",
        ["everybody may"],
        event.decision.id,
    )


def test_a_grant_that_cannot_be_recorded_is_a_denial() -> None:
    ledger, inbox = MemoryLedger(), MemoryInbox()
    ledger.away = True
    inbox.asked.append(asking("front"))
    core = core_with(ledger, inbox)
    core.turn()
    ledger.away = False
    core.turn()
    assert inbox.answers["ask-1"]["verdict"] == "deny"
    assert [event.decision.kind for event in ledger.events] == [], "a denied request must not be granted later"


def test_a_request_whose_answer_cannot_be_written_is_not_granted_again() -> None:
    class LockedInbox(MemoryInbox):
        def answer(self, question_id: str, payload: Mapping[str, Any]) -> bool:
            raise OSError("the database is locked")

    ledger, inbox = MemoryLedger(), LockedInbox()
    inbox.asked.append(asking("front"))
    core = core_with(ledger, inbox)
    with pytest.raises(OSError, match="locked"):
        core.turn()
    core.turn()
    assert [event.decision.kind for event in ledger.events] == ["access.granted"]


def test_sightings_wait_for_the_database_and_are_written_once() -> None:
    ledger = MemoryLedger()
    core = core_with(ledger, MemoryInbox())
    seen = [observation(track=number) for number in (1, 2, 3)]
    ledger.away = True
    core.put(seen[0])
    core.turn()
    core.put(seen[1])
    core.turn()
    ledger.away = False
    core.put(seen[2])
    core.turn()
    core.turn()
    assert [entry.id for entry in ledger.inputs] == [entry.id for entry in seen]
    assert len(ledger.events) == 3


def test_a_note_of_the_system_is_recorded() -> None:
    ledger = MemoryLedger()
    core = core_with(ledger, MemoryInbox())
    core.tell(told_of_itself("health.degraded", "recognizer failed: RuntimeError"))
    core.turn()
    [event] = ledger.events
    assert (event.decision.kind, event.decision.verdict, event.decision.reasons) == (
        "health.degraded",
        None,
        ("recognizer failed: RuntimeError",),
    )


class AwayInbox(MemoryInbox):
    """An inbox whose database is locked."""

    def pending(self) -> Sequence[Asked]:
        raise RecordFailed("the inbox cannot be reached")


def test_what_was_judged_is_recorded_while_the_inbox_is_away() -> None:
    ledger = MemoryLedger()
    core = core_with(ledger, AwayInbox())
    core.put(observation())
    core.turn()
    assert len(ledger.events) == 1
