"""A door beside a camera of real footage: a person with a card passes while somebody is in view, and is denied when the
card is unknown, the door is locked down, or the camera is lost.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from footage_site import FootageSite, footage_site, write_rule
from patience import eventually
from playwright.sync_api import Browser, Page, expect

from surveillance.app.store import relay_token
from surveillance.demo.controller import DoorController
from surveillance.demo.reader import present
from surveillance.storage.queries import EventFilter

CARD = "0012345678"
SITE = """
cameras:
  - {name: square, url: SQUARE}
"""
RULE = """- name: staff-in-view
  on: access
  verdict: authorize
  when: door == "front" and "card" in factors and "staff" in groups and people >= 1
"""

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


class Reader:
    """The reader at the front door."""

    def __init__(self, site: FootageSite) -> None:
        self._address = site.running.address
        self._token = site.running.store.accounts.create_token("reader", ["access:request"], actor="admin")

    def reads(self, card: str) -> dict[str, Any]:
        return present(self._address, self._token, "front", card, kind="card")


def add_door(page: Page, relay: str) -> None:
    page.get_by_label("Name", exact=True).fill("front")
    page.get_by_label("Camera that looks at it").select_option("square")
    page.get_by_label("Relay: address of its controller").fill(relay)
    page.get_by_role("button", name="Save").click()
    page.wait_for_url("**/doors/front*", wait_until="domcontentloaded")


def enroll(page: Page) -> None:
    """Grace of the staff, with her card."""
    page.get_by_label("Name").fill("Grace Hopper")
    page.get_by_label("Groups").fill("staff")
    page.get_by_role("button", name="Add", exact=True).click()
    page.get_by_label("What the reader reads").fill(CARD)
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_text("The credential is saved.")).to_be_visible()


def lock_down(page: Page) -> None:
    page.get_by_role("link", name="Lock down all doors").click()
    page.get_by_label("Reason").fill("somebody climbed the fence")
    page.keyboard.press("Enter")
    expect(page.locator(".door-tile").get_by_text("Locked down", exact=True)).to_be_visible()


def release(page: Page) -> None:
    page.get_by_role("link", name="Release the lockdown").click()
    page.get_by_label("Reason").fill("all clear")
    page.get_by_role("button", name="Release the lockdown").click()
    expect(page.locator("#door-now").get_by_text("Locked", exact=True)).to_be_visible(timeout=30_000)


def test_a_door_opens_for_a_card_and_somebody_in_view_and_for_nothing_else(
    chromium: Browser, footage: Path, tmp_path: Path
) -> None:
    with footage_site(chromium, footage, tmp_path, SITE) as site:
        page, store = site.tab.page, site.running.store
        with DoorController(["front"], relay_token(store.keys, "front")) as controller:
            site.tab.open("/door-setup")
            add_door(page, controller.relay_url("front"))
            site.tab.open("/person-setup")
            enroll(page)
            write_rule(site.tab, "staff-in-view", RULE)
            reader = Reader(site)

            # Granted as soon as core knows door and card and the camera shows somebody.
            answers: list[dict[str, Any]] = []

            def passes() -> bool:
                answers.append(reader.reads(CARD))
                return bool(answers[-1]["verdict"] == "authorize")

            assert eventually(passes, 90), answers[-1]
            assert eventually(lambda: controller.strikes["front"].pulses >= 1)
            site.tab.open(f"/events/{answers[-1]['event']}")
            expect(page.get_by_role("heading", name="Grace Hopper at front")).to_be_visible()
            expect(page.locator(".leaf", has_text="people >= 1").locator(".found").first).to_contain_text("people = ")
            picture = page.locator(".picture img, .recordings img").first
            expect(picture).to_be_visible(timeout=60_000)
            assert picture.evaluate("image => image.decode().then(() => image.naturalWidth)") > 100

            # An unknown card, with the reason.
            denied = reader.reads("0099999999")
            assert denied["verdict"] == "deny"
            site.tab.open(f"/events/{denied['event']}")
            expect(page.locator("main")).to_contain_text("unauthorized")

            # A lockdown.
            site.tab.open("/doors")
            lock_down(page)
            denied = reader.reads(CARD)
            assert denied["verdict"] == "deny"
            assert "the door is locked down" in denied["reasons"]
            site.tab.open("/doors/front")
            release(page)
            assert eventually(lambda: reader.reads(CARD)["verdict"] == "authorize", 60)

            # A camera that is lost sees nobody, and that is a denial, not a grant.
            site.server.kill()
            assert eventually(lambda: bool(store.events.page(EventFilter(kind="camera.lost"))[0]), 60)
            denied = reader.reads(CARD)
            assert denied["verdict"] == "deny"
            assert any("square" in reason for reason in denied["reasons"]), denied["reasons"]
            site.tab.open(f"/events/{denied['event']}")
            expect(page.locator(".reasons").first).to_contain_text("square")
