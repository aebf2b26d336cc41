"""The API: who may ask, how a request is refused, what a page of events leads to, and what never comes out."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from dashboard_site import SITE, DashboardSite, now_decision, open_site, token_of

from surveillance.dashboard import DashboardSettings
from surveillance.dashboard.api import openapi
from surveillance.dashboard.guards import needed
from surveillance.domain.permissions import PERMISSIONS, SCOPES
from surveillance.domain.site import Credential, NotifyTarget, Person


@pytest.fixture
def site(tmp_path: Path) -> DashboardSite:
    return open_site(tmp_path)


def bearer(site: DashboardSite, *scopes: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {site.services.accounts.create_token('program', scopes or SCOPES)}"}


def problem(answer: Any) -> dict[str, Any]:
    assert answer.mimetype == "application/problem+json"
    told: dict[str, Any] = answer.json
    assert (told["type"], told["status"]) == ("about:blank", answer.status_code)
    return told


def test_the_document_names_the_permission_that_guards_each_view(site: DashboardSite) -> None:
    paths = openapi()["paths"]
    told = {operation["operationId"]: operation for methods in paths.values() for operation in methods.values()}
    guarded = {
        endpoint.removeprefix("api."): needed(site.app, endpoint)
        for endpoint in site.app.view_functions
        if endpoint.startswith("api.") and endpoint not in ("api.docs", "api.tell")
    }
    assert {name: operation["x-permission"] for name, operation in told.items()} == guarded
    for operation in told.values():
        permission = operation["x-permission"]
        assert all(permission in SCOPES[scope] for scope in operation["x-scopes"])
        assert operation["x-roles"] == sorted(PERMISSIONS[permission])


def test_each_address_has_the_methods_that_the_document_says(site: DashboardSite) -> None:
    routes, paths = site.app.url_map.bind("dashboard"), openapi()["paths"]
    served = {path: {*routes.allowed_methods(re.sub("{.*?}", "x", path))} - {"HEAD", "OPTIONS"} for path in paths}
    assert served == {path: {method.upper() for method in told} for path, told in paths.items()}


def test_the_document_says_where_the_dashboard_is_served(site: DashboardSite) -> None:
    answer: Any = site.visitor().get("/api/openapi.json", environ_overrides={"SCRIPT_NAME": "/site"}).json
    assert answer["servers"] == [{"url": "/site"}]


def test_a_program_pages_through_events(tmp_path: Path) -> None:
    site = open_site(tmp_path, DashboardSettings(page_size=2))
    made = [site.record(now_decision(track=track)) for track in range(5)]
    headers, seen, address = bearer(site, "events:read"), [], "/api/events?verdict=alert"
    while address:
        page: Any = site.visitor().get(address, headers=headers).json
        seen += [event["id"] for event in page["events"]]
        address = page["older"]
    assert sorted(seen) == sorted(made)


@pytest.mark.parametrize(
    ("query", "place", "words"),
    [
        ("verdict=maybe", "verdict", "should be"),
        ("limit=0", "limit", "greater than or equal to 1"),
        ("limit=ten", "limit", "is no whole number"),
        ("since=yesterday", "since", "is no time; write it as 2026-12-24T08:00:00Z"),
        ("reviewed=yes", "reviewed", "is neither true nor false"),
        ("before=nonsense", "before", "should match"),
        ("colour=red", "colour", "is not known here"),
        ("camera=a&camera=b", "camera", "is there more than once"),
    ],
)
def test_a_query_that_does_not_read_is_refused_with_its_place(
    site: DashboardSite, query: str, place: str, words: str
) -> None:
    answer = site.visitor().get(f"/api/events?{query}", headers=bearer(site, "events:read"))
    told = problem(answer)
    assert answer.status_code == 400
    assert any(fault["place"].startswith(place) and words in fault["detail"] for fault in told["errors"]), told


def test_a_scope_opens_what_it_says_and_nothing_else(site: DashboardSite) -> None:
    headers = bearer(site, "cameras:read")
    client = site.visitor()
    assert client.get("/api/cameras", headers=headers).status_code == 200
    refused = client.get("/api/people", headers=headers)
    assert (refused.status_code, problem(refused)["detail"]) == (403, "This token lacks the scope people:read.")
    unknown = client.get("/api/cameras", headers={"Authorization": "Bearer svt_made_up"})
    assert (unknown.status_code, unknown.headers["WWW-Authenticate"]) == (401, "Bearer")
    assert problem(client.get("/api/nothing", headers=headers))["status"] == 404


def test_a_session_needs_the_header_that_no_other_site_can_send(site: DashboardSite) -> None:
    user = site.user()
    body: dict[str, Any] = {"request_id": "1", "door": "front", "factors": []}
    problem(user.post("/api/access/requests", json=body))
    spoken = {"X-CSRFToken": token_of(user.get("/account").text)}
    refused = user.post("/api/access/requests", json=body, headers=spoken)
    assert (refused.status_code, "Only readers ask" in problem(refused)["detail"]) == (403, True)


def test_a_body_is_json_and_says_so(site: DashboardSite) -> None:
    headers, client = bearer(site, "access:request"), site.visitor()
    form = client.post("/api/access/requests", data={"door": "front"}, headers=headers)
    broken = client.post("/api/access/requests", data=b'{"door"', headers=headers, content_type="application/json")
    large = client.post("/api/access/requests", json={"door": "x" * 70_000}, headers=headers)
    assert [problem(answer)["status"] for answer in (form, broken, large)] == [415, 400, 413]


def test_secrets_never_come_out(tmp_path: Path) -> None:
    secret = SITE.people[0]
    people = (Person("Ada", secret.groups, (Credential("badge", "04A1B2"),)),)
    notify = (NotifyTarget("ops", "webhook", "https://example.org/hook", "whsec_abcdefghijkl"),)
    site = open_site(tmp_path, site=replace(SITE, people=people, notify=notify))
    client, headers = site.visitor(), bearer(site)
    texts = {
        path: client.get(path, headers=headers).text
        for path in ("/api/cameras", "/api/cameras/front", "/api/people", "/api/people/Ada", "/api/doors", "/api/rules")
    }
    stored = site.services.site.read().people[0].credentials[0].value
    for path, text in texts.items():
        for hidden in ("hidden", "viewer", "04A1B2", "whsec", stored):
            assert hidden not in text, (path, hidden)
    camera: Any = client.get("/api/cameras/front", headers=headers).json
    assert camera["camera"]["url"] == "rtsp://***@192.0.2.4/main"


def test_looking_is_on_record(site: DashboardSite) -> None:
    made = site.record(now_decision())
    client, headers = site.visitor(), bearer(site, "events:read")
    client.get("/api/events?camera=front&limit=5", headers=headers)
    client.get(f"/api/events/{made}", headers=headers)
    told = {
        event["kind"]: event["details"]
        for event in site.services.events.after(0)
        if event["kind"] in ("user.viewed", "user.searched")
    }
    who = {"actor": "program", "from": "127.0.0.1"}
    assert told == {
        "user.searched": {**who, "thing": "events", "filter": {"camera": "front"}},
        "user.viewed": {**who, "thing": "event", "name": made},
    }


def test_a_camera_gives_its_newest_picture(site: DashboardSite) -> None:
    client, headers = site.visitor(), bearer(site, "cameras:read")
    none = client.get("/api/cameras/front/picture", headers=headers)
    assert (none.status_code, "ask again" in problem(none)["detail"]) == (404, True)


def test_the_page_tells_of_every_operation_and_schema(site: DashboardSite) -> None:
    page = site.user().get("/api/docs")
    document = openapi()
    assert page.status_code == 200
    for path, methods in document["paths"].items():
        assert path in page.text
        assert all(f'id="{operation["operationId"]}"' in page.text for operation in methods.values())
    assert all(f'id="schema-{name}"' in page.text for name in document["components"]["schemas"])
    assert "style=" not in page.text


def test_the_page_asks_a_visitor_to_sign_in(site: DashboardSite) -> None:
    answer = site.visitor().get("/api/docs")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/sign-in?next=/api/docs")
