"""Watching live in a real browser, over the running pipeline: states, what is drawn, nothing asked for unseen."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from browser import Tab, open_tab
from painted_site import painted_settings, running_painted
from playwright.sync_api import Browser, Locator, expect

from surveillance.app.service import RunningSite

PASSWORD = "correct horse battery"
SITE = """
cameras:
  - name: yard
    url: "paint://yard?period=4"
    zones:
      - {name: right, points: [[0.5, 0], [1, 0], [1, 1], [0.5, 1]]}
    lines:
      - {name: middle, start: [0.5, 0], end: [0.5, 1]}
  - {name: away, url: "rtsp://127.0.0.1:9/none"}
rules:
  - {name: seen, on: sighting, verdict: alert, when: 'label == "person" and "right" in zones'}
"""


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSite]:
    folder: Path = tmp_path_factory.mktemp("live")
    with running_painted(painted_settings(folder, workers=1), SITE) as running:
        running.store.accounts.add("ada", "guard", PASSWORD)
        yield running


@dataclass
class Watch:
    """A signed-in tab, with the streams that it asked for."""

    tab: Tab
    streams: list[str]

    def screen(self, camera: str) -> Locator:
        return self.tab.page.locator(f'.live-screen[data-camera="{camera}"]')


@pytest.fixture
def watch(chromium: Browser, running: RunningSite) -> Iterator[Watch]:
    tab = open_tab(chromium, running.address)
    streams: list[str] = []
    tab.page.on("request", lambda asked: streams.append(asked.url) if "/live/stream" in asked.url else None)
    tab.open("/sign-in")
    tab.sign_in("ada", PASSWORD)
    yield Watch(tab, streams)
    assert tab.complaints == []
    tab.page.context.close()


def test_the_grid_shows_pictures_states_and_events(watch: Watch) -> None:
    page = watch.tab.page
    watch.tab.open("/live")
    expect(watch.screen("yard")).to_have_attribute("data-state", "live", timeout=60_000)
    assert watch.screen("yard").locator("canvas").evaluate("canvas => [canvas.width, canvas.height]") == [320, 180]
    expect(watch.screen("away")).to_have_attribute("data-state", "wait")
    expect(watch.screen("away").locator(".live-note-text")).to_contain_text("Lost since", timeout=60_000)
    marked = page.locator(".live-tile", has=watch.screen("yard")).locator(".live-event")
    expect(marked).to_contain_text("Alert", timeout=60_000)
    expect(marked).to_contain_text("Person in right")
    assert len({url for url in watch.streams if "camera=away&camera=yard" in url}) == 1

    page.locator("label", has_text="4").click()
    expect(page.locator(".live-grid")).to_have_attribute("data-columns", "4")
    page.reload(wait_until="domcontentloaded")
    expect(page.locator(".live-grid")).to_have_attribute("data-columns", "4")


def test_what_is_drawn_is_switched_and_remembered(watch: Watch) -> None:
    page = watch.tab.page
    watch.tab.open("/live")
    yard = watch.screen("yard")
    expect(yard.locator(".live-tracks text", has_text="Person").first).to_be_visible(timeout=60_000)
    expect(yard.locator(".live-zones .zone")).to_be_visible()
    assert yard.locator(".live-zones .line").count() == 2  # and its arrow
    expect(yard.locator(".live-motion")).to_be_hidden()
    page.get_by_role("button", name="Motion").click()
    expect(yard.locator(".live-motion rect").first).to_be_visible(timeout=60_000)
    page.get_by_role("button", name="Paths").click()
    expect(yard.locator(".live-paths polyline").first).to_be_attached(timeout=60_000)
    page.get_by_role("button", name="Zones").click()
    expect(yard.locator(".live-zones .zone")).to_be_hidden()
    page.reload(wait_until="domcontentloaded")
    expect(page.get_by_role("button", name="Motion")).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_role("button", name="Zones")).to_have_attribute("aria-pressed", "false")


def test_a_page_that_nobody_sees_asks_for_nothing(watch: Watch) -> None:
    page = watch.tab.page
    watch.tab.open("/live")
    expect(watch.screen("yard")).to_have_attribute("data-state", "live", timeout=60_000)
    turn = """hidden => {
        Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
        document.dispatchEvent(new Event("visibilitychange"));
    }"""
    page.evaluate(turn, True)
    expect(watch.screen("yard")).to_have_attribute("data-state", "stale", timeout=60_000)  # no old picture
    asked = len(watch.streams)
    page.wait_for_timeout(1500)
    assert len(watch.streams) == asked
    page.evaluate(turn, False)
    expect(watch.screen("yard")).to_have_attribute("data-state", "live", timeout=60_000)
    page.get_by_role("button", name="Pause").click()
    expect(watch.screen("yard")).to_have_attribute("data-state", "paused")
    expect(watch.screen("yard").locator(".live-note-text")).to_contain_text("Paused at")
    page.get_by_role("button", name="Pause").click()
    expect(watch.screen("yard")).to_have_attribute("data-state", "live", timeout=60_000)


def test_one_camera_is_looked_at_closely_without_a_mouse(watch: Watch) -> None:
    page = watch.tab.page
    watch.tab.open("/live")
    page.locator(".live-link", has=watch.screen("yard")).click()
    page.wait_for_url("**/cameras/yard/live")
    expect(watch.screen("yard")).to_have_attribute("data-state", "live", timeout=60_000)
    large = page.locator(".live-large")
    large.focus()
    for key in ("+", "+", "ArrowRight"):
        page.keyboard.press(key)
    expect(large).to_have_class("live-large is-zoomed")
    placed = watch.screen("yard").locator(".live-stage").evaluate("stage => stage.style.transform")
    assert placed.startswith("translate(-60px, 0px) scale(1.96")
    page.mouse.move(640, 500)
    page.mouse.wheel(0, -300)
    expect(large).to_have_class("live-large is-zoomed")
    large.focus()
    page.keyboard.press("0")
    expect(large).to_have_class("live-large")
    page.get_by_role("button", name="Larger").click()
    expect(large).to_have_class("live-large is-zoomed")
