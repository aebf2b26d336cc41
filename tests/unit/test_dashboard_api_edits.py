"""What is done over the API beside reading: accounts, tokens, the arming mode, lists of people, trials, footage."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from dashboard_site import RULES, DashboardSite, keep_picture, now_decision, open_site, token_of
from flask.testing import FlaskClient
from ledger_samples import shot

from surveillance.domain.permissions import SCOPES, Reach
from surveillance.domain.values import rfc3339
from surveillance.storage.queries import EventFilter


@pytest.fixture
def site(tmp_path: Path) -> DashboardSite:
    return open_site(tmp_path)


class Caller:
    """Somebody at the API: an administrator's session, or a program with every scope."""

    def __init__(self, client: FlaskClient, headers: dict[str, str]) -> None:
        self._client = client
        self._headers = headers

    def __call__(self, method: str, path: str, body: Any = None) -> Any:
        return self._client.open(f"/api{path}", method=method, json=body, headers=self._headers)


def administrator(site: DashboardSite) -> Caller:
    user = site.user()
    return Caller(user, {"X-CSRFToken": token_of(user.get("/account").text)})


def program(site: DashboardSite, **reach: Any) -> Caller:
    token = site.services.accounts.create_token("program", SCOPES, reach=Reach(**reach))
    return Caller(site.visitor(), {"Authorization": f"Bearer {token}"})


def test_an_account_from_hire_to_leave(site: DashboardSite) -> None:
    call = administrator(site)
    made = call("POST", "/users", {"name": "bob", "role": "guard", "reach": {"cameras": ["gate"]}})
    assert made.status_code == 201
    assert made.headers["Location"] == "/api/users/bob"
    user = {
        "name": "bob", "role": "guard", "enabled": True, "has_second_factor": False, "must_change": True,
        "signed_in_at": None, "reach": {"cameras": ["gate"], "doors": None},
    }  # fmt: skip
    assert made.json["user"] == user
    assert site.services.accounts.authenticate("bob", made.json["password"]) is not None
    assert call("POST", "/users", {"name": "bob", "role": "guard"}).status_code == 409
    changed = call("PUT", "/users/bob", {"role": "operator"}).json
    assert (changed["role"], changed["reach"]) == ("operator", {"cameras": None, "doors": None})
    assert not call("PUT", "/users/bob/enabled", {"enabled": False}).json["enabled"]
    assert site.services.accounts.authenticate("bob", made.json["password"]) is None
    call("PUT", "/users/bob/enabled", {"enabled": True})
    again = call("POST", "/users/bob/password").json["password"]
    assert again != made.json["password"]
    assert call("DELETE", "/users/bob").status_code == 204
    assert call("GET", "/users/bob").status_code == 404
    refused = call("PUT", "/users/ada", {"role": "viewer"})
    assert refused.status_code == 422
    assert "administrator" in refused.json["detail"]


def test_a_token_is_told_once_and_ends_at_once(site: DashboardSite) -> None:
    call = administrator(site)
    ends = datetime.now(UTC) + timedelta(days=1)
    given = {"name": "reports", "scopes": ["events:read"], "expires_at": rfc3339(ends)}
    made = call("POST", "/tokens", given).json
    assert made["token"]["scopes"] == ["events:read"]
    headers = {"Authorization": f"Bearer {made['secret']}"}
    assert site.visitor().get("/api/events", headers=headers).status_code == 200
    assert made["secret"] not in call("GET", "/tokens").text
    assert call("POST", "/tokens", given).status_code == 409
    assert call("POST", "/tokens", {"name": "x", "scopes": ["all"]}).status_code == 422
    assert call("DELETE", "/tokens/reports").status_code == 204
    assert site.visitor().get("/api/events", headers=headers).status_code == 401
    assert call("DELETE", "/tokens/reports").status_code == 404


def test_no_token_makes_accounts_or_tokens(site: DashboardSite) -> None:
    call = program(site)
    for method, path in (("POST", "/users"), ("POST", "/tokens"), ("DELETE", "/tokens/program")):
        assert call(method, path, {}).status_code == 403


def test_the_mode_is_set_by_hand_and_given_back(site: DashboardSite) -> None:
    call = program(site)
    assert call("GET", "/mode").json == {
        "mode": "armed", "reason": "the site has no arming by schedule", "by": None, "next": None,
        "modes": ["armed", "disarmed"],
    }  # fmt: skip
    until = datetime.now(UTC) + timedelta(hours=2)
    told = call("PUT", "/mode", {"mode": "disarmed", "until": rfc3339(until)}).json
    assert (told["mode"], told["by"]) == ("disarmed", "program")
    assert told["next"] == {"mode": "armed", "at": told["next"]["at"]}
    assert call("PUT", "/mode", {"mode": "asleep"}).status_code == 422
    assert call("PUT", "/mode", {"mode": "armed", "until": "2020-01-01T00:00:00Z"}).status_code == 422
    assert call("PUT", "/mode", {"mode": "auto"}).json["mode"] == "armed"
    assert program(site, doors=frozenset({"front"}))("PUT", "/mode", {"mode": "armed"}).status_code == 403


def test_a_list_goes_in_as_its_rehearsal_said(site: DashboardSite) -> None:
    call = program(site)
    roster = {"csv": "name,groups,kind,value\nGrace Hopper,staff,card,0012345\n"}
    rehearsed = call("POST", "/people-import/rehearsal", roster).json
    applied = call("POST", f"/people-import?expected_version={rehearsed['version']}", roster).json
    assert applied == {"version": rehearsed["version"] + 1, "changes": rehearsed["changes"]}
    stale = {"csv": "name\nBob\n"}
    assert call("POST", f"/people-import?expected_version={rehearsed['version']}", stale).status_code == 409
    refused = call("POST", "/people-import", {"csv": "name,kind,value\nX,card,\nY,badger,1\n"})
    assert refused.status_code == 422
    assert [person.name for person in site.services.site.read().people] == ["Ada", "Grace Hopper"]


def test_people_whose_name_has_a_slash(site: DashboardSite) -> None:
    call = program(site)
    made = call("POST", "/people", {"name": "Ada / night", "groups": []})
    assert made.status_code == 201
    place = made.headers["Location"].removeprefix("/api")
    assert call("GET", place).json["person"]["name"] == "Ada / night"
    assert call("PUT", f"{place}/groups", {"groups": ["staff"]}).json["person"]["groups"] == ["staff"]
    assert call("PUT", f"{place}/escort", {"escort": "hosts"}).json["person"]["escort"] == "hosts"
    held = call("POST", f"{place}/credentials", {"kind": "card", "value": "0451"}).json["person"]["credentials"][0]
    assert call("DELETE", f"{place}/credentials/card/{held['mark']}").json["person"]["credentials"] == []
    assert call("DELETE", place).status_code == 200
    assert call("GET", place).status_code == 404


def test_a_rule_is_tried_on_an_event(site: DashboardSite) -> None:
    event = site.record(now_decision(facts={"label": "person", "zones": ["yard"]}))
    call = program(site)
    text = '- name: dock\n  on: sighting\n  verdict: log\n  when: label == "person" and "yard" in zones\n'
    told = call("POST", "/rule-drafts/try", {"text": text, "subject": event}).json
    assert (told["outcome"], told["result"], told["clause"]["result"]) == ("log", True, True)
    other = call("POST", "/rule-drafts/try", {"text": text.replace("person", "animal"), "subject": event}).json
    assert (other["outcome"], other["result"]) == ("silent", False)
    assert call("POST", "/rule-drafts/try", {"text": "- name: x\n", "subject": event}).status_code == 422
    assert call("POST", "/rule-drafts/try", {"text": text, "subject": "nothing"}).status_code == 404
    assert site.services.site.read().rules.strip() == RULES.strip(), "nothing is saved"


def test_footage_is_taken_out_and_that_is_on_record(site: DashboardSite) -> None:
    plain, kept = site.record(now_decision(), shot()), site.record(now_decision(track=2))
    keep_picture(site, kept, "front")
    call = program(site)
    for event in (plain, kept):
        answer = call("GET", f"/events/{event}/picture")
        assert (answer.status_code, answer.mimetype) == (200, "image/jpeg")
        answer.close()
    assert call("GET", f"/events/{plain}/clip").status_code == 404
    rows, _ = site.services.events.page(EventFilter(kind="user.exported"))
    assert {row["details"]["name"].partition(".")[0].removesuffix("-picture") for row in rows} == {plain, kept}
    token = site.services.accounts.create_token("reader", ["events:read"])
    refused = site.visitor().get(f"/api/events/{plain}/picture", headers={"Authorization": f"Bearer {token}"})
    assert refused.status_code == 403
