"""/api/schedules: the times that rules and arming refer to by name."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from surveillance.dashboard import schedules
from surveillance.dashboard.api.declare import Resource
from surveillance.dashboard.api.edits import Edited, Seen
from surveillance.dashboard.api.models import Given, Told
from surveillance.dashboard.guards import needs
from surveillance.dashboard.services import services
from surveillance.dashboard.site_edits import edit_site
from surveillance.domain.site import DAYS, Schedule, parse_schedule
from surveillance.storage.site_document import window_texts
from surveillance.storage.site_file import parse_site_name

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
    return OneSchedule(version=services().site.version(), schedule=told(schedules.find(name)))


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
    parse_site_name(name)
    given = parse_schedule(name, body.model_dump())
    version = edit_site(lambda site: schedules.with_schedule(site, given), query.expected_version).version
    return OneSchedule(version=version, schedule=told(given))


@resource.delete("/schedules/<name>", query=Seen, gives=Edited, refusals=(409, 422))
@needs("site.edit")
def delete_schedule(name: str, query: Seen) -> Edited:
    """Remove a schedule that neither a rule nor arming refers to."""
    schedules.find(name)
    return Edited(version=edit_site(lambda site: schedules.without(site, name), query.expected_version).version)


def told(schedule: Schedule) -> ScheduleTold:
    """A schedule as the API tells of it."""
    return ScheduleTold(
        name=schedule.name,
        time_zone=schedule.time_zone,
        weekly={DAYS[day]: window_texts(windows) for day, windows in schedule.weekly.items()},
        holidays={day.isoformat(): window_texts(windows) for day, windows in schedule.holidays.items()},
    )
