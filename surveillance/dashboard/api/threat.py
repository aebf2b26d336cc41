"""/api/threat: the threat level of the site, and setting it."""

from __future__ import annotations

from flask_babel import gettext as _
from pydantic import ConfigDict, Field
from werkzeug.exceptions import NotFound, ServiceUnavailable

from surveillance.dashboard import threat as page
from surveillance.dashboard.api.declare import Resource
from surveillance.dashboard.api.models import Given, Moment, Told, Word
from surveillance.dashboard.guards import needs, refuse_bound
from surveillance.dashboard.health import pulse
from surveillance.dashboard.services import services
from surveillance.domain.errors import UserMistake
from surveillance.domain.suggest import no_such

resource = Resource("Threat level", "How grave things are at the whole site; lockdown locks down its doors.")


class ThreatTold(Told):
    level: str
    levels: list[str] = Field(description="All that the site has; the first is the usual one.")
    since: Moment | None = Field(description="Null while nobody has set any.")
    by: str
    reason: str
    doors: list[str] = Field(description="The doors that its lockdown holds.")


class ThreatGiven(Given):
    model_config = ConfigDict(json_schema_extra={"example": {"level": "elevated", "reason": "a call to the gate"}})

    level: Word
    reason: Word = Field(description="It goes on record.")


class ThreatSet(Told):
    event: str = Field(description="The event on record.")
    doors: list[str] = Field(description="The doors that were locked down, or released as they were before.")


@resource.get("/threat", gives=ThreatTold)
@needs("doors.view")
def get_threat() -> ThreatTold:
    """The threat level in force."""
    now = page.in_force()
    levels, held = list(services().site.read().threat_levels), page.reached(now)
    return ThreatTold(level=now.level, levels=levels, since=now.at, by=now.by, reason=now.reason, doors=held)


@resource.put("/threat", body=ThreatGiven, gives=ThreatSet, refusals=(404,))
@needs("site.threat")
def put_threat(body: ThreatGiven) -> ThreatSet:
    """Set the threat level. `lockdown` locks down every door that is not exempt; another level releases those again."""
    refuse_bound()
    levels = services().site.read().threat_levels
    if body.level not in levels:
        raise NotFound(no_such("threat level", body.level, levels))
    page.check_release(page.in_force())
    if not pulse().beats:
        raise ServiceUnavailable(_("Core is silent, so nothing was done. Try again when it runs."))
    answer = page.given(body.level, body.reason)
    if "event" not in answer:
        raise UserMistake(str(answer["refused"]))
    return ThreatSet(event=answer["event"], doors=answer["doors"])
