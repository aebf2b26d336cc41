"""Where people are: core's answer to the wish to forgive, and what a page or a command asks of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from surveillance.access.orders import words_of
from surveillance.app.asking import ask_core
from surveillance.app.backtesting import wanted_places
from surveillance.app.store import open_store
from surveillance.domain.areas import Forgiveness
from surveillance.domain.errors import NotFound
from surveillance.domain.ports import Asked, SiteReader
from surveillance.domain.suggest import no_such
from surveillance.domain.values import Action, Event, new_id
from surveillance.engines.core import Ordered, refusal
from surveillance.rules.places import Place, by_area
from surveillance.settings import Settings

FORGIVE = "access.forgive"  # kind of the question by which somebody is forgiven
UNRECORDED = "it could not be put on record, so nobody is forgiven; try again"
ANSWER_S = 10.0


class Forgiving:
    """Answers {"person": name or null for everybody, "by", "address", "reason"} by {"event": its id}."""

    def __init__(self, site: SiteReader) -> None:
        self._site = site

    def ask(self, asked: Asked) -> Ordered:
        """Raises UserMistake for a person that there is not, and without a reason."""
        told = asked.payload
        person = told.get("person")
        names = [known.name for known in self._site().people]
        if person is not None and person not in names:
            raise NotFound(no_such("person", str(person), names))
        by, reason = words_of(told.get("by"), "who forgives"), words_of(told.get("reason"), "a reason")
        address = str(told.get("address") or "")[:64]
        order = Forgiveness(new_id(), datetime.now(UTC), person, by, reason, address)
        return Ordered((order,), lambda events: _answer(order, events))


@dataclass(frozen=True, slots=True)
class Unopened:
    """Whoever was let in at a door that certainly did not open has gone nowhere: the record has them wrong.

    `find` gives an event on record, `put` hands core an input.
    """

    find: Callable[[str], Mapping[str, Any] | None]
    put: Callable[[Forgiveness], None]

    def __call__(self, action: Action, now: datetime) -> None:
        """What became of a deed at a door. Where it is not known whether it opened, the grant counts."""
        if action.kind != "door.open" or action.state not in ("failed", "expired"):
            return
        event = self.find(action.event)
        if event is None or "moved" not in event["details"]:
            return
        for person in (event["identity"], event["details"].get("second_of")):
            if person is not None:
                self.put(Forgiveness(new_id(), now, person, "system", f"door {action.target} was not opened"))


def _answer(order: Forgiveness, events: Mapping[str, Event]) -> Mapping[str, Any]:
    event = events.get(order.id)
    return refusal(UNRECORDED) if event is None else {"event": event.decision.id}


def forgive(settings: Settings, person: str | None, reason: str, by: str) -> str:
    """Forgives somebody, or everybody; the id of the event. Raises UserMistake, also where core is not running."""
    asked = {"person": person, "by": by, "reason": reason}
    return str(ask_core(settings, FORGIVE, asked, ANSWER_S)["event"])


def whereabouts(settings: Settings) -> dict[str, dict[str, Place]]:
    """Who is in each area of the site by record, since when and by which door."""
    store, now = open_store(settings), datetime.now(UTC)
    site = store.site.read()
    wanted = wanted_places(settings, site)
    return by_area(site, store.events.places(wanted.doors, now, wanted.kept), now, settings.rules.forgive_after_h)
