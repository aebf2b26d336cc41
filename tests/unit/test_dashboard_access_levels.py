"""Access levels on their page: added, edited and removed there, and told on the pages of people."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from dashboard_site import SITE, DashboardSite, open_site, somebody, token_of
from flask.testing import FlaskClient

from surveillance.dashboard.api.access_levels import told
from surveillance.domain.levels import AccessLevel
from surveillance.domain.permissions import Reach
from surveillance.domain.site import Door

STAFF = SITE.access_levels[0]
VAULT = AccessLevel("vault", frozenset({"guards"}), frozenset({"vault"}))


@pytest.fixture
def site(tmp_path: Path) -> DashboardSite:
    return open_site(tmp_path, site=replace(SITE, doors=(*SITE.doors, Door("vault")), access_levels=(STAFF, VAULT)))


def send(user: FlaskClient, path: str, **form: object) -> str:
    token = token_of(user.get("/account").text)
    return user.post(path, data={"csrf_token": token, **form}, follow_redirects=True).text


def test_a_level_is_added_changed_and_removed(site: DashboardSite) -> None:
    user = site.user()
    given = {"name": "night", "groups": "guards, staff", "doors": ["front", "vault"], "schedule": "office"}
    assert "Access level night is saved." in send(user, "/access-level-setup", **given)
    night = AccessLevel("night", frozenset({"guards", "staff"}), frozenset({"front", "vault"}), "office")
    assert site.services.site.read().access_levels == (STAFF, VAULT, night)
    assert "another name" in send(user, "/access-level-setup", **given)
    form = {"groups": "guards", "doors": ["vault"], "opened_by": "staff"}
    assert "needs a schedule" in send(user, "/access-levels/night", **form)
    send(user, "/access-levels/night", **form, schedule="office", two_persons="yes")
    night = AccessLevel("night", frozenset({"guards"}), VAULT.doors, "office", True, "staff")
    assert site.services.site.read().access_levels[2] == night
    assert "nobody is in group guards, which access level vault names" in user.get("/access-levels").text
    assert "Access level night is removed." in send(user, "/access-levels/night/remove")
    assert site.services.site.read().access_levels == (STAFF, VAULT)


def test_a_fault_is_said_beside_its_field_and_nothing_is_saved(site: DashboardSite) -> None:
    user = site.user()
    page = send(user, "/access-level-setup", name="x", groups="", doors=["front"])
    assert "Name at least one group." in page
    assert 'value="front" checked' in page
    assert "Choose at least one door." in send(user, "/access-level-setup", name="x", groups="staff")
    page = send(user, "/access-level-setup", name="x", groups="staff", doors=["frnt"], schedule="office")
    assert "did you mean" in page
    assert site.services.site.read().access_levels == (STAFF, VAULT)


def test_what_a_person_may_pass_is_told_on_their_page(site: DashboardSite) -> None:
    page = site.user().get("/person?name=Ada").text
    assert "May pass, by access levels" in page
    assert "while office is open" in page


def test_who_reaches_some_doors_sees_and_gives_levels_of_these_only(site: DashboardSite) -> None:
    user = somebody(site, "operator", Reach(None, frozenset({"front"})))
    assert "vault" not in user.get("/access-levels").text
    assert user.get("/access-levels/vault").status_code == 404
    send(user, "/access-level-setup", name="x", groups="staff", doors=["vault"])
    assert site.services.site.read().access_levels == (STAFF, VAULT)


def test_a_program_reads_puts_and_deletes_levels(site: DashboardSite) -> None:
    caller = site.visitor()
    token = site.services.accounts.create_token("sync", ["people:write"])
    headers = {"Authorization": f"Bearer {token}"}
    listed = caller.get("/api/access-levels", headers=headers).json
    assert listed["levels"] == [told(STAFF).model_dump(), told(VAULT).model_dump()]
    given = {"groups": ["guards"], "doors": ["front", "vault"], "schedule": "office", "two_persons": True}
    put = caller.put("/api/access-levels/vault", json=given, headers=headers)
    assert (put.status_code, put.json["level"]) == (200, {"name": "vault", **given, "opened_by": None})
    assert caller.put("/api/access-levels/vault", json={**given, "doors": ["vlt"]}, headers=headers).status_code == 422
    assert caller.delete("/api/access-levels/vault", headers=headers).status_code == 200
    assert site.services.site.read().access_levels == (STAFF,)
