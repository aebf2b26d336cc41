"""Chromium for tests: a tab that remembers what its console complained of, and a prepared site served to it."""

from __future__ import annotations

import logging
import shutil
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import Any

from flask import Flask
from playwright.sync_api import Browser, Page, sync_playwright
from services import lacking
from werkzeug.serving import make_server

ARGUMENTS = ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"]


@contextmanager
def running_chromium() -> Iterator[Browser]:
    """Skips, or fails where services are required, when there is none."""
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        lacking("Chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
        yield browser
        browser.close()


@contextmanager
def serving(app: Flask) -> Iterator[str]:
    """The application on a port of 127.0.0.1, in threads of this process; its address."""
    logging.getLogger("werkzeug").setLevel(logging.WARNING)  # a line for each request would hide what failed
    server = make_server("127.0.0.1", 0, read_whole(app), threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join(5)


def read_whole(app: Flask) -> Callable[..., Iterable[bytes]]:
    """Files are read before they are sent: this server leaves one open when a tab that is left hangs up on it."""

    def answer(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        body: Any = app(environ, start_response)
        if "/static/" not in environ["PATH_INFO"]:
            return body  # type: ignore[no-any-return]
        with closing(body):
            return [b"".join(body)]

    return answer


@dataclass
class Tab:
    """A page and what its console complained of."""

    page: Page
    address: str
    complaints: list[str] = field(default_factory=list)

    def open(self, path: str) -> None:
        self.page.goto(self.address + path, wait_until="domcontentloaded")  # live pictures keep `load` open

    def sign_in(self, name: str, password: str, leads_to: str = "**/events*") -> None:
        self.page.get_by_label("Name").fill(name)
        self.page.get_by_label("Password").fill(password)
        self.page.get_by_role("button", name="Sign in").click()
        self.page.wait_for_url(leads_to, wait_until="domcontentloaded")

    def sign_in_first(self, name: str, given: str, chosen: str, leads_to: str = "**/events*") -> None:
        """With a one-time password, which has to be changed before anything else."""
        self.sign_in(name, given, "**/account")
        self.page.get_by_label("Present password").fill(given)
        self.page.get_by_label("New password, at least").fill(chosen)
        self.page.get_by_label("New password again").fill(chosen)
        self.page.get_by_role("button", name="Change password").click()
        self.page.wait_for_url(leads_to, wait_until="domcontentloaded")


def open_tab(browser: Browser, address: str, width: int = 1280, height: int = 900, **context: Any) -> Tab:
    """A tab in a context of its own; `context` goes to Playwright, such as color_scheme="dark"."""
    tab = Tab(browser.new_context(viewport={"width": width, "height": height}, **context).new_page(), address)
    tab.page.on("console", lambda said: tab.complaints.append(said.text) if said.type == "error" else None)
    tab.page.on("pageerror", lambda error: tab.complaints.append(str(error)))
    return tab
