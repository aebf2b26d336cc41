"""/api/people: who may pass, by groups and credentials. What a reader reads never comes out, only that it is there."""

from __future__ import annotations

from flask_babel import gettext as _
from pydantic import Field
from werkzeug.exceptions import NotFound

from surveillance.dashboard.api.declare import Resource
from surveillance.dashboard.api.models import Moment, Told
from surveillance.dashboard.guards import needs
from surveillance.dashboard.services import services
from surveillance.domain.site import Credential, Person
from surveillance.storage.keys import HASHED

resource = Resource("People", "Who may pass, by groups and credentials.")


class CredentialTold(Told):
    kind: str
    mark: str = Field(description="The start of its hash, by which one is told from another.")
    enabled: bool
    valid_from: Moment | None
    valid_until: Moment | None


class PersonTold(Told):
    name: str
    groups: list[str]
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


@resource.get("/people/<name>", gives=OnePerson)
@needs("people.view")
def get_person(name: str) -> OnePerson:
    """One person."""
    site = services().site.read()
    person = next((person for person in site.people if person.name == name), None)
    if person is None:
        raise NotFound(_("Nobody is called %(name)s.", name=repr(name)))
    return OnePerson(version=site.version, person=told(person))


def told(person: Person) -> PersonTold:
    """A person as the API tells of them."""
    credentials = [_credential(credential) for credential in person.credentials]
    return PersonTold(name=person.name, groups=sorted(person.groups), credentials=credentials)


def _credential(credential: Credential) -> CredentialTold:
    return CredentialTold(
        kind=credential.kind,
        mark=credential.value.removeprefix(HASHED)[:8],
        enabled=credential.enabled,
        valid_from=credential.valid_from,
        valid_until=credential.valid_until,
    )
