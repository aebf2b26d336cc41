"""Labels become a candidate in a process of its own; it goes into shadow, and only people's labels can propose it."""

from __future__ import annotations

import json
import sys
import tarfile
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from surveillance.app.candidates import list_candidates, reject
from surveillance.app.jobs import run_job
from surveillance.app.proposals import decide, propose, standings
from surveillance.app.retrain import free_name
from surveillance.app.retraining import Retraining, model_in_use, why_not_now
from surveillance.app.site_edit import open_site
from surveillance.app.store import Store
from surveillance.domain.errors import NotFound, SurveillanceError, UserMistake
from surveillance.domain.geometry import Box
from surveillance.domain.labels import Pick, Said
from surveillance.domain.shadow import ShadowVote
from surveillance.domain.site import Camera, Site
from surveillance.domain.values import Decision, Shot, new_id
from surveillance.jobs.settings import RetrainingSettings
from surveillance.perception.cards import find_card
from surveillance.settings import Settings
from surveillance.storage.job_record import JobRecord, JobRun
from surveillance.storage.queries import EventFilter
from surveillance.storage.shadows import Shadows

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
SITE = Site(cameras=(Camera("yard", "synthetic://yard"), Camera("gate", "synthetic://gate")))
LABELS = ("animal", "background", "person", "vehicle")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    wide = {"camera_day_max": 1000, "camera_max": 1000}
    jobs = {"retraining": {"least_labels": 50, "epochs": 1}}
    made = Settings(data_dir=tmp_path / "data", jobs=jobs, labeling=wide)
    open_site(made).site.seed(SITE)
    return made


@pytest.fixture(scope="module")
def crops(footage: Path) -> dict[str, list[bytes]]:
    """Forty crops of each label."""
    found: dict[str, list[bytes]] = {label: [] for label in LABELS}
    with tarfile.open(footage / "crops.tar") as tar:
        for member in tar:
            label = member.name.split("/")[1] if member.name.endswith(".jpg") else ""
            if label in found and len(found[label]) < 40 and int(member.name[-6:-4] or 0) % 7 == 0:
                found[label].append(tar.extractfile(member).read())  # type: ignore[union-attr]
    return found


def label(store: Store, crops: dict[str, list[bytes]]) -> int:
    """A person labels every crop; how many."""
    count = 0
    for name, jpegs in crops.items():
        for jpeg in jpegs:
            count += 1
            at = NOON - timedelta(minutes=count)
            shot = Shot(jpeg, Box(0, 0, 1, 1), at)
            made = store.crops.queue(
                Pick("sampled", "yard", f"yard:{count}:1", shot, Said(name, 0.6, "embedded"), count)
            )
            store.labels.say([made], name, "ada")
    return count


def kinds(store: Store) -> list[str]:
    return [row["kind"] for row in reversed(store.events.page(EventFilter(kind="model."))[0])]


def test_labels_become_a_candidate_in_shadow(settings: Settings, crops: dict[str, list[bytes]]) -> None:
    store, began = open_site(settings), datetime.now(UTC)
    ran = run_job(settings, "retraining", "ada", 300)
    assert (ran.ok, ran.result) == (
        False,
        "no crop has a label yet; give some on the dashboard's page Labels, then collect again",
    )
    assert label(store, crops) == 160
    ran = run_job(settings, "retraining", "ada", 300)
    assert ran.ok, ran.result
    [standing] = standings(store.engine)
    name = standing.model
    assert name in {f"embedded-{day:%Y%m%d}-1" for day in (began, datetime.now(UTC))}
    card = find_card(name, settings.model_dirs)
    assert card.labels == LABELS
    assert "embedded" in str(card.training["recipe"]["weights"])
    assert kinds(store)[:1] == ["model.trained"]
    assert (standing.current, standing.dataset) == ("embedded", "site/v1")
    assert standing.comparison is not None
    assert 20 <= standing.comparison.count <= 80, "three tracks in ten test"
    if standing.comparison.is_worse:
        assert kinds(store) == ["model.trained", "model.rejected"]
    else:
        assert kinds(store) == ["model.trained", "model.shadow_started"]
        assert Shadows(store.engine).order().model == name  # type: ignore[union-attr]
    assert {camera.model for camera in store.site.read().cameras} == {None}, "no camera is touched"
    assert not (settings.data_dir / "retraining").exists()

    again = run_job(settings, "retraining", "ada", 300)
    assert again.result == "0 new labels; 50 are needed (jobs.retraining.least_labels)"
    made_on = datetime.strptime(name, "embedded-%Y%m%d-1").replace(tzinfo=UTC)
    assert free_name(settings, name, made_on) == name[:-1] + "2", "never over one that is there"


def test_a_label_without_pictures_is_a_mistake(settings: Settings, crops: dict[str, list[bytes]]) -> None:
    label(open_site(settings), {name: crops[name] for name in LABELS[:3]})
    ran = run_job(settings, "retraining", None, 300)
    assert not ran.ok
    assert ran.result.startswith("no picture to train on is labeled vehicle; label some, or name a folder")


def test_a_retraining_that_is_stopped_is_gone_on_with(settings: Settings, crops: dict[str, list[bytes]]) -> None:
    settings = with_epochs(settings, 4)
    store = open_site(settings)
    label(store, crops)
    stopping, told = threading.Event(), []
    work = Retraining(settings, store.engine, store.site.read, told.append, stopping, check=lambda s, name: None)
    run = settings.data_dir / "retraining" / "run"
    watcher = threading.Thread(target=lambda: stop_after_an_epoch(run, stopping))
    watcher.start()
    with pytest.raises(SurveillanceError, match="ended before it was done"):
        work()
    watcher.join()
    before = (run / "epochs.jsonl").read_text().splitlines()
    assert 1 <= len(before) < 4
    stopping.clear()
    days = [datetime.now(UTC)]
    again = Retraining(settings, store.engine, store.site.read, told.append, stopping, check=lambda s, name: None)
    words = again().words
    days.append(datetime.now(UTC))
    assert any(f"embedded-{day:%Y%m%d}-1" in words for day in days)
    assert told[0].kind == "model.trained"


def with_epochs(settings: Settings, epochs: int) -> Settings:
    how = settings.jobs.retraining.model_copy(update={"epochs": epochs})
    return settings.model_copy(update={"jobs": settings.jobs.model_copy(update={"retraining": how})})


def stop_after_an_epoch(run: Path, stopping: threading.Event) -> None:
    for _ in range(24_000):  # a busy machine takes long to load torch
        if (run / "epochs.jsonl").is_file() and (run / "epochs.jsonl").read_text():
            stopping.set()
            return
        threading.Event().wait(0.01)


# --- proposals -----------------------------------------------------------------------------------------------------


def trained(store: Store, model: str, **counts: int) -> None:
    from surveillance.app.proposals import remember_trained
    from surveillance.training.compare import compare_pairs
    from tests.unit.test_compare import answers

    page = {"both": 0, "only_current": 0, "only_candidate": 0, "neither": 0} | counts
    comparison = compare_pairs(*answers(*page.values())).as_json()
    remember_trained(
        store.engine, {"model": model, "current": "embedded", "dataset": "site/v1", "comparison": comparison}
    )


def shown(store: Store, model: str, count: int, truth: str, candidate: str) -> None:
    """Tracks in shadow whose crops a person labeled."""
    votes = []
    for number in range(count):
        at = NOON + timedelta(seconds=number)
        pick = Pick(
            "sampled", "yard", f"{truth}{number}", Shot(b"jpeg", Box(0, 0, 1, 1), at), Said("person", 0.6, "m"), number
        )
        store.labels.say([store.crops.queue(pick)], truth, "ada")
        votes.append(ShadowVote(new_id(), at, "yard", number, at, "embedded", model, "person", 0.8, candidate, 0.9, 5))
    Shadows(store.engine).write(votes)


@pytest.fixture
def store(settings: Settings) -> Store:
    return open_site(settings)


@pytest.fixture
def told() -> list[Decision]:
    return []


def test_a_better_candidate_is_proposed_once(store: Store, told: list[Decision]) -> None:
    trained(store, "new", both=150, only_candidate=20, only_current=5, neither=24)
    assert propose(store.engine, told.append).words == "nothing to propose"
    assert told == [], "199 are not enough"
    shown(store, "new", 1, "animal", "animal")
    assert propose(store.engine, told.append).words == "proposed new"
    [event] = told
    assert event.kind == "model.proposed"
    assert event.reasons[0].startswith("new is proposed: new is better than embedded: 85.5% against 77.5% of 200")
    assert json.dumps(dict(event.details))
    assert propose(store.engine, told.append).words == "nothing to propose"
    assert len(told) == 1
    decide(store.engine, "new", "rejected by ada")
    propose(store.engine, told.append)
    assert (standings(store.engine)[0].decided, len(told)) == ("rejected by ada", 1)


def test_evidence_is_looked_at_again_only_once_it_has_grown(store: Store, told: list[Decision]) -> None:
    trained(store, "new", both=200)
    propose(store.engine, told.append)
    shown(store, "new", 30, "animal", "animal")
    assert standings(store.engine)[0].comparison.is_better  # type: ignore[union-attr]
    propose(store.engine, told.append)
    assert told == []
    shown(store, "new", 20, "vehicle", "vehicle")  # 250: a quarter more
    propose(store.engine, told.append)
    assert [event.kind for event in told] == ["model.proposed"]


def test_a_person_rejects_a_candidate(settings: Settings, store: Store) -> None:
    trained(store, "new", both=150, only_candidate=20, only_current=5, neither=25)
    Shadows(store.engine).begin("new", [], "surveillance")
    [page] = list_candidates(settings)
    assert (page["model"], page["decided"]) == ("new", "")
    assert page["words"].startswith("new is better than embedded: 85.0% against 77.5% of 200 examples")
    reject(settings, "new", "ada")
    assert list_candidates(settings)[0]["decided"] == "rejected by ada"
    assert Shadows(store.engine).order() is None
    assert kinds(store) == ["model.shadow_started", "model.shadow_ended", "model.rejected"]


def test_who_is_no_candidate_cannot_be_decided(store: Store) -> None:
    with pytest.raises(NotFound, match="other is no candidate"):
        decide(store.engine, "other", "rejected by ada")


# --- when ----------------------------------------------------------------------------------------------------------


def test_it_runs_in_its_night_once_and_only_when_switched_on(store: Store) -> None:
    record = JobRecord(store.engine)
    sunday = datetime(2026, 11, 22, 3).astimezone()

    def why(now: datetime, **more: Any) -> str | None:
        return why_not_now(RetrainingSettings(enabled=True, **more), record, lambda: now.astimezone(UTC))

    assert why_not_now(RetrainingSettings(), record, lambda: sunday) == "switched off (jobs.retraining.enabled)"
    assert why(sunday) is None
    assert why(sunday + timedelta(days=1)) == "waits for sun 02:00"
    assert why(sunday + timedelta(hours=4)) == "waits for sun 02:00"
    assert why(sunday, hour=4) == "waits for sun 04:00"
    ended = sunday.astimezone(UTC)
    record.write(JobRun("retraining", ended, ended, False, "it failed"))
    assert why(sunday + timedelta(hours=1)) == "has run this night"
    assert why(sunday + timedelta(days=7)) is None


def test_most_cameras_say_which_model_is_trained_on() -> None:
    cameras = (
        Camera("a", "u"),
        Camera("b", "u", model="m"),
        Camera("c", "u", model="m"),
        Camera("d", "u", enabled=False),
    )
    assert model_in_use(Site(cameras=cameras), "embedded") == "m"
    assert model_in_use(Site(), "embedded") == "embedded"


def test_no_torch_in_core(settings: Settings) -> None:
    import subprocess

    code = "import sys, surveillance.app.engine, surveillance.app.retraining; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_unknown_labels_are_a_mistake(settings: Settings, crops: dict[str, list[bytes]]) -> None:
    store = open_site(settings)
    label(store, {**crops, "robot": crops["person"][:5]})
    work = Retraining(settings, store.engine, store.site.read, lambda made: None, threading.Event())
    with pytest.raises(UserMistake, match="pictures are labeled robot, which the model does not know; label them anew"):
        work()
