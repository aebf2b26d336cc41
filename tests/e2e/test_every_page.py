"""Every page there is, as a browser shows it: accessible in light and dark, fitting a phone, light to load.

The pages are those of the application itself, so a new one is tested without being named here.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from browser import Tab, open_tab, serving
from dashboard_site import NAME, PASSWORD, DashboardSite, fill_pages, open_site
from flask.testing import FlaskClient
from playwright.sync_api import Browser

from surveillance.dashboard.languages import COOKIE
from surveillance.translations import LANGUAGES

AXE: dict[str, Any] = {
    "resultTypes": ["violations"],
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
}
FIRST_LOAD_BYTES = 250_000  # gzip


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[DashboardSite, str]]:
    site = open_site(tmp_path_factory.mktemp("site"))
    with serving(site.app) as address:
        yield site, address


@pytest.fixture(scope="module")
def paths(served: tuple[DashboardSite, str]) -> list[str]:
    """The address of every page, with names of what the prepared site has."""
    return [*fill_pages(served[0]), "/api/docs"]


def signed_in_tab(browser: Browser, address: str, **options: Any) -> Tab:
    tab = open_tab(browser, address, **options)
    tab.open("/sign-in")
    tab.sign_in(NAME, PASSWORD)
    return tab


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious(
    chromium: Browser, served: tuple[DashboardSite, str], paths: list[str], scheme: str
) -> None:
    tab = signed_in_tab(chromium, served[1], color_scheme=scheme)
    found: dict[str, list[str]] = {}
    for path in ("/sign-in?next=/", *paths):
        tab.open(path)
        violations = Axe().run(tab.page, options=AXE).response["violations"]
        serious = [
            f"{one['id']}: {node['target']} {node['failureSummary']}"
            for one in violations
            if one["impact"] in ("serious", "critical")
            for node in one["nodes"][:3]
        ]
        if serious:
            found[path] = serious
    tab.page.context.close()
    assert found == {}


@pytest.mark.parametrize("language", sorted(LANGUAGES))
def test_pages_fit_a_phone_and_a_tablet(
    chromium: Browser, served: tuple[DashboardSite, str], paths: list[str], language: str
) -> None:
    too_wide: dict[str, int] = {}
    for width in (360, 390, 768):
        tab = signed_in_tab(chromium, served[1], width=width)
        tab.page.context.add_cookies([{"name": COOKIE, "value": language, "url": served[1]}])
        for path in paths:
            tab.open(path)
            more = tab.page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
            if more > 0:
                too_wide[f"{path} at {width}"] = more
        tab.page.context.close()
    assert too_wide == {}


def test_targets_are_large_enough_to_touch(
    chromium: Browser, served: tuple[DashboardSite, str], paths: list[str]
) -> None:
    """WCAG 2.2, 2.5.8: 24 by 24 CSS pixels, links within sentences excepted."""
    tab = signed_in_tab(chromium, served[1], width=390)
    small: dict[str, list[str]] = {}
    for path in paths:
        tab.open(path)
        found = tab.page.evaluate(SMALL_TARGETS)
        if found:
            small[path] = found[:5]
    tab.page.context.close()
    assert small == {}


SMALL_TARGETS = """
() => [...document.querySelectorAll("button, summary, input:not([type=hidden]), select, textarea, [role=button]")]
  .filter((one) => {
    const label = one.closest("label");
    const box = (one.matches("[type=radio],[type=checkbox]") && label ? label : one).getBoundingClientRect();
    const seen = box.width > 0 && box.height > 0 && getComputedStyle(one).visibility !== "hidden";
    return seen && (box.width < 24 || box.height < 24);
  })
  .map((one) => one.outerHTML.slice(0, 120))
"""


def test_the_first_load_is_light(served: tuple[DashboardSite, str], chromium: Browser, paths: list[str]) -> None:
    """A page with everything that it brings along but pictures, as a browser without a cache fetches it, compressed."""
    site, address = served
    tab, client = signed_in_tab(chromium, address), site.user()
    heavy = {}
    for path in paths:
        tab.open(path)
        tab.page.wait_for_timeout(50)
        fetched = {path, *(url.removeprefix(address) for url in tab.page.evaluate(FETCHED))}
        total = sum(weight(client, url) for url in fetched)
        if total > FIRST_LOAD_BYTES:
            heavy[path] = total
    tab.page.context.close()
    assert heavy == {}


def weight(client: FlaskClient, url: str) -> int:
    answer = client.get(url)
    size = len(gzip.compress(answer.data))
    answer.close()
    return size


FETCHED = """
() => performance.getEntriesByType("resource").map((one) => one.name).filter((url) => url.includes("/static/"))
"""


def test_no_page_complains_in_the_console(
    chromium: Browser, served: tuple[DashboardSite, str], paths: list[str]
) -> None:
    tab = signed_in_tab(chromium, served[1])
    for path in paths:
        if path != "/nothing":
            tab.open(path)
            tab.page.wait_for_timeout(50)
    complaints = list(tab.complaints)
    tab.page.context.close()
    assert complaints == []


def test_the_pages_are_found(paths: list[str]) -> None:
    assert {"/events", "/cameras", "/cameras/front", "/rules", "/account"} <= set(paths)
