"""Somebody labels ten crops by keyboard, takes one back, and the rest in a grid; in a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from browser import Tab, open_tab, serving
from dashboard_site import NAME, PASSWORD, DashboardSite, open_site
from playwright.sync_api import Browser, Page, expect


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[DashboardSite, str]]:
    site = open_site(tmp_path)
    with serving(site.app) as address:
        yield site, address


def signed_in(chromium: Browser, address: str, **options: object) -> Tab:
    tab = open_tab(chromium, address, **options)  # type: ignore[arg-type]
    tab.open("/sign-in")
    tab.sign_in(NAME, PASSWORD)
    return tab


def press(page: Page, key: str, then: str) -> None:
    """Presses a key and waits for the page on which that crop is shown."""
    page.keyboard.press(key)
    shown(page, then)


def shown(page: Page, crop: str) -> None:
    """Waits for the page on which that crop is shown, and for its script."""
    expect(page.locator(f'body.has-script .label-page[data-crop="{crop}"]')).to_be_visible()


def given(site: DashboardSite) -> dict[str, str | None]:
    return {crop.id: crop.label for crop in site.services.labels.labeled()}


def test_ten_crops_are_labeled_by_keyboard(chromium: Browser, served: tuple[DashboardSite, str]) -> None:
    site, address = served
    made = [site.queue(track) for track in range(11)]
    tab = signed_in(chromium, address)
    tab.open("/labels")
    page = tab.page
    expect(page.locator("body.has-script")).to_be_attached()
    expect(page.locator("#progress")).to_have_text("11 wait · 0 labeled")
    for number, then in enumerate(made[1:8]):
        press(page, "123"[number % 3], then)
    press(page, "u", made[6])
    press(page, "3", made[7])
    press(page, "s", made[8])
    page.keyboard.press("n")
    page.keyboard.type("1 fox, us")  # letters typed into a field are no keys
    expect(page.get_by_role("textbox", name="Another label")).to_have_value("1 fox, us")
    page.keyboard.press("Enter")
    expect(page.locator("body.has-script .notice")).to_contain_text("at most 60 letters")
    page.keyboard.press("n")
    page.get_by_role("textbox", name="Another label").fill("fox")
    page.keyboard.press("Enter")
    shown(page, made[9])
    expect(page.get_by_role("button", name="4 Fox")).to_be_visible()
    press(page, "4", made[10])
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_contain_text("give the label with that number")
    page.keyboard.press("Escape")
    assert given(site) == dict(
        zip(made[:7], ["animal", "person", "vehicle", "animal", "person", "vehicle", "vehicle"], strict=True)
    ) | {made[8]: "fox", made[9]: "fox"}
    expect(page.locator("#progress")).to_have_text("1 waits · 9 labeled · 1 skipped")
    assert tab.complaints == []
    page.context.close()


def test_many_are_labeled_in_a_grid_on_a_phone(chromium: Browser, served: tuple[DashboardSite, str]) -> None:
    site, address = served
    made = [site.queue(track) for track in range(6)]
    tab = signed_in(chromium, address, width=390, height=844, has_touch=True)
    tab.open("/labels/grid")
    page = tab.page
    expect(page.locator("#chosen")).to_have_text("6 chosen")
    page.locator(".tick").nth(1).tap()
    expect(page.locator("#chosen")).to_have_text("5 chosen")
    page.get_by_role("button", name="Person").tap()
    expect(page.locator(".notice")).to_contain_text("5 crops are now: Person.")
    assert given(site) == dict.fromkeys([made[0], *made[2:]], "person")
    expect(page.locator(".tick")).to_have_count(1)
    assert tab.complaints == []
    page.context.close()
