"""Requests that need more than one presentation at a door, through the real core and its record."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from door_site import DoorSite, open_door_site, site_with

from surveillance.domain.site import Credential, Person

PEOPLE = (
    Person("Ada", frozenset({"staff"}), (Credential("badge", "ada-badge"), Credential("pin", "1234"))),
    Person("Grace", frozenset({"staff"}), (Credential("badge", "grace-badge"), Credential("pin", "5678"))),
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


def test_a_badge_and_then_its_pin_open_once(tmp_path: Path) -> None:
    site = open_door_site(tmp_path, site_with(None, people=PEOPLE, rules=WITH_PIN))
    told = [ask(site, *given)["verdict"] for given in (("badge", "ada-badge"), ("pin", "1234"), ("pin", "1234"))]
    assert told == ["deny", "authorize", "deny"]
    others = (("badge", "grace-badge"), ("badge", "ada-badge"), ("pin", "5678"))  # of hers, after another's badge
    assert [ask(site, *given)["verdict"] for given in others] == ["deny", "deny", "deny"]
    again = open_door_site(tmp_path)
    assert ask(again, "pin", "5678")["verdict"] == "deny"
