"""A camera of real footage over RTSP is attached in the browser; a rule is written, alerts, and is reviewed."""

from __future__ import annotations

from pathlib import Path

import pytest
from browser import open_tab
from playwright.sync_api import Browser, Page, expect
from ports import free_port
from services import lacking

from surveillance.app.service import running_site
from surveillance.bench.rtsp_server import Mount, RtspServer, is_installed
from surveillance.dashboard import DashboardSettings
from surveillance.engines.settings import EngineSettings
from surveillance.settings import Settings

OWN = "a password of my own"
RULE = """- name: somebody
  on: sighting
  verdict: alert
  when: label == "person" and track_s >= 1
  cooldown_s: 60
"""

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def attach(page: Page, address: str) -> None:
    """Adds a camera after its picture was seen."""
    page.get_by_label("Name", exact=True).fill("square")
    page.get_by_label("Address", exact=True).fill(address)
    page.locator("button[value=test]").click()
    expect(page.locator("#camera-form img")).to_be_visible(timeout=60_000)
    expect(page.locator("#camera-form")).to_contain_text("480")  # the width of the footage
    page.locator("button[value=save]").click()
    page.wait_for_url("**/cameras/square*", wait_until="domcontentloaded")


def write_rule(page: Page) -> None:
    """As text, which the form follows."""
    page.locator("textarea[name=text]").fill(RULE)
    page.locator(".save").get_by_role("button", name="Save").click()
    page.wait_for_url("**/rules/edit/somebody*", wait_until="domcontentloaded")


def test_real_footage_alerts_by_a_rule_of_ones_own_and_is_reviewed(
    chromium: Browser, footage: Path, tmp_path: Path
) -> None:
    if not is_installed():
        lacking("an RTSP server")
    settings = Settings(
        data_dir=tmp_path / "data",
        dashboard=DashboardSettings(port=free_port(), allow_loopback=True),  # where this test's camera is
        engine=EngineSettings(kind="processes", answer_within_s=5.0),
    )
    told: list[str] = []
    film = footage / "video" / "vtest_480x360.mp4"
    with RtspServer({"/square": Mount([film])}) as server, running_site(settings, None, told.append) as running:
        password = next(line for line in told if "password: " in line).partition("password: ")[2].split()[0]
        tab = open_tab(chromium, running.address)
        page = tab.page
        tab.open("/sign-in")
        tab.sign_in_first("admin", password, OWN, "**/first-run*")
        tab.open("/add-camera")
        attach(page, server.address("/square"))
        tab.open("/rules/new/blank")
        write_rule(page)

        tab.open("/events")
        alert = page.locator("#rows li", has_text="somebody").first
        expect(alert).to_be_visible(timeout=120_000)
        alert.get_by_role("link").first.click()
        expect(page.get_by_role("heading", level=1)).to_contain_text("Person")
        assert page.locator(".picture img").first.evaluate("image => image.naturalWidth") > 100
        expect(page.locator(".leaf", has_text="track_s >= 1").locator(".found").first).to_contain_text("track_s = ")
        page.get_by_label("What it really is").select_option("animal")
        page.get_by_role("button", name="Correct").click()
        expect(page.locator(".heading .is-corrected")).to_have_text("corrected: Animal")
        page.get_by_label("Comment").fill("a walker in the square")
        page.get_by_role("button", name="Mark as reviewed").click()
        expect(page.locator("#review .state")).to_contain_text("Reviewed by admin")
        [learned] = running.store.reviews.corrections()
        assert (learned.label_before, learned.label) == ("person", "animal")
        assert tab.complaints == []
        page.context.close()
