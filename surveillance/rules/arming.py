"""Which mode the site is in at a moment: a person's order first, then the schedules, then the default."""

from __future__ import annotations

from datetime import datetime, timedelta

from surveillance.domain.site import ModeOrder, Site
from surveillance.domain.values import ModeReport, rfc3339
from surveillance.rules.schedules import edges, is_open

_AHEAD = timedelta(days=9)  # every weekly window comes around within it, also after a holiday


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


def next_mode(now: ModeReport, site: Site, order: ModeOrder | None, fallback: str) -> ModeReport | None:
    """The mode that follows the one of now, dated when it begins; None when it stays for the days to come."""
    named = {name for _, name in site.arming.modes} if site.arming else set()
    moments = {at for one in site.schedules if one.name in named for at in edges(one, now.at, now.at + _AHEAD)}
    if order is not None and order.until is not None and order.until > now.at:
        moments.add(order.until)
    reports = (mode_at(at, site, order, fallback) for at in sorted(moments))
    return next((report for report in reports if report.mode != now.mode), None)
