"""What a model looked at, on an event's page: core is asked, and what it says is shown with its limits."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from dashboard_site import DashboardSite, core_that_answers, now_decision, open_site, token_of
from flask.testing import FlaskClient
from ledger_samples import observation, shot

from surveillance.domain.values import Decision

TOLD = {
    "model": "embedded",
    "version": "2",
    "looks": [
        {"label": "person", "chance": 0.913, "picture": "/9j/4AAQ"},
        {"label": "vehicle", "chance": 0.08, "picture": "/9j/4BBQ"},
        {"label": "animal", "chance": 0.007, "picture": "/9j/4CCQ"},
    ],
}
SCRIPT = {"HX-Request": "true"}


@pytest.fixture
def site(tmp_path: Path) -> DashboardSite:
    return open_site(tmp_path)


def record(site: DashboardSite, model: str, **other: Any) -> Decision:
    """An event with a picture, whose track was labeled by that model."""
    made = now_decision(**other)
    seen = observation(track=made.track, at=made.at - timedelta(seconds=1), camera="front", model=model, shot=shot())
    site.desk.ledger([(seen, (made,))])
    return made


def send(user: FlaskClient, id: str, headers: dict[str, str]) -> Any:
    token = token_of(user.get(f"/events/{id}").text)
    return user.post(f"/events/{id}/look", data={"csrf_token": token}, headers=headers)


def text_of(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", page)).strip()


def test_the_page_offers_it_and_shows_what_core_says(site: DashboardSite) -> None:
    made = record(site, "garden")
    user = site.user()
    assert f'action="/events/{made.id}/look"' in user.get(f"/events/{made.id}").text
    with core_that_answers(site, TOLD) as asked:
        part = send(user, made.id, SCRIPT).text
    assert asked == [
        {"kind": "event.look", "model": "garden", "evidence": f"{made.id}.jpg", "box": [0.15, 0.2, 0.35, 0.9]}
    ]
    assert re.findall(r'src="([^"]*)"', part) == ["data:image/jpeg;base64,/9j/4AAQ", "data:image/jpeg;base64,/9j/4BBQ"]
    told = text_of(part)
    for words in ("Person 91%", "Vehicle 8%", "not that it is right", "the model that judged it, as it is today"):
        assert words in told, words
    assert "<form" not in part


def test_without_a_script_it_is_a_page(site: DashboardSite) -> None:
    made = record(site, "garden")
    with core_that_answers(site, TOLD):
        page = send(site.user(), made.id, {}).text
    assert f'<a href="/events/{made.id}">' in page
    assert "data:image/jpeg;base64,/9j/4AAQ" in page


def test_a_model_that_is_not_on_record_is_said_to_be_another(site: DashboardSite) -> None:
    made = record(site, "")
    with core_that_answers(site, TOLD) as asked:
        part = send(site.user(), made.id, SCRIPT).text
    assert asked[0]["model"] == "embedded"
    assert "The model that judged it is not on record; asked now of embedded" in text_of(part)


def test_a_fault_is_said_and_it_can_be_asked_again(site: DashboardSite) -> None:
    made = record(site, "gone")
    fault = {"fault": "no model is called 'gone'; there are: embedded", "reason": ""}
    with core_that_answers(site, fault):
        part = send(site.user(), made.id, SCRIPT).text
    assert "no model is called &#39;gone&#39;; there are: embedded" in part
    assert "Ask again" in part
    site.applied["heartbeat_age_s"] = None
    assert "The service does not run" in send(site.user(), made.id, SCRIPT).text


def test_it_is_a_view_of_footage(site: DashboardSite) -> None:
    made = record(site, "garden")
    user = site.user()
    with core_that_answers(site, TOLD):
        send(user, made.id, SCRIPT)
    page: Any = user.get("/api/events?kind=user.viewed").json
    views = [(row["details"]["actor"], row["details"]["thing"], row["details"]["name"]) for row in page["events"]]
    assert ("ada", "heatmap", made.id) in views


def test_an_event_without_picture_or_label_has_none(site: DashboardSite) -> None:
    bare = now_decision()
    site.record(bare)
    state = record(site, "garden", label=None)
    user = site.user()
    for id in (bare.id, state.id):
        page = user.get(f"/events/{id}").text
        assert "What did it look at?" not in page
        assert user.post(f"/events/{id}/look", data={"csrf_token": token_of(page)}).status_code == 404
    assert user.post("/events/nope/look", data={"csrf_token": token_of(page)}).status_code == 404
