"""The PIN for duress: the door answers as always, and only those who may know meet any trace of it."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path

import pytest
from dashboard_site import SITE, DashboardSite, open_site, somebody, token_of
from flask.testing import FlaskClient
from judging import SITE as JUDGED
from judging import judge, rule

from surveillance.access.desk import AccessDesk
from surveillance.access.roster import merged, parse_roster
from surveillance.domain import duress
from surveillance.domain.errors import SettingsError
from surveillance.domain.site import Credential, Door, NotifyTarget, Person, Site
from surveillance.domain.values import AccessRequest, Factor, Presented, system_decision
from surveillance.storage.site_file import parse_site
from surveillance.storage.site_plan import changes_between

AT = datetime(2026, 11, 20, 12, tzinfo=UTC)


def hashed(kind: str, value: str) -> str:
    return "hmac-sha256:" + hashlib.sha256(f"{'pin' if kind == duress.KIND else kind}:{value}".encode()).hexdigest()


def has(kind: str, value: str) -> Credential:
    return Credential(kind, hashed(kind, value))


ADA = Person("Ada", frozenset({"staff"}), (has("badge", "A1"), has("pin", "1234"), has("duress", "4321")))
BACK = Site(doors=(Door("back"),), people=(ADA,), notify=(NotifyTarget("ops", "log"), NotifyTarget("guard", "log")))
DESK = AccessDesk(lambda: BACK, hashed)
RULE = rule("staff", "access", "authorize", '{"badge", "pin"} <= factors')


def asked(*factors: tuple[str, str]) -> AccessRequest:
    presented = tuple(Factor(kind, value) for kind, value in factors)
    return DESK(Presented("r1", AT, "back", presented, AT + timedelta(seconds=2)))


def test_with_a_badge_it_is_a_pin_like_any_other_but_for_one_word() -> None:
    usual, forced = asked(("badge", "A1"), ("pin", "1234")), asked(("badge", "A1"), ("pin", "4321"))
    assert (usual.factors, usual.duress, forced.duress) == (frozenset({"badge", "pin"}), False, True)
    assert replace(forced, duress=False) == usual


def test_alone_or_with_another_badge_it_is_nothing() -> None:
    assert (asked(("pin", "4321")).credential, asked(("pin", "4321")).duress) == ("unauthorized", False)
    assert asked(("badge", "?"), ("pin", "4321")).duress is False
    assert asked(("badge", "A1"), ("pin", "9999")).credential == "invalid_pin"


@pytest.mark.parametrize(("rules", "verdict"), [(RULE, "authorize"), ("", "deny")])
def test_the_decision_is_the_same_and_a_silent_one_follows(rules: str, verdict: str) -> None:
    site = replace(JUDGED, doors=BACK.doors, notify=BACK.notify, people=BACK.people)
    usual = judge(rules, site=site)(asked(("badge", "A1"), ("pin", "1234")))
    forced = judge(rules, site=site)(asked(("badge", "A1"), ("pin", "4321")))
    assert forced[:1] == usual
    assert usual[0].verdict == verdict
    [_, silent] = forced
    assert (silent.kind, silent.verdict, silent.door, silent.identity) == ("access.duress", None, "back", "Ada")
    assert (silent.notify, silent.camera) == (("ops", "guard"), None)
    [_, named] = judge(rules, site=site, duress_notify=["guard"])(asked(("badge", "A1"), ("pin", "4321")))
    assert named.notify == ("guard",)


# --- who may know ---------------------------------------------------------------------------------------------------


@pytest.fixture
def site(tmp_path: Path) -> DashboardSite:
    """Ada has a PIN for duress, and typed it once."""
    held = (Credential("badge", "A1"), Credential("pin", "1234"), Credential("duress", "4321"))
    opened = open_site(tmp_path, site=replace(SITE, people=(replace(SITE.people[0], credentials=held),)))
    now = datetime.now(UTC)
    opened.record(system_decision("access.denied", now, ("unauthorized",), "r1", door="front", identity="Ada"))
    opened.typed = opened.record(  # type: ignore[attr-defined]
        system_decision(duress.EVENT, now, ("the PIN for duress was typed",), "r1", door="front", identity="Ada")
    )
    return opened


PAGES = (
    "/events", "/events?view=all", "/events?kind=access.", "/events?q=duress", "/people", "/person?name=Ada", "/doors",
    "/doors/front", "/people-export", "/api/events", "/api/events?kind=access.duress", "/api/events?door=front",
    "/api/people", "/api/people/Ada", "/rules", "/live", "/cameras",
)  # fmt: skip


def test_who_may_not_know_meets_no_trace(site: DashboardSite) -> None:
    for role in ("viewer", "guard", "operator", "installer"):
        user = somebody(site, role)
        for path in PAGES:
            told = user.get(path)
            if told.status_code == 200:
                shown = (
                    told.text.replace("q=duress", "").replace('value="duress"', "").replace("kind=access.duress", "")
                )
                assert "duress" not in shown.lower(), (role, path)
                assert site.typed not in shown, (role, path)  # type: ignore[attr-defined]
        for path in (f"/events/{site.typed}", f"/api/events/{site.typed}"):  # type: ignore[attr-defined]
            assert user.get(path).status_code == 404
        assert user.get("/duress").status_code == 403


def test_who_may_know_is_told(site: DashboardSite) -> None:
    user = site.user()
    assert "PIN for duress" in user.get("/duress").text
    assert "PIN for duress" in user.get("/person?name=Ada").text
    assert ",duress,kept:" in user.get("/people-export").text
    assert user.get(f"/events/{site.typed}").status_code == 200  # type: ignore[attr-defined]
    token = site.services.accounts.create_token("alarm", ["duress:read"])
    answer = site.visitor().get("/api/events?kind=access.duress", headers={"Authorization": f"Bearer {token}"})
    assert [event["id"] for event in answer.json["events"]] == [site.typed]  # type: ignore[attr-defined]


def send(user: FlaskClient, path: str, **form: str) -> str:
    return user.post(path, data={"csrf_token": token_of(user.get("/account").text), **form}, follow_redirects=True).text


def test_who_may_not_know_neither_gives_nor_takes_one(site: DashboardSite) -> None:
    user = somebody(site, "operator")
    before = site.services.site.read().people[0].credentials
    send(user, "/person/credential", name="Ada", kind="duress", value="7777")
    send(user, "/person/credential/change", name="Ada", kind="duress", mark=before[2].value[12:20], act="remove")
    assert site.services.site.read().people[0].credentials == before
    assert "choose another" in send(user, "/person/credential", name="Ada", kind="pin", value="4321")
    listed = user.get("/people-export").text.removeprefix("\ufeff")
    token = token_of(user.get("/account").text)
    sent = {"csrf_token": token, "file": (BytesIO(listed.encode()), "people.csv"), "replaces": "yes"}
    trial = user.post("/people-import", data=sent).text
    assert "duress" not in trial.lower()
    assert "there is nothing to change" in trial


def test_lists_and_files_take_a_second_pin_that_is_another_one() -> None:
    text = b"name,kind,value\nAda,badge,A1\nAda,duress,4321\nAda,pin,4321\n"
    assert [str(fault) for fault in merged((), parse_roster(text), hashed, False)[1]] == [
        "line 2, value: this PIN cannot be used; choose another"
    ]
    people, faults = merged((), parse_roster(text.replace(b"pin,4321", b"pin,1234")), hashed, False)
    assert (faults, {item.kind for item in people[0].credentials}) == ((), {"badge", "duress", "pin"})
    given = "people: [{name: Ada, credentials: [{kind: pin, value: 4321}, {kind: duress, value: 4321}]}]"
    with pytest.raises(SettingsError, match="this PIN cannot be used; choose another"):
        parse_site(given, "s.yaml")


def test_what_the_record_says_of_an_edit_does_not_tell_it() -> None:
    told = str(changes_between(Site(people=(replace(ADA, credentials=()),)), Site(people=(ADA,))))
    assert "duress" not in told
    as_pin = replace(ADA, credentials=(*ADA.credentials[:2], has("pin", "4321")))
    assert changes_between(Site(people=(as_pin,)), Site(people=(ADA,))) != ()
