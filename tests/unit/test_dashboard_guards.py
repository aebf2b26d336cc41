"""What a view needs is declared, a role has what the table says, and what was looked at is on record once."""

from __future__ import annotations

from pathlib import Path

import pytest
from dashboard_site import NAME, DashboardSite, open_site, sign_in, token_of
from flask import Blueprint

from surveillance.dashboard import create_app, factory, guards, trail
from surveillance.dashboard.asking import ask_core
from surveillance.domain.permissions import PERMISSIONS, ROLES, SCOPES, Reach, permissions_of


@pytest.fixture
def site(tmp_path: Path) -> DashboardSite:
    return open_site(tmp_path)


def test_a_view_that_declares_nothing_stops_the_application(
    site: DashboardSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    careless = Blueprint("careless", __name__)
    careless.get("/careless")(lambda: "open to all")
    monkeypatch.setattr(factory, "PAGES", (*factory.PAGES, careless))
    with pytest.raises(LookupError, match=r"careless\.<lambda> declares neither"):
        create_app(site.services)


def test_a_permission_that_is_not_in_the_table_cannot_be_asked_for() -> None:
    with pytest.raises(ValueError, match=r"events\.veiw"):
        guards.needs("events.veiw")


def test_every_role_and_scope_is_made_of_the_same_permissions() -> None:
    assert all(roles <= set(ROLES) for roles in PERMISSIONS.values())
    assert all(given <= set(PERMISSIONS) for given in SCOPES.values())
    assert permissions_of("administrator") == set(PERMISSIONS) - {"access.request", "doors.tell"}
    assert permissions_of("nobody") == frozenset()


@pytest.mark.parametrize(
    ("reach", "camera", "door", "sees"),
    [
        (Reach(), None, None, True),
        (Reach(), "yard", "back", True),
        (Reach(frozenset({"yard"})), "yard", None, True),
        (Reach(frozenset({"yard"})), "gate", None, False),
        (Reach(frozenset({"yard"})), None, "back", True),
        (Reach(frozenset({"yard"})), None, None, False),
        (Reach(frozenset({"yard"}), frozenset({"back"})), "yard", "front", False),
        (Reach(frozenset(), frozenset({"back"})), "yard", "back", False),
    ],
)
def test_something_is_in_reach_with_its_camera_and_its_door(
    reach: Reach, camera: str | None, door: str | None, sees: bool
) -> None:
    assert reach.sees(camera, door) is sees


def test_a_viewer_sees_events_and_no_rules(site: DashboardSite) -> None:
    site.services.accounts.add("vera", "viewer", "long enough a password")
    client = site.visitor()
    sign_in(client, "vera", "long enough a password")
    page = client.get("/events")
    assert page.status_code == 200
    assert ">Cameras</a>" in page.text
    assert ">Rules</a>" not in page.text
    refused = client.get("/rules")
    assert refused.status_code == 403
    assert "Your role does not include this" in refused.text


def test_a_token_may_what_its_scopes_say_and_only_under_the_api(site: DashboardSite) -> None:
    token = site.services.accounts.create_token("reports", ["events:read"])
    bearer = {"Authorization": f"Bearer {token}"}
    client = site.visitor()
    assert client.get("/api/events", headers=bearer).status_code == 200
    refused = client.get("/metrics", headers=bearer)
    assert (refused.status_code, refused.json and refused.json["detail"]) == (
        403,
        "This token lacks the scope metrics:read.",
    )
    assert client.get("/events", headers=bearer).status_code == 302


def test_looking_again_is_one_view_and_each_export_is_told(site: DashboardSite) -> None:
    client = site.user()
    with site.app.test_request_context(environ_base={"REMOTE_ADDR": "192.0.2.7"}, headers=_cookies(client)):
        site.app.preprocess_request()
        trail.viewed("camera", "front")
        trail.viewed("camera", "front")
        trail.exported("event", "e-1")
        trail.exported("event", "e-1")
    told = [
        (event["kind"], event["details"])
        for event in site.services.events.after(0)
        if event["kind"] in ("user.viewed", "user.exported")
    ]
    who = {"actor": NAME, "from": "192.0.2.7"}
    assert told == [
        ("user.viewed", {**who, "thing": "camera", "name": "front"}),
        ("user.exported", {**who, "thing": "event", "name": "e-1"}),
        ("user.exported", {**who, "thing": "event", "name": "e-1"}),
    ]


def test_a_question_that_core_does_not_answer_is_late_for_good(site: DashboardSite) -> None:
    with site.app.app_context():
        assert ask_core("door.command", {"door": "front"}, 0.3, {"refused": "late"}, "k") == {"refused": "late"}
        assert ask_core("door.command", {"door": "front"}, 0.3, {"refused": "other"}, "k") == {"refused": "late"}


def test_the_language_is_the_browsers_until_one_is_chosen(site: DashboardSite) -> None:
    client = site.visitor()
    spanish = {"Accept-Language": "es-AR,es;q=0.9"}
    page = client.get("/sign-in", headers=spanish).text
    assert '<html lang="es">' in page
    chosen = {"csrf_token": token_of(page), "language": "en", "next": "/sign-in"}
    assert client.post("/language", data=chosen).headers["Location"] == "/sign-in"
    assert '<html lang="en">' in client.get("/sign-in", headers=spanish).text


def _cookies(client: object) -> dict[str, str]:
    cookie = client.get_cookie("surveillance_session")  # type: ignore[attr-defined]
    return {"Cookie": f"surveillance_session={cookie.value}"}
