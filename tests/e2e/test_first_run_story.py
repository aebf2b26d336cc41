"""From the first start to the first alert in a real browser, one click after another, and how many these are."""

from __future__ import annotations

from pathlib import Path

from browser import Tab, open_tab
from painted_site import painted_settings, plugged_in
from playwright.sync_api import Browser, Locator, expect

from surveillance.app.service import running_site

OWN = "a password of my own"
CORNERS = ((0.6, 0.5), (0.95, 0.5), (0.95, 0.95), (0.6, 0.95))


class Hand:
    """Clicks, and counts them."""

    def __init__(self, tab: Tab) -> None:
        self.page = tab.page
        self.clicks = 0

    def click(self, target: Locator) -> None:
        target.click()
        self.clicks += 1

    def button(self, name: str) -> None:
        self.click(self.page.get_by_role("button", name=name, exact=True))

    def link(self, name: str) -> None:
        self.click(self.page.get_by_role("link", name=name, exact=True).first)

    def fill(self, **values: str) -> None:
        for label, value in values.items():
            self.page.get_by_label(label.replace("_", " "), exact=True).fill(value)


def test_from_the_first_start_to_the_first_alert(chromium: Browser, tmp_path: Path) -> None:
    told: list[str] = []
    with plugged_in(), running_site(painted_settings(tmp_path, workers=1), None, told.append) as running:
        password = next(line for line in told if "password: " in line).partition("password: ")[2].split()[0]
        tab = open_tab(chromium, running.address)
        page, hand = tab.page, Hand(tab)
        now = page.locator(".step.is-now")
        tab.open("/")
        hand.fill(Name="admin", Password=password)
        hand.button("Sign in")
        expect(page.get_by_text("Setting up, step 1 of 5:")).to_be_visible()
        page.locator("[name=password]").fill(password)
        page.locator("[name=fresh]").fill(OWN)
        page.locator("[name=again]").fill(OWN)
        hand.click(page.locator("form:has([name=fresh]) button[type=submit]"))
        expect(now).to_contain_text("The first camera")

        hand.button("Add a camera")
        hand.fill(Name="yard", Address="synthetic://yard")
        hand.click(page.locator("button[value=test]"))
        expect(page.locator("#camera-form img")).to_be_visible(timeout=60_000)
        hand.click(page.locator("button[value=save]"))
        page.wait_for_url("**/cameras/yard*", wait_until="domcontentloaded")

        hand.link("Draw a zone")
        expect(page.locator(".stage canvas")).to_have_js_property("width", 640, timeout=60_000)
        hand.button("Zone")
        box = page.locator(".stage").bounding_box()
        assert box is not None
        for x, y in (*CORNERS, CORNERS[0]):
            page.mouse.click(box["x"] + x * box["width"], box["y"] + y * box["height"])
            hand.clicks += 1
        page.locator(".shapes [name=shape]").first.fill("store")
        hand.button("Save")
        page.wait_for_url("**/cameras/yard*", wait_until="domcontentloaded")

        hand.link("Choose a template")
        hand.click(page.locator("a[href$='/rules/new/loitering']"))
        hand.button("Make the rule")
        hand.click(page.locator(".save").get_by_role("button", name="Save"))
        page.wait_for_url("**/rules/edit/**", wait_until="domcontentloaded")

        hand.link("All steps")
        hand.button("Send a test event")
        expect(page.locator("#test .event-title")).to_contain_text("Test event", timeout=60_000)
        expect(page.locator("#test .is-done")).to_be_hidden()  # nobody has reviewed it
        expect(page.get_by_text("Nothing is left to do")).to_be_visible()
        hand.link("See it in the inbox")
        expect(page.locator("#rows .event-title", has_text="Test event")).to_be_visible()
        assert running.store.site.read().cameras[0].zones[0].name == "store"
        assert hand.clicks == 20, "docs/operating.md tells this number"
        assert tab.complaints == []
        page.context.close()
