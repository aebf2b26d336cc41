"""Crops to label out of a running core, and what retention says when they go."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from fakes import NoCameras
from ledger_samples import observation, shot
from patience import eventually

from surveillance.app.engine import running_engine
from surveillance.app.jobs import run_job
from surveillance.app.store import open_store, upgrade_database
from surveillance.engines.site import SiteEngine
from surveillance.settings import Settings
from surveillance.storage.labels import CropFilter
from surveillance.storage.settings import LabelingSettings, StorageSettings
from surveillance.storage.site_file import parse_site


class Home:
    age = timedelta(0)  # of the pictures

    def __init__(self, directory: Path, **labeling: object) -> None:
        storage = StorageSettings(disk_min_free_gb=0)
        self.settings = Settings(data_dir=directory, storage=storage, labeling=LabelingSettings(**labeling))  # type: ignore[arg-type]
        upgrade_database(self.settings)
        self.store = open_store(self.settings)
        self.store.site.seed(parse_site("rules: []", "site.yaml"))

    @contextmanager
    def core(self) -> Iterator[SiteEngine]:
        with running_engine(self.settings, self.store, lambda core: NoCameras()) as engine:
            yield engine

    def pass_by(self, engine: SiteEngine, number: int, **end: object) -> None:
        now = datetime.now(UTC)
        taken = replace(shot(), at=now - self.age)
        engine.core.put(observation(track=number, at=now, change="appeared", shot=taken, label="unknown"))
        engine.core.put(observation(track=number, at=now, change="left", **end))


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path, sampled_share=0.0)


def test_an_uncertain_track_waits_for_a_label_and_a_sure_one_does_not(home: Home) -> None:
    with home.core() as engine:
        home.pass_by(engine, 1, label="person", confidence=0.99)
        home.pass_by(engine, 2, label="unknown", confidence=0.5)
        home.pass_by(engine, 3, label="person", confidence=0.6)
        assert eventually(lambda: len(home.store.labels.page()) == 2)
    assert [(crop.track, crop.why, crop.guess) for crop in home.store.labels.page()] == [
        (2, "uncertain", "unknown"),
        (3, "uncertain", "person"),
    ]
    assert all(home.store.crops.path(crop.id).is_file() for crop in home.store.labels.page())


def test_switched_off_it_picks_nothing(tmp_path: Path) -> None:
    home = Home(tmp_path, enabled=False)
    with home.core() as engine:
        home.pass_by(engine, 1, label="unknown", confidence=0.5)
        assert eventually(lambda: len(home.store.events.observations("front", 1, datetime.now(UTC))) == 2)
    assert home.store.labels.page() == []


def test_retention_deletes_crops_by_their_days_with_their_files_and_says_so(home: Home) -> None:
    home.age = timedelta(days=31)
    with home.core() as engine:
        for number in range(3):
            home.pass_by(engine, number, label="unknown", confidence=0.5)
        assert eventually(lambda: len(home.store.labels.page()) == 3)
    first, second, third = home.store.labels.page()
    home.store.labels.say([third.id], "person", "ada")
    assert run_job(home.settings, "retention", "ada", 30).result.endswith(
        "2 waiting crops (2 kB): older than 30 days (labeling.waiting_days)"
    )
    assert not home.store.crops.path(first.id).exists()
    assert not home.store.crops.path(second.id).exists()
    assert [crop.id for crop in home.store.labels.page(CropFilter(waiting=None))] == [third.id]
