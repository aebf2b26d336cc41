"""/api/areas and /api/forgivenesses: who is where by record, and forgiving whoever the record has wrong."""

from __future__ import annotations

from flask_babel import gettext as _
from pydantic import ConfigDict, Field
from werkzeug.exceptions import ServiceUnavailable

from surveillance.access.people import person_of
from surveillance.dashboard import areas as page
from surveillance.dashboard import trail
from surveillance.dashboard.api.declare import Resource
from surveillance.dashboard.api.models import Given, Moment, Told, Word
from surveillance.dashboard.guards import needs, refuse_bound
from surveillance.dashboard.health import pulse
from surveillance.dashboard.services import services
from surveillance.domain.errors import UserMistake

resource = Resource("Areas", "Where people are, by the doors that they went through.")


class Inside(Told):
    person: str
    since: Moment
    door: str = Field(description="By which they came.")


class Area(Told):
    name: str
    people: list[Inside]


class Areas(Told):
    areas: list[Area]


class ForgivenessGiven(Given):
    model_config = ConfigDict(json_schema_extra={"example": {"person": "Grace Hopper", "reason": "left by the gate"}})

    person: Word | None = Field(description="Null for everybody.")
    reason: Word = Field(description="It goes on record.")


class Forgiven(Told):
    event: str = Field(description="The event on record.")


@resource.get("/areas", gives=Areas)
@needs("people.view")
def list_areas() -> Areas:
    """Who is in which area by record."""
    refuse_bound()
    trail.viewed("areas", "all")
    found = page.standing()
    return Areas(
        areas=[
            Area(
                name=area,
                people=[Inside(person=name, since=place.since, door=place.door) for name, place in people.items()],
            )
            for area, people in found.items()
        ]
    )


@resource.post("/forgivenesses", body=ForgivenessGiven, gives=Forgiven, refusals=(404,))
@needs("people.forgive")
def forgive(body: ForgivenessGiven) -> Forgiven:
    """Forget where somebody is by record, or everybody: the next door they use is the right one."""
    refuse_bound()
    if body.person is not None:
        person_of(services().site.read(), body.person)
    if not pulse().beats:
        raise ServiceUnavailable(_("Core is silent, so nothing was done. Try again when it runs."))
    answer = page.forgiven(body.person, body.reason)
    if "event" not in answer:
        raise UserMistake(str(answer["refused"]))
    return Forgiven(event=answer["event"])
