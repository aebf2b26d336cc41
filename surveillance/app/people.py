"""People from the command line: lists in and out, and single people, by the same rules as on the pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo

from surveillance.access import people as edits
from surveillance.access.roster import Fault, merged, moment_of, parse_roster, roster_csv
from surveillance.app.site_edit import Edited, Plan, edit_site, open_site
from surveillance.domain.errors import SettingsError
from surveillance.domain.site import Person, Site
from surveillance.settings import Settings
from surveillance.storage.site_file import parse_person
from surveillance.storage.site_plan import changes_between


@dataclass(frozen=True, slots=True)
class PeoplePlan:
    """What a list of people would change, or why it cannot be taken over."""

    plan: Plan
    faults: tuple[Fault, ...]


def list_people(settings: Settings, words: str = "") -> list[Person]:
    return edits.matching(open_site(settings).site.read().people, words)


def add_person(
    settings: Settings,
    name: str,
    groups: Sequence[str],
    presented: Mapping[str, str],
    until: str | None,
    escort: str | None = None,
) -> Edited:
    """Adds a person with what a reader reads, by kind. Raises SettingsError for what is no name, group or value."""
    store = open_site(settings)
    ends_at = None if until is None else _end(until, zone_of(settings, store.site.read()))
    credentials = [{"kind": kind, "value": value, "valid_until": ends_at} for kind, value in presented.items()]
    given = parse_person({"name": name, "groups": list(groups), "escort": escort, "credentials": credentials})
    held = tuple(replace(item, value=store.site.hash_credential(item.kind, item.value)) for item in given.credentials)
    return edit_site(settings, lambda site: edits.added(site, replace(given, credentials=held)))


def _end(text: str, zone: tzinfo) -> datetime:
    try:
        return moment_of(text, zone, last=True)
    except ValueError:
        raise SettingsError(f"{text!r} is no date; write it as 2026-12-31, or 2026-12-31T18:00") from None


def remove_person(settings: Settings, name: str) -> Edited:
    return edit_site(settings, lambda site: edits.removed(site, name))


def set_escort(settings: Settings, name: str, group: str | None) -> Edited:
    """Lets a person in only with somebody of that group; None for by themselves again. Raises NotFound."""
    escort = parse_person({"name": name, "escort": group}).escort
    return edit_site(settings, lambda site: edits.changed(site, name, lambda person: replace(person, escort=escort)))


def switch_person(settings: Settings, name: str, enabled: bool) -> Edited:
    """All credentials of a person on or off."""

    def edit(site: Site) -> Site:
        return edits.changed(site, name, lambda person: edits.switched(person, enabled))

    return edit_site(settings, edit)


def plan_people(settings: Settings, file: Path, replaces: bool) -> PeoplePlan:
    """What a CSV file would change, or every bad line of it. Changes nothing. Raises SettingsError for no file."""
    try:
        data = file.read_bytes()
    except OSError as error:
        raise SettingsError(f"the list {file} cannot be read: {error.strerror}; check the path") from error
    store = open_site(settings)
    before = store.site.read()
    roster = parse_roster(data, zone_of(settings, before))
    people, clashes = merged(before.people, roster, store.site.hash_credential, replaces)
    wanted = replace(before, people=people)
    faults = (*roster.faults, *clashes)
    return PeoplePlan(Plan(wanted, () if faults else changes_between(before, wanted), before.version), faults)


def export_people(settings: Settings) -> str:
    """Everybody as CSV without secrets."""
    return roster_csv(open_site(settings).site.read().people)


def zone_of(settings: Settings, site: Site) -> tzinfo:
    """In which dates of a list count: the pages' zone, else that of the site's first schedule, else UTC."""
    name = settings.dashboard.time_zone or next((schedule.time_zone for schedule in site.schedules), "UTC")
    return ZoneInfo(name)
