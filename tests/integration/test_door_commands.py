"""Commands at doors from an operator to the relay and back: on record before anything moves, remembered for ever."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from door_site import DoorSite, open_door_site, site_with
from sqlalchemy import update

from surveillance.app.store import relay_token
from surveillance.demo.controller import DoorController
from surveillance.storage import tables
from surveillance.storage.database import writing
from surveillance.storage.keys import KeyStore


@pytest.fixture
def controller(tmp_path: Path) -> Iterator[DoorController]:
    keys = KeyStore(tmp_path / "data" / "keys")
    doors = ("front", "back")
    with DoorController(doors, {door: relay_token(keys, door) for door in doors}) as running:
        yield running


@pytest.fixture
def site(tmp_path: Path, controller: DoorController) -> DoorSite:
    return open_door_site(tmp_path, site_with(f"http://127.0.0.1:{controller.port}"))


def test_an_operator_opens_a_door_once_and_it_is_on_record_with_who_and_why(
    site: DoorSite, controller: DoorController
) -> None:
    answer = site.ordered("open", reason="a parcel")
    [event] = site.events("access.granted")
    assert answer == {"recorded": {"front": event["id"]}, "refused": ""}
    assert (event["verdict"], event["door"], event["reasons"], event["rule"]) == (
        "authorize",
        "front",
        ["a parcel"],
        None,
    )
    kept = {name: event["details"][name] for name in ("command", "actor", "from")}
    assert kept == {"command": "open", "actor": "ada", "from": "192.0.2.4"}
    assert controller.strikes["front"].pulses == 1
    assert site.mode() == "accessed"
    site.running.desk.tick(datetime.now(UTC) + timedelta(seconds=4))
    assert site.mode() == "locked"


def test_a_lasting_unlock_counts_when_the_controller_has_confirmed_it(
    site: DoorSite, controller: DoorController
) -> None:
    question = site.order("unlock")
    site.turn()
    assert (site.mode(), controller.strikes["front"].held) == ("locked", False), "on record, and nothing else yet"
    site.act()
    assert (site.mode(), controller.strikes["front"].held) == ("unlocked", True)
    assert set(site.answer(question)["recorded"]) == {"front"}
    site.ordered("lock", reason="closing time")
    assert (site.mode(), controller.strikes["front"].held) == ("locked", False)
    assert site.kinds("front") == ["door.commanded", "door.unlocked", "door.commanded", "door.locked"]
    assert site.events("door.locked")[0]["reasons"] == ["lock by ada: closing time"]


def test_a_lockdown_of_all_doors_is_one_commit_and_ends_only_by_its_release(
    site: DoorSite, controller: DoorController
) -> None:
    site.ordered("unlock", "back")
    site.ordered("lock_down", "front", "back", reason="alarm")
    assert (site.mode("front"), site.mode("back")) == ("locked_down", "locked_down")
    assert {strike.state()["lock"] for strike in controller.strikes.values()} == {"locked"}
    for command, word in (("open", "open"), ("unlock", "unlock"), ("lock", "lock")):
        assert site.ordered(command) == {"refused": "door front is locked down, and only its release ends that"}, word
    assert site.answer_to_badge() == "the door is locked down"
    site.ordered("lock_down_release", "front", reason="all clear")
    assert (site.mode("front"), site.mode("back")) == ("locked", "locked_down")


def test_an_illegal_or_careless_command_is_refused_in_words(site: DoorSite) -> None:
    assert site.ordered("lock_down_release") == {"refused": "door front is locked, so there is no lockdown to release"}
    assert site.ordered("open", reason="   ") == {"refused": "a reason is missing: it goes on record with the command"}
    assert site.ordered("explode")["refused"].startswith("no door command is called 'explode'; there are: block, lock,")
    assert site.ordered("open", "side") == {"refused": "no door is called 'side'; there are: back, front"}
    assert site.ordered("open", "") == {"refused": "no door is called ''; there are: back, front"}
    site.ordered("block")
    assert site.ordered("open") == {
        "refused": "door front is blocked, and does not obey open; it obeys lock, unlock, lock down"
    }
    assert site.events("access.granted") == []


def test_a_door_without_relay_can_be_locked_down_and_not_opened(tmp_path: Path) -> None:
    site = open_door_site(tmp_path, site_with(None))
    assert site.ordered("open") == {"refused": "door front has no relay, so nothing can open it"}
    assert set(site.ordered("lock_down")["recorded"]) == {"front"}
    assert site.mode() == "locked_down"


def test_of_several_doors_those_that_obey_do_and_the_others_are_named(site: DoorSite) -> None:
    site.ordered("lock_down", "back")
    answer = site.ordered("lock_down_release", "front", "back")
    assert set(answer["recorded"]) == {"back"}
    assert answer["refused"] == "door front is locked, so there is no lockdown to release"


def test_a_lockdown_of_any_age_holds_after_a_restart_and_is_told_to_the_controller(
    site: DoorSite, controller: DoorController, tmp_path: Path
) -> None:
    site.ordered("lock_down", reason="alarm")
    year_ago = datetime.now(UTC) - timedelta(days=400)
    with writing(site.store.engine) as connection:
        for table in (tables.input_, tables.event, tables.door_mode):
            connection.execute(update(table).values(at=year_ago))
    obeyed = controller.strikes["front"].orders
    again = open_door_site(tmp_path)
    question = again.present()
    again.settle()
    assert again.mode() == "locked_down"
    assert "the door is locked down" in again.answer(question)["reasons"]
    assert controller.strikes["front"].orders == obeyed + 1
    assert controller.strikes["front"].pulses == 0
    told = again.events("door.commanded")[-1]
    assert (told["details"]["actor"], told["reasons"]) == (
        "system",
        ["the service was started anew; the lockdown holds"],
    )


def test_a_lockdown_outlives_the_inputs_that_told_of_it(site: DoorSite, tmp_path: Path) -> None:
    site.ordered("lock_down")
    with writing(site.store.engine) as connection:
        connection.execute(tables.input_.delete())
    assert open_door_site(tmp_path).mode() == "locked_down"


def test_a_restart_forgets_a_release_that_never_came_on_record(site: DoorSite, tmp_path: Path) -> None:
    site.ordered("lock_down")
    site.order("lock_down_release")
    again = open_door_site(tmp_path)
    again.settle()
    assert again.mode() == "locked_down"


def test_the_status_shows_how_each_door_stands(site: DoorSite) -> None:
    nobody_tells = {"contact": None, "lock": None, "tamper": None, "fault": None, "doubt": "", "known_since": {}}
    assert site.running.desk.status()["front"] == {
        "mode": "locked",
        "alarm": "normal",
        "since": None,
        "relay": None,
        **nobody_tells,
    }
    site.ordered("unlock")
    told = site.running.desk.status()["front"]
    assert (told["mode"], told["relay"]["state"], told["relay"]["reason"]) == ("unlocked", "ok", "")
    assert told["since"] is not None
