"""Who gets in, by which way, and what every answer carries."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime
from pathlib import Path

import pyotp
import pytest
from dashboard_site import NAME, PASSWORD, DashboardSite, open_site, sign_in, token_of
from flask.testing import FlaskClient
from pydantic import ValidationError
from werkzeug.test import TestResponse

from surveillance.dashboard import DashboardSettings


@pytest.fixture
def site(tmp_path: Path) -> DashboardSite:
    return open_site(tmp_path)


def test_only_sign_in_health_and_static_files_are_open_to_visitors(site: DashboardSite) -> None:
    client = site.visitor()
    values = {"id": "x", "name": "front", "filename": "app.css", "command": "open"}
    answers = {}
    for rule in site.app.url_map.iter_rules():
        path = rule.build({key: values.get(key, "1") for key in rule.arguments})
        assert path is not None
        for method in (rule.methods or set()) & {"GET", "POST"}:
            answer = client.open(path[1], method=method)
            answers[f"{method} {rule.rule}"] = (answer.status_code, answer.headers.get("Location", ""))
            answer.close()
    open_ones = {name for name, (status, _) in answers.items() if status == 200}
    assert open_ones == {
        "GET /sign-in",
        "GET /healthz",
        "GET /readyz",
        "GET /static/<path:filename>",
        "GET /api/openapi.json",  # holds nothing of the site
    }
    assert answers["GET /events"] == (302, "/sign-in?next=/events")
    assert answers["GET /api/events"] == (401, "")
    assert answers["GET /cameras/<name>/still.jpg"][0] == 302
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
        assert set(session) == {"_permanent", "key"}
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


# --- sessions ------------------------------------------------------------------------------------------------------


def cookie_of(client: FlaskClient) -> str:
    cookie = client.get_cookie("surveillance_session")
    assert cookie is not None
    return cookie.value


def test_a_cookie_copied_before_signing_out_is_worth_nothing_afterwards(site: DashboardSite) -> None:
    user = site.user()
    stolen = cookie_of(user)
    thief = site.visitor()
    thief.set_cookie("surveillance_session", stolen)
    assert thief.get("/events").status_code == 200
    user.post("/sign-out", data={"csrf_token": token_of(user.get("/account").text)})
    assert thief.get("/events").status_code == 302


def test_a_forged_cookie_or_a_session_id_opens_nothing(site: DashboardSite) -> None:
    user = site.user()
    [known] = site.services.sessions.every()
    thief = site.visitor()
    with thief.session_transaction() as session:
        session["key"] = known.id  # even who could sign cookies and read the database
    assert thief.get("/events").status_code == 302
    thief.set_cookie("surveillance_session", cookie_of(user)[:-8] + "x" * 8)
    assert thief.get("/events").status_code == 302


def test_ones_own_sessions_are_listed_with_their_devices_and_ended(site: DashboardSite) -> None:
    here = site.user()
    there = site.visitor()
    firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
    page = there.get("/sign-in").text
    form = {"csrf_token": token_of(page), "name": NAME, "password": PASSWORD}
    there.post("/sign-in", data=form, headers={"User-Agent": firefox}, environ_base={"REMOTE_ADDR": "192.0.2.9"})
    page = here.get("/account").text
    assert "Firefox on Linux" in page
    assert "192.0.2.9" in page
    other = next(known for known in site.services.sessions.every() if known.address == "192.0.2.9")
    here.post(f"/account/sessions/{other.id}/end", data={"csrf_token": token_of(page)})
    assert (here.get("/events").status_code, there.get("/events").status_code) == (200, 302)


def test_nobody_ends_the_session_of_another_from_their_account(site: DashboardSite) -> None:
    site.services.accounts.add("vera", "viewer", "long enough a password")
    vera, ada = site.visitor(), site.user()
    sign_in(vera, "vera", "long enough a password")
    theirs = next(known for known in site.services.sessions.every() if known.user == NAME)
    vera.post(f"/account/sessions/{theirs.id}/end", data={"csrf_token": token_of(vera.get("/account").text)})
    assert ada.get("/events").status_code == 200


def test_all_other_sessions_end_at_once(site: DashboardSite) -> None:
    here, *others = [site.user() for _ in range(3)]
    here.post("/account/sessions/end-others", data={"csrf_token": token_of(here.get("/account").text)})
    assert [client.get("/events").status_code for client in (here, *others)] == [200, 302, 302]


# --- what comes before anything else -------------------------------------------------------------------------------


def test_a_one_time_password_is_changed_before_anything_else(site: DashboardSite) -> None:
    given = site.services.accounts.reset_password(NAME, "root")
    client = site.visitor()
    assert sign_in(client, NAME, given, next="/cameras").status_code == 302
    assert client.get("/cameras").headers["Location"] == "/account"
    assert client.get("/api/events").status_code == 403
    page = client.get("/account").text
    assert "Choose your own before anything else" in page
    form = {"csrf_token": token_of(page), "password": given}
    again = client.post("/account", data=form | {"fresh": given, "again": given})
    assert (again.status_code, "is the present one" in again.text) == (400, True)
    done = client.post("/account", data=form | {"fresh": "a new password", "again": "a new password"})
    assert (done.status_code, client.get("/cameras").status_code) == (302, 200)


@pytest.mark.usefixtures("early_in_a_step")
def test_roles_that_need_a_second_factor_set_it_up_first(tmp_path: Path) -> None:
    site = open_site(tmp_path, DashboardSettings(second_factor_roles=("administrator",)))
    site.services.accounts.add("vera", "viewer", "long enough a password")
    vera, ada = site.visitor(), site.user()
    sign_in(vera, "vera", "long enough a password")
    assert vera.get("/events").status_code == 200
    assert ada.get("/events").headers["Location"] == "/account/second-factor"
    enroll(ada)
    assert ada.get("/events").status_code == 200


def test_a_role_that_is_none_needs_no_second_factor() -> None:
    with pytest.raises(ValidationError, match="no role is called boss"):
        DashboardSettings(second_factor_roles=("boss",))


# --- the second factor ---------------------------------------------------------------------------------------------


@pytest.fixture
def early_in_a_step() -> None:
    """No test that asks for it runs over the end of a step, where every code becomes the one before."""
    left_s = 30 - time.time() % 30
    if left_s < 10:
        time.sleep(left_s)


def enroll(client: FlaskClient) -> tuple[str, list[str]]:
    """Sets a second factor up as a person does, with the code of the step before; the secret and the recovery codes."""
    page = client.get("/account/second-factor").text
    found = re.search(r'<code class="secret">([A-Z2-7 ]+)</code>', page)
    assert found, page
    secret = found[1].replace(" ", "")
    done = client.post("/account/second-factor", data={"csrf_token": token_of(page), "code": code_of(secret, -1)})
    assert done.status_code == 200, done.text
    return secret, re.findall(r"<li><code>([a-z0-9]{5}-[a-z0-9]{5})</code></li>", done.text)


def code_of(secret: str, steps_away: int = 0) -> str:
    totp = pyotp.TOTP(secret)
    return totp.generate_otp(totp.timecode(datetime.now(UTC)) + steps_away)


def send_code(client: FlaskClient, code: str, wanted: str = "") -> TestResponse:
    page = client.get("/sign-in/code").text
    return client.post("/sign-in/code", data={"csrf_token": token_of(page), "code": code, "next": wanted})


@pytest.mark.usefixtures("early_in_a_step")
def test_signing_in_takes_both_factors(site: DashboardSite) -> None:
    secret, codes = enroll(site.user())
    assert len(codes) == 10
    client = site.visitor()
    first = sign_in(client, next="/cameras")
    assert first.headers["Location"] == "/sign-in/code?next=/cameras"
    assert client.get("/cameras").status_code == 302
    wrong = send_code(client, "nonsense")
    assert (wrong.status_code, "does not match" in wrong.text) == (401, True)
    done = send_code(client, code_of(secret), "/cameras")
    assert (done.headers["Location"], client.get("/cameras").status_code) == ("/cameras", 200)
    again = site.visitor()
    sign_in(again)
    assert send_code(again, code_of(secret)).status_code == 401
    assert send_code(again, codes[0]).status_code == 302
    assert "9 recovery codes are left" in again.get("/account").text


@pytest.mark.usefixtures("early_in_a_step")
def test_no_code_is_asked_of_who_gave_no_password(site: DashboardSite) -> None:
    secret, _ = enroll(site.user())
    client = site.visitor()
    token = token_of(client.get("/sign-in").text)
    assert client.get("/sign-in/code").headers["Location"] == "/sign-in"
    answer = client.post("/sign-in/code", data={"csrf_token": token, "code": code_of(secret)})
    assert (answer.headers["Location"], client.get("/events").status_code) == ("/sign-in", 302)


@pytest.mark.usefixtures("early_in_a_step")
def test_a_password_changed_meanwhile_is_asked_for_again(site: DashboardSite) -> None:
    secret, _ = enroll(site.user())
    client = site.visitor()
    sign_in(client)
    page = client.get("/sign-in/code").text
    site.services.accounts.passwd(NAME, "battery staple")
    answer = client.post("/sign-in/code", data={"csrf_token": token_of(page), "code": code_of(secret)})
    assert answer.headers["Location"] == "/sign-in"


@pytest.mark.usefixtures("early_in_a_step")
def test_the_second_factor_is_switched_off_with_the_password(site: DashboardSite) -> None:
    user = site.user()
    _, codes = enroll(user)
    form = {"csrf_token": token_of(user.get("/account").text), "password": "wrong"}
    assert user.post("/account/second-factor/remove", data=form).status_code == 400
    assert user.post("/account/recovery-codes", data=form).status_code == 400
    fresh = user.post("/account/recovery-codes", data=form | {"password": PASSWORD}).text
    assert not any(code in fresh for code in codes)
    assert user.post("/account/second-factor/remove", data=form | {"password": PASSWORD}).status_code == 302
    assert sign_in(site.visitor()).headers["Location"] == "/events"


@pytest.mark.usefixtures("early_in_a_step")
def test_the_picture_holds_the_secret_for_the_phone(site: DashboardSite) -> None:
    user = site.user()
    answer = user.get("/account/second-factor.svg")
    assert (answer.mimetype, answer.data.startswith(b"<?xml")) == ("image/svg+xml", True)
    enroll(user)
    assert user.get("/account/second-factor.svg").status_code == 400
    assert user.get("/account/second-factor").headers["Location"] == "/account"


# --- how it listens ------------------------------------------------------------------------------------------------


def test_a_certificate_comes_with_its_key_and_lets_it_listen_anywhere(tmp_path: Path) -> None:
    settings = DashboardSettings(host="0.0.0.0", tls_certificate=tmp_path / "c.pem", tls_key=tmp_path / "k.pem")
    assert settings.speaks_tls
    with pytest.raises(ValidationError, match="belong together"):
        DashboardSettings(tls_certificate=tmp_path / "c.pem")


def test_behind_a_proxy_with_a_path_everything_stays_below_it(tmp_path: Path) -> None:
    site = open_site(tmp_path, DashboardSettings(trusted_proxies=1))
    proxy = {"X-Forwarded-Prefix": "/watch", "X-Forwarded-Proto": "https", "X-Forwarded-For": "203.0.113.9"}
    client = site.app.test_client(use_cookies=False)  # the proxy's path is not the client's
    asked = client.get("/cameras", headers=proxy)
    assert asked.headers["Location"] == "/watch/sign-in?next=/cameras"
    page = client.get("/sign-in", headers=proxy)
    assert "Path=/watch" in page.headers["Set-Cookie"]
    assert "Secure" in page.headers["Set-Cookie"]
    assert page.headers["Strict-Transport-Security"]
    assert set(re.findall(r'(?:href|src|action)="(/[^/"]*)', page.text)) == {"/watch"}
    form = {"csrf_token": token_of(page.text), "name": NAME, "password": PASSWORD, "next": "/cameras"}
    cookie = page.headers["Set-Cookie"].partition(";")[0]
    sent = client.post("/sign-in", data=form, headers=proxy | {"Cookie": cookie, "Referer": "https://localhost/watch/"})
    assert sent.headers["Location"] == "/watch/cameras"
    assert site.services.sessions.every()[0].address == "203.0.113.9"


def test_nobody_but_a_trusted_proxy_says_where_the_pages_are(site: DashboardSite) -> None:
    answer = site.visitor().get("/cameras", headers={"X-Forwarded-Prefix": "/evil", "X-Forwarded-Host": "evil"})
    assert answer.headers["Location"] == "/sign-in?next=/cameras"
