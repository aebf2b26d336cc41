"""The dashboard behind a proxy that serves it below a path: every page, script, stream and form stays there."""

from __future__ import annotations

from pathlib import Path

from browser import open_tab, serving
from dashboard_site import NAME, PASSWORD, DashboardSite, now_decision, open_site
from ledger_samples import shot
from path_proxy import proxied
from playwright.sync_api import Browser, expect

from surveillance.dashboard import DashboardSettings

PREFIX = "/site/watch"
LINKS = "nodes => nodes.map(node => ['href', 'src', 'action'].map(name => node.getAttribute(name)).find(Boolean))"
NO_PAGES = ("/static/", "/api/", "/metrics", "/healthz", "/readyz", "/sign-in")


def pages_without_names(site: DashboardSite) -> list[str]:
    """The address of every page that needs no name of anything."""
    found = []
    client = site.user()
    for rule in site.app.url_map.iter_rules():
        if "GET" in (rule.methods or ()) and not rule.arguments and not rule.rule.startswith(NO_PAGES):
            if rule.rule.endswith(("/stream", ".mjpg", ".csv")):
                continue
            answer = client.get(rule.rule, headers={"Accept": "text/html"})
            if answer.status_code == 200 and answer.mimetype == "text/html" and "<!doctype html>" in answer.text:
                found.append(rule.rule)
    return sorted(found)


def test_everything_stays_below_the_path(chromium: Browser, tmp_path: Path) -> None:
    site = open_site(tmp_path, DashboardSettings(trusted_proxies=1, stream_poll_s=0.05))
    seen = now_decision(zones=("yard",))
    site.record(seen, shot())
    with serving(site.app) as upstream, proxied(upstream, PREFIX) as proxy:
        tab = open_tab(chromium, proxy.address)
        page = tab.page
        failed: list[str] = []
        page.on("response", lambda answer: failed.append(answer.url) if answer.status >= 400 else None)
        page.goto(f"{proxy.address}/cameras", wait_until="domcontentloaded")
        expect(page).to_have_url(f"{proxy.address}/sign-in?next=/cameras")
        tab.sign_in(NAME, PASSWORD, f"**{PREFIX}/cameras")
        [cookie] = [each for each in page.context.cookies() if each["name"] == "surveillance_session"]
        assert (cookie["path"], cookie["httpOnly"]) == (PREFIX, True)
        for path in [*pages_without_names(site), f"/events/{seen.id}", "/cameras/front"]:
            tab.open(path)
            page.wait_for_timeout(200)  # scripts and streams ask for what they need
            links = page.locator("a[href], link[href], script[src], img[src], form[action]").evaluate_all(LINKS)
            assert [link for link in links if link.startswith("/") and not link.startswith(f"{PREFIX}/")] == [], path
        tab.open("/events")
        expect(page.locator("#live-state")).to_have_attribute("data-state", "on", timeout=30_000)
        page.locator("details.menu summary").click()
        page.get_by_role("button", name="Español").click()
        expect(page.locator("html")).to_have_attribute("lang", "es")
        assert page.url.startswith(f"{proxy.address}/events")
        assert (proxy.strays, failed) == ([], [])
