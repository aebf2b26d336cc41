"""Users, sessions, tokens and the audit, as an administrator keeps them in the browser."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

import pytest
from dashboard_site import NAME, DashboardSite, open_site, sign_in, token_of
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from surveillance.domain.permissions import SCOPES, WHOLE, Reach

PASSWORD = "long enough a password"
ONCE = re.compile(r'<p class="once"><code>(?:Authorization: Bearer )?([^<]+)</code>')


@pytest.fixture
def site(tmp_path: Path) -> DashboardSite:
    return open_site(tmp_path)


def send(client: FlaskClient, path: str, shown_at: str = "", **fields: str | list[str]) -> TestResponse:
    """Fills in and sends a form of a page."""
    return client.post(path, data={"csrf_token": token_of(client.get(shown_at or path).text), **fields})


def user_named(site: DashboardSite, name: str) -> object:
    return next(known for known in site.services.accounts.list_users() if known.name == name)


def secret_of(answer: TestResponse) -> str:
    found = ONCE.search(answer.text)
    assert found, answer.text
    return found[1]


# --- users ---------------------------------------------------------------------------------------------------------


def test_a_guard_is_added_sees_one_camera_and_is_helped_when_locked_out(site: DashboardSite) -> None:
    admin = site.user()
    made = send(
        admin, "/users/new", name="bob", role="guard", cameras="some", cameras_named=["gate"], doors="some"
    )  # fmt: skip
    password = secret_of(made)
    known = user_named(site, "bob")
    assert (known.role, known.reach, known.must_change) == ("guard", Reach(frozenset({"gate"}), frozenset()), True)
    page = admin.get("/users").text
    assert "Cameras: gate · no door" in page
    assert "One-time password" in page
    bob = site.visitor()
    for _ in range(5):
        sign_in(bob, "bob", "wrong")
    assert "Locked" in admin.get("/users").text
    assert sign_in(bob, "bob", password).status_code == 401
    send(admin, "/user/bob/unlock", "/user/bob")
    assert sign_in(bob, "bob", password).status_code == 302
    assert bob.get("/events").headers["Location"] == "/account"


def test_a_mistake_in_the_form_keeps_what_was_typed(site: DashboardSite) -> None:
    admin = site.user()
    for name, words in (("a b", "is no user name"), (NAME, "exists already"), ("", "is no user name")):
        answer = send(admin, "/users/new", name=name, role="operator", cameras="some", cameras_named="gate")
        assert answer.status_code == 400
        assert words in answer.text
        assert re.search(r'value="operator" checked', answer.text)
        assert re.search(r'value="gate" checked', answer.text)
    assert [known.name for known in site.services.accounts.list_users()] == [NAME]


def test_role_and_reach_are_changed_at_once(site: DashboardSite) -> None:
    admin, bob = site.user(), site.visitor()
    site.services.accounts.add("bob", "viewer", PASSWORD)
    sign_in(bob, "bob", PASSWORD)
    assert bob.get("/rules").status_code == 403
    send(admin, "/user/bob", role="operator", cameras="all", doors="all")
    assert bob.get("/rules").status_code == 200
    wrong = send(admin, "/user/bob", role="administrator", cameras="some")
    assert (wrong.status_code, "An administrator reaches every camera" in wrong.text) == (400, True)
    assert user_named(site, "bob").reach == WHOLE


def test_the_last_administrator_stays(site: DashboardSite) -> None:
    admin = site.user()
    for path, fields in (
        (f"/user/{NAME}", {"role": "viewer"}),
        (f"/user/{NAME}/disable", {}),
        (f"/user/{NAME}/remove", {}),
    ):
        answer = send(admin, path, f"/user/{NAME}", **fields)
        assert (answer.status_code, "is the last administrator" in answer.text) == (400, True)
    assert admin.get("/users").status_code == 200


def test_an_account_is_disabled_reset_and_removed(site: DashboardSite) -> None:
    admin, bob = site.user(), site.visitor()
    site.services.accounts.add("bob", "viewer", PASSWORD)
    sign_in(bob, "bob", PASSWORD)
    send(admin, "/user/bob/disable", "/user/bob")
    assert bob.get("/events").status_code == 302
    assert "Disabled" in admin.get("/user/bob").text
    send(admin, "/user/bob/enable", "/user/bob")
    assert sign_in(bob, "bob", PASSWORD).status_code == 302
    password = secret_of(send(admin, "/user/bob/password", "/user/bob"))
    assert bob.get("/events").status_code == 302
    assert sign_in(bob, "bob", password).status_code == 302
    send(admin, "/user/bob/second-factor/remove", "/user/bob")
    send(admin, "/user/bob/remove", "/user/bob")
    assert bob.get("/account").status_code == 302
    assert admin.get("/user/bob").status_code == 404
    assert send(admin, "/user/bob/remove", "/users/new").status_code == 404


def test_sessions_of_all_are_seen_and_ended(site: DashboardSite) -> None:
    admin, bob = site.user(), site.visitor()
    site.services.accounts.add("bob", "viewer", PASSWORD)
    sign_in(bob, "bob", PASSWORD)
    theirs = next(known for known in site.services.sessions.every() if known.user == "bob")
    assert "bob" in admin.get("/sessions").text
    send(admin, f"/sessions/{theirs.id}/end", "/sessions")
    assert bob.get("/events").status_code == 302
    assert send(admin, f"/sessions/{theirs.id}/end", "/sessions").status_code == 302
    sign_in(bob, "bob", PASSWORD)
    send(admin, "/user/bob/sessions/end", "/user/bob")
    assert bob.get("/events").status_code == 302
    mine = site.services.sessions.every()[0]
    assert send(admin, f"/sessions/{mine.id}/end", "/sessions").headers["Location"] == "/sign-in"


# --- tokens --------------------------------------------------------------------------------------------------------


def test_a_token_is_made_shown_once_used_and_revoked(site: DashboardSite) -> None:
    admin, program = site.user(), site.visitor()
    made = send(admin, "/tokens/new", name="reports", scopes=["events:read"], ends="30d", cameras="all", doors="all")
    token = secret_of(made)
    assert program.get("/api/events", headers={"Authorization": f"Bearer {token}"}).status_code == 200
    page = admin.get("/tokens").text
    assert token not in page
    assert "reports" in page
    again = send(admin, "/tokens/new", name="reports", scopes=["events:read"])
    assert (again.status_code, "of that name already" in again.text) == (400, True)
    nothing = send(admin, "/tokens/new", name="idle")
    assert (nothing.status_code, "Choose what the token may do" in nothing.text) == (400, True)
    odd = send(admin, "/tokens/new", name="odd", scopes=["everything"])
    assert (odd.status_code, "no scope is called everything" in odd.text.lower()) == (400, True)
    send(admin, "/tokens/revoke", "/tokens", name="reports")
    assert program.get("/api/events", headers={"Authorization": f"Bearer {token}"}).status_code == 401
    assert send(admin, "/tokens/revoke", "/tokens", name="reports").status_code == 404


# --- the audit -----------------------------------------------------------------------------------------------------


def test_the_audit_tells_who_did_what_from_where(site: DashboardSite) -> None:
    admin = site.visitor()
    form = {"csrf_token": token_of(admin.get("/sign-in").text), "name": NAME, "password": "correct horse"}
    admin.post("/sign-in", data=form, environ_base={"REMOTE_ADDR": "192.0.2.9"})
    send(admin, "/users/new", name="bob", role="guard")
    page = admin.get("/audit").text
    for words in ("signed in", "192.0.2.9", "added a user", "changed the site", "site file"):
        assert words in page
    only = admin.get("/audit?who=site file").text
    assert "changed the site" in only
    assert "added a user" not in only.partition("<tbody>")[2]
    signed_in = admin.get("/audit?kind=user.signed_in&since=1h").text
    assert "signed in" in signed_in.partition("<tbody>")[2]
    assert "changed the site" not in signed_in.partition("<tbody>")[2]
    assert "Nothing matches" in admin.get("/audit?who=nobody").text


def test_the_audit_goes_on_page_by_page_to_its_beginning(tmp_path: Path) -> None:
    site = open_site(tmp_path)
    for number in range(90):
        site.services.accounts.tell("user.viewed", {"thing": "camera", "name": f"n-{number}"}, NAME)
    admin, address, found = site.user(), "/audit", []
    for _ in range(5):
        page = admin.get(address).text
        found += re.findall(r"n-(\d+)", page)
        older = re.search(r'href="(/audit\?before=[^"]+)">Older', page)
        if older is None:
            break
        address = older[1].replace("&amp;", "&")
    assert found == [str(number) for number in reversed(range(90))]


def test_the_audit_is_exported_which_is_on_record_itself(site: DashboardSite) -> None:
    site.services.accounts.tell("user.viewed", {"thing": "camera", "name": "front"}, "=cmd|' /C calc'!A0")
    admin = site.user()
    answer = admin.get("/audit.csv?kind=user.viewed")
    assert (answer.mimetype, answer.headers["Content-Disposition"]) == ("text/csv", "attachment; filename=audit.csv")
    head, *rows = csv.reader(io.StringIO(answer.text))
    assert head == ["at", "who", "from", "kind", "details", "event"]
    assert [row[1:5] for row in rows] == [
        ["'=cmd|' /C calc'!A0", "", "user.viewed", '{"name": "front", "thing": "camera"}']
    ]
    told = site.services.events.page(None, None, 1)[0][0]
    assert (told["kind"], told["details"]["name"]) == ("user.exported", "kind=user.viewed")
    everything = list(csv.reader(io.StringIO(admin.get("/audit.csv").text)))
    assert {row[3] for row in everything[1:]} >= {"user.added", "configuration.changed", "user.exported"}


def test_every_scope_that_a_token_may_have_is_explained(site: DashboardSite) -> None:
    page = site.user().get("/tokens/new").text
    said = dict(re.findall(r"<code>(\w+:\w+)</code> <small>([^<]*)</small>", page))
    assert set(said) == set(SCOPES)
    assert [scope for scope, words in said.items() if not words] == []
