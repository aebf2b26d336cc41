"""One service and one core on a data directory, also in the moments in which its core is not there."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from surveillance.app.database import back_up_site, restore_site
from surveillance.app.locks import core_place, only_core, only_service, refuse_other_core
from surveillance.app.runtime import CORE_STATUS
from surveillance.app.service import running_site
from surveillance.app.store import open_store, upgrade_database
from surveillance.dashboard.settings import DashboardSettings
from surveillance.domain.errors import SettingsError
from surveillance.settings import Settings
from surveillance.storage.state import SharedState


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path / "data", dashboard=DashboardSettings(port=0))


def test_a_second_service_is_refused_while_the_first_has_no_core(settings: Settings) -> None:
    settings.data_dir.mkdir()
    refused = pytest.raises(SettingsError, match="another service runs on")
    with only_service(settings), refused, running_site(settings, None, print):
        pass
    assert sorted(path.name for path in settings.data_dir.iterdir()) == ["service.lock"]
    assert (settings.data_dir / "service.lock").stat().st_mode & 0o777 == 0o600


def test_nothing_is_restored_under_a_service_whose_core_is_away(settings: Settings, tmp_path: Path) -> None:
    upgrade_database(settings)
    open_store(settings).accounts.add("ada", "viewer", "correct horse")
    kept = back_up_site(settings, tmp_path / "kept.db", lambda *_: None)
    with only_service(settings), pytest.raises(SettingsError, match="another service runs on"):
        restore_site(settings, kept.file, False, lambda *_: None)
    with only_service(settings):
        restore_site(settings, kept.file, True, lambda *_: None)
    restore_site(settings, kept.file, False, lambda *_: None)


def test_no_core_begins_beside_another(settings: Settings) -> None:
    settings.data_dir.mkdir()
    refused = pytest.raises(SettingsError, match="another service runs on")
    with only_core(settings), refused, only_core(settings, 0.2):
        pass
    with only_core(settings, 0.2):
        pass


def test_no_core_begins_on_the_database_of_another(settings: Settings) -> None:
    upgrade_database(settings)
    store = open_store(settings)
    state, mine = SharedState(store.engine), core_place(store.keys)
    refuse_other_core(state, mine)
    state.put(CORE_STATUS, {"place": mine})
    refuse_other_core(state, mine)
    state.put(CORE_STATUS, {"place": "another"})
    refuse_other_core(state, mine, 0.5)  # that one is silent
    stop = threading.Event()

    def tell() -> None:
        while not stop.wait(0.1):
            state.put(CORE_STATUS, {"place": "another"})

    thread = threading.Thread(target=tell)
    thread.start()
    try:
        with pytest.raises(SettingsError, match="runs on this database"):
            refuse_other_core(state, mine, 20.0)
    finally:
        stop.set()
        thread.join()
