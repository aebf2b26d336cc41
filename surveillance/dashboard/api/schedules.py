"""/api/schedules: the times that rules and arming refer to by name."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Annotated, Literal

from flask_babel import gettext as _
from pydantic import ConfigDict, Field
from werkzeug.exceptions import NotFound

from surveillance.dashboard.api.declare import Resource
from surveillance.dashboard.api.edits import Edited, Seen
from surveillance.dashboard.api.models import Given, Told
from surveillance.dashboard.guards import needs
from surveillance.dashboard.services import services
from surveillance.dashboard.site_edits import edit_site
from surveillance.domain.errors import SettingsError
from surveillance.domain.site import DAYS, Schedule, Site, parse_schedule
from surveillance.storage.site_document import window_texts

resource = Resource("Schedules", "Weekly times and holidays, which rules and arming refer to.")
Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
Date = Annotated[str, Field(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")]
Window = Annotated[str, Field(pattern=r"^[0-9]{2}:[0-9]{2}-[0-9]{2}:[0-9]{2}$", examples=["08:00-18:00"])]


class ScheduleTold(Told):
    """Weekly windows by weekday; a holiday's own windows replace the day's."""

    name: str
    time_zone: str
    weekly: dict[str, list[str]] = Field(description="`mon` to `sun`, each with windows such as `08:00-18:00`.")
    holidays: dict[str, list[str]] = Field(description="By date; without windows it is closed all day.")


class OneSchedule(Told):
    version: int = Field(description="The configuration that this was read from.")
    schedule: ScheduleTold


class Schedules(Told):
    version: int
    schedules: list[ScheduleTold]


@resource.get("/schedules", gives=Schedules)
@needs("rules.view")
def list_schedules() -> Schedules:
    """All schedules, in their order."""
    site = services().site.read()
    return Schedules(version=site.version, schedules=[told(schedule) for schedule in site.schedules])


@resource.get("/schedules/<name>", gives=OneSchedule)
@needs("rules.view")
def get_schedule(name: str) -> OneSchedule:
    """One schedule."""
    site = services().site.read()
    schedule = next((schedule for schedule in site.schedules if schedule.name == name), None)
    if schedule is None:
        raise NotFound(_("No schedule is called %(name)s.", name=repr(name)))
    return OneSchedule(version=site.version, schedule=told(schedule))


class ScheduleGiven(Given):
    """Weekly windows by weekday in a time zone; a holiday's own windows replace the day's."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"time_zone": "Europe/Berlin", "weekly": {"mon": ["08:00-18:00"]}}}
    )

    time_zone: Annotated[str, Field(min_length=1, max_length=100)]
    weekly: dict[Weekday, list[Window]]
    holidays: dict[Date, list[Window]] = Field({}, json_schema_extra={"additionalProperties": False})


@resource.put("/schedules/<name>", query=Seen, body=ScheduleGiven, gives=OneSchedule, refusals=(409,))
@needs("site.edit")
def put_schedule(name: str, query: Seen, body: ScheduleGiven) -> OneSchedule:
    """Put a schedule in place of the one of that name, or add it."""
    if not re.fullmatch(r"\w[\w .-]{0,99}", name):
        raise SettingsError(f"{name!r} is no name; use letters, digits, blanks, dots, - and _, at most 100")
    given = parse_schedule(name, body.model_dump())

    def put(site: Site) -> Site:
        kept = tuple(given if known.name == name else known for known in site.schedules)
        return replace(site, schedules=kept if given in kept else (*kept, given))

    version = edit_site(put, query.expected_version).version
    return OneSchedule(version=version, schedule=told(given))


@resource.delete("/schedules/<name>", query=Seen, gives=Edited, refusals=(409, 422))
@needs("site.edit")
def delete_schedule(name: str, query: Seen) -> Edited:
    """Remove a schedule that neither a rule nor arming refers to."""
    get_schedule(name)

    def remove(site: Site) -> Site:
        if site.arming is not None and name in dict(site.arming.modes).values():
            raise SettingsError(f"arming goes by schedule {name}; change that first")
        return replace(site, schedules=tuple(known for known in site.schedules if known.name != name))

    return Edited(version=edit_site(remove, query.expected_version).version)


def told(schedule: Schedule) -> ScheduleTold:
    """A schedule as the API tells of it."""
    return ScheduleTold(
        name=schedule.name,
        time_zone=schedule.time_zone,
        weekly={DAYS[day]: window_texts(windows) for day, windows in schedule.weekly.items()},
        holidays={day.isoformat(): window_texts(windows) for day, windows in schedule.holidays.items()},
    )
