"""The service as a whole, without a picture: badges at the real API, a real relay, rules edited while it runs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from fakes import decision, observation
from patience import eventually
from ports import free_port

from surveillance.app.engine import forget_requests
from surveillance.app.runtime import CORE_STATUS
from surveillance.app.service import RunningSite, running_site
from surveillance.app.store import open_store, relay_token, upgrade_database
from surveillance.dashboard import DashboardSettings
from surveillance.demo.controller import DoorController
from surveillance.demo.reader import present
from surveillance.domain.values import Action
from surveillance.settings import Settings
from surveillance.storage.ledger import SqlLedger
from surveillance.storage.outbox import SqlOutbox
from surveillance.storage.queries import EventFilter
from surveillance.storage.rule_texts import split_rules
from surveillance.storage.state import SharedState

SITE = """
cameras:
  - {{name: porch, url: "rtsp://127.0.0.1:1/nobody"}}
doors:
  - {{name: back, relay: "{back}", pulse_s: 1}}
  - {{name: front, camera: porch, relay: "{front}", pulse_s: 1}}
people:
  - name: Grace
    groups: [staff]
    credentials:
      - {{kind: badge, value: "1906"}}
      - {{kind: badge, value: "1992", valid_until: "2020-01-01"}}
rules:
  - name: staff
    on: access
    verdict: authorize
    when: '"staff" in groups and "badge" in factors'
"""
TIGHTER = """
- name: staff
  on: access
  verdict: authorize
  when: door == "front" and "staff" in groups and "badge" in factors
"""


class Site:
    """A running site with its door controller, and a reader's way in."""

    def __init__(self, running: RunningSite, controller: DoorController, rules_dir: Path) -> None:
        self.running = running
        self.controller = controller
        self.rules_dir = rules_dir
        self._token = running.store.accounts.create_token("reader", ["access:request"])

    def badge(self, door: str, badge: str) -> dict[str, Any]:
        return present(self.running.address, self._token, door, badge)

    def kinds(self) -> list[str]:
        page, _ = self.running.store.events.page(EventFilter(), None, 200)
        return [event["kind"] for event in page]

    def applied(self) -> dict[str, Any]:
        told = SharedState(self.running.store.engine).get_dated(CORE_STATUS)
        return told[0] if told else {}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("site")
    rules_dir = folder / "rules"
    rules_dir.mkdir()
    dashboard = DashboardSettings(port=free_port(), access_deadline_ms=4500)  # no longer than the reader waits
    settings = Settings(data_dir=folder / "data", rules_dir=rules_dir, dashboard=dashboard)
    upgrade_database(settings)
    keys = open_store(settings).keys
    tokens = {door: relay_token(keys, door) for door in ("back", "front")}
    assert tokens["back"] != tokens["front"]
    with DoorController(["back", "front"], tokens["back"]) as controller:
        site_file = folder / "site.yaml"
        relays = {door: controller.relay_url(door) for door in tokens}
        site_file.write_text(SITE.format(**relays), encoding="utf-8")
        with running_site(settings, site_file, lambda line: None) as running:
            yield Site(running, controller, rules_dir)


def test_a_badge_opens_its_door_once(site: Site) -> None:
    answer = site.badge("back", "1906")
    assert (answer["verdict"], answer["reasons"][0]) == ("authorize", 'staff: groups = {"staff"}, factors = {"badge"}')
    assert eventually(lambda: site.controller.strikes["back"].pulses == 1)
    assert eventually(lambda: "door.accessed" in site.kinds() and "door.locked" in site.kinds())
    event = site.running.store.events.one(answer["event"])
    assert event is not None
    assert [(action["kind"], action["state"]) for action in event["actions"]] == [("door.open", "done")]


def test_every_reason_for_a_denial_is_told(site: Site) -> None:
    answer = site.badge("back", "1992")
    assert answer["verdict"] == "deny"
    assert "credential_expired" in answer["reasons"]
    unknown = site.badge("back", "0000")
    assert (unknown["verdict"], "unauthorized" in unknown["reasons"]) == ("deny", True)


def test_a_door_with_a_dead_camera_stays_shut(site: Site) -> None:
    answer = site.badge("front", "1906")
    assert answer["verdict"] == "deny"
    assert any("porch" in reason for reason in answer["reasons"])
    assert site.controller.strikes["front"].pulses == 0


def test_an_edited_rule_applies_while_it_runs_and_a_broken_one_does_not(site: Site) -> None:
    store = site.running.store
    broken = site.rules_dir / "broken.yaml"
    broken.write_text("- name: x\n  on: access\n  verdict: authorize\n  when: badge in\n", encoding="utf-8")
    assert eventually(lambda: "configuration.rejected" in site.kinds())
    assert eventually(lambda: "broken.yaml:4" in site.applied()["rule_fault"]), "told a moment later"
    assert site.badge("back", "1906")["verdict"] == "authorize", "the old book goes on"
    broken.unlink()

    version = store.site.save_rules(split_rules(TIGHTER, "test"), "test")
    assert eventually(lambda: site.applied()["configuration_version"] == version)
    assert site.badge("back", "1906")["verdict"] == "deny"


def test_nothing_from_before_the_start_opens_a_door(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    upgrade_database(settings)
    store = open_store(settings)
    later = datetime.now(UTC) + timedelta(hours=1)  # as after a clock that was set back
    grant = Action("a1", "e1", "door.open", "front", later, "e1", {"pulse_s": 1})
    granted = decision(observation(), "access.granted", "authorize", id="e1", door="front")
    SqlLedger(store.engine, store.evidence, lambda made: (grant,))([(observation(), (granted,))])
    asked = store.inbox.ask("access.request", {"door": "front"}, later)

    forget_requests(store)

    assert SqlOutbox(store.engine).due(datetime.now(UTC)) == []
    answer = store.inbox.answer_of(asked)
    assert answer is not None
    assert (answer["verdict"], answer["reasons"]) == ("deny", ["other: the service was started anew"])
