"""The dashboard in a real browser: over the running pipeline, and page by page over a prepared store."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from browser import open_tab, serving
from dashboard_site import NAME, PASSWORD, DashboardSite, now_decision, open_site
from ledger_samples import shot
from patience import eventually
from playwright.sync_api import Browser, Page, Route, expect
from ports import free_port

from surveillance.app.service import running_site
from surveillance.dashboard import DashboardSettings
from surveillance.settings import Settings

SITE = """
cameras:
  - name: yard
    url: synthetic://yard
    zones:
      - {name: store, points: [[0.6, 0.5], [0.96, 0.5], [0.96, 1.0], [0.6, 1.0]]}
rules:
  - name: visitor
    on: sighting
    verdict: log
    when: label in {"person", "animal"} and "store" in zones and track_s >= 1
"""


# --- the story -----------------------------------------------------------------------------------------------------


def test_sign_in_see_an_event_arrive_and_open_its_explanation(chromium: Browser, tmp_path: Path) -> None:
    site_file = tmp_path / "site.yaml"
    site_file.write_text(SITE, encoding="utf-8")
    settings = Settings(data_dir=tmp_path / "data", dashboard=DashboardSettings(port=free_port()))
    told: list[str] = []
    with running_site(settings, site_file, told.append) as running:
        password = told[0].partition("password: ")[2].split()[0]
        tab = open_tab(chromium, running.address)
        page = tab.page
        tab.open("/")
        expect(page).to_have_url(f"{running.address}/sign-in")
        tab.sign_in_first("admin", password, "a password of my own")
        signed_in_at = datetime.now(UTC)
        page.get_by_text("All", exact=True).click()
        page.wait_for_url("**/events?view=all")
        expect(page.locator("#live-state")).to_have_attribute("data-state", "on", timeout=30_000)

        row = page.locator(f"#{arrived(page, signed_in_at)}")  # that one, whatever comes above it meanwhile
        row.get_by_role("link").click()

        expect(page.get_by_role("heading", level=1)).to_contain_text("store", ignore_case=True)
        expect(page.locator(".heading .chip")).to_have_text("Logged")
        rule = page.locator(".judged", has_text="visitor")
        expect(rule.locator(".tag")).to_have_text("decided")
        expect(rule.locator(".leaf", has_text="track_s >= 1").locator(".found")).to_contain_text("track_s = ")
        assert page.locator(".picture img").evaluate("image => image.decode().then(() => image.naturalWidth)") > 100
        expect(page.locator(".picture .box")).to_be_visible()

        tab.open("/cameras")
        expect(page.locator(".tile .chip")).to_have_text("Live")
        expect(page.locator(".tile .live-screen")).to_have_attribute("data-state", "live", timeout=60_000)
        assert tab.complaints == []
        page.context.close()


def arrived(page: Page, since: datetime) -> str:
    """The row of a visitor who came to the store after that moment, not of one of whom a busy machine told late."""
    newest = page.locator("#rows li.is-fresh", has_text="store").first
    found: list[str] = []

    def has_come() -> bool:
        newest.wait_for(timeout=90_000)
        name, at = newest.evaluate("row => [row.id, row.querySelector('time').dateTime]")
        found[:] = [str(name)]
        return datetime.fromisoformat(at) > since

    assert eventually(has_come, 90)
    return found[0]


# --- page by page --------------------------------------------------------------------------------------------------


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[DashboardSite, str]]:
    """A prepared site, served from this process."""
    site = open_site(tmp_path)
    with serving(site.app) as address:
        yield site, address


def test_filters_change_list_address_and_stream(chromium: Browser, served: tuple[DashboardSite, str]) -> None:
    site, address = served
    site.record(now_decision())
    denied = site.record(now_decision(kind="access.denied", verdict="deny", door="front"))
    tab = open_tab(chromium, address)
    page = tab.page
    tab.open("/events")
    tab.sign_in(NAME, PASSWORD)
    expect(page.locator("#rows li")).to_have_count(2)

    page.get_by_label("Verdict").select_option("deny")
    expect(page.locator("#rows li")).to_have_count(1)
    expect(page.locator("#rows li")).to_have_id(f"event-{denied}")
    expect(page).to_have_url(f"{address}/events?verdict=deny")
    expect(page.locator("#live-state")).to_have_attribute("data-state", "on", timeout=30_000)

    site.record(now_decision())
    late = site.record(now_decision(kind="access.denied", verdict="deny", door="front"))
    expect(page.locator("#rows li")).to_have_count(2)
    expect(page.locator("#rows li").first).to_have_id(f"event-{late}")
    page.reload(wait_until="domcontentloaded")
    expect(page.locator("#rows li")).to_have_count(2)
    page.go_back(wait_until="domcontentloaded")
    expect(page.locator("#rows li")).to_have_count(4)
    assert tab.complaints == []
    page.context.close()


def test_the_list_follows_what_happens_however_late_its_scripts_come(
    chromium: Browser, served: tuple[DashboardSite, str]
) -> None:
    def late(route: Route) -> None:
        time.sleep(0.5)
        route.continue_()

    tab = open_tab(chromium, served[1])
    tab.open("/sign-in")
    tab.sign_in(NAME, PASSWORD)
    for script in ("hx-sse.min.js", "events.js"):
        tab.page.route(f"**/{script}*", late)
        tab.open("/events?view=all")
        expect(tab.page.locator("#live-state")).to_have_attribute("data-state", "on", timeout=30_000)
    assert tab.complaints == []
    tab.page.context.close()


def test_pages_fit_a_phone(chromium: Browser, served: tuple[DashboardSite, str]) -> None:
    site, address = served
    made = now_decision(reasons=("a_very_long_word" * 10,), zones=("yard", "a-zone-with-a-long-name"))
    site.record(made, shot())
    tab = open_tab(chromium, address, width=360)
    tab.open("/events")
    tab.sign_in(NAME, PASSWORD)
    wide = {}
    for path in ("/events", f"/events/{made.id}", "/cameras", "/cameras/front", "/rules", "/account", "/nothing"):
        tab.open(path)
        wide[path] = tab.page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    assert {path: more for path, more in wide.items() if more > 0} == {}
    tab.page.context.close()


def test_a_tab_whose_session_has_ended_is_led_to_sign_in(chromium: Browser, served: tuple[DashboardSite, str]) -> None:
    site, address = served
    tab = open_tab(chromium, address)
    tab.open("/cameras")
    tab.page.wait_for_url("**/sign-in?**")
    tab.sign_in(NAME, PASSWORD, "**/cameras")
    site.services.accounts.passwd(NAME, "another password")
    tab.page.wait_for_url("**/sign-in?**")
    tab.page.context.close()
