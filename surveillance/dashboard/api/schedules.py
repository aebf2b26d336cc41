"""/api/schedules: the times that rules and arming refer to by name."""

from __future__ import annotations

from flask_babel import gettext as _
from pydantic import Field
from werkzeug.exceptions import NotFound

from surveillance.dashboard.api.declare import Resource
from surveillance.dashboard.api.models import Told
from surveillance.dashboard.guards import needs
from surveillance.dashboard.services import services
from surveillance.domain.site import DAYS, Schedule
from surveillance.storage.site_document import window_texts

resource = Resource("Schedules", "Weekly times and holidays, which rules and arming refer to.")


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


def told(schedule: Schedule) -> ScheduleTold:
    """A schedule as the API tells of it."""
    return ScheduleTold(
        name=schedule.name,
        time_zone=schedule.time_zone,
        weekly={DAYS[day]: window_texts(windows) for day, windows in schedule.weekly.items()},
        holidays={day.isoformat(): window_texts(windows) for day, windows in schedule.holidays.items()},
    )
