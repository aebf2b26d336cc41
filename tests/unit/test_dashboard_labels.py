"""The labeling pages without a script, who may use them, what they offer, and the same by the API."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from dashboard_site import DashboardSite, now_decision, open_site, sign_in, somebody, token_of
from flask.testing import FlaskClient
from ledger_samples import JPEG, shot

from surveillance.dashboard import create_app
from surveillance.domain.labels import Said
from surveillance.domain.permissions import Reach
from surveillance.storage.labels import CropFilter
from surveillance.storage.queries import EventFilter


@pytest.fixture
def site(tmp_path: Path) -> DashboardSite:
    return open_site(tmp_path)


def post(client: FlaskClient, path: str = "/labels", **fields: Any) -> Any:
    return client.post(path, data={"csrf_token": token_of(client.get("/labels").text), **fields})


def labels(site: DashboardSite) -> dict[str, str | None]:
    return {crop.id: crop.label for crop in site.services.labels.page(CropFilter(waiting=False))}


def shown(client: FlaskClient, path: str = "/labels") -> str:
    """The id of the crop on the page."""
    page = client.get(path).text
    return page.partition('data-crop="')[2].partition('"')[0]


def test_crops_are_labeled_one_after_the_other_by_plain_forms(site: DashboardSite) -> None:
    first, second, third = (site.queue(track) for track in range(3))
    user = site.user()
    assert shown(user) == first
    page = user.get("/labels").text
    assert "3 wait · 0 labeled" in page
    assert "The model was not sure." in page
    assert "Person <small>61% · embedded</small>" in page
    answer = post(user, crop=first, label="animal")
    assert (answer.status_code, answer.location) == (302, "/labels")
    assert shown(user) == second
    post(user, crop=second, act="skip")
    post(user, crop=third, label="person", other=" delivery  van ")
    page = user.get("/labels").text
    assert "Nothing waits for a label" in page
    assert "You said last: Delivery van" in page
    assert labels(site) == {first: "animal", second: None, third: "delivery van"}
    told = site.services.events.page(EventFilter(kind="user.labeled"))[0]
    assert [row["details"]["crops"] for row in told] == [[third], [second], [first]]


def test_what_was_said_last_is_undone_and_shown_again(site: DashboardSite) -> None:
    first, second = site.queue(1), site.queue(2)
    user = site.user()
    post(user, crop=first, label="animal")
    post(user, crop=second, act="skip")
    assert "You skipped the last one." in user.get("/labels").text
    assert post(user, act="undo").location == f"/labels?crop={second}"
    assert post(user, act="undo").location == f"/labels?crop={first}"
    assert shown(user, f"/labels?crop={second}") == second
    assert labels(site) == {}
    post(user, act="undo")
    assert "There is nothing to undo." in user.get("/labels").text


def test_many_that_share_a_guess_are_labeled_at_once(site: DashboardSite) -> None:
    people = [site.queue(track) for track in range(3)]
    cars = [site.queue(track, label="vehicle", camera="gate") for track in range(10, 12)]
    user = site.user()
    page = user.get("/labels/grid").text
    assert [page.count(f'value="{name}" checked') for name in [*people, *cars]] == [1, 1, 1, 0, 0]
    page = user.get("/labels/grid?guess=vehicle").text
    assert [page.count(f'value="{name}" checked') for name in [*people, *cars]] == [0, 0, 0, 1, 1]
    answer = post(user, "/labels?guess=person", crop=people[:2], label="person", **{"from": "grid"})
    assert answer.location == "/labels/grid?guess=person"
    assert "2 crops are now: Person." in user.get(answer.location).text
    assert labels(site) == dict.fromkeys(people[:2], "person")
    assert post(user, act="undo", **{"from": "grid"}).location == "/labels/grid"
    assert "2 crops wait again." in user.get("/labels/grid").text
    post(user, label="person", **{"from": "grid"})
    assert "Choose crops first." in user.get("/labels/grid").text


def test_filters_narrow_by_reason_and_camera(site: DashboardSite) -> None:
    site.queue(1)
    lot = site.queue(2, camera="gate", why="sampled")
    two = site.queue(3, camera="gate", why="disagreed", other=Said("vehicle", 0.81, "candidate"))
    user = site.user()
    assert shown(user, "/labels?why=sampled") == lot
    assert shown(user, "/labels?camera=gate&why=disagreed") == two
    page = user.get("/labels?why=disagreed").text
    assert "Vehicle <small>81% · candidate</small>" in page
    assert "Nothing of that kind waits" in user.get("/labels?camera=front&why=sampled").text
    assert shown(user, "/labels?why=nonsense") != ""


def test_labels_offered_are_the_models_and_what_the_site_has_used(site: DashboardSite) -> None:
    made = site.record(now_decision(), shot())
    user = site.user()
    post(user, crop=site.queue(1), label="hedgehog")
    site.queue(2, label="unknown")
    page = user.get("/labels").text
    assert offered(page) == ["animal", "person", "vehicle", "hedgehog"]
    assert "could not tell" in page
    event = user.get(f"/events/{made}").text
    assert [word in event for word in ('value="hedgehog"', 'value="vehicle"')] == [True, True]
    answer = post(user, f"/events/{made}/label", label="person", other="badger")
    assert answer.status_code == 302
    assert "badger" in [crop.label for crop in site.services.labels.labeled()]
    garden = replace(site.services, model_labels=lambda model: ())
    visitor = create_app(garden).test_client()
    assert sign_in(visitor).status_code == 302
    assert offered(visitor.get("/labels").text)[:4] == ["animal", "background", "person", "vehicle"]


def offered(page: str) -> list[str]:
    return [part.partition('"')[0] for part in page.split('name="label" value="')[1:]]


def test_no_other_text_becomes_a_label(site: DashboardSite) -> None:
    name = site.queue(1)
    user = site.user()
    for text in ("../x", "unknown", "", "x" * 61):
        assert post(user, crop=name, other=text).location == f"/labels?crop={name}"
        assert "write one of at most 60 letters" in user.get("/labels").text
    assert labels(site) == {}


def test_who_may_not_review_sees_nothing_of_it_and_reach_holds(site: DashboardSite) -> None:
    here, there = site.queue(1), site.queue(2, camera="gate")
    viewer = somebody(site, "viewer")
    assert viewer.get("/labels").status_code == 403
    assert 'href="/labels"' not in viewer.get("/events").text
    guard = somebody(site, "guard", Reach(frozenset({"front"}), frozenset()))
    assert shown(guard) == here
    assert shown(guard, f"/labels?crop={there}") == here
    assert guard.get(f"/labels/{there}/picture").status_code == 404
    post(guard, crop=[here, there], label="person")
    assert labels(site) == {here: "person"}
    with guard.get(f"/labels/{here}/picture") as picture:
        assert picture.data == JPEG


def test_a_program_labels_by_the_api(site: DashboardSite) -> None:
    first = site.queue(1)
    site.queue(2, camera="gate", why="disagreed", other=Said("vehicle", 0.81, "candidate"))
    token = site.services.accounts.create_token("labeler", ["events:write"])
    auth = {"Authorization": f"Bearer {token}"}
    api = site.visitor()
    page = api.get("/api/labels?limit=1", headers=auth).json
    [crop] = page["crops"]
    assert (crop["id"], crop["why"], crop["said"]["label"], crop["label"], page["waiting"]) == (
        first, "uncertain", "person", None, 2,
    )  # fmt: skip
    [second] = api.get(page["next"], headers=auth).json["crops"]
    assert second["other"] == {"label": "vehicle", "confidence": 0.81, "model": "candidate"}
    assert api.get(crop["picture"], headers=auth).data == JPEG
    body = {"crops": [first], "label": "fox"}
    assert api.post("/api/labels", json=body, headers=auth).json == {"changed": 1}
    [done] = api.get("/api/labels?waiting=false", headers=auth).json["crops"]
    assert (done["label"], done["labeled_by"]) == ("fox", "labeler")
    assert api.post("/api/labels", json={"crops": [first], "label": "a/b"}, headers=auth).status_code == 422
    assert api.post("/api/labels", json={"crops": ["nowhere"], "label": None}, headers=auth).status_code == 404
