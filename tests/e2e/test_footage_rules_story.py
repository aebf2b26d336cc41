"""A rule over a camera of real footage: written in the form, changed as text, tried on what was seen, and brought back.

Each time the next visit is judged by what is in force then; in shadow it acts no more, and off it is not judged.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from footage_site import FootageSite, footage_site
from patience import eventually
from playwright.sync_api import Browser, Page, expect

from surveillance.storage.queries import EventFilter

SITE = """
cameras:
  - {name: square, url: SQUARE}
"""
WITHIN_S = 90.0

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def next_visit(site: FootageSite) -> Mapping[str, Any]:
    """The newest event of the rule, once it was judged by the rules as they are now."""
    events, version = site.running.store.events, site.running.store.site.version()
    found: list[Mapping[str, Any]] = []

    def seen() -> bool:
        rows, _ = events.page(EventFilter(rule="passer-by"), None, 1)
        found[:] = [event for row in rows if (event := events.one(row["id"]))]
        return bool(found and found[0]["rulebook_version"] >= version)

    assert eventually(seen, WITHIN_S), f"nothing was judged by version {version}"
    return found[0]


def write_in_form(page: Page) -> None:
    """A rule that logs every person, clicked together; the text follows."""
    text = page.locator("#rule-text")
    expect(text).to_have_attribute("aria-haspopup", "listbox")  # the script listens
    page.get_by_label("Name", exact=True).fill("passer-by")
    page.keyboard.press("Tab")
    expect(text).to_have_value(re.compile("name: passer-by"))
    page.get_by_label("Then", exact=True).select_option("log")
    expect(text).to_have_value(re.compile("verdict: log"))
    page.get_by_label("Then silent for").fill("3")
    page.keyboard.press("Tab")
    expect(text).to_have_value(re.compile("cooldown_s: 3"))
    expect(page.get_by_label("Value").first).to_have_value("person")


def change_text(page: Page, before: str, after: str) -> None:
    """As text; the form follows."""
    text = page.locator("#rule-text")
    expect(text).to_have_attribute("aria-haspopup", "listbox")
    text.fill(text.input_value().replace(before, after))
    expect(page.locator("#problems")).to_contain_text("No faults")


def save(page: Page) -> None:
    page.locator(".save").get_by_role("button", name="Save").click()
    expect(page.get_by_text(re.compile(r"is saved, as version \d+"))).to_be_visible()  # not the page from before
    expect(page.get_by_text(re.compile(r"Version \d+ is in force"))).to_be_visible(timeout=60_000)


def test_a_rule_is_written_tried_brought_back_and_judges_the_next_visit(
    chromium: Browser, footage: Path, tmp_path: Path
) -> None:
    with footage_site(chromium, footage, tmp_path, SITE) as site:
        tab, page = site.tab, site.tab.page
        tab.open("/rules/new/blank")
        write_in_form(page)
        save(page)
        first = next_visit(site)
        assert (first["verdict"], first["label"]) == ("log", "person")

        # Changed as text, and tried on that very visit before it is saved.
        tab.open(f"/events/{first['id']}")
        page.get_by_role("link", name="Try a rule on this").click()
        page.get_by_role("link", name="passer-by").first.click()
        change_text(page, "verdict: log", "verdict: alert")
        expect(page.get_by_label("Then", exact=True)).to_have_value("alert")
        page.get_by_role("button", name="Try", exact=True).click()
        expect(page.locator("#trial")).to_contain_text("It would have alerted")
        expect(page.locator("#trial .leaf", has_text='label == "person"')).to_be_visible()
        save(page)
        assert next_visit(site)["verdict"] == "alert"

        # What was changed, and the earlier text brought back.
        page.get_by_role("button", name="History").click()
        newest = page.locator(".versions > li").first
        expect(newest).to_contain_text("verdict: log")
        expect(newest).to_contain_text("verdict: alert")
        page.get_by_role("button", name="Bring back version").click()
        expect(page.locator("#rule-text")).to_have_value(re.compile("verdict: log"))
        assert next_visit(site)["verdict"] == "log"

        # In shadow it is judged and on record; off it is not judged.
        tab.open("/rules")
        page.get_by_role("button", name="passer-by: Shadow").click()
        expect(page.get_by_role("button", name="passer-by: Shadow")).to_have_attribute("aria-pressed", "true")
        shadow = next_visit(site)
        assert shadow["shadow"]
        tab.open(f"/events/{shadow['id']}")
        expect(page.locator(".heading .tag", has_text="shadow")).to_be_visible()
        tab.open("/rules")
        page.get_by_role("button", name="passer-by: Off").click()
        expect(page.locator("#rule-passer-by.is-off")).to_be_visible()
