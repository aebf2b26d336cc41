"""A decision into the incident it belongs to: what happens at one place without a long pause is one incident.

The place is the camera, or the door where no camera is named. Decided once, in the transaction that records the
event, so that every page and every filter sees the same incidents, however they grow.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import Connection, func, select

from surveillance.domain.attention import attention_of
from surveillance.domain.values import Decision
from surveillance.storage.tables import event

PAUSE = timedelta(minutes=2)  # a longer one ends an incident
LONGEST = timedelta(minutes=15)  # a busy place begins a new one then
Place = tuple[str, str]  # (camera or door, name)


@dataclass(frozen=True, slots=True)
class Incident:
    """Named after its first event."""

    id: str
    started_at: datetime
    last_at: datetime

    def takes(self, at: datetime) -> bool:
        return abs(at - self.last_at) <= PAUSE and abs(at - self.started_at) <= LONGEST


class Incidents:
    """Those that the events of one transaction join or begin."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._newest: dict[Place, Incident] = {}

    def of(self, decision: Decision) -> str | None:
        """The id of its incident; None for what has no place, or is on record only."""
        places = _places(decision)
        if not places or attention_of(decision.kind, decision.verdict, decision.shadow) is None:
            return None
        known = self._newest.get(places[0])
        if known is None or not known.takes(decision.at):
            known = self._on_record(places[0], decision.at)
        if known is None or not known.takes(decision.at):
            known = Incident(decision.id, decision.at, decision.at)
        known = replace(known, last_at=max(known.last_at, decision.at))
        self._newest.update(dict.fromkeys(places, known))
        return known.id

    def _on_record(self, place: Place, at: datetime) -> Incident | None:
        """The newest at that place that could take an event of that time."""
        column, name = event.c[place[0]], place[1]
        near = select(event.c.incident, event.c.at).where(
            column == name, event.c.at <= at + PAUSE, event.c.at >= at - PAUSE, event.c.incident.is_not(None)
        )
        found = self._connection.execute(near.order_by(event.c.at.desc(), event.c.id.desc()).limit(1)).one_or_none()
        if found is None:
            return None
        first = select(func.min(event.c.at)).where(event.c.incident == found.incident)
        return Incident(found.incident, self._connection.execute(first).scalar_one(), found.at)


def _places(decision: Decision) -> list[Place]:
    named = (("camera", decision.camera), ("door", decision.door))
    return [(kind, name) for kind, name in named if name is not None]
