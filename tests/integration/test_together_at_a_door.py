"""Requests that need more than one presentation at a door, through the real core and its record."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from door_site import DoorSite, open_door_site, site_with

from surveillance.domain.levels import AccessLevel
from surveillance.domain.permissions import EVERYTHING
from surveillance.domain.site import DAYS, Credential, NotifyTarget, Person, Site, parse_schedule
from surveillance.storage.queries import EventFilter

BY_LEVELS = '- {name: by-levels, on: access, verdict: authorize, when: permitted and "badge" in factors}\n'
PEOPLE = (
    Person("Ada", frozenset({"staff"}), (Credential("badge", "ada-badge"), Credential("pin", "1234"))),
    Person("Grace", frozenset({"staff", "managers"}), (Credential("badge", "grace-badge"), Credential("pin", "5678"))),
)
WITH_PIN = '- {name: pin, on: access, verdict: authorize, when: \'{"badge", "pin"} <= factors\'}\n'


def ask(site: DoorSite, kind: str, value: str, door: str = "front") -> Any:
    """Somebody presents one thing; the answer, with all that follows done."""
    payload = {
        "request_id": f"r-{datetime.now(UTC).timestamp()}",
        "door": door,
        "factors": [{"kind": kind, "value": value}],
    }
    question = site.store.inbox.ask("access.request", payload, datetime.now(UTC) + timedelta(seconds=10))
    site.settle()
    return site.answer(question)


def site_of(*levels: AccessLevel) -> Site:
    always = {"time_zone": "UTC", "weekly": {day: ["00:00-24:00"] for day in DAYS}}
    return site_with(
        None, people=PEOPLE, rules=BY_LEVELS, access_levels=levels, schedules=(parse_schedule("always", always),)
    )


def test_it_takes_two_persons_and_the_first_is_told_that_it_waits(tmp_path: Path) -> None:
    vault = AccessLevel("vault", frozenset({"staff"}), frozenset({"front"}), two_persons=True)
    site = open_door_site(tmp_path, site_of(vault))
    first, second = ask(site, "badge", "ada-badge"), ask(site, "badge", "grace-badge")
    assert (first["verdict"], first["reasons"][-1]) == ("deny", "it takes two persons here: Ada waits for a second one")
    waits_s = (datetime.fromisoformat(first["waits_until"]) - datetime.now(UTC)).total_seconds()
    assert 0 < waits_s <= 20
    assert (second["verdict"], "waits_until" in second) == ("authorize", False)
    assert [event["details"]["second_of"] for event in site.events("access.granted")] == ["Ada"]
    assert ask(site, "badge", "ada-badge")["verdict"] == "deny"
    again = open_door_site(tmp_path)  # within seconds: what was asked is replayed, and who waited still waits
    assert ask(again, "badge", "grace-badge")["verdict"] == "authorize"


def test_who_opens_a_level_is_known_by_the_record_after_a_restart(tmp_path: Path) -> None:
    shop = AccessLevel("shop", frozenset({"staff"}), frozenset({"front", "back"}), "always", opened_by="managers")
    site = open_door_site(tmp_path, site_of(shop))
    assert "waits until somebody of managers" in ask(site, "badge", "ada-badge")["reasons"][-1]
    assert ask(site, "badge", "grace-badge")["verdict"] == "authorize"
    again = open_door_site(tmp_path)
    assert ask(again, "badge", "ada-badge")["verdict"] == "authorize"
    assert ask(again, "badge", "ada-badge", "back")["verdict"] == "deny"


def test_a_visitor_follows_a_host_also_over_a_restart(tmp_path: Path) -> None:
    vera = Person("Vera", frozenset({"staff"}), (Credential("badge", "vera-badge"),), escort="managers")
    everybody = AccessLevel("all", frozenset({"staff"}), frozenset({"front"}))
    site = open_door_site(tmp_path, replace(site_of(everybody), people=(*PEOPLE, vera)))
    assert "only within 30 s after somebody of managers" in ask(site, "badge", "vera-badge")["reasons"][-1]
    assert ask(site, "badge", "grace-badge")["verdict"] == "authorize"
    again = open_door_site(tmp_path)
    assert ask(again, "badge", "vera-badge")["verdict"] == "authorize"
    assert [event["details"].get("escorted_by") for event in again.events("access.granted")] == [None, "Grace"]


def test_a_pin_for_duress_answers_alike_and_tells_whom_it_should(tmp_path: Path) -> None:
    forced = replace(PEOPLE[0], credentials=(*PEOPLE[0].credentials, Credential("duress", "4321")))
    notify = (NotifyTarget("ops", "log"),)
    site = open_door_site(tmp_path, site_with(None, people=(forced,), rules=WITH_PIN, notify=notify))
    told = []
    for pin in ("1234", "4321"):
        ask(site, "badge", "ada-badge")
        told.append({key: value for key, value in ask(site, "pin", pin).items() if key not in ("event", "expires_at")})
    assert told[0] == told[1]
    assert told[0]["verdict"] == "authorize"
    granted = [(event["reasons"], event["details"].keys()) for event in site.events("access.granted")]
    assert granted[0] == granted[1]
    assert site.events("access.duress") == []
    wanted = EventFilter(kind="access.duress", reach=EVERYTHING)
    [silent] = site.store.events.page(wanted, None, 10)[0]
    assert (silent["door"], silent["identity"]) == ("front", "Ada")
    assert [(one.kind, one.target, one.state) for one in site.became if one.event == silent["id"]] == [
        ("notify", "ops", "done")
    ]
    again = open_door_site(tmp_path)  # what is replayed at a start puts nothing on record twice
    assert len(again.store.events.page(wanted, None, 10)[0]) == 1


def test_a_badge_and_then_its_pin_open_once(tmp_path: Path) -> None:
    site = open_door_site(tmp_path, site_with(None, people=PEOPLE, rules=WITH_PIN))
    told = [ask(site, *given)["verdict"] for given in (("badge", "ada-badge"), ("pin", "1234"), ("pin", "1234"))]
    assert told == ["deny", "authorize", "deny"]
    others = (("badge", "grace-badge"), ("badge", "ada-badge"), ("pin", "5678"))  # of hers, after another's badge
    assert [ask(site, *given)["verdict"] for given in others] == ["deny", "deny", "deny"]
    again = open_door_site(tmp_path)
    assert ask(again, "pin", "5678")["verdict"] == "deny"
