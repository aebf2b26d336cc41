"""Cameras, zones, models and rules edited while the service runs: applied without a restart, and only what changed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from surveillance.app import cameras, commands, shapes
from surveillance.app.engine import running_engine
from surveillance.app.runtime import CORE_STATUS
from surveillance.app.site_edit import Edited, apply_plan, export_site, plan_site
from surveillance.app.store import Store, open_store, upgrade_database
from surveillance.app.worker import CamerasHere
from surveillance.domain.errors import SettingsError
from surveillance.domain.site import Camera
from surveillance.engines.cameras import CameraWork
from surveillance.engines.core import Core
from surveillance.engines.site import Tell
from surveillance.settings import Settings
from surveillance.storage.queries import EventFilter
from surveillance.storage.state import SharedState

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

    def close(self) -> None:
        self.here.close()


class RunningSite:
    """A site whose engine runs in this process."""

    def __init__(self, settings: Settings, store: Store, place: CountingPlace) -> None:
        self.settings = settings
        self.store = store
        self.place = place

    @property
    def status(self) -> dict[str, Any]:
        told = SharedState(self.store.engine).get_dated(CORE_STATUS)
        return told[0] if told else {}

    def applies(self, edited: Edited) -> bool:
        """Whether core comes to that version by itself."""
        return eventually(lambda: self.status["configuration_version"] == edited.version)

    def is_live(self, *names: str) -> bool:
        """Whether exactly these cameras come to be seen live."""
        return eventually(
            lambda: (
                {name: told["state"] for name, told in self.status["cameras"].items()} == dict.fromkeys(names, "live")
            )
        )

    def logged(self, zone: str) -> list[Any]:
        page, _ = self.store.events.page(EventFilter(kind="sighting.logged"), None, 100)
        return [event["track"] for event in page if zone in event["zones"]]


def eventually(true: Callable[[], bool], within_s: float = 40.0) -> bool:
    ends_s = time.monotonic() + within_s
    while not true() and time.monotonic() < ends_s:
        time.sleep(0.05)
    return true()


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
        yield RunningSite(settings, store, places[0])


def test_every_edit_applies_while_the_service_runs(site: RunningSite, tmp_path: Path) -> None:
    settings, opened = site.settings, site.place.opened
    added = cameras.add_camera(settings, cameras.new_camera(settings, {"name": "garden", "url": "synthetic://garden"}))
    assert site.applies(added)
    assert site.is_live("garden")
    assert cameras.list_cameras(settings)[0].state == "live"

    assert site.applies(cameras.add_camera(settings, Camera("yard", "synthetic://yard?empty=1")))
    assert site.is_live("garden", "yard")
    assert opened == ["garden", "yard"], "the first one went on"

    assert site.applies(shapes.set_zone(settings, "garden", "lawn", "0,0 1,0 1,1 0,1", None))
    rules = tmp_path / "rules.yaml"
    rules.write_text(RULES, encoding="utf-8")
    commands.apply_rules(settings, rules)
    assert eventually(lambda: len(site.logged("lawn")) > 0), "the zone and the rule are in force"
    assert opened == ["garden", "yard"], "a zone opens no camera anew"

    assert site.applies(cameras.set_camera(settings, "yard", ["model=embedded"]))
    assert site.is_live("garden", "yard")
    assert opened == ["garden", "yard", "yard"]

    with pytest.raises(SettingsError, match="a rule names what this takes away: database:4: rule lawn"):
        cameras.remove_camera(settings, "garden")
    assert site.applies(cameras.remove_camera(settings, "yard"))
    assert site.is_live("garden")
    assert site.applies(cameras.set_camera(settings, "garden", ["enabled=no"]))
    assert site.is_live()
    assert opened == ["garden", "yard", "yard"]


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
    assert sorted(site.place.opened) == ["garden", "hall", "yard"]
