"""A site whose camera shows real footage over RTSP, in the system's own processes, seen through a browser."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from browser import Tab, open_tab
from playwright.sync_api import Browser
from ports import free_port
from services import lacking

from surveillance.app.service import RunningSite, running_site
from surveillance.bench.rtsp_server import Mount, RtspServer, is_installed
from surveillance.dashboard import DashboardSettings
from surveillance.engines.settings import EngineSettings
from surveillance.settings import Settings

OWN = "a password of my own"


@dataclass
class FootageSite:
    """The running system, its camera's server, and a tab in which the administrator is signed in."""

    running: RunningSite
    server: RtspServer
    tab: Tab


def footage_settings(folder: Path) -> Settings:
    return Settings(
        data_dir=folder / "data",
        dashboard=DashboardSettings(port=free_port(), allow_loopback=True),  # where the test's camera is
        engine=EngineSettings(kind="processes", answer_within_s=5.0),
    )


@contextmanager
def footage_site(chromium: Browser, footage: Path, folder: Path, site: str = "") -> Iterator[FootageSite]:
    """`site` is a site file in which SQUARE stands for the camera's address; without one the site is empty."""
    if not is_installed():
        lacking("an RTSP server")
    told: list[str] = []
    film = Mount([footage / "video" / "vtest_480x360.mp4"])
    with RtspServer({"/square": film}) as server:
        file = folder / "site.yaml"
        file.write_text(site.replace("SQUARE", server.address("/square")), encoding="utf-8")
        with running_site(footage_settings(folder), file if site else None, told.append) as running:
            password = next(line for line in told if "password: " in line).partition("password: ")[2].split()[0]
            tab = open_tab(chromium, running.address)
            tab.open("/sign-in")
            tab.sign_in_first("admin", password, OWN, "**/events*" if site else "**/first-run*")
            yield FootageSite(running, server, tab)
            assert tab.complaints == []
            tab.page.context.close()


def write_rule(tab: Tab, name: str, text: str) -> None:
    """A new rule as text, which the form follows."""
    tab.open("/rules/new/blank")
    tab.page.locator("textarea[name=text]").fill(text)
    tab.page.locator(".save").get_by_role("button", name="Save").click()
    tab.page.wait_for_url(f"**/rules/edit/{name}*", wait_until="domcontentloaded")
