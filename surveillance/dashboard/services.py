"""What the dashboard needs of the rest, handed in by the app. It imports neither ingest nor perception."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import IO, Any, Protocol, cast

from flask import current_app

from surveillance.access.badges import BadgeSeal
from surveillance.dashboard.settings import DashboardSettings
from surveillance.domain.promotions import Move, Promotion
from surveillance.domain.site import Site
from surveillance.rules.book import RuleDocument, rules_of
from surveillance.storage.accounts import Accounts
from surveillance.storage.crops import Crops
from surveillance.storage.evidence import EvidenceStore
from surveillance.storage.faces import EnrolledFace
from surveillance.storage.inbox import Inbox
from surveillance.storage.labels import Labels
from surveillance.storage.mode_orders import ModeOrders
from surveillance.storage.queries import Events
from surveillance.storage.recordings import Recordings
from surveillance.storage.reviews import Reviews
from surveillance.storage.rulebook import SqlSite
from surveillance.storage.second_factor import SecondFactor
from surveillance.storage.threats import Threats
from surveillance.storage.web_sessions import WebSessions


class LivePicture(Protocol):
    """One picture as `jpeg`, with what the worker saw in it as `told` (JSON; its keys: engines.live.facts_of).

    `shown_ns` tells one picture of a camera from the next.
    """

    @property
    def shown_ns(self) -> int: ...
    @property
    def told(self) -> bytes: ...
    @property
    def jpeg(self) -> bytes: ...


class LivePictures(Protocol):
    """The newest picture of each camera, encoded only while somebody watches. `size` is tile or full.

    Watching `preview` makes the worker also tell what each sensitivity would call motion.
    """

    def latest(self, camera: str, size: str, after: int = 0) -> LivePicture | None:
        """None when there is no recent one, or none but the one of `shown_ns` `after`."""
        ...

    def watch(self, camera: str, size: str) -> None:
        """Asks for this camera's pictures for the next three seconds."""
        ...


class ModelShelf(Protocol):
    """The models of this machine, candidates, and what is done about them, put down to `by`.

    Its writes raise NotFound, SettingsError or ModelError. A model is loaded, elsewhere, before any camera gets it.
    """

    def models(self) -> Sequence[Mapping[str, Any]]:
        """Each card with `from`, `size_bytes`, `accuracy` ({"value", "on"} or None), `cameras`, `is_default`."""
        ...

    def model(self, name: str) -> Mapping[str, Any]:
        """One of them. Raises NotFound."""
        ...

    def candidates(self) -> Sequence[Mapping[str, Any]]:
        """Newest first: `model`, `current`, `dataset`, `proposed_at`, `decided`, `words`, `comparison` or None."""
        ...

    def shadow(self) -> Mapping[str, Any]:
        """`model` (None: none is in shadow), `cameras` (none: all), `since`, `by`, `tracks`, `differing`, `labeled`."""
        ...

    def drifted(self) -> Sequence[Mapping[str, Any]]:
        """What has drifted and not settled: `camera`, `model`, `words`, `since`."""
        ...

    def promotions(self, camera: str | None = None, limit: int = 50) -> Sequence[Promotion]:
        """Newest first."""
        ...

    def planned(self, name: str, cameras: Sequence[str]) -> Sequence[Move]: ...
    def promote(self, name: str, cameras: Sequence[str], by: str) -> Sequence[Move]: ...
    def planned_rollback(self, cameras: Sequence[str]) -> Sequence[Move]: ...
    def rollback(self, cameras: Sequence[str], by: str) -> Sequence[Move]: ...
    def reject(self, name: str, by: str) -> None: ...
    def end_shadow(self, by: str) -> str:
        """The model that was in shadow."""
        ...


class FaceOutcome(Protocol):
    """What enrolling came to: how many faces, and what a person should know all the same."""

    @property
    def count(self) -> int: ...
    @property
    def warnings(self) -> Sequence[str]: ...


class FaceShelf(Protocol):
    """The enrolled faces. Its writes raise NotFound, ModelError, or SettingsError for a photo that would not do."""

    def missing(self) -> str:
        """Why nobody can be enrolled here, in words; empty where it can be done."""
        ...

    def of(self, name: str) -> Sequence[EnrolledFace]:
        """A person's, oldest first."""
        ...

    def picture(self, name: str, id: str) -> bytes:
        """The face as JPEG. Raises NotFound."""
        ...

    def add(self, name: str, photos: Sequence[tuple[bytes, str]], by: str) -> FaceOutcome:
        """`photos` are files with their names; all are taken, or none."""
        ...

    def add_event(self, name: str, event: str, by: str) -> FaceOutcome: ...
    def remove(self, name: str, id: str | None, by: str) -> None:
        """One face, or all."""
        ...


class HeldOfPerson(Protocol):
    """How much of each kind there is."""

    @property
    def name(self) -> str: ...
    @property
    def events(self) -> Sequence[str]: ...


class SubjectOutlook(Protocol):
    """What erasing a person would take away, and what it would not reach."""

    @property
    def held(self) -> HeldOfPerson: ...


class Subjects(Protocol):
    """What is held of people on record, removed ones too. Each raises NotFound for a name that nobody bears."""

    def look(self, name: str) -> SubjectOutlook: ...
    def export(self, name: str, out: IO[bytes], by: str) -> None:
        """All of it as a ZIP."""
        ...

    def erase(self, name: str, by: str) -> None:
        """For good. Raises UserMistake with what is in the way."""
        ...


class Proofs(Protocol):
    """The chain over what is on record."""

    def last_audit(self) -> Mapping[str, Any] | None:
        """`at` (RFC 3339), `sound`, `last` (link) and `fault` of the newest audit; None before the first."""
        ...

    def write_bundle(self, event: str, out: IO[bytes], name: str) -> None:
        """The evidence bundle of an event. Raises NotFound, and UserMistake where nothing can prove it."""
        ...


@dataclass(frozen=True, slots=True)
class Services:
    """`applied()` says what core runs by now, with any of these keys:

    configuration_version (int), applied_at (when that came into force, RFC 3339), heartbeat_age_s (seconds since core
    last wrote, None: never), rule_fault (str), and cameras: name -> {"state", "since" (RFC 3339), "reason", "fps",
    "drops"}.
    `rule_documents` are the rules that core reads, each with its origin. `figures()` are those of all processes:
    {"bounds": of the histograms' buckets in seconds, "samples": [[kind, name, labels, value], ...]}; kind is counter,
    gauge or histogram, whose value is its buckets' counts and then the sum.
    `usual_mode` is the arming mode of a site that says nothing of arming. After `forgive_after_h` nobody knows where
    somebody is.
    `check_site(before, after)` raises UserMistake for an edited site that could not be run. `models()` are the names of
    the model cards, the default one first; `model_labels(name)` what a model can say (None: the default one), nothing
    where it is not there. `seal` hides a text from whoever reads a page or the database; core opens
    it, and so does `unseal`, which raises SettingsError for what was not sealed here.
    """

    events: Events
    reviews: Reviews
    crops: Crops
    labels: Labels
    accounts: Accounts
    sessions: WebSessions
    second_factor: SecondFactor
    inbox: Inbox
    site: SqlSite
    modes: ModeOrders
    threats: Threats
    evidence: EvidenceStore
    recordings: Recordings
    live: LivePictures
    secret_key: bytes
    badges: BadgeSeal
    applied: Callable[[], Mapping[str, Any]]
    shelf: ModelShelf
    faces: FaceShelf
    proofs: Proofs
    subjects: Subjects
    settings: DashboardSettings = field(default_factory=DashboardSettings)
    rule_documents: Callable[[Site], Sequence[RuleDocument]] = rules_of
    figures: Callable[[], Mapping[str, Any]] = lambda: {"bounds": [], "samples": []}
    check_site: Callable[[Site, Site], None] = lambda before, after: None
    usual_mode: str = "armed"
    forgive_after_h: float = 744.0
    models: Callable[[], Sequence[str]] = lambda: ()
    model_labels: Callable[[str | None], Sequence[str]] = lambda model: ()
    seal: Callable[[str], str] = lambda text: text
    unseal: Callable[[str], str] = lambda text: text


def services() -> Services:
    """The services of the application that handles this request."""
    return cast(Services, current_app.extensions["surveillance"])
