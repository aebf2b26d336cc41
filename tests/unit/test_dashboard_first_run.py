"""The first run: whoever sets up an empty site is led through five steps, which can be skipped and taken up again."""

from __future__ import annotations

import re
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from dashboard_site import RULES, SITE, DashboardSite, open_site, sign_in, token_of
from flask.testing import FlaskClient

from surveillance.app.rehearsal import Rehearsal
from surveillance.domain.site import NotifyTarget, Site
from surveillance.domain.values import Decision

PASSWORD = "long enough a password"


@pytest.fixture
def site(tmp_path: Path) -> DashboardSite:
    return open_site(tmp_path, site=Site())


def states(client: FlaskClient) -> dict[str, str]:
    """By step."""
    found = re.findall(r'<li class="step is-(\w+)" id="(\w+)"', client.get("/first-run").text)
    return {key: state for state, key in found}


def post(client: FlaskClient, path: str, **form: str) -> Any:
    return client.post(path, data={"csrf_token": token_of(client.get("/first-run").text), **form})


def test_whoever_sets_up_an_empty_site_is_led_to_the_steps(site: DashboardSite) -> None:
    user = site.user()
    assert user.get("/").headers["Location"] == "/first-run"
    assert states(user) == {
        "administrator": "done",
        "camera": "now",
        "zone": "later",
        "rule": "later",
        "test": "later",
    }


def test_a_guard_is_not_and_may_not(site: DashboardSite) -> None:
    site.services.accounts.add("vera", "guard", PASSWORD)
    guard = site.visitor()
    sign_in(guard, "vera", PASSWORD)
    assert guard.get("/").headers["Location"] == "/events"
    assert guard.get("/first-run").status_code == 403
    assert "Setting up" not in guard.get("/events").text


def test_a_site_with_a_camera_leads_nobody_to_the_steps(tmp_path: Path) -> None:
    assert open_site(tmp_path).user().get("/").headers["Location"] == "/events"


def test_the_steps_follow_the_site(site: DashboardSite) -> None:
    user = site.user()
    user.get("/first-run")
    page = user.get("/events").text
    assert "Setting up, step 2 of 5:" in page
    front, gate = SITE.cameras
    seen = []
    for edited in (Site(cameras=(gate,)), Site(cameras=(front,)), Site(cameras=(front,), rules=RULES)):
        now = site.services.site.read()
        site.services.site.save(replace(now, cameras=edited.cameras, rules=edited.rules), "test")
        seen.append(next(key for key, state in states(user).items() if state == "now"))
    assert seen == ["zone", "rule", "test"]
    assert "Setting up, step 5 of 5:" in user.get("/events").text


def test_a_step_is_skipped_and_taken_up_again(site: DashboardSite) -> None:
    user = site.user()
    post(user, "/first-run/skip", step="camera")
    assert (states(user)["camera"], states(user)["zone"]) == ("skipped", "now")
    post(user, "/first-run/skip", step="nonsense")
    post(user, "/first-run/skip", step="camera")
    assert (states(user)["camera"], states(user)["zone"]) == ("now", "later")


def test_whoever_leaves_the_steps_is_left_alone(site: DashboardSite) -> None:
    user = site.user()
    post(user, "/first-run/end")
    assert user.get("/").headers["Location"] == "/events"
    page = user.get("/events").text
    assert "Setting up" not in page
    assert 'href="/first-run"' in page  # in the menu


def test_a_test_event_goes_on_record_and_to_every_target_and_opens_nothing(tmp_path: Path) -> None:
    targets = (NotifyTarget("ops", "log"), NotifyTarget("boss", "log"))
    site = open_site(tmp_path, site=replace(SITE, notify=targets))
    made: list[Decision] = []

    def tell(decision: Decision) -> None:
        made.append(decision)
        site.record(decision)

    rehearsal = Rehearsal(site.services.site.read, tell)
    over = threading.Event()

    def core() -> None:
        while not over.wait(0.01):
            for asked in site.services.inbox.pending():
                site.services.inbox.answer(asked.id, rehearsal.ask(asked))

    thread = threading.Thread(target=core)
    thread.start()
    try:
        user = site.user()
        answer = post(user, "/first-run/test")
    finally:
        over.set()
        thread.join()
    assert answer.headers["Location"] == "/first-run#test"
    [decision] = made
    assert (decision.kind, decision.verdict, decision.notify) == ("rule.tested", "alert", ("ops", "boss"))
    assert (decision.door, decision.camera, decision.details["actor"]) == (None, None, "ada")
    page = user.get("/first-run").text
    assert "Test event" in page
    assert states(user)["test"] == "done"


def test_without_core_the_page_says_so(site: DashboardSite, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("surveillance.dashboard.first_run.TEST_S", 0.3)
    user = site.user()
    post(user, "/first-run/test")
    assert "core did not answer in time" in user.get("/first-run").text
    assert states(user)["test"] == "later"
