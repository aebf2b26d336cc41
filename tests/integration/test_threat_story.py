"""The threat level: locks down what is not exempt, outlasts a restart, and gives the doors back as they were."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from door_site import DoorSite, open_door_site, site_with

from surveillance.app.backtesting import backtest_rules, last_days
from surveillance.app.rulebook import rule_documents
from surveillance.app.simulation import Asked, simulate
from surveillance.app.store import relay_token
from surveillance.app.threats import THREAT, threat_now
from surveillance.demo.controller import DoorController
from surveillance.domain.site import Door
from surveillance.storage.database import writing
from surveillance.storage.keys import KeyStore

RULES = """
- {name: staff, on: access, verdict: authorize, when: ("badge" in factors and threat == "normal")}
"""
NAMES = ("front", "back", "garage", "exit")


@pytest.fixture
def controller(tmp_path: Path) -> Iterator[DoorController]:
    keys = KeyStore(tmp_path / "data" / "keys")
    with DoorController(NAMES, {door: relay_token(keys, door) for door in NAMES}) as running:
        yield running


@pytest.fixture
def site(tmp_path: Path, controller: DoorController) -> DoorSite:
    doors = tuple(
        Door(name, relay=f"http://127.0.0.1:{controller.port}/doors/{name}", lockdown_exempt=name == "exit")
        for name in NAMES
    )
    return open_door_site(tmp_path, site_with(None, doors=doors, rules=RULES))


def set_level(site: DoorSite, level: str, **more: Any) -> dict[str, Any]:
    told = {"level": level, "by": "grace", "address": "192.0.2.4", "reason": "an intruder", **more}
    question = site.store.inbox.ask(THREAT, told, datetime.now(UTC) + timedelta(seconds=10))
    site.settle()
    return site.answer(question)


def denied(site: DoorSite) -> list[str]:
    question = site.present()
    site.settle()
    return list(site.answer(question)["reasons"])


def modes(site: DoorSite) -> dict[str, str]:
    return {name: site.mode(name) for name in NAMES}


def test_a_lockdown_holds_over_a_restart_and_gives_the_doors_back_as_they_were(
    site: DoorSite, tmp_path: Path, controller: DoorController
) -> None:
    site.ordered("unlock", "back")
    site.ordered("block", "garage")
    before = {"front": "locked", "back": "unlocked", "garage": "blocked", "exit": "locked"}
    assert modes(site) == before
    answer = set_level(site, "lockdown")
    assert answer["doors"] == ["back", "front", "garage"]
    assert modes(site) == dict.fromkeys(("front", "back", "garage"), "locked_down") | {"exit": "locked"}
    [event] = site.events("threat.changed")
    assert (event["id"], event["reasons"], event["details"]) == (
        answer["event"],
        ["an intruder"],
        {"level": "lockdown", "before": "normal", "actor": "grace", "from": "192.0.2.4"},
    )
    assert site.events("door.commanded")[-1]["reasons"] == ["threat level lockdown: an intruder"]
    again = open_door_site(tmp_path)
    again.settle()
    assert modes(again) == modes(site)
    assert len(again.events("threat.changed")) == 1, "a restart changes no level"
    assert "the door is locked down" in denied(again)
    assert set_level(again, "normal", reason="all clear")["doors"] == ["back", "front", "garage"]
    again.settle()
    assert modes(again) == before
    assert (controller.strikes["back"].held, controller.strikes["front"].held) == (True, False)
    assert threat_now(again.settings)[0].reason == "all clear"


def test_a_lockdown_waits_for_nothing_that_cannot_be_kept(site: DoorSite) -> None:
    site.ordered("unlock", "back")
    with writing(site.store.engine) as connection:
        connection.exec_driver_sql("ALTER TABLE setting RENAME TO setting_away")
    assert set_level(site, "lockdown")["doors"] == ["back", "front", "garage"]
    with writing(site.store.engine) as connection:
        connection.exec_driver_sql("ALTER TABLE setting_away RENAME TO setting")
    assert set_level(site, "normal", reason="all clear")["doors"] == ["back", "front", "garage"]
    site.settle()
    assert modes(site) == dict.fromkeys(NAMES, "locked") | {"back": "unlocked"}


def test_a_door_that_was_locked_down_by_hand_stays_so(site: DoorSite) -> None:
    site.ordered("lock_down", "front")
    assert set_level(site, "lockdown")["doors"] == ["back", "garage"]
    assert set_level(site, "elevated")["doors"] == ["back", "garage"]
    assert site.mode("front") == "locked_down"


def test_what_is_judged_again_knows_the_level_of_its_time(site: DoorSite) -> None:
    set_level(site, "elevated")
    denied(site)
    set_level(site, "normal", reason="all clear")
    denied(site)
    kept = site.store.site.read()
    result = backtest_rules(site.settings, site.store, kept, rule_documents(site.settings, kept), last_days(1))
    assert (result.differs, sum(tally.now for tally in result.tallies)) == (0, 2)
    changed = [datetime.fromisoformat(event["at"]) for event in site.events("threat.changed")]
    asked = [Asked("Ada", "front", at + timedelta(milliseconds=1)) for at in changed]
    assert [told["verdict"] for _, told in simulate(site.settings, asked)] == ["deny", "authorize"]


def test_rules_ask_for_the_level_and_a_mistake_is_refused_in_words(site: DoorSite, tmp_path: Path) -> None:
    assert set_level(site, "elevated")["doors"] == []
    assert 'threat == "normal" but threat = "elevated"' in site.answer_to_badge()
    again = open_door_site(tmp_path)
    assert 'threat = "elevated"' in again.answer_to_badge()
    assert set_level(again, "elevated") == {"refused": "the threat level is elevated already"}
    assert set_level(again, "elevatd") == {"refused": "no threat level is called 'elevatd'; did you mean 'elevated'?"}
    assert set_level(again, "normal", reason="")["refused"].startswith("a reason is missing")
