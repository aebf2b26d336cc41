"""/api/doors: what each door is made of and how it stands."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any, Literal

from flask import url_for
from flask_babel import gettext as _
from pydantic import ConfigDict, Field
from werkzeug.exceptions import ServiceUnavailable

from surveillance.dashboard import doors as page
from surveillance.dashboard.api.declare import Made, Resource
from surveillance.dashboard.api.edits import Edited, Seen
from surveillance.dashboard.api.models import Given, Time, Told, Word
from surveillance.dashboard.door_setup import read_door, texts_of, with_door
from surveillance.dashboard.guards import needs, refuse_bound
from surveillance.dashboard.health import pulse
from surveillance.dashboard.services import services
from surveillance.dashboard.site_edits import edit_site
from surveillance.domain.errors import SettingsError, UserMistake
from surveillance.domain.site import Door, Site
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
    contact: str | None = Field(default=None, description="`open`, `closed` or `unknown`; null where nobody tells.")
    lock: str | None = Field(default=None, description="`locked`, `unlocked` or `unknown`; null where nobody tells.")
    tamper: bool | None = None
    fault: str | None = None
    doubt: str = Field(default="", description="Why something of it is unknown.")
    known_since: dict[str, Time] = Field(default={}, description="Since when each of contact, lock, tamper and fault.")


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
    return Doors(version=site.version, doors=[told(door) for door in page.reached()])


@resource.get("/doors/<name>", gives=OneDoor)
@needs("doors.view")
def get_door(name: str) -> OneDoor:
    """One door."""
    door = page.find(name)
    return OneDoor(version=services().site.version(), door=told(door))


@resource.post("/doors", query=Seen, body=DoorModel, gives=OneDoor, status=201, refusals=(409,))
@needs("doors.edit")
def add_door(query: Seen, body: DoorModel) -> Made:
    """Add a door, at the end of the list."""
    refuse_bound()
    door = given(body)
    version = edit_site(lambda site: with_door(site, door, None), query.expected_version).version
    made = OneDoor(version=version, door=told(page.find(door.name)))
    return Made(made, url_for("api.get_door", name=door.name))


@resource.put("/doors/<name>", query=Seen, body=DoorModel, gives=OneDoor, refusals=(409,))
@needs("doors.edit")
def put_door(name: str, query: Seen, body: DoorModel) -> OneDoor:
    """Put a door in place of the one of that name. It keeps its name, by which its record goes."""
    before = page.find(name)
    if body.name != name:
        raise SettingsError(f"door {name} keeps its name: send it as it is")
    door = given(body)
    version = edit_site(lambda site: with_door(site, door, before), query.expected_version).version
    return OneDoor(version=version, door=told(page.find(name)))


@resource.delete("/doors/<name>", query=Seen, gives=Edited, refusals=(409, 422))
@needs("doors.edit")
def delete_door(name: str, query: Seen) -> Edited:
    """Remove a door that no rule names. Its events stay."""
    page.find(name)

    def remove(site: Site) -> Site:
        return replace(site, doors=tuple(door for door in site.doors if door.name != name))

    return Edited(version=edit_site(remove, query.expected_version).version)


def given(body: DoorModel) -> Door:
    """The door, with a camera that is there and a relay that may be asked. Raises SettingsError."""
    return read_door(texts_of(Door(**body.model_dump(by_alias=False))))


class DoorsNamed(Given):
    doors: Annotated[list[Word], Field(min_length=1, max_length=1000)]
    reason: Word = Field(description="It goes on record.")


class DoorCommand(DoorsNamed):
    """`open` once, `unlock` until somebody locks, `lock`, `block` (no badge opens) or `lock_down` (until a release)."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"command": "open", "doors": ["front"], "reason": "a delivery"}}
    )

    command: Literal["open", "unlock", "lock", "block", "lock_down"]


class Ordered(Told):
    """What came of a command."""

    recorded: dict[str, str] = Field(description="By door: the event of the order, which tells what became of it.")
    refused: str = Field(description="Why the others did not obey; empty when all did.")


@resource.post("/door-commands", body=DoorCommand, gives=Ordered, refusals=(404,))
@needs("doors.command")
def command_doors(body: DoorCommand) -> Ordered:
    """Command doors.

    Core judges whether each obeys as it stands, and puts the order on record before anything moves.
    """
    return ordered(body.command, body)


@resource.post("/door-releases", body=DoorsNamed, gives=Ordered, refusals=(404,))
@needs("doors.release")
def release_doors(body: DoorsNamed) -> Ordered:
    """End a lockdown. Until a badge opens, everything stays locked."""
    return ordered(page.RELEASE, body)


def ordered(command: str, asked: DoorsNamed) -> Ordered:
    """Raises ServiceUnavailable while core is silent, UserMistake where no door obeys."""
    doors = page.chosen(asked.doors)
    if not pulse().beats:
        raise ServiceUnavailable(_("Core is silent, so nothing was done. Try again when it runs."))
    answer = page.order(command, doors, asked.reason)
    if not answer.get("recorded"):
        raise UserMistake(str(answer["refused"]))
    return Ordered(recorded=answer["recorded"], refused=str(answer.get("refused") or ""))


def told(door: Door) -> DoorTold:
    """A door as the API tells of it."""
    shown = hidden_door(door)
    fields = {name: getattr(shown, name) for name in DoorModel.model_fields}
    return DoorTold.model_validate(fields | {"state": state_of(door.name)})


def state_of(name: str) -> Any:
    """How it stands; None while core is silent."""
    states = services().applied().get("doors") or {}
    return states.get(name) if pulse().beats else None
