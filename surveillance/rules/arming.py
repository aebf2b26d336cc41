"""Which mode the site is in at a moment: a person's order first, then the schedules, then the default."""

from __future__ import annotations

from datetime import datetime

from surveillance.domain.site import ModeOrder, Site
from surveillance.domain.values import ModeReport, rfc3339
from surveillance.rules.schedules import is_open


def mode_at(at: datetime, site: Site, order: ModeOrder | None, fallback: str) -> ModeReport:
    """The mode with its reason. `fallback` is the mode of a site that says nothing of arming."""
    if order is not None and order.holds(at):
        until = "" if order.until is None else f" until {rfc3339(order.until)}"
        return ModeReport(at, order.mode, f"set by hand{until}", order.by)
    if site.arming is None:
        return ModeReport(at, fallback, "the site has no arming by schedule")
    schedules = {schedule.name: schedule for schedule in site.schedules}
    for mode, name in site.arming.modes:
        if name in schedules and is_open(schedules[name], at):
            return ModeReport(at, mode, f"schedule {name} is open")
    return ModeReport(at, site.arming.default, "no schedule of another mode is open")
