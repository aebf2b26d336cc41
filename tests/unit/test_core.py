"""Core: judged in order, recorded before anything acts, denied when nothing could be recorded."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from fakes import NOON, MemoryInbox, MemoryLedger, as_presented, grant_all, nothing_due, observation, request_of
from kept import things_kept

from surveillance.domain.errors import NotFound, RecordFailed, Unrecordable
from surveillance.domain.ports import Asked, JudgedInput
from surveillance.domain.values import (
    AccessRequest,
    CameraReport,
    Decision,
    DoorReport,
    Event,
    Input,
    Observation,
    Presented,
    rfc3339,
    system_decision,
)
from surveillance.engines.core import Core, CoreLimits, denial, told_of_itself
from surveillance.storage.spool import DiskSpool
from surveillance.walk import CoreWalk


def core_with(ledger: MemoryLedger, inbox: MemoryInbox, **more: Any) -> Core:
    """A core that asks a database that is away at every turn."""
    walk = CoreWalk(request_of, grant_all, ledger, nothing_due)
    return Core(walk, inbox, as_presented, limits=CoreLimits(retry_s=0.0), known=ledger.known, **more)


def asking(door: str) -> Asked:
    now = datetime.now(UTC)
    return Asked("ask-1", "access.request", {"request_id": "r1", "door": door}, now, now + timedelta(seconds=2))


def decisions(ledger: MemoryLedger) -> list[Decision]:
    return [event.decision for event in ledger.events]


def kinds(ledger: MemoryLedger) -> list[str]:
    return [made.kind for made in decisions(ledger)]


def sightings(ledger: MemoryLedger) -> list[Observation]:
    return [entry for entry in ledger.inputs if isinstance(entry, Observation)]


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


def test_two_readers_may_use_the_same_request_id() -> None:
    ledger, inbox = MemoryLedger(), MemoryInbox()
    inbox.asked += [replace(asking("front"), id="ask-1"), replace(asking("back"), id="ask-2")]
    core_with(ledger, inbox).turn()
    asked = [(entry.id, entry.door) for entry in ledger.inputs if isinstance(entry, AccessRequest)]
    assert asked == [("ask-1", "front"), ("ask-2", "back")]


def test_a_doubt_that_an_unrecorded_request_raised_is_told_all_the_same() -> None:
    def doubtful(entry: Input) -> tuple[Decision, ...]:
        doubt = system_decision("health.degraded", entry.at, ("camera front is stale",), "judge")
        return (*grant_all(entry), doubt) if isinstance(entry, AccessRequest) else grant_all(entry)

    ledger, inbox = MemoryLedger(), MemoryInbox()
    inbox.asked.append(asking("front"))
    walk = CoreWalk(request_of, doubtful, ledger, nothing_due)
    core = Core(walk, inbox, as_presented, limits=CoreLimits(retry_s=0.0), known=ledger.known)
    ledger.away = True
    core.turn()
    ledger.away = False
    for _ in range(5):
        core.turn()
    assert kinds(ledger) == ["health.degraded", "health.restored", "health.degraded"]
    assert decisions(ledger)[-1].reasons == ("camera front is stale",)


def test_a_grant_that_cannot_be_recorded_is_a_denial() -> None:
    ledger, inbox = MemoryLedger(), MemoryInbox()
    ledger.away = True
    inbox.asked.append(asking("front"))
    core = core_with(ledger, inbox)
    core.turn()
    ledger.away = False
    for _ in range(4):
        core.turn()
    assert inbox.answers == {"ask-1": denial("other: the decision could not be recorded")}
    assert kinds(ledger) == ["health.degraded", "health.restored"], "a denied request must not be granted later"


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


def test_sightings_wait_on_the_disk_for_the_database_and_are_written_once(tmp_path: Path) -> None:
    ledger = MemoryLedger()
    spool = DiskSpool(tmp_path, 2**20)
    core = core_with(ledger, MemoryInbox(), spool=spool)
    seen = [observation(track=number) for number in (1, 2, 3, 4)]
    safe: list[int] = []
    ledger.away = True
    for number in (0, 1):
        core.put(seen[number], lambda number=number: safe.append(number))
        core.turn()
    assert (safe, len(spool), core.unrecorded) == ([0, 1], 3, 3), "two sightings, and that the database is away"
    core.put(seen[2], lambda: safe.append(2))
    ledger.away = False
    for _ in range(4):
        core.turn()
    core.put(seen[3], lambda: safe.append(3))
    core.turn()
    assert sightings(ledger) == seen
    assert kinds(ledger) == ["health.degraded", *["sighting.logged"] * 2, "health.restored", *["sighting.logged"] * 2]
    assert (safe, len(spool), list(tmp_path.iterdir())) == ([0, 1, 2, 3], 0, [])


def test_an_outage_is_told_once_with_its_span() -> None:
    ledger = MemoryLedger()
    core = core_with(ledger, MemoryInbox())
    ledger.away = True
    core.put(observation())
    for _ in range(3):
        core.turn()
    ledger.away = False
    for _ in range(3):
        core.turn()
    degraded, _, restored = [event.decision for event in ledger.events]
    assert (degraded.kind, restored.kind) == ("health.degraded", "health.restored")
    assert degraded.details == {"component": "database", "fault": "the database is away"}
    assert restored.details["from"] == rfc3339(degraded.at)
    assert restored.details["to"] == rfc3339(restored.at)


def test_an_input_sent_again_is_acknowledged_and_not_judged_again() -> None:
    ledger = MemoryLedger()
    told: list[str] = []
    seen = observation()
    first = core_with(ledger, MemoryInbox())
    first.put(seen, lambda: told.append("first"))
    first.put(seen, lambda: told.append("in the same turn"), again=True)
    first.turn()
    first.put(seen, lambda: told.append("in the same run"), again=True)
    first.turn()
    second = core_with(ledger, MemoryInbox())
    second.put(seen, lambda: told.append("in another run"), again=True)
    second.put(fresh := observation(track=2), lambda: told.append("never taken"), again=True)
    second.turn()
    assert sightings(ledger) == [seen, fresh]
    assert kinds(ledger) == ["sighting.logged"] * 2
    assert told == ["first", "in the same turn", "in the same run", "in another run", "never taken"]


def test_what_was_judged_is_remembered_only_while_it_may_come_again() -> None:
    """However long core runs, and whatever of it is told once."""
    walk = CoreWalk(request_of, lambda entry: (), lambda judged: (), nothing_due)
    core = Core(walk, MemoryInbox(), as_presented, limits=CoreLimits(batch=50, queue=100))

    def kept_after(count: int) -> int:
        for track in range(count):
            core.put(observation(track=track), lambda: None)
            core.put(CameraReport("yard", NOON + timedelta(seconds=track), "live"))
            if track % 25 == 24:
                core.turn()
        core.turn()
        return things_kept(core)

    assert kept_after(200) >= kept_after(1000) - 10


def test_what_may_be_on_record_waits_until_that_can_be_told(tmp_path: Path) -> None:
    ledger = MemoryLedger()
    ledger.inputs.append(known := observation(track=1))
    core = core_with(ledger, MemoryInbox(), spool=DiskSpool(tmp_path, 2**20))
    ledger.away = True
    told: list[int] = []
    core.put(known, lambda: told.append(1), again=True)
    core.put(fresh := observation(track=2), lambda: told.append(2))
    core.turn()
    core.turn()
    assert told == []
    ledger.away = False
    core.turn()
    assert (sightings(ledger), told) == ([known, fresh], [1, 2])


def test_a_request_of_a_cameras_own_is_judged_once_also_by_core_started_anew() -> None:
    ledger = MemoryLedger()
    now = datetime.now(UTC)
    request = request_of(Presented("visit-1", now, "front", (), now + timedelta(seconds=5)))
    for _ in range(2):
        core = core_with(ledger, MemoryInbox())
        core.put(request, again=True)
        core.put(request, again=True)
        core.turn()
    assert kinds(ledger) == ["access.granted"]
    ledger.away = True
    core.put(replace(request, id="visit-2"), again=True)
    core.turn()
    ledger.away = False
    core.turn()
    assert [entry.id for entry in ledger.inputs if isinstance(entry, AccessRequest)] == ["visit-1"]


def test_who_it_is_is_known_before_it_is_judged_and_recorded() -> None:
    ledger = MemoryLedger()
    walk = CoreWalk(request_of, grant_all, ledger, nothing_due, identify=lambda seen: replace(seen, identity="Ada"))
    core = Core(walk, MemoryInbox(), as_presented)
    core.put(observation())
    core.turn()
    assert [seen.identity for seen in sightings(ledger)] == ["Ada"]


def test_core_without_room_for_what_it_judged_judges_nothing_more() -> None:
    ledger = MemoryLedger()
    core = core_with(ledger, MemoryInbox())
    safe: list[int] = []
    ledger.away = True
    core.put(observation(track=1), lambda: safe.append(1))
    core.turn()
    core.put(observation(track=2), lambda: safe.append(2))
    core.turn()
    assert (safe, core.waiting) == ([], 1)
    ledger.away = False
    for _ in range(4):
        core.turn()
    assert (safe, [seen.track for seen in sightings(ledger)]) == ([1, 2], [1, 2])


def test_a_full_spool_refuses_the_newest_and_says_so(tmp_path: Path) -> None:
    ledger = MemoryLedger()
    core = core_with(ledger, MemoryInbox(), spool=DiskSpool(tmp_path, 6000))
    ledger.away = True
    seen = [observation(track=number) for number in range(20)]
    for entry in seen:
        core.put(entry)
        core.turn()
    refused = core.drops["spool_full"]
    ledger.away = False
    for _ in range(4):
        core.turn()
    assert sightings(ledger) == seen[: 20 - refused]
    assert 0 < refused < 20
    [full] = [made for made in decisions(ledger) if made.details.get("component") == "spool"]
    assert (full.kind, full.details["drops"]) == ("health.degraded", {"spool_full": refused})


def test_an_input_that_no_record_can_hold_is_left_out_and_told() -> None:
    class Strict(MemoryLedger):
        def __call__(self, judged: Sequence[JudgedInput]) -> tuple[Event, ...]:
            if any(getattr(entry, "label", "") == "broken" for entry, _ in judged):
                raise Unrecordable("it is broken")
            return super().__call__(judged)

    ledger = Strict()
    core = core_with(ledger, MemoryInbox())
    seen = [observation(track=number, label="broken" if number == 3 else "person") for number in range(7)]
    for entry in seen:
        core.put(entry)
    for _ in range(3):
        core.turn()
    assert sightings(ledger) == [entry for entry in seen if entry.label != "broken"]
    assert decisions(ledger)[-1].details == {"component": "spool", "drops": {"unrecordable": 1}}


def test_a_request_does_not_wait_behind_a_flood() -> None:
    ledger, inbox = MemoryLedger(), MemoryInbox()
    core = core_with(ledger, inbox)
    for number in range(10_000):
        core.put(observation(track=number))
    inbox.asked.append(asking("front"))
    core.put(DoorReport("front", NOON, "locked_down", "normal"))
    core.turn()
    assert [type(entry).__name__ for entry in ledger.inputs[:3]] == ["DoorReport", "AccessRequest", "Observation"]
    assert inbox.answers["ask-1"]["verdict"] == "authorize"
    assert core.waiting == 9500


def test_core_judges_what_waits_before_it_ends() -> None:
    ledger = MemoryLedger()
    core = core_with(ledger, MemoryInbox())
    for number in range(1200):
        core.put(observation(track=number))
    core.stop()
    core.run()
    assert len(sightings(ledger)) == 1200


def test_an_input_that_breaks_the_judge_costs_no_other() -> None:
    ledger = MemoryLedger()

    def judge(entry: Input) -> tuple[Decision, ...]:
        if getattr(entry, "track", None) == 1:
            raise ZeroDivisionError
        return grant_all(entry)

    core = Core(CoreWalk(request_of, judge, ledger, nothing_due), MemoryInbox(), as_presented)
    safe: list[int] = []
    for number in range(3):
        core.put(observation(track=number), lambda number=number: safe.append(number))
    with pytest.raises(ZeroDivisionError):
        core.turn()
    core.turn()
    assert ([seen.track for seen in sightings(ledger)], safe) == ([0, 2], [0, 1, 2])


def test_a_door_or_request_that_breaks_the_judge_costs_no_other() -> None:
    """Nobody is let in by it, and what was judged before it is on record and answered."""

    def fragile(entry: Input) -> tuple[Decision, ...]:
        if getattr(entry, "door", "") == "broken":
            raise ZeroDivisionError
        return grant_all(entry)

    ledger, inbox = MemoryLedger(), MemoryInbox()
    core = Core(CoreWalk(request_of, fragile, ledger, nothing_due), inbox, as_presented, known=ledger.known)
    reports = [DoorReport(door, NOON, "locked", "normal") for door in ("front", "broken", "back")]
    for report in reports:
        core.put(report)
    inbox.asked += [replace(asking(door), id=f"ask-{door}") for door in ("front", "broken", "back")]
    for _ in range(4):
        with suppress(ZeroDivisionError):
            core.turn()
    assert [entry for entry in ledger.inputs if isinstance(entry, DoorReport)] == [reports[0], reports[2]]
    asked = [entry.door for entry in ledger.inputs if isinstance(entry, AccessRequest)]
    assert (asked, sorted(inbox.answers)) == (["front", "back"], ["ask-back", "ask-front"])


def test_other_questions_go_to_whoever_answers_their_kind() -> None:
    ledger, inbox = MemoryLedger(), MemoryInbox()
    now = datetime.now(UTC)
    until = now + timedelta(seconds=2)
    asked: list[str] = []

    def run_job(question: Asked) -> Mapping[str, Any] | None:
        asked.append(question.id)
        if question.payload["name"] == "nothing":
            raise NotFound("no job is called 'nothing'")
        return {"result": "done"} if question.payload["name"] == "quick" else None

    core = core_with(ledger, inbox, questions={"job.run": run_job})
    for name in ("quick", "slow", "nothing"):
        inbox.asked.append(Asked(name, "job.run", {"name": name}, now, until))
    inbox.asked.append(Asked("odd", "tea.make", {}, now, until))
    core.turn()
    core.turn()
    assert asked == ["quick", "slow", "nothing"], "each once"
    assert inbox.answers == {
        "quick": {"result": "done"},
        "nothing": {"refused": "no job is called 'nothing'"},
        "odd": {"refused": "core answers no questions of kind 'tea.make'"},
    }


def test_the_same_failure_is_told_once() -> None:
    ledger = MemoryLedger()
    core = core_with(ledger, MemoryInbox())
    for error in (OSError(), OSError(), ValueError()):
        core.failed("house", error)
    core.turn()
    assert [made.reasons for made in decisions(ledger)] == [("house failed: OSError",), ("house failed: ValueError",)]


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
