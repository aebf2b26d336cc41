"""The ledger on a real database: one commit for everything, no gaps, nothing twice, nothing lost by a crash."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from ledger_samples import BOX, JPEG, NOON, Desk, decision, notification, observation, open_desk, shot
from sqlalchemy import func, select

from surveillance.domain.doors import DoorSensed
from surveillance.domain.errors import RecordFailed, Unrecordable
from surveillance.domain.inputs import identity_of
from surveillance.domain.values import (
    AccessRequest,
    CameraReport,
    DoorReport,
    Event,
    ModeReport,
    SceneReport,
    Tick,
    new_id,
)
from surveillance.storage.database import reading, writing
from surveillance.storage.ledger import note
from surveillance.storage.outbox import SqlOutbox
from surveillance.storage.queries import Cursor, Events
from surveillance.storage.tables import event

TESTS = Path(__file__).parents[1]


@pytest.fixture
def desk(tmp_path, database):
    return open_desk(tmp_path, url=database)


def seqs(desk: Desk) -> list[int]:
    with reading(desk.engine) as connection:
        return list(connection.scalars(select(event.c.seq).order_by(event.c.seq)))


def test_an_event_reads_back_as_it_was_returned(desk):
    alerted = decision(details={"note": "ü"})
    [written] = desk.ledger([(observation(shot=shot()), (alerted,))])
    assert written == Event(1, alerted, evidence=f"{alerted.id}.jpg", evidence_box=shot().box)
    review = {
        **dict.fromkeys(("reviewed_at", "reviewed_by", "review", "corrected")),
        "attention": 2,
        "incident": alerted.id,
        "cursor": str(Cursor(alerted.at, alerted.id)),
    }
    assert Events(desk.engine).page() == ([written.as_json() | review], None)
    explained = {
        "judged": [judged.as_json() for judged in alerted.judged],
        "facts": {"label": "person", "dwell_s": 4.25, "zones": ["gate", "yard"]},
        "rulebook_version": 4,
        "trigger": "sighting",
        "subject": alerted.subject,
        "notify": [],
        "input": 1,
        "evidence_sha256": hashlib.sha256(JPEG).hexdigest(),
        "actions": [],
        "evidence_gone": None,
        "recordings": [],
    }
    assert Events(desk.engine).one(alerted.id) == written.as_json() | review | explained
    assert desk.evidence.read(written.evidence) == JPEG


def test_inputs_come_back_in_the_order_and_shape_in_which_core_met_them(desk):
    second = timedelta(seconds=1)
    inputs = [
        Tick(NOON),
        observation(),
        CameraReport("front", NOON, "lost", "timeout", 0.0, {"late": 3}, changed=True),
        AccessRequest(
            new_id(), NOON, "main", "front", frozenset({"badge"}), "Ada", frozenset({"staff"}), "valid", NOON + second
        ),
        observation(change="left", media_s=None, identity="Ada", crossed=frozenset()),
        DoorReport("main", NOON, "accessed", "normal", "granted"),
        DoorSensed("main", NOON, "open", "unlocked", False, "battery low", exit=True),
        DoorSensed("main", NOON, None, "unknown", reason="silent"),
        SceneReport("front", NOON, "gate", "open", 0.75, NOON - second, changed=True, model="gate-states", media_s=0.0),
        SceneReport("front", NOON + second, "gate", "", since=NOON, doubt="there is no model", failed=True),
        Tick(NOON + second),
    ]
    desk.ledger([(entry, ()) for entry in inputs[:4]])
    desk.ledger([(entry, ()) for entry in inputs[4:]])
    assert list(Events(desk.engine).inputs_since(NOON - second)) == inputs
    assert list(Events(desk.engine).inputs_since(NOON + second)) == inputs[-2:]
    assert list(Events(desk.engine).inputs_since(NOON - second, limit=2)) == inputs[-2:]
    assert list(Events(desk.engine).inputs_since(NOON + 2 * second)) == []


def test_a_heartbeat_keeps_what_a_rule_can_judge(desk):
    beat = CameraReport("front", NOON, "live", "", 4.9, {"late": 3})
    desk.ledger([(beat, ()), (replace(beat, state="lost", reason="timeout"), ())])
    assert list(Events(desk.engine).inputs_since(NOON)) == [
        CameraReport("front", NOON, "live"),
        CameraReport("front", NOON, "lost", "timeout"),
    ]


def test_writing_the_same_twice_writes_it_once(desk):
    batch = [(observation(shot=shot()), (decision(notify=("ops",)),)), (Tick(NOON), (decision(track=None),))]
    written = desk.ledger(batch)
    assert desk.ledger(batch) == written
    later = decision(kind="sighting.logged")
    again = desk.ledger([(batch[0][0], (*batch[0][1], later)), (observation(), (decision(),)), batch[0]])
    assert [entry.seq for entry in again] == [1, 4, 3, 1]
    assert again[1].decision == later
    assert seqs(desk) == [1, 2, 3, 4]
    assert len(SqlOutbox(desk.engine).due(NOON)) == 1


def test_a_scene_is_recorded_once_and_with_its_picture(desk):
    taken = SceneReport("front", NOON, "gate", "open", changed=True, shot=shot())
    changed = decision(kind="scene.changed", trigger="camera", track=None, details={"scene": "gate"})
    [written] = desk.ledger([(taken, (changed,))])
    assert desk.ledger([(taken, (changed,))]) == (written,)
    assert desk.evidence.read(written.evidence) == JPEG
    assert list(Events(desk.engine).inputs_since(NOON)) == [replace(taken, shot=None)]
    later = replace(changed, id=new_id(), kind="scene.alerted")
    [alerted] = desk.ledger([(replace(taken, at=NOON + timedelta(seconds=9), changed=False, shot=None), (later,))])
    assert alerted.evidence_box == written.evidence_box


def test_actions_are_committed_with_their_event(desk):
    notified = decision(notify=("ops",))
    desk.ledger([(observation(), (notified,))])
    [action] = SqlOutbox(desk.engine).due(NOON)
    assert replace(action, id="") == replace(notification(notified), id="")


def test_a_failing_batch_leaves_nothing_behind(desk):
    broken = decision(facts={"zones": {1, 2}})
    with pytest.raises(Unrecordable):
        desk.ledger([(observation(), (decision(), broken))])
    desk.ledger([(observation(), (decision(),))])
    assert seqs(desk) == [1]
    assert len(list(Events(desk.engine).inputs_since(NOON - timedelta(days=1)))) == 1


def test_a_database_held_by_another_writer_is_a_failure_not_a_wait(tmp_path, database):
    desk = open_desk(tmp_path, 60, database)
    with writing(desk.engine), pytest.raises(RecordFailed, match=r"database is locked|lock timeout"):
        desk.ledger([(observation(), (decision(),))])
    assert [entry.seq for entry in desk.ledger([(observation(), (decision(),))])] == [1]


def test_notes_share_the_sequence(desk):
    desk.ledger([(observation(), (decision(),))])
    with writing(desk.engine) as connection:
        noted = note(connection, "user.viewed", {"camera": "front"}, "ada")
    assert noted.seq == 2
    [newest] = Events(desk.engine).after(1)
    assert (newest["kind"], newest["details"]) == ("user.viewed", {"actor": "ada", "camera": "front"})


# --- evidence ------------------------------------------------------------------------------------------------------


def pictures(desk: Desk, *batch) -> list[str | None]:
    return [written.evidence for written in desk.ledger(batch)]


def test_the_latest_shot_of_a_track_is_its_evidence(desk):
    first, other = decision(), decision(track=8)
    assert pictures(desk, (observation(shot=shot()), ()), (observation(), (first, other))) == [f"{first.id}.jpg", None]


def test_a_track_that_appears_anew_has_no_old_picture(desk):
    desk.ledger([(observation(shot=shot()), ())])
    assert pictures(desk, (observation(change="appeared"), (decision(),))) == [None]


def test_at_a_door_the_picture_is_of_whoever_was_just_seen(desk):
    def asked(at):
        return decision(trigger="access", kind="access.denied", verdict="deny", track=None, door="main", at=at)

    desk.ledger([(observation(shot=shot(JPEG + b"old")), ()), (observation(track=9, shot=shot()), ())])
    soon, late = asked(NOON + timedelta(seconds=3)), asked(NOON + timedelta(seconds=30))
    assert pictures(desk, (Tick(NOON), (soon, late))) == [f"{soon.id}.jpg", None]
    assert desk.evidence.read(f"{soon.id}.jpg") == JPEG


def test_a_camera_that_is_lost_shows_nobody(desk):
    desk.ledger([(observation(shot=shot()), ())])
    lost = decision(trigger="camera", kind="camera.lost", verdict=None, rule=None, track=None)
    assert pictures(desk, (Tick(NOON), (lost,))) == [None]


def test_a_picture_that_cannot_be_kept_does_not_cost_the_event(desk, caplog):
    (desk.directory / "evidence").write_text("a file where the directory should be")
    assert pictures(desk, (observation(shot=shot()), (decision(),))) == [None]
    assert "could not be kept" in caplog.text
    assert pictures(desk, (observation(shot=shot(bytes(60_000))), (decision(),))) == [None]
    assert seqs(desk) == [1, 2]


# --- several processes ---------------------------------------------------------------------------------------------

APPEND = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from ledger_samples import decision, observation, open_desk
desk = open_desk(Path(sys.argv[2]), 20_000, sys.argv[3])
for _ in range(int(sys.argv[4])):
    events = desk.ledger([(observation(), (decision(notify=("ops",)),)) for _ in range(3)])
    print(*(event.decision.id for event in events), flush=True)
"""


def start_appending(directory: Path, url: str, batches: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", APPEND, str(TESTS), str(directory), url, str(batches)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": ""})


def test_two_processes_append_without_gap_or_repetition(desk, tmp_path, database):
    writers = [start_appending(tmp_path, database, 10) for _ in range(2)]
    outputs = [writer.communicate()[0].split() for writer in writers]
    assert [writer.returncode for writer in writers] == [0, 0]
    assert seqs(desk) == list(range(1, 61))
    with reading(desk.engine) as connection:
        assert sorted(connection.scalars(select(event.c.id))) == sorted(outputs[0] + outputs[1])


def test_kill_in_the_middle_of_appends_loses_no_acknowledged_event(desk, tmp_path, database):
    writer = start_appending(tmp_path, database, 100_000)
    assert writer.stdout is not None
    with writer.stdout as output:
        acknowledged = [output.readline() for _ in range(10)]
        writer.send_signal(signal.SIGKILL)
        acknowledged += output.readlines()
    writer.wait()
    with writing(desk.engine):  # a server may yet be at the commit that it was given last
        pass
    *whole, last = [line.split() for line in acknowledged]
    known = {
        event_id for line in [*whole, *([last] if len(last) == 3 else [])] for event_id in line if len(event_id) == 36
    }
    with reading(desk.engine) as connection:
        found = set(connection.scalars(select(event.c.id)))
        count = connection.execute(select(func.count()).select_from(event)).scalar_one()
    assert known <= found
    assert seqs(desk) == list(range(1, count + 1))
    assert count % 3 == 0
    assert len(SqlOutbox(desk.engine, limit=10**6).due(NOON)) == count
    assert [written.seq for written in desk.ledger([(observation(box=BOX), (decision(),))])] == [count + 1]


EVERY_KIND = (
    observation(),
    CameraReport("front", NOON, "live"),
    CameraReport("front", NOON, "lost", changed=True),
    DoorReport("main", NOON, "locked", "normal"),
    DoorReport("main", NOON, "locked", "forced_open"),
    DoorSensed("main", NOON, "open"),
    DoorSensed("main", NOON, "open", tamper=True),
    ModeReport(NOON, "night"),
    AccessRequest("r1", NOON, "main", None, frozenset(), None, frozenset(), "none", NOON),
)


def test_every_input_is_known_by_its_identity_once_it_is_on_record(desk):
    others = (
        observation(),
        CameraReport("front", NOON + timedelta(seconds=1), "live"),
        CameraReport("back", NOON, "live"),
        DoorReport("main", NOON, "unlocked", "normal"),
    )
    assert desk.ledger.known(EVERY_KIND) == set()
    desk.ledger([(entry, ()) for entry in EVERY_KIND])
    assert desk.ledger.known((*others, *EVERY_KIND)) == {identity_of(entry) for entry in EVERY_KIND}


def test_what_is_written_again_in_part_is_on_record_once(desk):
    judged = [(entry, (decision(),)) for entry in EVERY_KIND] + [(Tick(NOON), (decision(),))]
    events = desk.ledger(judged)
    assert desk.ledger([*judged, (observation(), ())]) == events
    told = list(Events(desk.engine).inputs_since(NOON - timedelta(days=1)))
    assert len(told) == len(judged) + 1


@pytest.mark.parametrize("broken", [float("nan"), 2**60, "\ud800", object()])
def test_a_value_that_no_record_can_hold_is_told_from_an_outage(desk, broken):
    with pytest.raises(Unrecordable):
        desk.ledger([(observation(), (decision(details={"value": broken}),))])
