"""Cameras, zones, models and rules edited while the service runs: applied without a restart, and only what changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from patience import eventually
from ports import free_port

from surveillance.app import cameras, commands, shapes
from surveillance.app.engine import running_engine
from surveillance.app.runtime import CORE_STATUS
from surveillance.app.service import running_site
from surveillance.app.site_edit import Edited, apply_plan, export_site, plan_site
from surveillance.app.store import Store, open_store, upgrade_database
from surveillance.app.worker import CamerasHere
from surveillance.dashboard import DashboardSettings
from surveillance.domain.errors import SettingsError
from surveillance.domain.shadow import ShadowTold
from surveillance.domain.site import Camera
from surveillance.domain.values import Glimpse
from surveillance.engines.cameras import CameraWork
from surveillance.engines.core import Core
from surveillance.engines.site import Tell
from surveillance.settings import Settings
from surveillance.storage.queries import EventFilter
from surveillance.storage.state import SharedState

WITHIN_S = 120.0
RULES = """\
- name: lawn
  on: sighting
  verdict: log
  when: track_s >= 1 and "lawn" in zones
"""


@dataclass
class CountingPlace:
    """Cameras worked in this process; `opened` are the names of those that were opened, in order."""

    here: CamerasHere
    opened: list[str] = field(default_factory=list)

    def camera(self, configured: Camera, tell: Tell) -> CameraWork:
        self.opened.append(configured.name)
        return self.here.camera(configured, tell)

    def hurry(self, cameras: frozenset[str]) -> None:
        self.here.hurry(cameras)

    def listen(self, glimpsed: Callable[[Glimpse], None]) -> None:
        self.here.listen(glimpsed)

    def shadow(self, models: Mapping[str, str], told: Callable[[ShadowTold], None]) -> None:
        self.here.shadow(models, told)

    def close(self) -> None:
        self.here.close()


class RunningSite:
    """A site that runs, here or in processes of its own."""

    def __init__(self, settings: Settings, store: Store, opened: list[str]) -> None:
        self.settings = settings
        self.store = store
        self.opened = opened  # cameras that were opened, in order, where they are worked here

    @property
    def status(self) -> dict[str, Any]:
        told = SharedState(self.store.engine).get_dated(CORE_STATUS)
        return told[0] if told else {}

    def applies(self, edited: Edited) -> bool:
        """Whether core comes to that version by itself."""
        return eventually(lambda: self.status.get("configuration_version") == edited.version, WITHIN_S)

    def is_live(self, *names: str) -> bool:
        """Whether exactly these cameras come to be seen live."""

        def are_live() -> bool:
            told = self.status.get("cameras", {})  # core may not have told of itself yet
            return {name: camera["state"] for name, camera in told.items()} == dict.fromkeys(names, "live")

        return eventually(are_live, WITHIN_S)

    def events(self, kind: str) -> list[Mapping[str, Any]]:
        return list(self.store.events.page(EventFilter(kind=kind), None, 100)[0])

    def is_logged(self, zone: str) -> bool:
        """Whether somebody comes to be logged in that zone."""
        return eventually(lambda: any(zone in event["zones"] for event in self.events("sighting.logged")), WITHIN_S)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[RunningSite]:
    settings = Settings(data_dir=tmp_path / "data")
    upgrade_database(settings)
    store = open_store(settings)
    places: list[CountingPlace] = []

    def build_place(core: Core) -> CountingPlace:
        places.append(CountingPlace(CamerasHere(settings, core.failed)))
        return places[0]

    with running_engine(settings, store, build_place):
        yield RunningSite(settings, store, places[0].opened)


def test_every_edit_applies_while_the_service_runs(site: RunningSite, tmp_path: Path) -> None:
    settings, opened = site.settings, site.opened
    added = cameras.add_camera(
        settings, cameras.new_camera(settings, {"name": "front", "url": "synthetic://front-door"})
    )
    assert site.applies(added)
    assert site.is_live("front")
    assert cameras.list_cameras(settings)[0].state == "live"

    assert site.applies(cameras.add_camera(settings, Camera("yard", "synthetic://yard?empty=1")))
    assert site.is_live("front", "yard")
    assert opened == ["front", "yard"], "the first one went on"

    assert site.applies(shapes.set_zone(settings, "front", "lawn", "0,0 1,0 1,1 0,1", None))
    rules = tmp_path / "rules.yaml"
    rules.write_text(RULES, encoding="utf-8")
    commands.apply_rules(settings, rules)
    assert site.is_logged("lawn"), "the zone and the rule are in force"
    assert opened == ["front", "yard"], "a zone opens no camera anew"

    assert site.applies(cameras.set_camera(settings, "yard", ["model=embedded"]))
    assert site.is_live("front", "yard")
    assert opened == ["front", "yard", "yard"]

    with pytest.raises(SettingsError, match="a rule names what this takes away: database:4: rule lawn"):
        cameras.remove_camera(settings, "front")
    assert site.applies(cameras.remove_camera(settings, "yard"))
    assert site.is_live("front")
    assert site.applies(cameras.set_camera(settings, "front", ["enabled=no"]))
    assert site.is_live()
    assert opened == ["front", "yard", "yard"]


def test_a_whole_file_is_applied_as_one_version(site: RunningSite, tmp_path: Path) -> None:
    settings = site.settings
    cameras.add_camera(settings, Camera("yard", "synthetic://yard?empty=1"))
    assert site.applies(cameras.add_camera(settings, Camera("garden", "synthetic://garden?empty=1")))
    assert site.is_live("garden", "yard")
    file = tmp_path / "site.yaml"
    text = export_site(settings).replace("name: garden", "name: hall").replace("://garden", "://front-door")
    file.write_text(text, encoding="utf-8")
    plan = plan_site(settings, file)
    assert [str(change) for change in plan.changes] == ["camera garden removed", "camera hall added"]
    version = apply_plan(settings, plan)
    assert version == 3
    assert site.is_live("hall", "yard")
    assert site.status["configuration_version"] == version
    assert sorted(site.opened) == ["garden", "hall", "yard"]


def test_a_zone_opens_no_camera_anew_in_another_process_either(tmp_path: Path) -> None:
    port = free_port()
    settings = Settings(data_dir=tmp_path / "data", dashboard=DashboardSettings(port=port))
    cameras.add_camera(settings, Camera("front", "synthetic://front-door"))
    shapes.set_zone(settings, "front", "lawn", "0,0 0.01,0 0.01,0.01", None)
    rules = tmp_path / "rules.yaml"
    rules.write_text(RULES, encoding="utf-8")
    commands.apply_rules(settings, rules)
    with running_site(settings, None, lambda line: None) as running:
        site = RunningSite(settings, running.store, [])
        assert site.is_live("front")
        assert site.events("sighting.logged") == []
        found = len(site.events("camera.found"))
        assert site.applies(shapes.set_zone(settings, "front", "lawn", "0,0 1,0 1,1 0,1", None))
        assert site.is_logged("lawn")
        assert len(site.events("camera.found")) == found
        assert site.applies(cameras.set_camera(settings, "front", ["sensitivity=60", "min_confidence=0.2"]))
        assert len(site.events("camera.found")) == found, "neither do thresholds"
        assert site.applies(cameras.set_camera(settings, "front", ["analyze_fps=4"]))
        assert eventually(lambda: len(site.events("camera.found")) == found + 1, WITHIN_S), "this one is opened anew"
