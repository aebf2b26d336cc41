"""Reviewing on the pages: forms without a script, who may do what, exports, and what of it is on record."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from dashboard_site import DashboardSite, now_decision, open_site, sign_in, somebody, token_of
from flask.testing import FlaskClient
from ledger_samples import JPEG, shot

from surveillance.dashboard import create_app
from surveillance.dashboard.filters import parse_filter
from surveillance.domain.permissions import Reach
from surveillance.storage import event_search
from surveillance.storage.queries import Budget, EventFilter, Events

WAITING = EventFilter(waiting=True)


@pytest.fixture
def site(tmp_path: Path) -> DashboardSite:
    return open_site(tmp_path)


def post(client: FlaskClient, path: str, page: str = "/events", **fields: Any) -> Any:
    return client.post(path, data={"csrf_token": token_of(client.get(page).text), **fields})


def told(site: DashboardSite, kind: str) -> list[dict[str, Any]]:
    rows = site.services.events.page(EventFilter(kind=kind))[0]
    return [{key: value for key, value in row["details"].items() if key not in ("from", "actor")} for row in rows]


def test_chosen_events_are_reviewed_and_reopened_by_plain_forms(site: DashboardSite) -> None:
    ids = [site.record(now_decision()) for _ in range(3)]
    user = site.user()
    answer = post(user, "/events/review", event=ids[:2], act="reviewed", comment=" a fox ", next="/events?camera=front")
    assert (answer.status_code, answer.location) == (302, "/events?camera=front")
    assert "2 events marked as reviewed." in user.get("/events").text
    assert [row["id"] for row in site.services.events.page(WAITING)[0]] == [ids[2]]
    assert "a fox" in user.get("/events?view=all").text
    post(user, "/events/review", page="/events?view=all", event=ids[0], act="reopened")
    assert site.services.events.count(WAITING) == 2
    post(user, "/events/review", event="nowhere", act="reviewed")
    assert "Choose events first." in user.get("/events").text
    assert post(user, "/events/review", event=ids, act="delete").status_code == 400
    assert user.post("/events/review", data={"event": ids, "act": "reviewed"}).status_code == 400  # no token


def test_an_incident_is_reviewed_whole_and_a_script_gets_numbers(site: DashboardSite) -> None:
    ids = [site.record(now_decision()) for _ in range(3)]
    user = site.user()
    data = {"csrf_token": token_of(user.get("/events").text), "incident": ids[0], "act": "reviewed"}
    answer = user.post("/events/review", data=data, headers={"Accept": "application/json"})
    assert answer.json == {"changed": 3, "waiting": "0"}
    page = user.get("/events?view=incidents").text
    assert page.count("3 events in this incident") == 1
    members = user.get(f"/events/incidents/{ids[0]}?view=incidents").text
    assert [members.count(f'data-event="{name}"') for name in ids] == [1, 1, 1]


def test_a_viewer_sees_no_forms_and_cannot_review_or_export(site: DashboardSite) -> None:
    made = site.record(now_decision())
    viewer = somebody(site, "viewer")
    page = viewer.get(f"/events/{made}").text
    assert 'id="acknowledge"' not in page
    assert f"/events/{made}/export" not in page
    token = token_of(page)
    for path in ("/events/review", f"/events/{made}/label"):
        data = {"csrf_token": token, "event": made, "act": "reviewed", "label": "animal"}
        assert viewer.post(path, data=data).status_code == 403
    assert viewer.get(f"/events/{made}/export").status_code == 403


def test_what_lies_out_of_reach_is_not_there(site: DashboardSite) -> None:
    here, there = site.record(now_decision()), site.record(now_decision(camera="gate"), shot())
    guard = somebody(site, "guard", Reach(frozenset({"front"}), frozenset()))
    page = guard.get("/events").text
    assert (f"event-{here}" in page, f"event-{there}" in page) == (True, False)
    assert ">gate<" not in page
    for path in (f"/events/{there}", f"/api/events/{there}", f"/evidence/{there}.jpg"):
        assert guard.get(path).status_code == 404
    assert post(guard, f"/events/{there}/label", label="animal").status_code == 404
    post(guard, "/events/review", event=[here, there], act="reviewed")
    assert [row["id"] for row in site.services.events.page(WAITING)[0]] == [there]


def test_a_corrected_label_is_shown_and_kept(site: DashboardSite) -> None:
    made = site.record(now_decision(), shot())
    user = site.user()
    answer = post(user, f"/events/{made}/label?camera=front", page=f"/events/{made}", label="background")
    assert answer.location == f"/events/{made}?camera=front"
    page = user.get(f"/events/{made}").text
    assert "corrected: Nothing (background)" in page
    assert "ada: Nothing (background), not Person" in page
    [learned] = site.services.reviews.corrections()
    assert (learned.evidence, learned.label) == (f"{made}.jpg", "background")
    assert post(user, f"/events/{made}/label", label=" ").status_code == 400
    unseen = site.record(now_decision(kind="access.denied", verdict="deny", door="front", label=None))
    assert post(user, f"/events/{unseen}/label", label="animal").status_code == 400


def test_an_export_holds_record_and_pictures_and_is_on_record(site: DashboardSite) -> None:
    made = site.record(now_decision(), shot())
    with site.user().get(f"/events/{made}/export") as answer, zipfile.ZipFile(io.BytesIO(answer.data)) as archive:
        assert answer.headers["Content-Disposition"] == f"attachment; filename=event-{made}.zip"
        assert archive.namelist() == ["event.json", f"{made}.jpg"]
        assert archive.read(f"{made}.jpg") == JPEG
        assert json.loads(archive.read("event.json"))["id"] == made
    assert told(site, "user.exported") == [{"thing": "event", "name": made}]


def test_views_and_searches_are_on_record_once(site: DashboardSite) -> None:
    made = site.record(now_decision())
    user = site.user()
    for _ in range(2):
        user.get("/events")  # without a filter it is no search
        user.get("/events?camera=front&text=fox")
        user.get(f"/events/{made}")
    assert told(site, "user.searched") == [{"thing": "events", "filter": {"camera": "front", "text": "fox"}}]
    assert told(site, "user.viewed") == [{"thing": "event", "name": made}]


def test_neighbors_are_those_of_the_list_one_came_from(site: DashboardSite) -> None:
    ids = [site.record(now_decision(camera=camera)) for camera in ("front", "gate", "front")]
    user = site.user()
    page = user.get(f"/events/{ids[0]}?camera=front").text
    assert f'id="newer" rel="prev" href="/events/{ids[2]}?camera=front"' in page
    assert 'id="older-event"' not in page
    assert f'href="/events/{ids[1]}"' in user.get(f"/events/{ids[0]}").text
    post(user, "/events/review", event=ids[1], act="reviewed")
    assert f'rel="prev" href="/events/{ids[2]}"' in user.get(f"/events/{ids[1]}").text  # it goes on from there


def test_a_long_search_says_how_far_it_came_and_goes_on(site: DashboardSite, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_search, "FIRST", 2)
    hasty = replace(site.services, events=Events(site.desk.engine, Budget(1, 60.0)))
    oldest = site.record(now_decision(reasons=("a needle",)))
    for _ in range(5):
        site.record(now_decision())
    user = create_app(hasty).test_client()
    assert sign_in(user).status_code == 302
    page = user.get("/events?text=needle").text
    assert "Nothing found so far" in page
    assert 'id="searched"' in page
    pages = 1
    while f"event-{oldest}" not in page:
        link = page.partition('id="older" href="')[2].partition('"')[0].replace("&amp;", "&")
        page, pages = user.get(link).text, pages + 1
    assert pages == 3


def test_a_filter_is_read_from_a_url_and_written_back() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    found = parse_filter(
        {
            "view": "all",
            "camera": " front ",
            "from": "2026-07-01T08:00",
            "until": "2026-07-01T07:00:00Z",
            "reviewed": "no",
        },
        berlin,
    )
    assert (found.since, found.until) == (
        datetime(2026, 7, 1, 6, tzinfo=UTC),
        datetime(2026, 7, 1, 7, tzinfo=UTC),
    )
    assert parse_filter(found.words, berlin) == found
    assert found.stored().reviewed is False
    nonsense = parse_filter({"view": "x", "since": "soon", "shadow": "maybe", "reviewed": "yes", "color": "red"})
    assert (nonsense.words, nonsense.view) == ({}, "inbox")
    hour = parse_filter({"since": "1h"}).since
    assert hour is not None
    assert timedelta(minutes=59) < datetime.now(UTC) - hour < timedelta(minutes=61)
