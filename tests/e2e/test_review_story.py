"""A guard reviews the night by keyboard, corrects a label, and finds the way back; in a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from browser import Tab, open_tab, serving
from dashboard_site import NAME, PASSWORD, DashboardSite, now_decision, open_site
from ledger_samples import shot
from playwright.sync_api import Browser, Page, expect

from surveillance.storage.queries import EventFilter

MINUTE = timedelta(minutes=1)


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[DashboardSite, str]]:
    site = open_site(tmp_path)
    with serving(site.app) as address:
        yield site, address


def record_night(site: DashboardSite) -> list[str]:
    """Six alerts in two incidents, newest last."""
    began = datetime.now(UTC) - timedelta(hours=3)
    steps = (0, 0.5, 1, 1.5, 30, 30.5)
    made = [replace(now_decision(), at=began + step * MINUTE, track=number) for number, step in enumerate(steps)]
    return [site.record(one, shot()) for one in made]


@pytest.fixture
def tab(chromium: Browser, served: tuple[DashboardSite, str]) -> Tab:
    _, address = served
    tab = open_tab(chromium, address)
    tab.open("/events")
    tab.sign_in(NAME, PASSWORD)
    return tab


def rows(page: Page) -> list[str]:
    return [str(row.get_attribute("data-event")) for row in page.locator("#rows > li").all()]


def focused(page: Page) -> str:
    return str(page.evaluate("document.activeElement.closest('#rows > li')?.dataset.event"))


def test_review_and_correct_by_keyboard(served: tuple[DashboardSite, str], tab: Tab) -> None:
    site, page = served[0], tab.page
    made = record_night(site)[::-1]
    tab.open("/events")
    expect(page.locator("#rows > li")).to_have_count(6)
    expect(page.locator("#waiting")).to_have_text("6")

    for key in ("j", "j", "k"):
        page.keyboard.press(key)
    assert focused(page) == made[0]
    page.keyboard.press(" ")
    expect(page.locator(f"#event-{made[0]} .is-done")).to_be_visible()
    expect(page.locator("#waiting")).to_have_text("5")
    page.keyboard.press(" ")
    expect(page.locator("#waiting")).to_have_text("6")
    page.keyboard.press(" ")
    expect(page.locator("#waiting")).to_have_text("5")

    page.keyboard.press("j")
    page.keyboard.press("x")
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("Shift+X")
    expect(page.locator("#bulk-count")).to_have_text("3 selected")
    page.keyboard.press("a")
    page.keyboard.type("just a fox, jx?")  # letters typed into a field are no keys
    page.keyboard.press("Enter")
    expect(page.locator(".notice").last).to_contain_text("3 events marked as reviewed.")
    expect(page.locator("#rows > li")).to_have_count(2)
    assert rows(page) == made[4:]
    [fox, *_] = [site.services.events.one(name) for name in made[1:4]]
    assert fox is not None
    assert (fox["review"], fox["reviewed_by"]) == ("just a fox, jx?", NAME)

    expect(page.locator("#live-state")).to_have_attribute("data-state", "on")  # so its script listens to keys
    page.keyboard.press("j")
    page.keyboard.press("o")
    page.wait_for_url(f"**/events/{made[4]}", wait_until="domcontentloaded")
    page.get_by_label("What it really is").select_option("animal")
    page.get_by_role("button", name="Correct").click()
    expect(page.locator(".heading .is-corrected")).to_have_text("corrected: Animal")
    page.wait_for_load_state("domcontentloaded")  # its script listens to keys
    [learned] = site.services.reviews.corrections()
    assert (learned.event, learned.label_before, learned.label) == (made[4], "person", "animal")
    page.keyboard.press("j")
    page.wait_for_url(f"**/events/{made[5]}", wait_until="domcontentloaded")
    page.keyboard.press("a")
    page.keyboard.type("seen")
    page.keyboard.press("Enter")
    expect(page.locator("#review .state")).to_contain_text(f"Reviewed by {NAME}")
    page.wait_for_load_state("domcontentloaded")
    page.keyboard.press("Escape")
    page.keyboard.press("u")
    page.wait_for_url("**/events", wait_until="domcontentloaded")
    expect(page.locator("#rows > li")).to_have_count(1)
    assert tab.complaints == []
    page.context.close()


def test_incidents_unfold_and_are_reviewed_whole(served: tuple[DashboardSite, str], tab: Tab) -> None:
    site, page = served[0], tab.page
    made = record_night(site)
    page.get_by_text("Incidents", exact=True).click()
    expect(page.locator("#rows > li")).to_have_count(2)
    assert rows(page) == [made[5], made[3]]
    first = page.locator("#rows > li").last
    first.get_by_text("4 events in this incident").click()
    expect(first.locator(".members li")).to_have_count(4)
    first.locator(".pick input").first.check()
    page.get_by_role("button", name="Mark as reviewed").click()
    expect(page.locator(".notice").last).to_contain_text("4 events marked as reviewed.")
    assert site.services.events.count(EventFilter(waiting=True)) == 2

    expect(page.locator("#live-state")).to_have_attribute("data-state", "on", timeout=30_000)
    site.record(replace(now_decision(), at=datetime.now(UTC)))
    expect(page.locator("#rows > li")).to_have_count(3)
    late = site.record(now_decision())
    expect(page.locator("#rows > li").first).to_have_attribute("data-event", late)
    expect(page.locator("#rows > li")).to_have_count(3)  # it took the place of the one before it
    assert tab.complaints == []
    page.context.close()


def test_coming_back_finds_the_place(served: tuple[DashboardSite, str], tab: Tab) -> None:
    site, page = served[0], tab.page
    began = datetime.now(UTC) - timedelta(hours=5)
    made = [site.record(replace(now_decision(), at=began + 5 * number * MINUTE)) for number in range(30)]
    tab.open("/events?view=all")
    row = page.locator(f"#event-{made[5]}")
    row.scroll_into_view_if_needed()
    before = row.bounding_box()
    row.get_by_role("link").click()
    page.wait_for_url(f"**/events/{made[5]}?view=all", wait_until="domcontentloaded")
    page.go_back(wait_until="domcontentloaded")
    expect(row.get_by_role("link")).to_be_focused()
    after = row.bounding_box()
    assert before is not None
    assert after is not None
    assert abs(after["y"] - before["y"]) < 60
    page.keyboard.press("?")
    expect(page.locator("#keys")).to_be_visible()
    page.keyboard.press("j")  # goes nowhere while the keys are shown
    page.keyboard.press("Escape")
    expect(page.locator("#keys")).to_be_hidden()
    page.context.close()
