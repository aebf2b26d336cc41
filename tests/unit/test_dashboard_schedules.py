"""Schedules as a form, whether each is open now, and when that changes."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

import pytest
from dashboard_site import SITE, DashboardSite, open_site, token_of
from flask.testing import FlaskClient

from surveillance.dashboard.schedules import read_form, standing, texts_of
from surveillance.domain.site import DAYS, Arming, Schedule

OFFICE = Schedule(
    "office",
    "Europe/Berlin",
    {0: ((time(8), time(12)), (time(13), time(18))), 4: ((time(22), time(6)),), 6: ((time(0), time(0)),)},
    {date(2026, 12, 24): ((time(8), time(12)),), date(2026, 12, 25): ()},
)
EMPTY = dict.fromkeys(("name", *DAYS, "holidays"), "")


@pytest.fixture
def site(tmp_path: Path) -> DashboardSite:
    return open_site(
        tmp_path, site=replace(SITE, schedules=(OFFICE,), arming=Arming("disarmed", (("armed", "office"),)))
    )


def send(user: FlaskClient, path: str, **form: Any) -> str:
    token = token_of(user.get("/account").text)
    return user.post(path, data={"csrf_token": token, **form}, follow_redirects=True).text


def test_a_schedule_survives_its_form() -> None:
    texts = texts_of(OFFICE)
    assert texts["mon"] == "08:00-12:00, 13:00-18:00"
    assert texts["sun"] == "00:00-24:00"
    assert texts["holidays"] == "2026-12-24 08:00-12:00\n2026-12-25"
    assert read_form("office", texts) == OFFICE


@pytest.mark.parametrize(
    ("at", "is_open", "changes"),
    [
        ("2026-11-23T09:00:00+01:00", True, "12:00:00"),
        ("2026-11-23T12:30:00+01:00", False, "13:00:00"),
        ("2026-11-28T05:00:00+01:00", True, "06:00:00"),  # Friday's night
        ("2026-11-22T23:00:00+01:00", True, "00:00:00"),
    ],
)
def test_it_is_told_when_a_schedule_changes(at: str, is_open: bool, changes: str) -> None:
    found = standing(OFFICE, datetime.fromisoformat(at).astimezone(UTC))
    assert found.changes_at is not None
    assert (found.is_open, found.changes_at.clock) == (is_open, changes)


def test_one_that_never_opens_never_changes() -> None:
    found = standing(Schedule("never", "UTC", {}), datetime(2026, 11, 22, tzinfo=UTC))
    assert (found.is_open, found.changes_at) == (False, None)


def test_a_schedule_is_added_edited_and_removed(site: DashboardSite) -> None:
    user = site.user()
    given = {**EMPTY, "name": "night", "time_zone": "Europe/Madrid", "mon": "22:00 - 06:00; 12:00-13:00"}
    assert "Schedule night is saved." in send(user, "/schedule-setup", **given)
    night = Schedule("night", "Europe/Madrid", {0: ((time(22), time(6)), (time(12), time(13)))})
    assert site.services.site.read().schedules == (OFFICE, night)
    send(user, "/schedules/night", **{**EMPTY, "time_zone": "UTC", "tue": "00:00-24:00"})
    assert site.services.site.read().schedules[1] == Schedule("night", "UTC", {1: ((time(0), time(0)),)})
    assert "Schedule night is removed." in send(user, "/schedules/night/remove")
    page = send(user, "/schedules/office/remove")
    assert "arming goes by schedule office" in page
    assert site.services.site.read().schedules == (OFFICE,)


def test_every_fault_is_said_beside_its_field(site: DashboardSite) -> None:
    user = site.user()
    given = {**EMPTY, "name": "x", "time_zone": "Mars/Olympus", "wed": "8 to 5", "holidays": "Christmas"}
    page = send(user, "/schedule-setup", **given)
    for field in ("time_zone", "wed", "holidays"):
        assert f'id="f-{field}-fault"' in page
    assert 'value="8 to 5"' in page, "what was typed stays"
    assert "is no name" in send(user, "/schedule-setup", **{**EMPTY, "name": "a/b", "time_zone": "UTC"})
    assert "there is a schedule" in send(user, "/schedule-setup", **{**EMPTY, "name": "office", "time_zone": "UTC"})


def test_nobody_is_overwritten(site: DashboardSite) -> None:
    user = site.user()
    seen = site.services.site.version()
    site.services.site.save(replace(site.services.site.read(), people=()), "bob")
    page = send(user, "/schedules/office", **{**EMPTY, "time_zone": "UTC", "version": str(seen)})
    assert "bob edited the site meanwhile" in page
    assert site.services.site.read().schedules == (OFFICE,)
