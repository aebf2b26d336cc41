"""The service: the engine in this process, the dashboard in another, started together and stopped together."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener

from surveillance.app.core import SiteInForce, build_core
from surveillance.app.runtime import live_pictures
from surveillance.app.store import Store, open_store, upgrade_database
from surveillance.app.web import CORE_STATUS
from surveillance.app.worker import Recognizers, build_frames, build_worker
from surveillance.domain.errors import SettingsError
from surveillance.domain.site import Camera, Site
from surveillance.domain.values import DoorReport, Frame, Input, Keep, Kept
from surveillance.engines.camera import CameraHealth, CameraThreads
from surveillance.engines.core import denial
from surveillance.engines.site import SiteEngine, SiteParts
from surveillance.jobs import Job, build_scheduler
from surveillance.rules.book import RuleDocument, parse_rulebook
from surveillance.settings import Settings
from surveillance.storage.outbox import SqlOutbox
from surveillance.storage.retention import purge
from surveillance.storage.site_file import load_site
from surveillance.storage.state import SharedState

DRAIN_S = 2.0  # how long a stop waits for deeds that are under way
HEALTHY_S = 30.0  # how long the dashboard may take to answer for the first time
RECALL = timedelta(hours=24)  # how far back the judge remembers after a restart


def build_engine(settings: Settings, store: Store) -> SiteEngine:
    """Worker, recognizer and core of a site, ready to start."""
    from surveillance.perception.observe import encode_shot

    site = SiteInForce(settings, store)
    live = live_pictures(settings)
    engine: SiteEngine
    running = build_core(settings, store, site, lambda: engine.wake())
    since = datetime.now(UTC) - RECALL
    running.doors.recall(entry for entry in store.events.inputs_since(since) if isinstance(entry, DoorReport))
    site.judge.recall(store.events.inputs_since(since, settings.storage.recall_max))
    forget_requests(store)
    recognizers = Recognizers(settings, running.core.failed)

    def camera(configured: Camera, tell: Callable[[Input], None]) -> CameraThreads:
        health = CameraHealth(configured.name, tell)
        frames = build_frames(settings, configured, health.report)
        walk = build_worker(settings, configured, frames, recognizers.lane(configured, health.answered))

        def show(frame: Frame) -> None:
            health.looked()
            live.show(configured.name, lambda: encode_shot(frame, settings.perception.observe))

        return CameraThreads(walk, tell, show, no_media)

    def swap(configured: Site) -> None:
        site.swap(configured)
        recognizers.hurry(frozenset(door.camera for door in configured.doors if door.camera))

    def close() -> None:
        recognizers.close()
        running.after(running.dispatch.drain(datetime.now(UTC), DRAIN_S))
        running.dispatch.close()

    parts = SiteParts(
        version=site.version,
        read=store.site.read,
        swap=swap,
        camera=camera,
        dispatch=running.dispatch,
        after=running.after,
        tick=running.tick,
        close=close,
    )
    state = SharedState(store.engine)
    engine = SiteEngine(running.core, parts, lambda status: state.put(CORE_STATUS, status))
    return engine


@dataclass
class RunningSite:
    """The service while it runs: engine in this process, dashboard in another."""

    settings: Settings
    store: Store
    engine: SiteEngine
    web: subprocess.Popen[bytes]

    @property
    def address(self) -> str:
        return f"http://{self.settings.dashboard.host}:{self.settings.dashboard.port}"


@contextmanager
def running_site(settings: Settings, site_file: Path | None, announce: Callable[[str], None]) -> Iterator[RunningSite]:
    """Starts everything, and stops it cleanly however the block ends."""
    refuse_used_port(settings)
    upgrade_database(settings)
    store = open_store(settings)
    if site_file is not None:
        seed = load_site(site_file)
        parse_rulebook([RuleDocument(seed.rules, str(site_file))], seed, 0)
        if not store.site.seed(seed):
            announce(f"the database has a site already; {site_file} is not read again")
    password = store.accounts.create_first_admin()
    if password is not None:
        announce(f"first administrator: admin, password: {password} (shown this once)")
    store.evidence.reconcile(store.engine)
    engine = build_engine(settings, store)
    jobs = build_scheduler([retention(settings, store)], engine.core.failed)
    web = start_web(settings)
    try:
        engine.start()
        jobs.start()
        running = RunningSite(settings, store, engine, web)
        wait_until_healthy(running)
        announce(f"dashboard: {running.address}")
        yield running
    finally:
        if jobs.running:
            jobs.shutdown()
        engine.stop()
        web.terminate()
        try:
            web.wait(timeout=5)
        except subprocess.TimeoutExpired:
            web.kill()
            web.wait()


def no_media(keep: Keep) -> Kept:
    """Nothing but the best shot is kept yet."""
    why = "this camera keeps no recent video"
    return Kept(keep.event, keep.camera, missing={"picture": why, "clip": why})


def forget_requests(store: Store) -> None:
    """Before anything runs: who asked before the start was not answered, and no grant from then opens a door.

    Their deadlines cannot be trusted, since the clock may have been set back meanwhile.
    """
    for asked in store.inbox.pending():
        store.inbox.answer(asked.id, denial("other: the service was started anew"))
    outbox = SqlOutbox(store.engine)
    for action in outbox.due(datetime.now(UTC)):
        if action.kind == "door.open" and action.state == "pending":
            outbox.mark(action.moved_to("expired"))


def retention(settings: Settings, store: Store) -> Job:
    """Deletes, every hour, what is older than the settings keep."""
    return Job("retention", lambda: purge(store.engine, store.evidence, settings.storage, datetime.now(UTC)), 3600)


def refuse_used_port(settings: Settings) -> None:
    """Raises SettingsError when something else listens where the dashboard should."""
    host, port = settings.dashboard.host, settings.dashboard.port
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            hint = "stop what uses it, or choose another port with SURVEILLANCE__DASHBOARD__PORT"
            raise SettingsError(f"cannot listen on {host}:{port}: {error.strerror}; {hint}") from None


def wait_until_healthy(running: RunningSite) -> None:
    """Until the dashboard answers. Raises SettingsError when its process ended instead."""
    opener = build_opener(ProxyHandler({}))
    ends_s = time.monotonic() + HEALTHY_S
    while time.monotonic() < ends_s:
        if running.web.poll() is not None:
            raise SettingsError("the dashboard did not start; the lines above say why")
        with suppress(URLError, ConnectionError), opener.open(running.address + "/healthz", timeout=1):
            return
        time.sleep(0.1)


def start_web(settings: Settings) -> subprocess.Popen[bytes]:
    """The dashboard's own process; its settings travel by the environment."""
    dashboard = settings.dashboard
    command = [sys.executable, "-m", "surveillance.app.web", f"{dashboard.host}:{dashboard.port}"]
    environment = {
        **os.environ,
        "SURVEILLANCE__DATA_DIR": str(settings.data_dir.resolve()),
        "SURVEILLANCE__DASHBOARD__HOST": dashboard.host,
        "SURVEILLANCE__DASHBOARD__PORT": str(dashboard.port),
    }
    if settings.config is not None:
        environment["SURVEILLANCE__CONFIG"] = str(settings.config.resolve())
    return subprocess.Popen(command, env=environment, start_new_session=True)


def run_site(settings: Settings, site_file: Path | None, announce: Callable[[str], None]) -> None:
    """The service until SIGINT or SIGTERM."""
    stop = Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: stop.set())
    with running_site(settings, site_file, announce) as running:
        while not stop.wait(1.0):
            if running.web.poll() is not None:
                running.web = start_web(settings)
    announce("stopped")
