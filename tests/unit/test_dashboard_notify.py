"""Notification targets in the browser and over the API: checked, sealed, tested, removed where no rule needs them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from dashboard_site import SITE, DashboardSite, open_site, token_of
from flask.testing import FlaskClient

from surveillance.app.rehearsal import TargetTest
from surveillance.dashboard import DashboardSettings
from surveillance.domain.errors import ActionFailed
from surveillance.domain.site import NotifyTarget
from surveillance.domain.values import Action

SECRET = "whsec_" + "A" * 32
OPS = NotifyTarget("ops", "webhook", "https://example.org/hook/4711", SECRET)


@pytest.fixture
def site(tmp_path: Path) -> DashboardSite:
    return open_site(tmp_path, DashboardSettings(sign_in_limit="1000 per minute"), replace(SITE, notify=(OPS,)))


def send(user: FlaskClient, path: str, **form: Any) -> Any:
    token = token_of(user.get("/account").text)
    return user.post(path, data={"csrf_token": token, **form}, follow_redirects=True)


@contextmanager
def core(site: DashboardSite, told: list[Action], fault: str = "") -> Iterator[None]:
    """Answers the wish for a test as the running core does."""

    def tell(action: Action) -> None:
        told.append(action)
        if fault:
            raise ActionFailed(fault)

    over = threading.Event()
    trial = TargetTest(lambda name: tell, site.record, site.services.inbox.answer)

    def go() -> None:
        asked: set[str] = set()
        while not over.wait(0.01):
            for question in site.services.inbox.pending():
                if question.id not in asked:
                    asked.add(question.id)
                    trial.ask(question)

    thread = threading.Thread(target=go)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def test_a_target_is_added_edited_and_removed_and_its_secrets_never_come_out(site: DashboardSite) -> None:
    user = site.user()
    form = user.get("/notify-setup").text
    made = form.partition('value="whsec_')[2].partition('"')[0]
    assert len(made) == 44
    given = {"name": "boss", "kind": "webhook", "url": "https://192.0.2.8/a/b", "secret": f"whsec_{made}"}
    page = send(user, "/notify-setup", **given).text
    assert "boss is saved" in page
    assert site.services.site.read().notify == (OPS, NotifyTarget("boss", "webhook", given["url"], given["secret"]))
    for shown in (page, user.get("/notify/boss").text, user.get("/notify").text):
        assert made not in shown
        assert "/a/b" not in shown
    send(user, "/notify/boss", kind="webhook", url="https://192.0.2.8/***", secret="")
    assert site.services.site.read().notify[1].url == given["url"], "*** keeps what is on record"
    assert "is told nothing any more" in send(user, "/notify/boss/remove").text
    assert site.services.site.read().notify == (OPS,)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"name": "ops", "kind": "log"}, "there is a target &#39;ops&#39; already"),
        ({"name": "a/b", "kind": "log"}, "is no name"),
        ({"name": "x", "kind": "pigeon"}, "no kind is called &#39;pigeon&#39;"),
        ({"name": "x", "kind": "webhook", "url": "", "secret": SECRET}, "a webhook needs an address"),
        ({"name": "x", "kind": "webhook", "url": "https://example.org/", "secret": ""}, "needs a secret"),
        ({"name": "x", "kind": "webhook", "url": "https://169.254.169.254/", "secret": SECRET}, "169.254.169.254"),
        ({"name": "x", "kind": "webhook", "url": "http://127.0.0.1/", "secret": SECRET}, "127.0.0.1"),
    ],
)
def test_what_cannot_be_told_is_refused_with_words(site: DashboardSite, given: dict[str, str], words: str) -> None:
    page = send(site.user(), "/notify-setup", **given).text
    assert 'role="alert"' in page
    assert words.lower() in page.lower()
    assert site.services.site.read().notify == (OPS,)


def test_a_test_says_that_it_arrived_and_is_on_record(site: DashboardSite) -> None:
    told: list[Action] = []
    with core(site, told):
        page = send(site.user(), "/notify/ops/test").text
    assert "The test arrived at ops." in page
    [action] = told
    assert (action.target, action.payload["kind"], action.payload["verdict"]) == ("ops", "rule.tested", "alert")
    event = site.services.events.one(action.event)
    assert event is not None
    assert (event["details"]["target"], event["details"]["actor"]) == ("ops", "ada")


def test_a_test_says_why_it_did_not_arrive(site: DashboardSite) -> None:
    with core(site, [], "https://example.org: answered 403"):
        page = send(site.user(), "/notify/ops/test").text
    assert "The test did not arrive at ops:" in page
    assert "answered 403" in page


def test_programs_edit_targets_too(site: DashboardSite) -> None:
    token = site.services.accounts.create_token("setup", ["site:write"])
    headers = {"Authorization": f"Bearer {token}"}
    program = site.visitor()
    put: Any = program.put("/api/notify/log", json={"kind": "log"}, headers=headers).json
    assert put["target"] == {"name": "log", "kind": "log", "url": "", "has_secret": False}
    listed: Any = program.get("/api/notify", headers=headers).json
    assert [(one["name"], one["url"], one["has_secret"]) for one in listed["targets"]] == [
        ("ops", "https://example.org/***", True),
        ("log", "", False),
    ]
    with core(site, []):
        sent: Any = program.post("/api/notify/log/test", headers=headers).json
    assert (sent["state"], sent["reason"]) == ("done", "")
    assert program.delete("/api/notify/log", headers=headers).status_code == 200
    assert program.delete("/api/notify/log", headers=headers).status_code == 404
