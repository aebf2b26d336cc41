"""Every route, by every method, for every role and every token scope: who is let through is what the table says.

What a view does is left out in the first part, so that only the guards answer; the second asks the views themselves
for what lies outside of somebody's reach.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from dashboard_site import SITE, DashboardSite, keep_picture, open_site
from flask import Response
from flask.testing import FlaskClient
from ledger_samples import decision, shot
from sqlalchemy import update
from werkzeug.routing import Rule

from surveillance.dashboard import DashboardSettings, guards
from surveillance.domain.permissions import PERMISSIONS, ROLES, SCOPES, Reach, permissions_in, permissions_of
from surveillance.domain.site import Door
from surveillance.storage.database import writing
from surveillance.storage.tables import api_token

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
    assert not wrong, "\n".join(map(str, wrong))


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
    assert not wrong, "\n".join(map(str, wrong))
    public = {rule.rule for rule, _ in routes(site) if guards.needed(site.app, rule.endpoint) == guards.PUBLIC}
    pages = {"/sign-in", "/sign-in/code", "/language", "/static/<path:filename>", "/badge", "/badge/<link>"}
    assert public == pages | {"/healthz", "/readyz", "/api/openapi.json"}


def test_nothing_is_written_without_the_token_of_the_form(site: DashboardSite) -> None:
    stub_views(site)
    client = signed_in(site, "root", "administrator")
    refused = {}
    for rule, method in routes(site):
        if method in WRITES and rule.endpoint != "static":
            answer = client.open(path_of(rule), method=method, data={"csrf_token": "guessed"})
            refused[f"{method} {rule.rule}"] = answer.status_code
    machines = (  # no role asks at a door or tells of one
        "POST /api/access/requests",
        "POST /api/access/external-authorizations",
        "POST /api/doors/<name>/state",
    )
    needs_a_token_of_its_own = dict.fromkeys(machines, 403)
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
    assert not wrong, "\n".join(map(str, wrong))


def test_an_expired_or_revoked_token_is_no_token(site: DashboardSite) -> None:
    accounts = site.services.accounts
    ended = accounts.create_token("ended", ["events:read"], expires_at=datetime.now(UTC) + timedelta(days=1))
    with writing(site.desk.engine) as connection:
        connection.execute(update(api_token).values(expires_at=datetime.now(UTC)))
    revoked = accounts.create_token("revoked", ["events:read"])
    accounts.revoke_token("revoked")
    good = accounts.create_token("good", ["events:read"])
    site.visitor().get("/api/events", headers={"Authorization": f"Bearer {good}"}).close()
    assert accounts.find_token(ended) is None
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

INSIDE, OUTSIDE = "gate", "front"  # a camera that is in reach, and one that is not
GUARDED = re.compile(
    r"/(?:api/)?(cameras|live|doors|door-setup|access-levels|events|evidence|recordings|labels)/.*<"
)  # routes of one such thing
LISTS = ("/events/incidents/<id>",)  # an empty list, for what nobody has too
REACHES_ALL = re.compile(
    r"/(?:api/)?(models|rules|people|schedules|notify|user|users|tokens|sessions|account|applied|door-commands|threat|static|badge)/"
)  # of no camera or door


def made_things(site: DashboardSite) -> dict[str, dict[str, str]]:
    """Names of what lies in reach and outside of it, by the first part of a route."""
    things: dict[str, dict[str, str]] = {}
    for place, camera, door in (("in", INSIDE, "back"), ("out", OUTSIDE, "front")):
        seen = site.record(decision(camera=camera, track=len(things) + 1), shot())
        keep_picture(site, seen, camera)
        crop = site.queue(len(things) + 1, camera=camera)
        things[place] = {
            "cameras": camera, "live": camera, "doors": door, "door-setup": door, "access-levels": "staff-day",
            "events": seen,
            "evidence": f"{seen}.jpg", "recordings": f"{seen}-picture.jpg", "labels": crop,
        }  # fmt: skip
    return things


def names_for(rule: Rule, things: dict[str, str]) -> dict[str, str]:
    found = GUARDED.match(rule.rule)
    assert found, rule
    return dict.fromkeys(rule.arguments, things[found[1]])


def test_every_route_with_a_name_says_what_the_name_is_of(site: DashboardSite) -> None:
    """A new one goes into one of the two patterns above, and so into the walk below or, with a reason, not."""
    unknown = {
        rule.rule
        for rule in site.app.url_map.iter_rules()
        if rule.arguments and not any(kind.match(rule.rule) for kind in (GUARDED, REACHES_ALL))
    }
    assert unknown == set()


def test_what_lies_outside_of_the_reach_is_not_found_by_any_route(site: DashboardSite) -> None:
    things = made_things(site)
    reach = Reach(frozenset({INSIDE}), frozenset({"back"}))
    clients = {role: signed_in(site, f"a-{role}", role, reach) for role in ROLES if role != "administrator"}
    tokens = {role: csrf_of(client) for role, client in clients.items()}
    wrong = []
    for rule, method in routes(site):
        if not GUARDED.match(rule.rule):
            continue
        needed = guards.needed(site.app, rule.endpoint)
        for role in sorted(PERMISSIONS[needed] & set(clients)):
            headers = {"X-CSRFToken": tokens[role]} if method in WRITES else {}
            statuses = []
            for path in (path_of(rule, names_for(rule, things["out"])), path_of(rule)):  # and what nobody has
                answer = clients[role].open(path, method=method, headers=headers)
                if rule.rule in LISTS:
                    assert "<li" not in answer.text, path
                answer.close()
                statuses.append(answer.status_code)
            refused = (200,) if rule.rule in LISTS else (400, 404)
            if statuses[0] not in refused or statuses[0] != statuses[1]:  # 400: the body is judged first
                wrong.append((method, rule.rule, role, *statuses))
    assert not wrong, "\n".join(map(str, wrong))


def test_what_lies_in_reach_is_shown(site: DashboardSite) -> None:
    things = made_things(site)
    client = signed_in(site, "otto", "operator", Reach(frozenset({INSIDE}), frozenset({"back"})))
    shown = "cameras/{cameras}", "events/{events}", "api/events/{events}", "evidence/{evidence}"
    for path in (*shown, "recordings/{recordings}", "labels/{labels}/picture", "api/labels/{labels}/picture"):
        answer = client.get(path.format(**things["in"]))
        assert answer.status_code == 200, path
        answer.close()


def test_lists_hold_what_is_in_reach_only(site: DashboardSite) -> None:
    reach = Reach(frozenset({INSIDE}), frozenset({"back"}))
    client = signed_in(site, "otto", "operator", reach)
    assert f"/cameras/{INSIDE}" in client.get("/cameras").text
    assert f"/cameras/{OUTSIDE}" not in client.get("/cameras").text


def test_a_command_reaches_no_door_outside(site: DashboardSite) -> None:
    reach = Reach(frozenset({INSIDE}), frozenset({"back"}))
    client = signed_in(site, "otto", "operator", reach)
    token = csrf_of(client)
    for path in ("/door-commands/lock", "/door-release"):
        assert client.get(f"{path}?door=front").status_code == 404
        given = client.post(path, data={"door": ["back", "front"], "reason": "x"}, headers={"X-CSRFToken": token})
        assert given.status_code == 404
        assert client.get(f"{path}?door=back").status_code == 200


def test_events_told_to_programs_are_those_in_reach(site: DashboardSite) -> None:
    things = made_things(site)
    reach = Reach(frozenset({INSIDE}), frozenset({"back"}))
    token = site.services.accounts.create_token("reports", ["events:read"], reach=reach)
    by_token = site.visitor().get("/api/events", headers={"Authorization": f"Bearer {token}"})
    for answer in (by_token, signed_in(site, "otto", "operator", reach).get("/api/events")):
        assert [event["id"] for event in answer.json["events"]] == [things["in"]["events"]]
