"""Who gets in, by which way, and what every answer carries."""

from __future__ import annotations

from pathlib import Path

import pytest
from dashboard_site import NAME, PASSWORD, DashboardSite, open_site, sign_in, token_of
from pydantic import ValidationError

from surveillance.dashboard import DashboardSettings


@pytest.fixture
def site(tmp_path: Path) -> DashboardSite:
    return open_site(tmp_path)


def test_only_sign_in_health_and_static_files_are_open_to_visitors(site: DashboardSite) -> None:
    client = site.visitor()
    values = {"id": "x", "name": "front", "filename": "app.css"}
    answers = {}
    for rule in site.app.url_map.iter_rules():
        path = rule.build({key: values[key] for key in rule.arguments})
        assert path is not None
        for method in (rule.methods or set()) & {"GET", "POST"}:
            answer = client.open(path[1], method=method)
            answers[f"{method} {rule.rule}"] = (answer.status_code, answer.headers.get("Location", ""))
            answer.close()
    open_ones = {name for name, (status, _) in answers.items() if status == 200}
    assert open_ones == {"GET /sign-in", "GET /healthz", "GET /readyz", "GET /static/<path:filename>"}
    assert answers["GET /events"] == (302, "/sign-in?next=/events")
    assert answers["GET /api/events"] == (401, "")
    assert answers["GET /cameras/<name>/live.jpg"][0] == 302
    assert {answers[name][0] for name in answers if name.startswith("POST")} <= {302, 400, 401}


def test_a_script_without_a_session_gets_a_problem_not_a_page(site: DashboardSite) -> None:
    answer = site.visitor().get("/events/stream", headers={"Accept": "text/event-stream"})
    assert (answer.status_code, answer.mimetype) == (401, "application/problem+json")
    assert answer.json == {"type": "about:blank", "title": "Sign in first", "status": 401, "detail": "Sign in first."}


def test_signing_in_leads_to_the_page_that_was_asked_for(site: DashboardSite) -> None:
    client = site.visitor()
    asked = client.get("/events?camera=front").headers["Location"]
    assert asked == "/sign-in?next=/events?camera%3Dfront"
    answer = sign_in(client, next="/events?camera=front")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/events?camera=front")
    assert client.get("/events?camera=front").status_code == 200


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example",
        "\\\\evil.example",
        "javascript:alert(1)",
        "/\n/x",
        "",
    ],
)
def test_no_redirect_leads_off_the_server(site: DashboardSite, target: str) -> None:
    assert sign_in(site.visitor(), next=target).headers["Location"] == "/events"


def test_unknown_name_wrong_password_and_locked_name_read_alike(site: DashboardSite) -> None:
    texts = set()
    for name, password in [("nobody", "x"), *[(NAME, "wrong")] * 6, (NAME, PASSWORD)]:
        answer = sign_in(site.visitor(), name, password)
        assert answer.status_code == 401
        texts.add(answer.text.replace(f'value="{name}"', "").replace(token_of(answer.text), ""))
    assert len({text.replace(" autofocus", "") for text in texts}) == 1
    assert "do not match" in texts.pop()


def test_a_form_without_its_token_does_nothing(site: DashboardSite) -> None:
    client = site.visitor()
    assert client.post("/sign-in", data={"name": NAME, "password": PASSWORD}).status_code == 400
    user = site.user()
    assert user.post("/sign-out").status_code == 400
    assert user.get("/events").status_code == 200


def test_a_session_brought_along_is_replaced(site: DashboardSite) -> None:
    client = site.visitor()
    before = token_of(client.get("/sign-in").text)
    with client.session_transaction() as session:
        session["planted"] = "x"
    sign_in(client)
    with client.session_transaction() as session:
        assert set(session) == {"_permanent", "user", "changed_at"}
    assert token_of(client.get("/events").text) != before


def test_cookies_are_kept_from_scripts_and_from_plain_http(site: DashboardSite) -> None:
    def cookie(base_url: str) -> str:
        return str(site.visitor().get("/sign-in", base_url=base_url).headers["Set-Cookie"])

    assert "HttpOnly" in cookie("http://localhost")
    assert "SameSite=Lax" in cookie("http://localhost")
    assert "Secure" not in cookie("http://localhost")
    assert "Secure" in cookie("https://localhost")


def test_signing_out_and_changing_the_password_end_sessions(site: DashboardSite) -> None:
    here, there = site.user(), site.user()
    form = {"csrf_token": token_of(here.get("/account").text), "password": PASSWORD}
    weak = here.post("/account", data=form | {"fresh": "short", "again": "short"})
    assert (weak.status_code, "at least 10 characters" in weak.text) == (400, True)
    wrong = here.post("/account", data=form | {"password": "?", "fresh": "a new password", "again": "a new password"})
    assert (wrong.status_code, "present password is not right" in wrong.text) == (400, True)
    done = here.post("/account", data=form | {"fresh": "a new password", "again": "a new password"})
    assert (done.status_code, done.headers["Location"]) == (302, "/events")
    assert here.get("/events").status_code == 200
    assert there.get("/events").status_code == 302
    here.post("/sign-out", data={"csrf_token": token_of(here.get("/events").text)})
    assert here.get("/events").status_code == 302


def test_too_many_tries_wait(tmp_path: Path) -> None:
    site = open_site(tmp_path, DashboardSettings(sign_in_limit="3 per minute"))
    statuses = [sign_in(site.visitor(), "nobody", "x").status_code for _ in range(4)]
    assert statuses == [401, 401, 401, 429]
    assert site.visitor().get("/sign-in").status_code == 200


def test_every_answer_carries_the_headers(site: DashboardSite) -> None:
    user = site.user()
    for path in ("/events", "/api/events", "/nothing", "/static/app.css", "/healthz"):
        answer = user.get(path)
        headers = answer.headers
        policy = headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert (headers["Cache-Control"] == "no-store") == (path != "/static/app.css")
        answer.close()


def test_pages_hold_no_inline_script_or_style(site: DashboardSite) -> None:
    user = site.user()
    for path in ("/events", "/cameras", "/cameras/front", "/rules", "/account"):
        page = user.get(path).text
        assert "<style" not in page
        assert " style=" not in page
        assert " onclick=" not in page
        assert page.count("<script") == page.count('<script src="/static/')


def test_a_bind_beyond_this_machine_must_be_meant() -> None:
    with pytest.raises(ValidationError, match=r"dashboard\.allow_plain_http"):
        DashboardSettings(host="0.0.0.0")
    assert DashboardSettings(host="0.0.0.0", allow_plain_http=True).host == "0.0.0.0"
    assert DashboardSettings(host="::1").host == "::1"


def test_health_says_whether_anything_is_judged(site: DashboardSite) -> None:
    client = site.visitor()
    assert client.get("/healthz").json == {"status": "ok", "core": "running"}
    site.applied["heartbeat_age_s"] = 60.0
    assert client.get("/healthz").json == {"status": "ok", "core": "silent"}
    assert "Nothing is being judged" in site.user().get("/events").text
