"""The figures of all processes come together at core and are read from the database by the dashboard."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from ledger_samples import NOON, decision, notification, observation

from surveillance.app.core import SiteInForce, build_core
from surveillance.app.measuring import FIGURES, RECOGNIZER_FILE, FiguresFile, Gathered, Publisher
from surveillance.app.runtime import REPORT, runtime_dir
from surveillance.app.store import Store, open_store, upgrade_database
from surveillance.dashboard.metrics import HELP
from surveillance.engines.figures import Figures
from surveillance.engines.measured import CameraFigures, MeasuredInbox, MeasuredRecord
from surveillance.settings import Settings
from surveillance.storage.ledger import SqlLedger
from surveillance.storage.state import SharedState

STATUS = {
    "configuration_version": 3,
    "core_age_s": 0.1,
    "cameras": {"front": {"state": "live"}, "yard": {"state": "lost"}, "gate": {"state": "live"}},
}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path)


@pytest.fixture
def store(settings: Settings) -> Store:
    upgrade_database(settings)
    return open_store(settings)


def gathered(settings: Settings, store: Store) -> dict[tuple[str, ...], object]:
    return {
        (name, *labels.values()): value[:-1] if isinstance(value, list) else value
        for _, name, labels, value in Gathered(settings, store)()["samples"]
    }


def test_everything_that_is_told_reaches_the_dashboard(settings: Settings, store: Store) -> None:
    figures, recognizer, worker = Figures(), Figures(), Figures()
    running = build_core(settings, store, SiteInForce(settings, store), lambda: None, figures=figures)
    publisher = Publisher(settings, SharedState(store.engine), running.core, figures)
    recognizer.count("recognizer_batches", 5, model="embedded")
    FiguresFile(runtime_dir(settings) / RECOGNIZER_FILE).write(recognizer)
    CameraFigures("front", worker).read(1)
    figures.absorb("worker-1", worker.as_json())
    report = {"web": {"pid": 1, "restarts": 2, "last_end": "exit code 1", "last_end_at": None}}
    (runtime_dir(settings) / REPORT).write_text(json.dumps(report), encoding="utf-8")
    told = decision(at=NOON, notify=("ops",))
    publisher.settled([notification(told).moved_to("done")])
    publisher(STATUS)
    publisher(STATUS)
    found = gathered(settings, store)
    assert found.pop(("database_bytes",)) > 4096
    assert found.pop(("disk_free_bytes",)) > 0
    assert 0 <= found.pop(("core_heartbeat_age_seconds",)) < 60
    assert found == {
        ("actions", "notify", "done"): 1,
        ("cameras", "blinded"): 0,
        ("cameras", "frozen"): 0,
        ("cameras", "live"): 2,
        ("cameras", "lost"): 1,
        ("cameras", "moved"): 0,
        ("configuration_applied_version",): 3,
        ("configuration_desired_version",): 0,
        ("events",): 0,
        ("frames_read", "front"): 1,
        ("media_bytes", "recordings"): 0,
        ("media_bytes", "shots"): 0,
        ("outbox_oldest_seconds",): 0,
        ("process_restarts", "web"): 2,
        ("queue_length", "core"): 0,
        ("queue_length", "front", "mailbox"): 1,
        ("queue_length", "spool"): 0,
        ("recognizer_batches", "embedded"): 5,
    }
    assert {name for name, *_ in found} <= HELP.keys()


def test_gauges_of_a_silent_core_are_left_out(settings: Settings, store: Store) -> None:
    figures = Figures()
    figures.count("frames_analyzed", camera="front")
    figures.set("queue_length", 3, queue="core")
    SharedState(store.engine).put(FIGURES, figures.as_json())
    assert ("queue_length", "core") in gathered(settings, store)
    silent = settings.model_copy(update={"dashboard": settings.dashboard.model_copy(update={"core_silent_s": -1.0})})
    found = gathered(silent, store)
    assert ("queue_length", "core") not in found
    assert found["frames_analyzed", "front"] == 1


def test_commits_decisions_and_answers_are_counted(store: Store) -> None:
    figures = Figures()
    record = MeasuredRecord(SqlLedger(store.engine, store.evidence, lambda decision: ()), figures)
    made = decision(at=NOON, rule="night-yard", verdict="alert")
    events = record([(observation(), (made,)), (observation(), ())])
    assert [event.decision.id for event in events] == [made.id]
    inbox = MeasuredInbox(store.inbox, figures)
    asked = store.inbox.ask("access.request", {}, datetime.now(UTC) + timedelta(seconds=60))
    assert [question.id for question in inbox.pending()] == [asked]
    assert inbox.answer(asked, {"verdict": "deny"})
    assert not inbox.answer(asked, {"verdict": "deny"})
    counts = {
        (sample.name, *sample.labels.values()): sum(sample.value[:-1])
        if isinstance(sample.value, list)
        else sample.value
        for sample in figures.samples()
    }
    assert counts == {
        ("answer_seconds", "access.request"): 1,
        ("commit_seconds",): 1,
        ("decisions", "night-yard", "alert"): 1,
        ("observations_recorded",): 2,
    }


def test_a_recognizer_that_writes_no_more_goes_out_of_date(tmp_path: Path) -> None:
    now_s = [100.0]
    recognizer, core = Figures(), Figures(lambda: now_s[0])
    recognizer.set("queue_length", 2, queue="recognizer")
    recognizer.count("recognizer_batches")
    file = FiguresFile(tmp_path / "figures.json")
    file.absorb(core, "recognizer")  # before it is there
    file.write(recognizer)
    for _ in range(3):
        now_s[0] += 3.0
        file.absorb(core, "recognizer")
    assert [sample.name for sample in core.samples()] == ["recognizer_batches"]
    file.write(recognizer)
    os.utime(tmp_path / "figures.json", (0, 0))  # another time than before, whatever the clock's step is
    file.absorb(core, "recognizer")
    assert [sample.name for sample in core.samples()] == ["queue_length", "recognizer_batches"]
