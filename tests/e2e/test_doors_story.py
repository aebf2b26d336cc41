"""Doors and people in a real browser: a person is enrolled, passes by a printed badge, and is denied with the reason;
all doors are locked down and released.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.request import ProxyHandler, Request, build_opener

import cv2
import numpy as np
import pytest
from browser import Tab, open_tab, serving
from door_pages import PASSWORD, Pages, controlling, running
from door_site import open_door_site, site_with
from playwright.sync_api import Browser, expect

from surveillance.demo.controller import DoorController
from surveillance.domain.site import Door
from surveillance.perception.codes import read_code


@dataclass
class Story:
    """A site in a browser, and what stands at its doors."""

    pages: Pages
    controller: DoorController
    tab: Tab
    token: str

    def present(self, badge: str, request_id: str) -> dict[str, object]:
        """A reader at the front door reads a badge."""
        asked = {"request_id": request_id, "door": "front", "factors": [{"kind": "badge", "value": badge}]}
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {self.token}"}
        request = Request(f"{self.tab.address}/api/access/requests", json.dumps(asked).encode(), headers)
        with build_opener(ProxyHandler({})).open(request, timeout=30) as answer:
            told: dict[str, object] = json.load(answer)
        return told


@pytest.fixture
def story(chromium: Browser, tmp_path: Path) -> Iterator[Story]:
    with controlling(tmp_path) as controller:
        relay = f"http://127.0.0.1:{controller.port}/doors"
        doors = (Door("front", relay=f"{relay}/front", pulse_s=30), Door("back", relay=f"{relay}/back"))
        site = open_door_site(tmp_path, site_with(None, doors=doors))
        with running(site) as pages, serving(pages.app) as address:
            pages.accounts.add("olga", "operator", PASSWORD)
            token = pages.accounts.create_token("reader", ["access:request"], actor="olga")
            tab = open_tab(chromium, address, device_scale_factor=3)  # a printer is finer than a screen
            tab.open("/sign-in")
            tab.sign_in("olga", PASSWORD)
            yield Story(pages, controller, tab, token)
            assert tab.complaints == []
            tab.page.context.close()


def printed_code(tab: Tab) -> str:
    """What a reader reads from the badge as it is printed."""
    tab.page.emulate_media(media="print")
    picture = tab.page.locator(".badge-card").screenshot(scale="device")
    tab.page.emulate_media(media="screen")
    return read_code(np.asarray(cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_COLOR), np.uint8))


def test_a_person_is_enrolled_passes_by_a_printed_badge_and_is_denied_with_the_reason(story: Story) -> None:
    page = story.tab.page
    page.get_by_role("link", name="People").click()
    page.get_by_role("link", name="Add a person").click()
    page.get_by_label("Name").fill("Grace Hopper")
    page.get_by_label("Groups").fill("staff")
    page.get_by_role("button", name="Add", exact=True).click()
    page.get_by_role("button", name="Make a badge").click()
    expect(page.get_by_text("This code is shown once.")).to_be_visible()
    code = printed_code(story.tab)
    assert code.startswith("SB1.")

    granted = story.present(code, "r-1")
    assert granted["verdict"] == "authorize"
    assert story.controller.strikes["front"].pulses == 1 or story.pages.site.mode() in ("locked", "accessed")

    page.get_by_role("link", name="Back to Grace Hopper").click()
    expect(page.get_by_text("low assurance")).to_be_visible()
    page.get_by_role("button", name="Switch off", exact=True).click()
    expect(page.get_by_text("It is switched off.")).to_be_visible()
    denied = story.present(code, "r-2")
    assert denied["verdict"] == "deny"
    page.reload()
    page.get_by_role("region", name="Latest events").get_by_role("link").first.click()
    expect(page.get_by_text("The credential is switched off.")).to_be_visible()
    expect(page.get_by_role("heading", name="Grace Hopper at front")).to_be_visible()


def test_all_doors_are_locked_down_and_released_with_a_reason(story: Story) -> None:
    page = story.tab.page
    page.get_by_role("link", name="Doors").click()
    page.get_by_role("link", name="Lock down all doors").click()
    expect(page.get_by_role("heading", name="Lock down all doors?")).to_be_visible()
    page.get_by_label("Reason").fill("somebody climbed the fence")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Lock down: front, back. It is on record.")).to_be_visible()
    expect(page.locator(".door-tile").get_by_text("Locked down", exact=True)).to_have_count(2)

    denied = story.present("ada-badge", "r-1")
    assert denied["verdict"] == "deny"
    assert "the door is locked down" in str(denied["reasons"])
    page.get_by_role("link", name="front").click()
    expect(page.get_by_role("link", name="Open once")).to_have_count(0)
    page.get_by_role("link", name="Release the lockdown").click()
    page.get_by_label("Reason").fill("all clear")
    page.get_by_role("button", name="Release the lockdown").click()
    expect(page.get_by_text("Release the lockdown: front. It is on record.")).to_be_visible()
    expect(page.locator("#door-now").get_by_text("Locked", exact=True)).to_be_visible()
    assert story.present("ada-badge", "r-2")["verdict"] == "authorize"
    page.get_by_role("link", name="Doors").first.click()
    expect(
        page.locator(".door-tile").get_by_text("Open for a moment")
    ).to_be_visible()  # the tiles look again by themselves
