"""The next unknown card at a reader fills in a form, once, for whoever waits there; the door denies it all the same."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from dashboard_site import SITE, DashboardSite, open_site, sign_in, token_of
from flask.testing import FlaskClient

from surveillance.dashboard import DashboardSettings
from surveillance.dashboard.presenting import WAIT_S, Presenting
from surveillance.domain.permissions import Reach
from surveillance.domain.site import Credential, Person
from surveillance.storage.queries import EventFilter

CARD = "0012345678"


def card(value: str = CARD, kind: str = "card") -> dict[str, str]:
    return {"kind": kind, "value": value}


def nobodys(kind: str, value: str) -> bool:
    return False


@pytest.fixture
def site(tmp_path: Path) -> DashboardSite:
    people = (Person("Ada"), Person("Bob", credentials=(Credential("card", "0000000001"),)))
    settings = DashboardSettings(access_deadline_ms=300, sign_in_limit="1000 per minute")
    return open_site(tmp_path, settings, replace(SITE, people=people))


def reads(site: DashboardSite, value: str) -> dict[str, Any]:
    token = site.services.accounts.create_token("reader", ["access:request"])
    asked = {"request_id": f"r-{value}", "door": "front", "factors": [card(value)]}
    answer = site.visitor().post("/api/access/requests", json=asked, headers={"Authorization": f"Bearer {token}"})
    told: dict[str, Any] = answer.json  # type: ignore[assignment]
    return told


def wait(user: FlaskClient, door: str = "front", name: str = "Ada") -> Any:
    token = token_of(user.get("/account").text)
    return user.post("/person/credential/present", data={"csrf_token": token, "name": name, "door": door})


def test_the_first_unknown_card_goes_to_whoever_waits_there_and_to_nobody_else() -> None:
    now = [0.0]
    presenting = Presenting(lambda: now[0])
    front, back = presenting.wait("ada", "front"), presenting.wait("bob", "back")
    assert front is not None
    assert back is not None
    presenting.present("front", [card(), card("1234", "pin")], nobodys)  # two factors
    presenting.present("front", [card("SB1.x", "badge")], nobodys)  # a badge printed here
    presenting.present("front", [card("1234", "pin")], nobodys)
    presenting.present("front", [card()], lambda kind, value: True)  # somebody has it
    assert presenting.find(front.id, "ada") == replace(front, kind="", value="")
    presenting.present("front", [card()], nobodys)
    presenting.present("front", [card("0099")], nobodys)
    found = presenting.find(front.id, "ada")
    assert found is not None
    assert (found.kind, found.value) == ("card", CARD)
    assert presenting.find(front.id, "bob") is None, "another's"
    now[0] = WAIT_S
    presenting.present("back", [card()], nobodys)
    late = presenting.find(back.id, "bob")
    assert late is not None
    assert late.value == ""
    now[0] = 1000.0
    assert presenting.find(front.id, "ada") is None


def test_a_card_held_to_the_reader_is_filled_in_and_denied(site: DashboardSite) -> None:
    user = site.user()
    address = wait(user).headers["Location"].partition("#")[0]
    assert "Hold the card to the reader at front." in user.get(address).text
    assert reads(site, "0000000001")["verdict"] == "deny"
    assert "Hold the card" in user.get(address).text, "Bob's card is known"
    assert reads(site, CARD)["verdict"] == "deny"
    page = user.get(address).text
    assert "Its number is filled in below." in page
    assert f'value="{CARD}"' in page
    rows, _ = site.services.events.page(EventFilter(kind="user.card_awaited"))
    assert rows[0]["details"] == {"actor": "ada", "door": "front", "name": "Ada", "from": "127.0.0.1"}
    token = token_of(page)
    user.post("/person/credential", data={"csrf_token": token, "name": "Ada", "kind": "card", "value": CARD})
    [held] = site.services.site.read().people[0].credentials
    assert held.value == site.services.site.hash_credential("card", CARD)


def test_a_wait_is_ones_own_and_within_ones_reach(site: DashboardSite) -> None:
    address = wait(site.user()).headers["Location"].partition("#")[0]
    site.services.accounts.add("olga", "operator", "correct horse", reach=Reach(frozenset(), frozenset({"back"})))
    olga = site.visitor()
    sign_in(olga, "olga")
    reads(site, CARD)
    assert CARD not in olga.get(address).text
    assert wait(olga).status_code == 404
    assert wait(site.user(), "nowhere").status_code == 404
    assert wait(site.user(), name="nobody").status_code == 404
