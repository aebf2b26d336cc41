"""Times on record, in UTC, as people at the site read them, in their language."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from babel.dates import format_date
from flask_babel import get_locale

from surveillance.dashboard.services import Services

SPANS = {"1h": timedelta(hours=1), "24h": timedelta(hours=24), "7d": timedelta(days=7), "30d": timedelta(days=30)}


@dataclass(frozen=True, slots=True)
class Moment:
    """One time: `clock` and `day` for a list, `full` for a page, `machine` for a `datetime` attribute."""

    clock: str
    day: str
    full: str
    machine: str


def site_zone(services: Services) -> tzinfo:
    """The settings' zone, else that of the site's first schedule, else UTC."""
    name = services.settings.time_zone
    if name is None:
        name = next((schedule.time_zone for schedule in services.site.read().schedules), "UTC")
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return UTC


def moment(at: str, zone: tzinfo) -> Moment:
    """`at` is RFC 3339 as events carry it."""
    local = parse_time(at).astimezone(zone)
    day = format_date(local, "EEE d MMM yyyy", locale=get_locale() or "en")
    return Moment(f"{local:%H:%M:%S}", day, f"{day}, {local:%H:%M:%S} {local:%Z}", at)


def parse_time(text: str) -> datetime:
    """An aware time from RFC 3339. Raises ValueError."""
    at = datetime.fromisoformat(text)
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)


def parse_since(text: str, now: datetime) -> datetime | None:
    """`1h`, `24h`, `7d`, `30d` before now, or an RFC 3339 time; None for anything else."""
    if text in SPANS:
        return now - SPANS[text]
    try:
        return parse_time(text)
    except ValueError:
        return None
