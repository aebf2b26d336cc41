"""The service: the processes of a site, started together, kept alive and stopped together."""

from __future__ import annotations

import errno
import shutil
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Event

from surveillance.app.certificates import refuse_bad_certificate
from surveillance.app.engine import running_engine
from surveillance.app.health import opener_to_itself
from surveillance.app.jobs import core_runs
from surveillance.app.locks import only_core, only_service
from surveillance.app.privacy import settle_erased
from surveillance.app.processes import children_of, handed_over
from surveillance.app.runtime import REPORT, runtime_dir
from surveillance.app.store import Store, open_store, upgrade_database
from surveillance.app.worker import CamerasHere
from surveillance.domain.errors import SettingsError, SurveillanceError
from surveillance.engines.children import Child, Children
from surveillance.engines.core import Core
from surveillance.engines.figures import Figures
from surveillance.engines.measured import ProcessFigures
from surveillance.engines.site import SiteEngine
from surveillance.rules.book import RuleDocument, parse_rulebook
from surveillance.settings import Settings
from surveillance.storage.site_file import load_site

GIVE_WAY_S = 3.0  # how long a service that is just ending may still hold the port
LOOK_S = 1.0
HEALTHY_S = 30.0  # how long the dashboard may take to answer for the first time


@dataclass
class RunningSite:
    """The service while it runs: its processes, and the engine where that runs in this one."""

    settings: Settings
    store: Store
    children: Children
    engine: SiteEngine | None = None

    @property
    def address(self) -> str:
        dashboard = self.settings.dashboard
        return f"{'https' if dashboard.speaks_tls else 'http'}://{dashboard.host}:{dashboard.port}"


@contextmanager
def running_site(settings: Settings, site_file: Path | None, announce: Callable[[str], None]) -> Iterator[RunningSite]:
    """Starts everything, and stops it cleanly however the block ends."""
    refuse_used_port(settings)
    refuse_bad_certificate(settings.dashboard)
    settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    with only_service(settings):
        with only_core(settings):  # one whose service was killed may just be ending
            upgrade_database(settings, announce)
        settle_erased(settings)
        store = open_store(settings)
        seed_site(store, site_file, announce)
        password = store.accounts.create_first_admin()
        if password is not None:
            announce(f"first administrator: admin, password: {password} (shown this once)")
        settings = settings.model_copy(update={"data_dir": settings.data_dir.resolve()})
        with running_processes(settings, store) as running:
            wait_until_healthy(running)
            announce(f"dashboard: {running.address}")
            if not store.site.read().cameras:
                announce("no camera yet: sign in there, and five steps lead to the first alert")
            yield running


def seed_site(store: Store, site_file: Path | None, announce: Callable[[str], None]) -> None:
    """Takes a site file over into an empty database. Raises SettingsError or RuleError."""
    if site_file is None:
        return
    seed = load_site(site_file)
    parse_rulebook([RuleDocument(seed.rules, str(site_file))], seed, 0)
    if not store.site.seed(seed):
        announce(f"the database has a site already; {site_file} is not read again")


@contextmanager
def running_processes(settings: Settings, store: Store) -> Iterator[RunningSite]:
    """The dashboard beside the engine: that in this process, or in three kinds of its own."""
    dashboard = settings.dashboard
    web = Child("web", "surveillance.app.web", (f"{dashboard.host}:{dashboard.port}",))
    is_inline = settings.engine.kind == "inline"
    rest = [] if is_inline else children_of(settings)
    how = settings.engine
    children = Children(
        [*rest, web],
        handed_over(settings),
        runtime_dir(settings) / REPORT,
        waits_s=how.restart_waits_s,
        well_s=how.restart_well_s,
    )
    children.start()
    try:
        if is_inline:
            figures = Figures()
            figures.before_telling(ProcessFigures("core", figures))
            place = partial(cameras_here, settings, figures)
            with running_engine(settings, store, place, figures) as engine:
                yield RunningSite(settings, store, children, engine)
        else:
            yield RunningSite(settings, store, children)
    finally:
        children.stop()
        shutil.rmtree(runtime_dir(settings), ignore_errors=True)


def cameras_here(settings: Settings, figures: Figures, core: Core) -> CamerasHere:
    """Cameras worked in core's own process."""
    return CamerasHere(settings, core.failed, figures)


def refuse_used_port(settings: Settings) -> None:
    """Raises SettingsError when something else listens where the dashboard should."""
    host, port = settings.dashboard.host, settings.dashboard.port
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    ends_s = time.monotonic() + GIVE_WAY_S
    while True:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
                return
            except OSError as error:
                hint = "stop what uses it, or choose another port with SURVEILLANCE__DASHBOARD__PORT"
                if time.monotonic() > ends_s or error.errno != errno.EADDRINUSE:
                    raise SettingsError(f"cannot listen on {host}:{port}: {error.strerror}; {hint}") from None
        time.sleep(0.2)


def wait_until_healthy(running: RunningSite) -> None:
    """Until the dashboard answers and core has told of itself. Raises SettingsError when a dashboard ended instead."""
    opener = opener_to_itself()
    ends_s = time.monotonic() + HEALTHY_S
    while time.monotonic() < ends_s:
        if running.children.ended("web"):
            raise SettingsError("the dashboard did not start; the lines above say why")
        if core_runs(running.store):  # what is asked before is denied
            with suppress(OSError), opener.open(running.address + "/healthz", timeout=2):
                return
        time.sleep(0.1)


def run_site(settings: Settings, site_file: Path | None, announce: Callable[[str], None]) -> None:
    """The service until SIGINT or SIGTERM."""
    stop = Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: stop.set())
    with running_site(settings, site_file, announce) as running:
        while not stop.wait(LOOK_S):
            if not running.children.are_watched:
                raise SurveillanceError("the processes are kept alive no more; the lines above say why")
    announce("stopped")
