"""/api/doors/NAME/state: a controller tells how its door stands. Core hears it through the inbox."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from flask_babel import gettext as _
from pydantic import ConfigDict, Field
from werkzeug.exceptions import NotFound, ServiceUnavailable, Unauthorized

from surveillance.dashboard.api.declare import Resource
from surveillance.dashboard.api.models import NO_CONTROLS, Given, Moment, Time, Told
from surveillance.dashboard.asking import ask_core
from surveillance.dashboard.guards import bearer_token, needs, see_door
from surveillance.dashboard.health import pulse
from surveillance.dashboard.services import services
from surveillance.domain.errors import UserMistake
from surveillance.domain.values import rfc3339

resource = Resource("Door states", "Controllers tell how doors stand.")
ANSWER_S = 2.0


class DoorState(Given):
    """What is told; what is left out stays as it was."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"at": "2026-11-26T08:00:00.000Z", "contact": "closed", "lock": "locked"}}
    )

    at: Moment = Field(description="When, by the controller's clock: later than in the message before.")
    contact: Literal["open", "closed", "unknown"] | None = None
    lock: Literal["locked", "unlocked", "unknown"] | None = None
    tamper: bool | None = None
    fault: Annotated[str, Field(max_length=200, pattern=NO_CONTROLS)] | None = Field(
        default=None, description="What is broken; empty for nothing any more."
    )
    exit: bool = Field(default=False, description="The exit button was pressed.")


class Heard(Told):
    heard_at: Time


@resource.post("/doors/<name>/state", body=DoorState, gives=Heard, refusals=(404, 422))
@needs("doors.tell")
def tell_door_state(name: str, body: DoorState) -> Mapping[str, Any]:
    """Tell how a door stands.

    At each change, and at least every five seconds, since silence is doubt. A message that is older than another, or
    dated more than ten seconds from this machine's clock, is refused; the very same one gets its first answer.
    """
    see_door(name)
    if services().site.read().door(name) is None:
        raise NotFound(f"no door is called {name!r}")
    if not pulse().beats:
        raise ServiceUnavailable(_("Core is silent, so nothing was done. Try again when it runs."))
    payload = {"door": name, **body.model_dump(exclude={"at"}), "at": rfc3339(body.at)}
    answer = ask_core("door.state", payload, ANSWER_S, {"late": True}, key_of(name, body))
    if answer.get("refused"):
        raise UserMistake(str(answer["refused"]))
    if not answer.get("heard_at"):
        raise ServiceUnavailable(_("Core did not answer in time."))
    return {"heard_at": answer["heard_at"]}


def key_of(name: str, body: DoorState) -> str:
    token = bearer_token()
    if token is None:
        raise Unauthorized
    return f"{token.id}:door.state:{body.at.timestamp():.6f}:{name}"[:180]
