"""Takes the pictures of the documentation: every page of the demo site, wide in light and narrow in dark.

make pictures                                     the pages are the application's own routes, so none is forgotten
python docs/pictures/take.py FOLDER --all-sizes    elsewhere, in more sizes, for looking at
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from browser import Tab, open_tab, running_chromium  # noqa: E402
from ports import free_port  # noqa: E402

from surveillance.app.web import build_web  # noqa: E402
from surveillance.settings import Settings  # noqa: E402
from surveillance.storage.queries import EventFilter  # noqa: E402

SIZES = (("wide", 1440, 900, "light"), ("phone", 390, 844, "dark"))
MORE_SIZES = (("tablet", 768, 1024, "light"), ("wide-dark", 1440, 900, "dark"), ("phone-light", 390, 844, "light"))
NO_PAGES = ("/static/", "/metrics", "/healthz", "/readyz", "/evidence/", "/recordings/")
WAIT_S = 75.0  # by then the demo has authorized, denied, alerted and logged
PASSWORD = "a password for pictures"  # of a site that lives for two minutes


@contextmanager
def running_demo(directory: Path) -> Iterator[tuple[str, str]]:
    """The demo site in a directory; its address and the administrator's one-time password."""
    address = f"http://127.0.0.1:{(port := free_port())}"
    environment = {**os.environ, "SURVEILLANCE__DATA_DIR": str(directory)}
    command = [sys.executable, "-m", "surveillance.demo", "--port", str(port)]
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        password = next(found[1] for line in process.stdout if (found := re.search(r"password: (\S+)", line)))
        yield address, password
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=30)


def addresses(directory: Path) -> dict[str, str]:
    """endpoint -> path of every page, with the names of what the demo has."""
    app = build_web(Settings(data_dir=directory))
    events: Any = app.extensions["surveillance"].events
    alert = (events.page(EventFilter(verdict="alert", shadow=False), None, 1)[0] or events.page(None, None, 1)[0])[0]
    names = {
        "id": alert["id"],
        "camera": "yard",
        "door": "front",
        "person": "Ada",
        "rule": "at-the-store",
        "user": "admin",
    }
    found = {}
    for rule in app.url_map.iter_rules():
        if "GET" not in (rule.methods or ()) or rule.rule.startswith(NO_PAGES) or is_stream(rule.rule):
            continue
        names["name"] = names.get(rule.endpoint.partition(".")[0].removesuffix("s"), "front")
        built = rule.build({argument: names.get(argument, names["name"]) for argument in rule.arguments})
        if built is not None:
            found[rule.endpoint] = built[1]
    return found


def is_stream(rule: str) -> bool:
    return rule.endswith(("/stream", ".mjpg", ".jpg", ".svg", ".png", ".json", ".csv"))


def take(tab: Tab, path: str, file: Path) -> bool:
    """The page as a picture; False for an address that gives none."""
    answer = tab.page.request.get(tab.address + path, headers={"Accept": "text/html"}, timeout=5000)
    if not answer.ok or "text/html" not in answer.headers.get("content-type", "") or "<!doctype" not in answer.text():
        return False
    tab.open(path)
    tab.page.wait_for_timeout(1500)  # live pictures come
    tab.page.screenshot(path=file, animations="disabled")
    return True


def main(target: Path, sizes: tuple[tuple[str, int, int, str], ...]) -> None:
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, running_demo(Path(folder)) as (address, password):
        time.sleep(WAIT_S)
        pages = addresses(Path(folder))
        with running_chromium() as browser:
            for size, width, height, scheme in sizes:
                tab = open_tab(browser, address, width, height, color_scheme=scheme)
                tab.open("/sign-in")
                take(tab, "/sign-in", target / f"sign-in-{size}.png")
                sign_in(tab, password)
                for endpoint, path in sorted(pages.items()):
                    if take(tab, path, target / f"{endpoint.replace('.', '-').replace('_', '-')}-{size}.png"):
                        print(size, path, flush=True)
                tab.page.context.close()


def sign_in(tab: Tab, password: str) -> None:
    """With the one-time password the first time, which is changed; with the chosen one after that."""
    page = tab.page
    for attempt in (PASSWORD, password):
        tab.open("/sign-in")
        page.get_by_label("Name").fill("admin")
        page.get_by_label("Password").fill(attempt)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_load_state("domcontentloaded")
        if "/sign-in" not in page.url:
            break
    if page.locator("input[name=fresh]").count() or attempt == password:
        tab.open("/account")
        page.locator("input[name=password]").first.fill(password)
        page.locator("input[name=fresh]").fill(PASSWORD)
        page.locator("input[name=again]").fill(PASSWORD)
        page.locator("input[name=again]").press("Enter")
        page.wait_for_load_state("domcontentloaded")


if __name__ == "__main__":
    every_size = "--all-sizes" in sys.argv
    folders = [Path(word) for word in sys.argv[1:] if word != "--all-sizes"]
    main(folders[0] if folders else Path(__file__).parent, SIZES + MORE_SIZES if every_size else SIZES)
