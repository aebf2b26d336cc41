"""Builds core: the desk, the judge with the rules in force, the ledger, and the doors."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime

from surveillance.access.desk import parse_presented
from surveillance.access.doors import Doors
from surveillance.access.faces import Gallery
from surveillance.access.senses import DoorTimes
from surveillance.actions.dispatch import OutboxDispatch
from surveillance.actions.door_state import HttpDoorState
from surveillance.actions.intend import Intend
from surveillance.actions.notifiers import Notifiers
from surveillance.actions.outcomes import Outcomes
from surveillance.actions.relays import Relays
from surveillance.app.areas import FORGIVE, Forgiving, Unopened
from surveillance.app.door_record import QUESTION as DOOR_TEST
from surveillance.app.door_record import TestedDoors
from surveillance.app.doors import QUESTION, STATE_QUESTION, DoorDesk
from surveillance.app.enrolling import KnownFaces
from surveillance.app.event_log import log_events
from surveillance.app.rulebook import build_rulebook
from surveillance.app.seeing import Seeing
from surveillance.app.store import Store, relay_token
from surveillance.app.threats import THREAT, ThreatDesk
from surveillance.domain.errors import RecordFailed, UserMistake
from surveillance.domain.ports import Record
from surveillance.domain.site import FACE_TASKS, Site
from surveillance.domain.values import Action, Decision, Event, Glimpse, Input, Observation, Shot
from surveillance.engines.core import Core, Question, told_of_itself
from surveillance.engines.door_watch import DoorWatch
from surveillance.engines.figures import Figures
from surveillance.engines.measured import MeasuredInbox, MeasuredRecord
from surveillance.engines.picking import Picker, PickingRecord
from surveillance.rules.book import Rulebook
from surveillance.rules.judge import RuleJudge
from surveillance.settings import Settings
from surveillance.storage.ledger import SqlLedger
from surveillance.storage.outbox import SqlOutbox
from surveillance.storage.recordings import Wishes
from surveillance.storage.spool import DiskSpool
from surveillance.storage.threats import Threats
from surveillance.walk import CoreWalk


class SiteInForce:
    """The configured site and its rulebook as core judges by them; both are swapped whole."""

    def __init__(self, settings: Settings, store: Store) -> None:
        self._settings = settings
        self._store = store
        self.site = store.site.read()
        try:
            self._book = build_rulebook(settings, self.site)
        except UserMistake:  # told when the engine tries to put it in force; until then everything is denied
            self._book = Rulebook()
        self.judge = RuleJudge(self._book, self.site, settings.rules)
        self._read_faces = KnownFaces(settings, store)
        self._gallery = self._known_faces()

    def __call__(self) -> Site:
        return self.site

    def known_faces(self) -> Gallery:
        return self._gallery

    def look_again(self) -> None:
        """Takes up face models and figures that came after the last edit, where a camera waits for them."""
        if self._gallery.figures is None:
            with suppress(RecordFailed):
                self._gallery = self._known_faces()

    def _known_faces(self) -> Gallery:
        """Nobody's, where no camera recognizes faces."""
        wanted = any(FACE_TASKS & set(camera.tasks) for camera in self.site.cameras)
        return self._read_faces() if wanted else Gallery()

    def version(self) -> Hashable:
        """Another one after every edit in the database and every change of a rule file."""
        folder = self._settings.rules_dir
        files = sorted(folder.glob("*.y*ml")) if folder else []
        return self._store.site.version(), tuple((file, file.stat().st_mtime_ns) for file in files)

    def swap(self, site: Site) -> None:
        """Puts a site in force. Where its rules cannot be read the old ones go on, and RuleError is raised.

        Cameras, doors and people apply all the same: who was removed must not pass because of a misspelled rule.
        """
        self.site = site
        self._gallery = self._known_faces()
        try:
            self._book = build_rulebook(self._settings, site)
        finally:
            self.judge.swap(self._book, site)


GRANTS_KEPT = 1000  # far more than can be due: each expires within seconds


@dataclass(frozen=True, slots=True)
class RunningCore:
    """Core with what it hands to the engine."""

    core: Core
    desk: DoorDesk
    threats: ThreatDesk
    unopened: Unopened
    dispatch: OutboxDispatch
    outcomes: Outcomes
    picking: PickingRecord
    seeing: Seeing
    watch: DoorWatch
    shown: Callable[[str], tuple[Observation, Shot] | None]  # subject of a track that ended -> its last word, and shot

    def glimpsed(self, glimpse: Glimpse) -> None:
        """What a camera saw for the moment alone. May be called by any thread."""
        fault = self.seeing.glimpsed(glimpse)
        if fault:
            self.core.tell(told_of_itself("health.degraded", fault))

    def after(self, became: Sequence[Action]) -> None:
        """What became of deeds: doors change their state, and what went wrong is put on record."""
        now = datetime.now(UTC)
        for action in became:
            self.desk.after(action, now)
        for decision in self.outcomes(became, now):
            self.core.tell(decision)
        for action in became:  # last, since it reads the record
            self.unopened(action, now)


class Newest:
    """A set of the last `limit` ids that were added; one thread adds, another asks."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._ids: dict[str, None] = {}

    def __contains__(self, id: str) -> bool:
        return id in self._ids

    def add(self, id: str) -> None:
        self._ids[id] = None
        while len(self._ids) > self._limit:
            del self._ids[next(iter(self._ids))]


def build_core(
    settings: Settings,
    store: Store,
    site: SiteInForce,
    on_record: Callable[[], None],
    questions: Mapping[str, Question] | None = None,
    figures: Figures | None = None,
) -> RunningCore:
    """Desk, judge, ledger and dispatch over the store. `on_record` is called after each commit with events.

    `questions` answers what other processes ask core besides access.
    """
    desk = DoorDesk(Doors(site, times_of(settings)), lambda entry: core.put(entry))
    threats = ThreatDesk(site, desk, Threats(store.engine), lambda entry: core.put(entry))
    granted = Newest(GRANTS_KEPT)
    dispatch = build_dispatch(settings, store, site, desk, granted)
    watch = build_watch(settings, store, site, desk, lambda name, error: core.failed(name, error))
    intend, wish = Intend(site, settings.actions), Wishes(site, settings.storage)
    ledger = SqlLedger(store.engine, store.evidence, intend, settings.storage, wish)
    record = ledger if figures is None else MeasuredRecord(ledger, figures)
    picking, picker = build_picking(settings, store, record, lambda name, error: core.failed(name, error))
    seeing = Seeing(settings, store.keys, site, lambda request: core.put(request, again=True))

    def judge(entry: Input) -> tuple[Decision, ...]:
        decisions = site.judge(entry)
        seeing.decided(decisions)
        return decisions

    walk = CoreWalk(seeing.access, judge, picking, dispatch, seeing.identify)

    def recorded(events: tuple[Event, ...]) -> None:
        for event in events:
            if event.decision.verdict == "authorize" or event.decision.kind == "door.commanded":
                granted.add(event.decision.id)
        log_events(events)
        if events:
            on_record()

    spool = DiskSpool(settings.data_dir / "spool", settings.storage.spool_max_mb * 2**20)
    core = Core(
        walk,
        store.inbox if figures is None else MeasuredInbox(store.inbox, figures),
        parse_presented,
        recorded,
        questions={
            **(questions or {}),
            QUESTION: desk.ask,
            STATE_QUESTION: desk.told,
            DOOR_TEST: TestedDoors(site, store.keys, lambda tested: core.tell(tested)).ask,
            FORGIVE: Forgiving(site).ask,
            THREAT: threats.ask,
        },
        known=ledger.known,
        spool=spool,
        unrecorded=lambda entry: site.judge.take_back(entry),
    )
    for fault in spool.faults:
        core.tell(told_of_itself("health.degraded", fault, component="spool"))
    unopened = Unopened(store.events.one, core.put)
    return RunningCore(core, desk, threats, unopened, dispatch, Outcomes(), picking, seeing, watch, picker.shown)


def build_picking(
    settings: Settings, store: Store, record: Record, failed: Callable[[str, Exception], None]
) -> tuple[PickingRecord, Picker]:
    """The record, with what is worth a label put aside; and what picks it."""
    labeling = settings.labeling
    picker = Picker(labeling.uncertain_below, labeling.sampled_share)
    picks = picker if labeling.enabled else lambda judged: ()
    return PickingRecord(record, picks, store.crops.queue, failed), picker


def build_dispatch(
    settings: Settings, store: Store, site: SiteInForce, desk: DoorDesk, granted: Newest
) -> OutboxDispatch:
    """What does deeds: at doors only those of which core saw the event committed."""
    return OutboxDispatch(
        SqlOutbox(store.engine),
        Relays(site, lambda door: relay_token(store.keys, door), settings.actions),
        Notifiers(site, settings.actions),
        settings.actions,
        desk.allows,
        granted.__contains__,
    )


def build_watch(
    settings: Settings,
    store: Store,
    site: SiteInForce,
    desk: DoorDesk,
    failed: Callable[[str, Exception], None],
) -> DoorWatch:
    """What asks controllers how their doors stand."""
    read = HttpDoorState(site, lambda door: relay_token(store.keys, door), settings.actions)
    return DoorWatch(desk.polled, lambda door: desk.poll(door, read), failed)


def times_of(settings: Settings) -> DoorTimes:
    access = settings.access
    return DoorTimes(
        access.open_too_long_s, access.exit_masks_s, access.relock_masks_s, access.lock_settle_s, access.silent_s
    )
