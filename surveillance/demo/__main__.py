"""`python -m surveillance.demo`: the demo site with its simulated cameras, badge reader and door controller.

With `--source` it watches that camera or file instead, in a data directory of its own.
"""

from __future__ import annotations

import argparse
import os
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from surveillance import places
from surveillance.app.service import run_site
from surveillance.app.store import open_store, relay_token, upgrade_database
from surveillance.app.watch import camera_name
from surveillance.demo.controller import DoorController
from surveillance.demo.reader import run
from surveillance.domain.errors import SettingsError, UserMistake
from surveillance.domain.site import Camera, Site
from surveillance.logs import configure_logs
from surveillance.settings import Settings, load_settings

DOOR = "front"
CONTROLLER_PORT = 8099  # where config/demo/site.yaml says the door's relay is


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs until Ctrl-C. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m surveillance.demo", description=__doc__)
    parser.add_argument("--port", type=int, default=8080, help="where the dashboard listens (default: 8080)")
    parser.add_argument("--source", help="an rtsp:// address or a file to watch instead of the demo site")
    asked = parser.parse_args(arguments)
    try:
        settings = load_settings()
        if "SURVEILLANCE__LOG__LEVEL" not in os.environ:  # a newcomer should read the address and the password
            settings = settings.model_copy(update={"log": settings.log.model_copy(update={"level": "warning"})})
        configure_logs(settings.log, "service")
        dashboard = settings.dashboard.model_copy(update={"port": asked.port})
        settings = settings.model_copy(update={"dashboard": dashboard})
        if asked.source:
            watch_source(settings, asked.source)
        else:
            run_demo(settings)
    except UserMistake as mistake:
        say(f"surveillance: {mistake}", error=True)
        return 2
    return 0


def run_demo(settings: Settings) -> None:
    """The built-in site: three cameras, a door, two people and a cat."""
    upgrade_database(settings)
    store = open_store(settings)
    token = store.accounts.create_token("demo reader", ["access:request"], actor="demo")
    address = f"http://{settings.dashboard.host}:{settings.dashboard.port}"
    stopping = threading.Event()
    reader = threading.Thread(target=run, args=(address, token, DOOR, stopping), name="demo reader", daemon=True)
    with open_controller(relay_token(store.keys, DOOR)):
        reader.start()
        try:
            run_site(settings, places.shipped("config") / "demo" / "site.yaml", announce=say)
        finally:
            stopping.set()
            reader.join(timeout=6)


def open_controller(token: str) -> DoorController:
    """The simulated door controller. Raises SettingsError when its port is taken."""
    try:
        return DoorController([DOOR], token, CONTROLLER_PORT, is_walked=True)
    except OSError as error:
        raise SettingsError(
            f"the demo's door controller cannot listen on 127.0.0.1:{CONTROLLER_PORT}: {error.strerror}; "
            "is another demo running?"
        ) from None


def watch_source(settings: Settings, source: str) -> None:
    """One camera, or a file played once at its own speed; everything it shows goes on record."""
    settings = settings.model_copy(update={"data_dir": settings.data_dir / "source"})
    upgrade_database(settings)
    url = source if "://" in source else str(Path(source).resolve())
    if "://" not in source and not Path(source).is_file():
        raise SettingsError(f"there is no file {source}; give a file, or an address such as rtsp://camera/stream")
    rules = (places.shipped("config") / "rules" / "watch-live.yaml").read_text(encoding="utf-8")
    open_store(settings).site.save(Site(cameras=(Camera(camera_name(source), url),), rules=rules), author="demo")
    run_site(settings, None, announce=say)


def say(line: str, error: bool = False) -> None:
    print(line, file=sys.stderr if error else sys.stdout, flush=True)


if __name__ == "__main__":
    sys.exit(main())
