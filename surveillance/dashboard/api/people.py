"""/api/people: who may pass, by groups and credentials. What a reader reads never comes out, only that it is there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Annotated, Literal

from flask import url_for
from flask_babel import gettext as _
from pydantic import ConfigDict, Field
from werkzeug.exceptions import Forbidden, NotFound
from werkzeug.routing import PathConverter

from surveillance.access import people as edits
from surveillance.access.credentials import PINS
from surveillance.access.roster import PIN, mark_of
from surveillance.dashboard import trail
from surveillance.dashboard.api.declare import Made, Resource, pages
from surveillance.dashboard.api.edits import Edited, Seen
from surveillance.dashboard.api.models import SECRET, Given, Moment, Told, Word
from surveillance.dashboard.guards import needs
from surveillance.dashboard.people import seen_people, sees_duress
from surveillance.dashboard.people_files import trial_of
from surveillance.dashboard.services import services
from surveillance.dashboard.site_edits import edit_site
from surveillance.domain import duress
from surveillance.domain.errors import SettingsError
from surveillance.domain.site import Credential, Person
from surveillance.storage.keys import HASHED
from surveillance.storage.site_file import parse_person

resource = Resource("People", "Who may pass, by groups and credentials.")


class PersonName(PathConverter):
    """A name that may hold slashes, but no part after one that is an address below a person."""

    regex = r"(?!/)(?:(?!/(?:groups|credentials|escort)(?:/|$)).)+"


pages.record_once(lambda setup: setup.app.url_map.converters.update(person=PersonName))


class CredentialTold(Told):
    kind: str
    mark: str = Field(description="The start of its hash, by which one is told from another.")
    enabled: bool
    valid_from: Moment | None
    valid_until: Moment | None


class PersonTold(Told):
    name: str
    groups: list[str]
    escort: str | None = Field(description="A group of which somebody has to be let in just before; null for nobody.")
    credentials: list[CredentialTold]


class OnePerson(Told):
    version: int = Field(description="The configuration that this was read from.")
    person: PersonTold


class People(Told):
    version: int
    people: list[PersonTold]


@resource.get("/people", gives=People)
@needs("people.view")
def list_people() -> People:
    """All people, in their order."""
    site = services().site.read()
    return People(version=site.version, people=[told(person) for person in site.people])


@resource.get("/people/<person:name>", gives=OnePerson)
@needs("people.view")
def get_person(name: str) -> OnePerson:
    """One person."""
    site = services().site.read()
    person = edits.person_of(site, name)
    trail.viewed("person", name)
    return OnePerson(version=site.version, person=told(person))


class Groups(Given):
    groups: Annotated[list[Word], Field(max_length=100)]


class NewPerson(Groups):
    model_config = ConfigDict(json_schema_extra={"example": {"name": "Ada Byron", "groups": ["staff"]}})

    name: Annotated[str, Field(min_length=1, max_length=100)]


class NewCredential(Given):
    """What a person presents. A reader's card number, a PIN of 4 to 12 digits, a plate.

    `duress` is a second PIN, which opens as always and is told to those with `duress.view` only, who alone give it.
    """

    model_config = ConfigDict(json_schema_extra={"example": {"kind": "card", "value": "0451"}})

    kind: Literal["badge", "card", "pin", "plate", "duress"]
    value: Annotated[str, Field(min_length=1, max_length=200, json_schema_extra=SECRET)]
    enabled: bool = True
    valid_from: Moment | None = None
    valid_until: Moment | None = None


class Roster(Given):
    """A list of people as CSV, with a line of column names; see docs/access.md."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"csv": "name,groups,kind,value\nAda Byron,staff,card,0451\n"}}
    )

    csv: Annotated[str, Field(min_length=1, max_length=40_000, json_schema_extra=SECRET)]
    replaces: bool = Field(False, description="Whoever is not in the list is removed.")


class RosterFault(Told):
    line: int
    column: str
    detail: str


class Rehearsed(Told):
    """What a list would change. With a fault nothing would."""

    version: int
    faults: list[RosterFault]
    changes: list[str]


class Imported(Told):
    """What a list changed."""

    version: int
    changes: list[str]


@resource.post("/people", query=Seen, body=NewPerson, gives=OnePerson, status=201, refusals=(409,))
@needs("people.edit")
def add_person(query: Seen, body: NewPerson) -> Made:
    """Add a person; then add what they present."""
    person = parse_person({"name": body.name, "groups": body.groups})
    version = edit_site(lambda site: edits.added(site, person), query.expected_version).version
    return Made(OnePerson(version=version, person=told(person)), url_for("api.get_person", name=person.name))


@resource.put("/people/<person:name>/groups", query=Seen, body=Groups, gives=OnePerson, refusals=(409,))
@needs("people.edit")
def put_groups(name: str, query: Seen, body: Groups) -> OnePerson:
    """Say which groups a person is in."""
    groups = parse_person({"name": name, "groups": body.groups}).groups
    return changed(name, query, lambda person: replace(person, groups=groups))


class EscortGiven(Given):
    """A group of which somebody has to be let in just before, at the same door; null for nobody."""

    model_config = ConfigDict(json_schema_extra={"example": {"escort": "staff"}})

    escort: Word | None


@resource.put("/people/<person:name>/escort", query=Seen, body=EscortGiven, gives=OnePerson, refusals=(409,))
@needs("people.edit")
def put_escort(name: str, query: Seen, body: EscortGiven) -> OnePerson:
    """Say who has to let a visitor in."""
    escort = parse_person({"name": name, "escort": body.escort}).escort
    return changed(name, query, lambda person: replace(person, escort=escort))


@resource.post("/people/<person:name>/credentials", query=Seen, body=NewCredential, gives=OnePerson, refusals=(409,))
@needs("people.edit")
def add_credential(name: str, query: Seen, body: NewCredential) -> OnePerson:
    """Give a person a credential. Its value is hashed, and never told again."""
    if body.kind == duress.KIND and not sees_duress():
        raise Forbidden(_("This takes the permission %(permission)s.", permission=duress.PERMISSION))
    if body.kind in PINS and not PIN.fullmatch(body.value):
        raise SettingsError(_("A PIN has 4 to 12 digits."))
    if not body.value.isprintable() or body.value.startswith(HASHED):
        raise SettingsError(_("Write what the reader reads: at most 200 printable characters."))
    if body.valid_from and body.valid_until and body.valid_until <= body.valid_from:
        raise SettingsError(_("It ends before it begins."))
    fields = body.model_dump() | {"value": services().site.hash_credential(body.kind, body.value)}
    return changed(name, query, lambda person: edits.with_credential(person, Credential(**fields)))


@resource.delete("/people/<person:name>/credentials/<kind>/<mark>", query=Seen, gives=OnePerson, refusals=(409,))
@needs("people.edit")
def delete_credential(name: str, kind: str, mark: str, query: Seen) -> OnePerson:
    """Take a credential away."""
    if kind == duress.KIND and not sees_duress():
        raise NotFound
    return changed(name, query, lambda person: edits.with_changed(person, kind, mark, lambda item: None))


@resource.delete("/people/<person:name>", query=Seen, gives=Edited, refusals=(409,))
@needs("people.edit")
def delete_person(name: str, query: Seen) -> Edited:
    """Remove a person with all credentials."""
    return Edited(version=edit_site(lambda site: edits.removed(site, name), query.expected_version).version)


@resource.post("/people-import/rehearsal", body=Roster, gives=Rehearsed)
@needs("people.edit")
def rehearse_import(body: Roster) -> Rehearsed:
    """Say what a list would change and name every bad line. Changes nothing."""
    trial = trial_of(body.csv.encode(), body.replaces)
    faults = [RosterFault(line=one.line, column=one.column, detail=one.words) for one in trial.faults]
    return Rehearsed(version=trial.version, faults=faults, changes=[str(change) for change in trial.changes])


@resource.post("/people-import", query=Seen, body=Roster, gives=Imported, refusals=(409,))
@needs("people.edit")
def apply_import(query: Seen, body: Roster) -> Imported:
    """Put a list in force as one version, or nothing of it where a line is bad.

    With the `version` of its rehearsal as `expected_version`, exactly what that showed is done.
    """
    trial = trial_of(body.csv.encode(), body.replaces)
    if trial.faults:
        raise SettingsError("\n".join(str(fault) for fault in trial.faults))
    seen = trial.version if query.expected_version is None else query.expected_version
    saved = edit_site(lambda site: replace(site, people=trial.people), seen)
    return Imported(version=saved.version, changes=[str(change) for change in saved.changes])


def changed(name: str, query: Seen, change: Callable[[Person], Person]) -> OnePerson:
    version = edit_site(lambda site: edits.changed(site, name, change), query.expected_version).version
    return OnePerson(version=version, person=told(edits.person_of(services().site.read(), name)))


def told(person: Person) -> PersonTold:
    """A person as the API tells of them."""
    credentials = [_credential(credential) for credential in seen_people([person])[0].credentials]
    return PersonTold(name=person.name, groups=sorted(person.groups), escort=person.escort, credentials=credentials)


def _credential(credential: Credential) -> CredentialTold:
    return CredentialTold(
        kind=credential.kind,
        mark=mark_of(credential.value),
        enabled=credential.enabled,
        valid_from=credential.valid_from,
        valid_until=credential.valid_until,
    )
