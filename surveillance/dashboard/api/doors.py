"""/api/doors: what each door is made of and how it stands."""

from __future__ import annotations

from typing import Any

from flask_babel import gettext as _
from pydantic import Field
from werkzeug.exceptions import NotFound

from surveillance.dashboard.api.declare import Resource
from surveillance.dashboard.api.models import Time, Told
from surveillance.dashboard.guards import actor, needs, see_door
from surveillance.dashboard.health import pulse
from surveillance.dashboard.services import services
from surveillance.domain.site import Door
from surveillance.storage.site_models import DoorModel
from surveillance.storage.site_secrets import hidden_door

resource = Resource("Doors", "What is opened and locked, and how each door stands.")


class RelayState(Told):
    state: str = Field(description="`ok`, `failing` or `unknown`, as its controller last answered.")
    reason: str = ""
    at: Time | None = None


class DoorState(Told):
    """What core last knew of it."""

    mode: str
    alarm: str
    since: Time | None = None
    relay: RelayState | None = None


class DoorTold(DoorModel, Told):
    """A door. `***` in the address of its relay stands for a login."""

    state: DoorState | None = Field(description="Null while core tells nothing of it.")


class OneDoor(Told):
    version: int = Field(description="The configuration that this was read from.")
    door: DoorTold


class Doors(Told):
    version: int
    doors: list[DoorTold]


@resource.get("/doors", gives=Doors)
@needs("doors.view")
def list_doors() -> Doors:
    """All doors, in their order."""
    site = services().site.read()
    return Doors(version=site.version, doors=[told(door) for door in site.doors if actor().reach.sees_door(door.name)])


@resource.get("/doors/<name>", gives=OneDoor)
@needs("doors.view")
def get_door(name: str) -> OneDoor:
    """One door."""
    see_door(name)
    site = services().site.read()
    door = site.door(name)
    if door is None:
        raise NotFound(_("No door is called %(name)s.", name=repr(name)))
    return OneDoor(version=site.version, door=told(door))


def told(door: Door) -> DoorTold:
    """A door as the API tells of it."""
    shown = hidden_door(door)
    fields = {name: getattr(shown, name) for name in DoorModel.model_fields}
    return DoorTold.model_validate(fields | {"state": state_of(door.name)})


def state_of(name: str) -> Any:
    """How it stands; None while core is silent."""
    states = services().applied().get("doors") or {}
    return states.get(name) if pulse().beats else None
