"""Builds the engine of a site over its store, and runs it with what belongs beside it: jobs, and a clean start."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Protocol

from surveillance.actions.dispatch import OPENING
from surveillance.actions.notifiers import Notifiers
from surveillance.app.backtesting import wanted_places
from surveillance.app.candidates import Candidates, Disagreements, ShadowPlace
from surveillance.app.company import let_in_before
from surveillance.app.core import RunningCore, SiteInForce, build_core
from surveillance.app.errands import Errands
from surveillance.app.jobs import QUESTION, UPTIME, CorePorts, SiteJobs
from surveillance.app.locks import core_place, only_core, refuse_other_core
from surveillance.app.measuring import Publisher
from surveillance.app.reader_desk import ReaderDesk, ReaderPorts
from surveillance.app.rehearsal import QUESTION as REHEARSAL
from surveillance.app.rehearsal import TARGET_QUESTION, Rehearsal, TargetTest
from surveillance.app.runtime import BELL, runtime_dir
from surveillance.app.store import PAGES_KEY, Store
from surveillance.app.wires import Wires
from surveillance.domain.site import Camera, Site
from surveillance.domain.values import Action, Decision, Glimpse
from surveillance.engines.cameras import CameraWork
from surveillance.engines.core import Core, Question, denial, refusal, told_of_itself
from surveillance.engines.doorbell import Doorbell
from surveillance.engines.figures import Figures
from surveillance.engines.keeper import Keeper
from surveillance.engines.picking import PickingRecord
from surveillance.engines.site import SiteEngine, SiteParts, Tell
from surveillance.engines.supervise import WallClock
from surveillance.settings import Settings
from surveillance.storage.outbox import SqlOutbox
from surveillance.storage.shadows import Shadows
from surveillance.storage.state import SharedState

log = logging.getLogger(__name__)

DRAIN_S = 2.0  # how long a stop waits for deeds that are under way
RECALL = timedelta(hours=24)  # how far back the judge remembers after a restart


class CameraPlace(ShadowPlace, Protocol):
    """Where cameras are worked: in this process (CamerasHere) or in others (Fleet)."""

    def camera(self, configured: Camera, tell: Tell) -> CameraWork: ...
    def hurry(self, cameras: frozenset[str]) -> None: ...
    def listen(self, glimpsed: Callable[[Glimpse], None]) -> None: ...
    def close(self) -> None: ...


@contextmanager
def running_engine(
    settings: Settings, store: Store, build_place: Callable[[Core], CameraPlace], figures: Figures | None = None
) -> Iterator[SiteEngine]:
    """The engine and its jobs, started; stopped however the block ends. Raises SettingsError when another one runs."""
    with only_core(settings):
        yield from _running(settings, store, build_place, figures or Figures())


def _running(
    settings: Settings, store: Store, build_place: Callable[[Core], CameraPlace], figures: Figures
) -> Iterator[SiteEngine]:
    refuse_other_core(SharedState(store.engine), core_place(store.keys))
    store.evidence.reconcile(store.engine)
    store.recordings.reconcile()
    store.crops.reconcile()
    engine, jobs, picking, candidates = build_engine(settings, store, build_place, figures, lambda: keeper.fault)
    bell = hang_bell(settings, engine.core)
    keeper = Keeper(store.recordings, engine.keep, engine.core.failed)
    engine.woken.append(keeper.wake)
    try:
        jobs.arm()  # the mode is the first thing that core hears
        engine.start()
        jobs.start()
        keeper.start()
        picking.start()
        candidates.start()
        yield engine
    finally:
        jobs.stop()
        candidates.stop()
        keeper.ask_no_more()
        engine.stop()
        keeper.stop()
        picking.stop()
        if bell is not None:
            bell.close()


def hang_bell(settings: Settings, core: Core) -> Doorbell | None:
    """What whoever asks core rings; without one core looks more often."""
    try:
        bell = Doorbell(runtime_dir(settings) / BELL, core.rung)
    except OSError as error:
        log.warning("no doorbell", extra={"reason": str(error)})
        return None
    core.hears = True
    return bell


def build_engine(
    settings: Settings,
    store: Store,
    build_place: Callable[[Core], CameraPlace],
    figures: Figures,
    unkept: Callable[[], str],
) -> tuple[SiteEngine, SiteJobs, PickingRecord, Candidates]:
    """Core and the cameras of a site, ready to start, with its jobs and what picks crops and asks candidates."""
    site = SiteInForce(settings, store)
    engine: SiteEngine
    ports = CorePorts(
        put=lambda report: running.core.put(report),
        tell=lambda decision: running.core.tell(decision),
        reported=lambda: engine.status()["cameras"],
        site=site,
        unkept=unkept,
    )
    jobs = SiteJobs(settings, store, ports)
    questions = {QUESTION: jobs.ask, **side_questions(settings, store, site, ports.tell)}
    running = build_core(settings, store, site, lambda: engine.wake(), questions, figures)
    take_up(settings, store, site, running)
    place = build_place(running.core)
    place.listen(running.glimpsed)
    desk = ReaderDesk(store.inbox, settings.dashboard.access_deadline_ms / 1000)
    wires = Wires(settings, store, site, ReaderPorts(desk, running.desk.hear, ports.tell, running.core.failed))
    publisher = Publisher(settings, SharedState(store.engine), running.core, figures, core_place(store.keys))
    shadows, disagreements = Shadows(store.engine), Disagreements(running.shown, store.crops.queue_disagreement)
    candidates = Candidates(settings, shadows, disagreements, site, place, running.core)

    def swap(configured: Site) -> None:
        site.swap(configured)
        place.hurry(frozenset(door.camera for door in configured.doors if door.camera))

    def after(became: tuple[Action, ...]) -> None:
        publisher.settled(became)
        running.after(became)

    def close() -> None:
        running.watch.stop()
        wires.close()
        place.close()
        after(running.dispatch.drain(datetime.now(UTC), DRAIN_S))
        running.dispatch.close()

    parts = SiteParts(
        version=site.version,
        read=store.site.read,
        swap=swap,
        camera=place.camera,
        dispatch=running.dispatch,
        is_idle=lambda: running.dispatch.is_idle,
        after=after,
        tick=each_second(running, site, wires),
        close=close,
        doors=running.desk.status,
    )
    engine = SiteEngine(running.core, parts, publisher)
    return engine, jobs, running.picking, candidates


def each_second(running: RunningCore, site: SiteInForce, wires: Wires) -> Callable[[datetime], None]:
    """What core looks after beside its inputs."""
    clock = WallClock(steady=lambda: time.clock_gettime(UPTIME))

    def tick(now: datetime) -> None:
        tell_of_clock(clock.was_set_by_s(), running.core.tell)
        running.seeing.faces.forget(now)
        site.look_again()
        running.desk.tick(now)
        running.watch.reconcile()
        wires.tick()

    return tick


def tell_of_clock(set_by_s: float, tell: Callable[[Decision], None]) -> None:
    """What was dated before it was set is not what it seems to whoever reads the record."""
    by = timedelta(seconds=round(abs(set_by_s)))
    if set_by_s > 0:
        tell(told_of_itself("health.degraded", f"the clock of this machine was set ahead by {by}", component="clock"))
    elif set_by_s < 0:
        tell(told_of_itself("health.degraded", f"the clock of this machine was set back by {by}", component="clock"))


def side_questions(
    settings: Settings, store: Store, site: SiteInForce, tell: Callable[[Decision], None]
) -> dict[str, Question]:
    """What core is asked beside requests at doors, by kind: errands, tests of alerts and of notification targets."""
    errands = Errands(settings, lambda text: store.keys.decrypt(text, PAGES_KEY), store.inbox.answer)
    target_test = TargetTest(Notifiers(site, settings.actions), tell, store.inbox.answer)
    return {
        REHEARSAL: Rehearsal(site, tell).ask,
        TARGET_QUESTION: target_test.ask,
        **dict.fromkeys(errands.kinds, errands.ask),
    }


def take_up(settings: Settings, store: Store, site: SiteInForce, running: RunningCore) -> None:
    """Before anything runs: what an earlier run left goes on record, and what is on record is remembered.

    Doors come first: a lockdown of any age holds until it is released.
    """
    running.core.recover()
    modes = store.events.door_modes()
    running.desk.doors.recall(modes)
    forget_requests(store)
    running.desk.reassert()
    running.threats.reassert()
    site.judge.recall(store.events.last_mode())
    site.judge.recall(modes)
    site.judge.recall(store.events.inputs_since(datetime.now(UTC) - RECALL, settings.storage.recall_max))
    site.judge.recall(store.events.last_threat())
    site.judge.recall(modes)  # a momentary access that was under way is over
    site.judge.recall_company(let_in_before(store, site(), datetime.now(UTC)))
    wanted = wanted_places(settings, site())
    site.judge.recall_places(store.events.places(wanted.doors, datetime.now(UTC), wanted.kept))


def forget_requests(store: Store) -> None:
    """Before anything runs: who asked before the start was not answered, and nothing from then opens a door.

    Their deadlines cannot be trusted, since the clock may have been set back meanwhile.
    """
    for asked in store.inbox.pending():
        told = "the service was started anew"
        is_request = asked.kind == "access.request"
        store.inbox.answer(
            asked.id, denial(f"other: {told}") if is_request else denial(f"other: {told}") | refusal(told)
        )
    outbox = SqlOutbox(store.engine)
    for action in outbox.due(datetime.now(UTC)):
        if action.kind in OPENING and action.state == "pending":
            outbox.mark(action.moved_to("expired"))
