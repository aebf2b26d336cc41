"""Whatever goes wrong, a door stays shut or is said to be unknown: one sentence per case, nothing of it simulated.

The real core, ledger, outbox and relay over HTTP, against a controller that misbehaves as each case says.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from door_site import PATIENT, RULES, held, open_door_site, site_with
from listener import DRIP, DROP, HANG, Listener, listening
from patience import eventually
from ports import free_port

from surveillance.actions.settings import ActionSettings
from surveillance.domain.errors import RuleError
from surveillance.domain.site import Door
from surveillance.domain.values import Action
from surveillance.rules.book import RuleDocument, parse_rulebook
from surveillance.storage.settings import StorageSettings

IMPATIENT = ActionSettings(relay_connect_timeout_s=5.0, relay_timeout_s=0.3, grant_ttl_s=10.0)


def paths(controller: Listener) -> list[str]:
    return [received.path for received in controller.received]


# --- the controller misbehaves --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Fault:
    sentence: str
    answer: int
    opened: str  # kind on record after a grant
    settings: ActionSettings = PATIENT
    location: str = ""


FAULTS = (
    Fault("a controller that refuses the token leaves the door shut", 401, "door.open_failed"),
    Fault("a controller that has seen the key leaves the door shut", 409, "door.open_failed"),
    Fault("a controller for which the deadline has passed leaves the door shut", 410, "door.open_failed"),
    Fault(
        "a redirect is not followed, so the door stays shut", 307, "door.open_failed", location="http://127.0.0.1:9/"
    ),
    Fault("a controller with an error of its own may have opened, so nobody knows", 500, "door.open_unknown"),
    Fault("a controller that hangs may have opened, so nobody knows", HANG, "door.open_unknown", IMPATIENT),
    Fault("a controller that drips its answer past the deadline may have opened", DRIP, "door.open_unknown", IMPATIENT),
    Fault("a controller that hangs up in the middle may have opened, so nobody knows", DROP, "door.open_unknown"),
)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.sentence)
def test_a_grant_at_a_controller_that_fails(fault: Fault, tmp_path: Path) -> None:
    with listening(fault.answer, location=fault.location) as controller:
        site = open_door_site(tmp_path, site_with(controller.url), fault.settings)
        site.present()
        site.settle()
        site.act(datetime.now(UTC) + timedelta(hours=1))
        assert site.kinds("front") == ["access.granted", fault.opened]
        assert (site.mode(), paths(controller)) == ("locked", ["/doors/front/pulse"])
        assert site.running.desk.status()["front"]["relay"]["state"] in ("failing", "unknown")


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.sentence)
@pytest.mark.parametrize("command", ["unlock", "lock"])
def test_a_lasting_order_that_is_not_confirmed_leaves_the_door_unknown_and_shut_to_grants(
    fault: Fault, command: str, tmp_path: Path
) -> None:
    with listening(fault.answer, location=fault.location) as controller:
        site = open_door_site(tmp_path, site_with(controller.url), fault.settings)
        site.ordered(command)
        assert site.mode() == "unknown"
        outcome = fault.opened.replace("open", command)
        assert sorted(site.kinds("front")) == sorted(["door.commanded", outcome, "door.unknown"])
        question = site.present()
        site.settle()
        assert "nobody knows how the door stands" in site.answer(question)["reasons"]
        assert paths(controller) == [f"/doors/front/{command}"]


def test_a_controller_that_is_not_there_leaves_the_door_shut(tmp_path: Path) -> None:
    site = open_door_site(tmp_path, site_with(f"http://127.0.0.1:{free_port()}"))
    site.present()
    site.settle()
    assert (site.kinds("front"), site.mode()) == (["access.granted", "door.open_failed"], "locked")
    site.ordered("unlock")
    assert site.mode() == "unknown"


@pytest.mark.parametrize("command", ["lock_down", "block"])
def test_a_lockdown_holds_although_its_controller_does_not_confirm(command: str, tmp_path: Path) -> None:
    with listening(500) as controller:
        site = open_door_site(tmp_path, site_with(controller.url))
        site.ordered(command)
        mode = {"lock_down": "locked_down", "block": "blocked"}[command]
        assert (site.mode(), paths(controller)) == (mode, ["/doors/front/lock"])
        assert site.kinds("front")[-1] == "door.lock_unknown"
        site.present()
        site.settle()
        assert paths(controller) == ["/doors/front/lock"]


def test_a_released_door_whose_controller_does_not_confirm_is_unknown(tmp_path: Path) -> None:
    with listening(200, 500) as controller:
        site = open_door_site(tmp_path, site_with(controller.url))
        site.ordered("lock_down")
        site.ordered("lock_down_release")
        assert site.mode() == "unknown"


# --- time ---------------------------------------------------------------------------------------------------------


def test_a_grant_that_is_not_acted_on_in_time_expires_unsent(tmp_path: Path) -> None:
    with listening(200) as controller:
        site = open_door_site(tmp_path, site_with(controller.url))
        question = site.present()
        site.turn()
        assert site.answer(question)["verdict"] == "authorize"
        site.act(datetime.now(UTC) + timedelta(seconds=11))
        assert (site.kinds("front")[-1], controller.received, site.mode()) == ("door.open_expired", [], "locked")


@pytest.mark.parametrize("hours", [1, -1])
def test_a_clock_that_jumps_opens_nothing_twice_and_nothing_late(hours: int, tmp_path: Path) -> None:
    with listening(200) as controller:
        site = open_door_site(tmp_path, site_with(controller.url))
        site.present()
        site.turn()
        jumped = datetime.now(UTC) + timedelta(hours=hours)
        site.act(jumped)
        site.act(jumped + timedelta(seconds=1))
        site.act(jumped + timedelta(hours=2))
        assert len(controller.received) == (0 if hours > 0 else 1)


def test_an_answer_that_comes_after_the_readers_deadline_opens_nothing(tmp_path: Path) -> None:
    with listening(200) as controller:
        site = open_door_site(tmp_path, site_with(controller.url))
        question = site.present(within_s=0.05)
        time.sleep(0.06)
        site.settle()
        assert (site.store.inbox.answer_of(question), controller.received, site.kinds("front")) == (None, [], [])


def test_an_order_that_core_takes_up_too_late_is_never_carried_out(tmp_path: Path) -> None:
    with listening(200) as controller:
        site = open_door_site(tmp_path, site_with(controller.url))
        question = site.order("unlock", within_s=0.05)
        time.sleep(0.06)
        site.settle()
        assert (site.store.inbox.answer_of(question), controller.received, site.kinds("front")) == (None, [], [])


# --- the same thing twice -----------------------------------------------------------------------------------------


def test_a_request_that_is_replayed_gets_its_first_answer_and_opens_once(tmp_path: Path) -> None:
    with listening(200) as controller:
        site = open_door_site(tmp_path, site_with(controller.url))
        first = site.present(key="reader:1")
        site.settle()
        assert site.present(key="reader:1") == first
        site.settle()
        assert len(controller.received) == 1


def test_a_command_that_is_clicked_twice_is_given_once(tmp_path: Path) -> None:
    with listening(200) as controller:
        site = open_door_site(tmp_path, site_with(controller.url))
        assert site.order("open", key="click:1") == site.order("open", key="click:1")
        site.settle()
        assert (len(controller.received), site.kinds("front").count("access.granted")) == (1, 1)


def test_two_doors_with_the_same_request_id_are_two_requests(tmp_path: Path) -> None:
    with listening(200) as controller:
        site = open_door_site(tmp_path, site_with(controller.url))
        for door in ("front", "back"):
            payload = {"request_id": "r-1", "door": door, "factors": [{"kind": "badge", "value": "ada-badge"}]}
            site.store.inbox.ask("access.request", payload, datetime.now(UTC) + timedelta(seconds=10))
        site.settle()
        assert sorted(paths(controller)) == ["/doors/back/pulse", "/doors/front/pulse"]
        assert len({event["id"] for event in site.events("access.granted")}) == 2


# --- the database -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("what", ["a badge", "an order"])
def test_while_the_database_is_away_nothing_is_granted_then_or_later(what: str, tmp_path: Path) -> None:
    with listening(200) as controller:
        site = open_door_site(tmp_path, site_with(controller.url), storage=StorageSettings(commit_timeout_ms=100))
        question = site.present() if what == "a badge" else site.order("open")
        with held(site):
            site.turn()
            site.turn()

        def is_over() -> bool:
            site.settle()
            return site.store.inbox.answer_of(question) is not None and not site.running.core.unrecorded

        assert eventually(is_over, 60)
        answer = site.answer(question)
        assert answer.get("verdict") != "authorize"
        assert "not" in " ".join([*answer.get("reasons", []), answer.get("refused", "")])
        assert ("access.granted" in site.kinds(), controller.received) == (False, [])


def test_a_grant_on_record_that_core_did_not_see_committed_opens_nothing(tmp_path: Path) -> None:
    """Where the line to the database breaks as it commits, the reader is denied though a grant may be on record."""
    with listening(200) as controller:
        site = open_door_site(tmp_path, site_with(controller.url))
        site.present()
        site.turn()
        database = site.settings.data_dir / "surveillance.db"
        with sqlite3.connect(database) as connection:
            connection.execute("UPDATE outbox SET event = 'unseen'")
        connection.close()
        site.act()
        site.act(datetime.now(UTC) + timedelta(minutes=1))
        assert (controller.received, site.kinds("front")[-1]) == ([], "door.open_expired")


# --- restarts -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("what", ["a badge", "open", "unlock"])
def test_a_restart_never_opens_what_was_granted_before_it(what: str, tmp_path: Path) -> None:
    with listening(200) as controller:
        site = open_door_site(tmp_path, site_with(controller.url))
        if what == "a badge":
            site.present()
        else:
            site.order(what)
        site.turn()
        again = open_door_site(tmp_path)
        again.settle()
        assert (controller.received, again.mode()) == ([], "locked")


def test_a_restart_in_the_middle_of_an_unlock_leaves_the_door_unknown(tmp_path: Path) -> None:
    with listening(HANG) as controller:
        site = open_door_site(tmp_path, site_with(controller.url))
        site.order("unlock")
        site.turn()
        site.running.dispatch(datetime.now(UTC))
        assert controller.arrived.wait(60)
        again = open_door_site(tmp_path)
        again.settle()
        assert (again.mode(), len(controller.received)) == ("unknown", 1)
        assert "door.unlock_unknown" in again.kinds("front")
        assert open_door_site(tmp_path).mode() == "unknown"


def test_who_asked_before_a_restart_is_denied(tmp_path: Path) -> None:
    with listening(200) as controller:
        site = open_door_site(tmp_path, site_with(controller.url))
        badge, order = site.present(), site.order("open")
        again = open_door_site(tmp_path)
        again.settle()
        assert again.answer(badge)["verdict"] == "deny"
        assert again.answer(order)["refused"] == "the service was started anew"
        assert controller.received == []


# --- lockdown -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("what", ["a badge", "open", "unlock"])
def test_a_grant_decided_before_a_lockdown_does_not_open_after_it(what: str, tmp_path: Path) -> None:
    with listening(200) as controller:
        site = open_door_site(tmp_path, site_with(controller.url))
        if what == "a badge":
            site.present()
        else:
            site.order(what)
        site.turn()
        site.order("lock_down")
        site.turn()
        site.settle()
        assert (paths(controller), site.mode()) == (["/doors/front/lock"], "locked_down")


def test_a_grant_that_waits_behind_a_slow_controller_does_not_open_after_a_lockdown(tmp_path: Path) -> None:
    with listening(HANG, 200) as controller:
        site = open_door_site(tmp_path, site_with(controller.url))
        site.present()
        site.turn()
        site.running.dispatch(datetime.now(UTC))
        assert controller.arrived.wait(60)
        site.present()
        site.turn()
        site.running.dispatch(datetime.now(UTC))  # marked, and in line behind the one that hangs
        site.order("lock_down")
        site.turn()
        controller.released.set()
        for _ in range(3):
            site.act()
        assert (paths(controller), site.mode()) == (["/doors/front/pulse", "/doors/front/lock"], "locked_down")
        assert "door.open_failed" in site.kinds("front")


def test_who_asks_in_the_same_instant_as_a_lockdown_is_denied(tmp_path: Path) -> None:
    with listening(200) as controller:
        site = open_door_site(tmp_path, site_with(controller.url))
        site.order("lock_down")
        question = site.present()
        site.settle()
        assert "the door is locked down" in site.answer(question)["reasons"]
        assert paths(controller) == ["/doors/front/lock"]


def test_a_report_that_was_under_way_does_not_lift_a_lockdown(tmp_path: Path) -> None:
    with listening(200) as controller:
        site = open_door_site(tmp_path, site_with(controller.url))
        site.present()
        site.settle()
        assert site.mode() == "accessed"
        ticking = threading.Thread(target=lambda: [site.running.desk.tick(datetime.now(UTC)) for _ in range(200)])
        ticking.start()
        site.ordered("lock_down")
        ticking.join()
        site.settle()
        assert open_door_site(tmp_path).mode() == "locked_down"


# --- cameras and rules --------------------------------------------------------------------------------------------


def watched(relay: str, on_camera_stale: str = "deny") -> Callable[[], object]:
    doors = (Door("front", camera="hall", relay=f"{relay}/doors/front", on_camera_stale=on_camera_stale),)
    return lambda: site_with(relay, doors=doors)


@pytest.mark.parametrize("state", [None, "lost", "frozen", "blinded"])
def test_a_dead_camera_denies_where_the_door_says_so(state: str | None, tmp_path: Path) -> None:
    with listening(200) as controller:
        site = open_door_site(tmp_path, watched(controller.url)())
        if state is not None:
            site.report("hall", state)
        question = site.present()
        site.settle()
        assert site.answer(question)["verdict"] == "deny"
        assert controller.received == []


def test_a_dead_camera_is_put_up_with_where_the_door_says_badge_only(tmp_path: Path) -> None:
    with listening(200) as controller:
        site = open_door_site(tmp_path, watched(controller.url, "badge_only")())
        question = site.present()
        site.settle()
        assert (site.answer(question)["verdict"], len(controller.received)) == ("authorize", 1)


def test_a_rule_that_a_camera_alone_can_satisfy_is_refused_unless_it_says_so() -> None:
    rule = "- {name: gate, on: access, verdict: authorize, when: people > 0}\n"
    site = site_with(None)
    with pytest.raises(RuleError, match="camera_only"):
        parse_rulebook([RuleDocument(rule, "rules.yaml")], site)
    parse_rulebook([RuleDocument(RULES, "rules.yaml")], site)


def test_a_rulebook_that_cannot_be_read_denies_everybody(tmp_path: Path) -> None:
    with listening(200) as controller:
        site = open_door_site(tmp_path, site_with(controller.url, rules=RULES.replace("staff", "staff\n  when: (")))
        question = site.present()
        site.settle()
        assert (site.answer(question)["verdict"], controller.received) == ("deny", [])


@pytest.mark.parametrize("badge", ["nobody-has-this", "", "ada-badge ", "ADA-BADGE"])
def test_a_value_that_nobody_has_opens_nothing(badge: str, tmp_path: Path) -> None:
    with listening(200) as controller:
        site = open_door_site(tmp_path, site_with(controller.url))
        question = site.present(badge)
        site.settle()
        verdict = site.answer(question)["verdict"]
        assert (verdict, len(controller.received)) == (
            ("authorize", 1) if badge.strip() == "ada-badge" else ("deny", 0)
        )


def test_a_door_that_was_taken_away_meanwhile_is_not_opened(tmp_path: Path) -> None:
    with listening(200) as controller:
        site = open_door_site(tmp_path, site_with(controller.url))
        site.present()
        site.turn()
        site.running.desk.doors.site.swap(site_with(controller.url, doors=(Door("back"),)))
        ended: list[Action] = site.act()
        assert ([action.state for action in ended], controller.received) == (["failed"], [])
