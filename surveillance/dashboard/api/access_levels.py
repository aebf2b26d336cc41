"""/api/access-levels: which groups may pass which doors, and when."""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field

from surveillance.access import levels as edits
from surveillance.dashboard import access_levels
from surveillance.dashboard.api.declare import Resource
from surveillance.dashboard.api.edits import Edited, Seen
from surveillance.dashboard.api.models import Given, Told, Word
from surveillance.dashboard.guards import needs
from surveillance.dashboard.services import services
from surveillance.dashboard.site_edits import edit_site
from surveillance.domain.levels import AccessLevel

resource = Resource("Access levels", "Which groups may pass which doors, and when.")
Words = Annotated[list[Word], Field(min_length=1, max_length=1000)]


class LevelTold(Told):
    name: str
    groups: list[str]
    doors: list[str]
    schedule: str | None = Field(description="While this schedule is open; null for always.")
    two_persons: bool = Field(description="It takes two different persons within seconds.")
    opened_by: str | None = Field(description="A group of which somebody must have been let in at the door before.")


class OneLevel(Told):
    version: int = Field(description="The configuration that this was read from.")
    level: LevelTold


class Levels(Told):
    version: int
    levels: list[LevelTold]


class LevelGiven(Given):
    """People of any of these groups may pass any of these doors while the schedule is open; without one, always."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"groups": ["staff"], "doors": ["front"], "schedule": "office"}}
    )

    groups: Words
    doors: Words
    schedule: Word | None = None
    two_persons: bool = False
    opened_by: Word | None = None


@resource.get("/access-levels", gives=Levels)
@needs("people.view")
def list_access_levels() -> Levels:
    """All access levels whose doors the token reaches, in their order."""
    site = services().site.read()
    return Levels(version=site.version, levels=[told(level) for level in access_levels.seen_levels(site)])


@resource.get("/access-levels/<name>", gives=OneLevel)
@needs("people.view")
def get_access_level(name: str) -> OneLevel:
    """One access level."""
    return OneLevel(version=services().site.version(), level=told(access_levels.find(name)))


@resource.put("/access-levels/<name>", query=Seen, body=LevelGiven, gives=OneLevel, refusals=(409,))
@needs("people.edit")
def put_access_level(name: str, query: Seen, body: LevelGiven) -> OneLevel:
    """Put an access level in place of the one of that name, or add it."""
    site = services().site.read()
    if any(level.name == name for level in site.access_levels):
        access_levels.find(name)
    given = access_levels.checked({"name": name, **body.model_dump()}, site)
    version = edit_site(lambda site: edits.with_level(site, given), query.expected_version).version
    return OneLevel(version=version, level=told(given))


@resource.delete("/access-levels/<name>", query=Seen, gives=Edited, refusals=(409,))
@needs("people.edit")
def delete_access_level(name: str, query: Seen) -> Edited:
    """Remove an access level: nobody is permitted by it any more."""
    access_levels.find(name)
    return Edited(version=edit_site(lambda site: edits.without_level(site, name), query.expected_version).version)


def told(level: AccessLevel) -> LevelTold:
    return LevelTold(**edits.level_document(level))
