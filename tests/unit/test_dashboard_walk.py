"""Every route, by every method, for every role and every token scope: who is let through is what the table says.

What a view does is left out in the first part, so that only the guards answer; the second asks the views themselves
for what lies outside of somebody's reach.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from dashboard_site import SITE, DashboardSite, open_site
from flask import Response
from flask.testing import FlaskClient
from werkzeug.routing import Rule

from surveillance.dashboard import DashboardSettings, guards
from surveillance.domain.permissions import PERMISSIONS, ROLES, SCOPES, Reach, permissions_in, permissions_of
from surveillance.domain.site import Door

PASSWORD = "long enough a password"
WRITES = ("POST", "PUT", "PATCH", "DELETE")
LET_THROUGH = 299  # what stands for a view that was reached
DONE_BY_TOKEN = "/api/"


def open_quick(directory: Path) -> DashboardSite:
    site = replace(SITE, doors=(*SITE.doors, Door("back", camera="gate")))
    unlimited = DashboardSettings(
        sign_in_limit="1000000 per second", request_limit="1000000 per second", access_deadline_ms=300
    )
    return open_site(directory, unlimited, site)


@pytest.fixture
def site(tmp_path: Path) -> DashboardSite:
    return open_quick(tmp_path)


def routes(site: DashboardSite) -> Iterator[tuple[Rule, str]]:
    """Each route with each of its methods."""
    for rule in site.app.url_map.iter_rules():
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            yield rule, method


def path_of(rule: Rule, values: dict[str, str] | None = None) -> str:
    built = rule.build({name: (values or {}).get(name, "1") for name in rule.arguments})
    assert built is not None, rule
    return built[1]


def signed_in(site: DashboardSite, name: str, role: str, reach: Reach = guards.Reach()) -> FlaskClient:
    """A client in a session of a user of that role, without the work of a password."""
    known = {user.name: user for user in site.services.accounts.list_users()}
    user = known.get(name) or site.services.accounts.add(name, role, PASSWORD, reach=reach)
    client = site.visitor()
    key = site.services.sessions.start(user.id, "", "", timedelta(hours=1))
    with client.session_transaction() as session:
        session["key"] = key
    return client


def stub_views(site: DashboardSite) -> None:
    for endpoint, view in site.app.view_functions.items():
        if endpoint != "static":

            def stub(**values: str) -> Response:
                return Response(status=LET_THROUGH)

            stub.needs = view.needs  # type: ignore[attr-defined]
            site.app.view_functions[endpoint] = stub


def csrf_of(client: FlaskClient) -> str:
    with client.session_transaction() as session:
        session["csrf_token"] = "0" * 40
    from itsdangerous import URLSafeTimedSerializer

    return str(
        URLSafeTimedSerializer(client.application.secret_key, salt="wtf-csrf-token").dumps("0" * 40)  # type: ignore[arg-type]
    )


# --- roles ---------------------------------------------------------------------------------------------------------


def test_every_route_lets_those_roles_through_that_the_table_names(site: DashboardSite) -> None:
    stub_views(site)
    clients = {role: signed_in(site, f"a-{role}", role) for role in ROLES}
    tokens = {role: csrf_of(client) for role, client in clients.items()}
    wrong = []
    for rule, method in routes(site):
        if rule.endpoint == "static":
            continue
        needed = guards.needed(site.app, rule.endpoint)
        for role, client in clients.items():
            headers = {"X-CSRFToken": tokens[role]} if method in WRITES else {}
            answer = client.open(path_of(rule), method=method, headers=headers)
            may = needed == guards.PUBLIC or role in PERMISSIONS[needed]
            if answer.status_code != (LET_THROUGH if may else 403):
                wrong.append((method, rule.rule, role, needed, answer.status_code))
    assert wrong == []


def test_a_visitor_is_let_through_to_public_routes_only(site: DashboardSite) -> None:
    stub_views(site)
    client = site.visitor()
    token = csrf_of(client)
    wrong = []
    for rule, method in routes(site):
        if rule.endpoint == "static":
            continue
        answer = client.open(path_of(rule), method=method, headers={"X-CSRFToken": token, "Accept": "text/html"})
        is_public = guards.needed(site.app, rule.endpoint) == guards.PUBLIC
        asked = answer.status_code == 401 or answer.headers.get("Location", "").startswith("/sign-in")
        if (answer.status_code == LET_THROUGH) != is_public or asked == is_public:
            wrong.append((method, rule.rule, answer.status_code))
    assert wrong == []
    public = {rule.rule for rule, _ in routes(site) if guards.needed(site.app, rule.endpoint) == guards.PUBLIC}
    pages = {"/sign-in", "/sign-in/code", "/language", "/static/<path:filename>"}
    assert public == pages | {"/healthz", "/readyz", "/api/openapi.json"}


def test_nothing_is_written_without_the_token_of_the_form(site: DashboardSite) -> None:
    stub_views(site)
    client = signed_in(site, "root", "administrator")
    refused = {}
    for rule, method in routes(site):
        if method in WRITES and rule.endpoint != "static":
            answer = client.open(path_of(rule), method=method, data={"csrf_token": "guessed"})
            refused[f"{method} {rule.rule}"] = answer.status_code
    needs_a_token_of_its_own = {"POST /api/access/requests": 403}  # no role may ask at a door
    assert {name: status for name, status in refused.items() if status != 400} == needs_a_token_of_its_own
    assert len(refused) > 5


# --- tokens --------------------------------------------------------------------------------------------------------


def test_every_route_lets_those_tokens_through_whose_scope_gives_what_it_needs(site: DashboardSite) -> None:
    stub_views(site)
    tokens = {scope: site.services.accounts.create_token(scope, [scope]) for scope in SCOPES}
    wrong = []
    for rule, method in routes(site):
        if rule.endpoint == "static":
            continue
        needed = guards.needed(site.app, rule.endpoint)
        by_token = rule.rule.startswith(guards.BY_TOKEN)
        for scope, token in tokens.items():
            headers = {"Authorization": f"Bearer {token}", "Accept": "text/html"}
            status = site.visitor().open(path_of(rule), method=method, headers=headers).status_code
            if needed == guards.PUBLIC:
                continue
            let_through = {LET_THROUGH} if needed in SCOPES[scope] else {403}
            expected = let_through if by_token else {302, 401}  # no page is for a token, and no form is taken from one
            if status not in expected:
                wrong.append((method, rule.rule, scope, needed, status))
    assert wrong == []


def test_an_expired_or_revoked_token_is_no_token(site: DashboardSite) -> None:
    accounts = site.services.accounts
    ended = accounts.create_token("ended", ["events:read"], expires_at=datetime.now(UTC) + timedelta(milliseconds=50))
    revoked = accounts.create_token("revoked", ["events:read"])
    accounts.revoke_token("revoked")
    good = accounts.create_token("good", ["events:read"])
    site.visitor().get("/api/events", headers={"Authorization": f"Bearer {good}"}).close()
    while accounts.find_token(ended) is not None:
        pass
    for token, status in ((ended, 401), (revoked, 401), (good, 200)):
        assert site.visitor().get("/api/events", headers={"Authorization": f"Bearer {token}"}).status_code == status
    used = {known.name: known.used_at for known in accounts.list_tokens()}
    assert used["good"] is not None
    assert used["ended"] is None


def test_each_role_and_scope_has_what_it_is_said_to_have() -> None:
    for permission, roles in PERMISSIONS.items():
        assert {role for role in ROLES if permission in permissions_of(role)} == roles
    assert permissions_in(frozenset(SCOPES)) == frozenset().union(*SCOPES.values())


# --- reach ---------------------------------------------------------------------------------------------------------
