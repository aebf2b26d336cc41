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
LAST = "first_run.show"  # whoever has looked at it is reminded of it on the other pages
NOT_TAKEN = ("events.home", "sign_in.ask_code", "sign_in.show")  # lead elsewhere; is taken before signing in
PLACES = {  # what the name of something in the demo does not lead to
    "events.listing": "/events?view=all",
    "people.one": "/person?name=Ada",
    "doors.confirm": "/door-commands/lock_down?door=front",
    "doors.confirm_release": "/door-release?door=front",
    "rules.templates.fill": "/rules/new/intruder",
}
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
        try:
            yield address, password
        finally:
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
        "model": "embedded",
    }
    found = {}
    for rule in app.url_map.iter_rules():
        if "GET" not in (rule.methods or ()) or rule.rule.startswith(NO_PAGES) or is_stream(rule.rule):
            continue
        names["name"] = names.get(rule.endpoint.partition(".")[0].removesuffix("s"), "front")
        numbers = re.findall(r"<int:(\w+)>", rule.rule)
        built = rule.build({one: 1 if one in numbers else names.get(one, names["name"]) for one in rule.arguments})
        if built is not None and rule.endpoint not in NOT_TAKEN:
            found[rule.endpoint] = PLACES.get(rule.endpoint, built[1])
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


def drop_unshown(folder: Path) -> None:
    """Deletes what the page of the documentation does not show, and names pages that it shows in no size."""
    shown = set(re.findall(r"pictures/([\w-]+\.png)", (ROOT / "docs" / "dashboard.md").read_text(encoding="utf-8")))
    for file in sorted(folder.glob("*.png")):
        page = file.name.rpartition("-")[0]
        if not any(name.startswith(f"{page}-") for name in shown):
            print(f"docs/dashboard.md does not show {page}", flush=True)
        if file.name not in shown:
            file.unlink()


def main(target: Path, sizes: tuple[tuple[str, int, int, str], ...]) -> None:
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, running_demo(Path(folder)) as (address, password):
        time.sleep(WAIT_S)
        pages = addresses(Path(folder))
        with running_chromium() as browser:
            first = open_tab(browser, address)
            first.open("/sign-in")
            first.sign_in_first("admin", password, PASSWORD)
            for size, width, height, scheme in sizes:
                tab = open_tab(browser, address, width, height, color_scheme=scheme)
                take(tab, "/sign-in", target / f"sign-in-show-{size}.png")
                tab.open("/sign-in")
                tab.sign_in("admin", PASSWORD)
                for endpoint, path in sorted(pages.items(), key=lambda page: (page[0] == LAST, page)):
                    if take(tab, path, target / f"{endpoint.replace('.', '-').replace('_', '-')}-{size}.png"):
                        print(size, path, flush=True)
                tab.page.context.close()


if __name__ == "__main__":
    every_size = "--all-sizes" in sys.argv
    folders = [Path(word) for word in sys.argv[1:] if word != "--all-sizes"]
    main(folders[0] if folders else Path(__file__).parent, SIZES + MORE_SIZES if every_size else SIZES)
    if not folders:
        drop_unshown(Path(__file__).parent)
