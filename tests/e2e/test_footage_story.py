"""A camera of real footage over RTSP is attached in the browser; a rule is written, alerts, and is reviewed."""

from __future__ import annotations

from pathlib import Path

import pytest
from footage_site import footage_site, write_rule
from playwright.sync_api import Browser, Page, expect

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


def test_real_footage_alerts_by_a_rule_of_ones_own_and_is_reviewed(
    chromium: Browser, footage: Path, tmp_path: Path
) -> None:
    with footage_site(chromium, footage, tmp_path) as site:
        tab, page = site.tab, site.tab.page
        tab.open("/add-camera")
        attach(page, site.server.address("/square"))
        write_rule(tab, "somebody", RULE)

        tab.open("/events")
        alert = page.locator("#rows li", has_text="somebody").first
        expect(alert).to_be_visible(timeout=120_000)
        alert.get_by_role("link").first.click()
        expect(page.get_by_role("heading", level=1)).to_contain_text("Person")
        assert (
            page.locator(".picture img").first.evaluate("image => image.decode().then(() => image.naturalWidth)") > 100
        )
        expect(page.locator(".leaf", has_text="track_s >= 1").locator(".found").first).to_contain_text("track_s = ")
        page.get_by_label("What it really is").select_option("animal")
        page.get_by_role("button", name="Correct").click()
        expect(page.locator(".heading .is-corrected")).to_have_text("corrected: Animal")
        page.get_by_label("Comment").fill("a walker in the square")
        page.get_by_role("button", name="Mark as reviewed").click()
        expect(page.locator("#review .state")).to_contain_text("Reviewed by admin")
        [learned] = site.running.store.reviews.corrections()
        assert (learned.label_before, learned.label) == ("person", "animal")
