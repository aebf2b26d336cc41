"""Builds the engine of a site over its store, and runs it with what belongs beside it: jobs, and a clean start."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Protocol

from surveillance.app.core import SiteInForce, build_core
from surveillance.app.runtime import CORE_STATUS
from surveillance.app.store import Store
from surveillance.domain.site import Camera, Site
from surveillance.domain.values import DoorReport
from surveillance.engines.cameras import CameraWork
from surveillance.engines.core import Core, denial
from surveillance.engines.site import SiteEngine, SiteParts, Tell
from surveillance.jobs import Job, build_scheduler
from surveillance.settings import Settings
from surveillance.storage.outbox import SqlOutbox
from surveillance.storage.retention import purge
from surveillance.storage.state import SharedState

DRAIN_S = 2.0  # how long a stop waits for deeds that are under way
RECALL = timedelta(hours=24)  # how far back the judge remembers after a restart


class CameraPlace(Protocol):
    """Where cameras are worked: in this process (CamerasHere) or in others (Fleet)."""

    def camera(self, configured: Camera, tell: Tell) -> CameraWork: ...
    def hurry(self, cameras: frozenset[str]) -> None: ...
    def close(self) -> None: ...


@contextmanager
def running_engine(
    settings: Settings, store: Store, build_place: Callable[[Core], CameraPlace]
) -> Iterator[SiteEngine]:
    """The engine and its jobs, started; stopped however the block ends."""
    store.evidence.reconcile(store.engine)
    engine = build_engine(settings, store, build_place)
    jobs = build_scheduler([retention(settings, store)], engine.core.failed)
    try:
        engine.start()
        jobs.start()
        yield engine
    finally:
        if jobs.running:
            jobs.shutdown()
        engine.stop()


def build_engine(settings: Settings, store: Store, build_place: Callable[[Core], CameraPlace]) -> SiteEngine:
    """Core and the cameras of a site, ready to start."""
    site = SiteInForce(settings, store)
    engine: SiteEngine
    running = build_core(settings, store, site, lambda: engine.wake())
    since = datetime.now(UTC) - RECALL
    running.doors.recall(entry for entry in store.events.inputs_since(since) if isinstance(entry, DoorReport))
    site.judge.recall(store.events.inputs_since(since, settings.storage.recall_max))
    forget_requests(store)
    place = build_place(running.core)

    def swap(configured: Site) -> None:
        site.swap(configured)
        place.hurry(frozenset(door.camera for door in configured.doors if door.camera))

    def close() -> None:
        place.close()
        running.after(running.dispatch.drain(datetime.now(UTC), DRAIN_S))
        running.dispatch.close()

    parts = SiteParts(
        version=site.version,
        read=store.site.read,
        swap=swap,
        camera=place.camera,
        dispatch=running.dispatch,
        after=running.after,
        tick=running.tick,
        close=close,
    )
    state = SharedState(store.engine)
    engine = SiteEngine(running.core, parts, lambda status: state.put(CORE_STATUS, status))
    return engine


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
