"""The candidate in shadow: who may be one, and core's thread that hands it to the cameras and keeps what it says."""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, Protocol

from surveillance.app.model_trial import try_model
from surveillance.app.proposals import decide, is_candidate, standings
from surveillance.app.site_edit import author, open_site
from surveillance.domain.errors import NotFound, RecordFailed, SettingsError
from surveillance.domain.labels import Said, subject_of
from surveillance.domain.ports import SiteReader
from surveillance.domain.shadow import ShadowFailed, ShadowOrder, ShadowTold, ShadowVote
from surveillance.domain.site import Camera, Site
from surveillance.domain.values import Decision, Observation, Shot, rfc3339, system_decision
from surveillance.engines.supervise import Supervised
from surveillance.settings import Settings
from surveillance.storage.camera_edits import camera_of
from surveillance.storage.shadows import Shadows
from surveillance.training.compare import say

LOOK_S = 1.0
LOOKS = 30  # turns for which core may not know yet that a track has ended
MOST = 1000  # votes that wait while the database is away; the oldest go first
ITSELF = "surveillance"  # who took a candidate out that failed

Check = Callable[[Settings, str], None]
log = logging.getLogger(__name__)


# --- asked for by people and jobs ----------------------------------------------------------------------------------


def start_shadow(
    settings: Settings, model: str, cameras: Sequence[str] = (), actor: str | None = None, check: Check = try_model
) -> ShadowOrder:
    """Shows what these cameras see, or all, to a candidate. It takes the place of the one before.

    Raises NotFound for an unknown model or camera, SettingsError for a candidate with other labels than the model in
    use or that is in use everywhere, ModelError for one that cannot be loaded.
    """
    store = open_site(settings)
    site = store.site.read()
    chosen = [camera_of(site, name) for name in dict.fromkeys(cameras)] or list(site.cameras)
    refuse_candidate(settings, model, chosen)
    check(settings, model)
    return Shadows(store.engine).begin(model, [camera.name for camera in chosen] if cameras else [], actor or author())


def stop_shadow(settings: Settings, actor: str | None = None) -> ShadowOrder:
    """Takes the candidate out of the shadow. Raises NotFound where there is none."""
    order = Shadows(open_site(settings).engine).end(actor or author())
    if order is None:
        raise NotFound("no model is in shadow")
    return order


def shadow_standing(settings: Settings) -> dict[str, Any]:
    """The model in shadow (None: there is none), its cameras (none: all), since when, and how far it has come."""
    shadows = Shadows(open_site(settings).engine)
    order = shadows.order()
    if order is None:
        return {"model": None, "cameras": [], "since": None, "by": None, "tracks": 0, "differing": 0, "labeled": 0}
    who = {"model": order.model, "cameras": list(order.cameras), "since": rfc3339(order.since), "by": order.by}
    return {**who, **asdict(shadows.counts(order.model))}


def list_candidates(settings: Settings) -> list[dict[str, Any]]:
    """What is known of each candidate, newest first; `words` is the verdict of its paired examples."""
    found = []
    for standing in standings(open_site(settings).engine):
        compared = standing.comparison
        words = say(compared, standing.current, standing.model) if compared else "no paired example yet"
        page = {name: getattr(standing, name) for name in ("model", "current", "dataset", "proposed_at", "decided")}
        found.append({**page, "words": words, "comparison": compared and compared.as_json()})
    return found


def reject(settings: Settings, model: str, actor: str | None = None) -> None:
    """A person's no to a candidate, which leaves the shadow too; on record. Raises NotFound for one that is none."""
    engine, by = open_site(settings).engine, actor or author()
    decide(engine, model, f"rejected by {by}")
    _leave_shadow(engine, model, by)
    Shadows(engine).record("model.rejected", {"model": model}, by)


def close_approved(settings: Settings, model: str, by: str) -> None:
    """Closes the case of a candidate that was promoted, which leaves the shadow; any other model has none."""
    engine = open_site(settings).engine
    if is_candidate(engine, model):
        decide(engine, model, f"approved by {by}")
        _leave_shadow(engine, model, by)


def _leave_shadow(engine: Any, model: str, by: str) -> None:
    shadows = Shadows(engine)
    order = shadows.order()
    if order is not None and order.model == model:
        shadows.end(by)


def refuse_candidate(settings: Settings, model: str, cameras: Sequence[Camera]) -> None:
    """Raises NotFound or SettingsError for one that cannot be compared with what these cameras use."""
    from surveillance.perception.cards import find_card

    labels = set(find_card(model, settings.model_dirs).labels)
    used = {camera.model or settings.perception.model for camera in cameras}
    if used <= {model}:
        raise SettingsError(f"{model} is what every one of these cameras uses; a candidate is another model")
    for name in sorted(used - {model}):
        known = set(find_card(name, settings.model_dirs).labels)
        if known != labels:
            raise SettingsError(
                f"{model} knows {', '.join(sorted(labels))} and {name}, which is in use, {', '.join(sorted(known))}; "
                "a candidate needs the same labels"
            )


# --- in core -------------------------------------------------------------------------------------------------------


class ShadowPlace(Protocol):
    """Where cameras are worked."""

    def shadow(self, models: Mapping[str, str], told: Callable[[ShadowTold], None]) -> None: ...


class CorePort(Protocol):
    """What is needed of core: an event on record, and whom to tell of a thread that failed."""

    def tell(self, decision: Decision) -> None: ...
    def failed(self, name: str, error: Exception) -> None: ...


class Disagreements:
    """Tracks of which the two models say different things go to the labeling inbox, once core knows their end."""

    def __init__(
        self,
        shown: Callable[[str], tuple[Observation, Shot] | None],
        enqueue: Callable[[Observation, Shot, Said], object],
    ) -> None:
        self._shown = shown
        self._enqueue = enqueue
        self._waiting: list[tuple[ShadowVote, int]] = []  # and how often it was looked for

    def __call__(self, votes: Sequence[ShadowVote]) -> None:
        """Raises RecordFailed while the database is away."""
        self._waiting += [(vote, 0) for vote in votes if vote.differs]
        left: list[tuple[ShadowVote, int]] = []
        for vote, times in self._waiting[-MOST:]:
            shown = self._shown(subject_of(vote.camera, vote.track, vote.started_at))
            if shown is None and times < LOOKS:  # the candidate may have been quicker than the record
                left.append((vote, times + 1))
            elif shown is not None:
                try:
                    self._enqueue(*shown, Said(vote.candidate, vote.candidate_confidence, vote.candidate_model))
                except OSError as error:
                    log.warning("crop not kept", extra={"camera": vote.camera, "reason": str(error)})
        self._waiting = left


class Candidates:
    """`start`, then `stop`; `turn` does one round in the caller's thread."""

    def __init__(
        self,
        settings: Settings,
        shadows: Shadows,
        disagree: Callable[[Sequence[ShadowVote]], None],
        site: SiteReader,
        place: ShadowPlace,
        core: CorePort,
    ) -> None:
        self._order = shadows.remembered()
        self._default = settings.perception.model
        self._shadows = shadows
        self._disagree = disagree
        self._site = site
        self._place = place
        self._tell = core.tell
        self._told: queue.SimpleQueue[ShadowTold] = queue.SimpleQueue()
        self._votes: list[ShadowVote] = []
        self._stopping = threading.Event()
        self._thread = Supervised("candidates", self._run, core.failed)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """What was said last is kept before this returns."""
        self._thread.stop()
        self._stopping.set()
        with suppress(RecordFailed):
            self._keep()

    def turn(self) -> None:
        """Keeps what was said, then hands out the candidate that is in shadow now."""
        self._keep()
        order = self._order()
        self._place.shadow(models_of(order, self._site(), self._default), self._told.put)

    def _run(self) -> None:
        while not self._stopping.wait(LOOK_S):
            with suppress(RecordFailed):  # what was said waits here
                self.turn()

    def _keep(self) -> None:
        failures = []
        while not self._told.empty():
            told = self._told.get()
            if isinstance(told, ShadowFailed):
                failures.append(told)
            else:
                self._votes.append(told)
        self._votes = self._votes[-MOST:]
        for failure in failures:
            self._switch_off(failure)
        votes = self._votes
        if votes:
            self._shadows.write(votes)
            self._votes = []
        self._disagree(votes)

    def _switch_off(self, failure: ShadowFailed) -> None:
        """Every process that asked it may tell so; the first one counts."""
        order = self._shadows.order()
        if order is None or order.model != failure.model:
            return
        self._shadows.end(ITSELF)
        reasons = (f"{failure.model} is out of the shadow: {failure.reason}",)
        details = {"model": failure.model, "cause": f"candidate {failure.model}"}
        self._tell(system_decision("model.shadow_failed", datetime.now(UTC), reasons, "candidates", details=details))


def models_of(order: ShadowOrder | None, site: Site, default: str) -> dict[str, str]:
    """The candidate by camera: only where another model is in use."""
    if order is None:
        return {}
    return {
        camera.name: order.model
        for camera in site.cameras
        if order.covers(camera.name) and (camera.model or default) != order.model
    }
