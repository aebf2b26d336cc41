"""Cameras with their live pictures, the rules as judged, and the reader's endpoint."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from dashboard_site import SITE, DashboardSite, open_site
from sqlalchemy import select

from surveillance.access.asking import UNRECORDED
from surveillance.dashboard import DashboardSettings
from surveillance.domain.site import Door, Site
from surveillance.storage.database import reading, writing
from surveillance.storage.tables import inbox


@pytest.fixture
def site(tmp_path: Path) -> DashboardSite:
    return open_site(tmp_path)


# --- cameras -------------------------------------------------------------------------------------------------------


def test_tiles_show_state_zones_and_no_password(site: DashboardSite) -> None:
    site.applied["cameras"] = {
        "front": {"state": "live", "reason": "", "fps": 4.9},
        "gate": {"state": "lost", "reason": "timeout"},
    }
    user = site.user()
    page = user.get("/cameras").text
    for words in ("4.9 pictures/s", "Live", "Lost", "timeout", '"restricted": true', "[[0.1, 0.5], [0.9, 0.5]"):
        assert words in page
    one = user.get("/cameras/front").text
    assert "rtsp://***@192.0.2.4/main" in one
    assert "hidden" not in one.replace('aria-hidden="true"', "").replace('type="hidden"', "")


def test_no_camera_is_called_live_while_core_is_silent(site: DashboardSite) -> None:
    site.applied["cameras"] = {"front": {"state": "live", "reason": "", "fps": 4.9}}
    site.applied["heartbeat_age_s"] = 20.0
    for path in ("/cameras", "/cameras/front"):
        page = site.user().get(path).text
        assert "Live</span>" not in page
        assert "4.9" not in page


def test_a_site_without_cameras_says_what_to_do(tmp_path: Path) -> None:
    site = open_site(tmp_path, site=Site())
    user = site.user()
    assert "No cameras yet" in user.get("/cameras").text
    assert "No rules yet" in user.get("/rules").text


# --- rules ---------------------------------------------------------------------------------------------------------


def test_rules_are_listed_with_the_version_that_core_applies(site: DashboardSite) -> None:
    user = site.user()
    page = user.get("/rules").text
    for words in ("Version 1 is applied", "night-yard", "staff-front", "At most once in 120 s per camera", "Authorize"):
        assert words in page
    assert page.index("When a camera sees something") < page.index("When somebody asks at a door")
    site.applied["configuration_version"] = 0
    assert "still applies 0" in user.get("/rules").text


def test_rules_with_faults_are_shown_with_them(tmp_path: Path) -> None:
    site = open_site(
        tmp_path, site=replace(SITE, rules="- name: x\n  on: sighting\n  verdict: alert\n  when: lable == 1\n")
    )
    page = site.user().get("/rules").text
    assert "These rules cannot be read" in page
    assert "label" in page


# --- the reader's endpoint -----------------------------------------------------------------------------------------

BODY: dict[str, Any] = {"request_id": "r-1", "door": "front", "factors": [{"kind": "badge", "value": "0451"}]}
GRANT = {"verdict": "authorize", "reasons": ["staff-front"], "event": "e-1", "expires_at": "2026-11-21T12:00:02.000Z"}


def bearer(site: DashboardSite, *scopes: str) -> dict[str, str]:
    token = site.services.accounts.create_token("front-reader", scopes or ("access:request",))
    return {"Authorization": f"Bearer {token}"}


def core_answers(site: DashboardSite, answer: dict[str, Any]) -> tuple[threading.Thread, list[dict[str, Any]]]:
    """Core in a thread: answers the first question that comes."""
    asked: list[dict[str, Any]] = []
    inbox = type(site.services.inbox)(site.desk.engine)

    def run() -> None:
        while not asked:
            for question in inbox.pending():
                asked.append(dict(question.payload))
                inbox.answer(question.id, answer)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread, asked


def test_a_request_is_answered_by_core_and_a_repetition_by_the_first_answer(site: DashboardSite) -> None:
    headers = bearer(site)
    thread, asked = core_answers(site, GRANT)
    client = site.visitor()
    first = client.post("/api/access/requests", json=BODY, headers=headers)
    thread.join(60)
    second = client.post("/api/access/requests", json=BODY, headers=headers)
    assert (first.status_code, first.json) == (200, GRANT)
    assert (second.status_code, second.json) == (200, GRANT)
    assert asked == [BODY]


def test_the_same_request_id_from_another_reader_or_at_another_door_is_another_request(tmp_path: Path) -> None:
    two_doors = replace(SITE, doors=(Door("front", camera="front"), Door("back")))
    site = open_site(tmp_path, DashboardSettings(access_deadline_ms=300), two_doors)
    tokens = [site.services.accounts.create_token(name, ["access:request"]) for name in ("front-reader", "back-reader")]
    for token in tokens:
        for door in ("front", "back", "front"):
            headers = {"Authorization": f"Bearer {token}"}
            site.visitor().post("/api/access/requests", json=BODY | {"door": door}, headers=headers)
    with reading(site.desk.engine) as connection:
        asked = connection.execute(select(inbox.c.key)).scalars().all()
    assert len(asked) == len(set(asked)) == 4


EXTERNAL: dict[str, Any] = {
    "RequestToken": "r-1",
    "AccessPointToken": "front",
    "CredentialToken": "0451",
    "Identifiers": [{"IdentifierType": "pt:PIN", "IdentifierValue": "2468"}],
}
FACTORS = [{"kind": "card", "value": "0451"}, {"kind": "pin", "value": "2468"}]
NOBODY = {"verdict": "deny", "event": "e-2", "expires_at": None}


@pytest.mark.parametrize(
    ("answer", "decision", "reason"),
    [
        (GRANT, "Granted", None),
        (NOBODY | {"reasons": ["invalid_pin", "not_permitted_at_this_time"]}, "Denied", "InvalidPIN"),
        (NOBODY | {"reasons": ["no rule authorizes", "antipassback_violation"]}, "Denied", "AntipassbackViolation"),
        (NOBODY | {"reasons": ["other: the door is locked down"]}, "Denied", "Other"),
    ],
)
def test_a_controller_that_asks_in_onvifs_words_is_answered_in_them(
    site: DashboardSite, answer: dict[str, Any], decision: str, reason: str | None
) -> None:
    headers = bearer(site)
    thread, asked = core_answers(site, answer)
    told = site.visitor().post("/api/access/external-authorizations", json=EXTERNAL, headers=headers)
    thread.join(60)
    expected = {"AccessPointToken": "front", "CredentialToken": "0451", "Decision": decision, "Reason": reason}
    assert (told.status_code, told.json, asked) == (200, expected, [BODY | {"factors": FACTORS}])
    plain = site.visitor().post("/api/access/requests", json=BODY, headers=headers)
    assert plain.json == answer, "both ways are one: the same request has the same answer"


def test_silence_is_a_denial_in_onvifs_words_too(tmp_path: Path) -> None:
    site = open_site(tmp_path, DashboardSettings(access_deadline_ms=300))
    told = site.visitor().post("/api/access/external-authorizations", json=EXTERNAL, headers=bearer(site))
    assert (told.json or {})["Decision"] == "Denied"


def test_silence_is_a_denial(tmp_path: Path) -> None:
    site = open_site(tmp_path, DashboardSettings(access_deadline_ms=300))
    answer = site.visitor().post("/api/access/requests", json=BODY, headers=bearer(site))
    assert answer.json == {
        "verdict": "deny",
        "reasons": ["other", "no answer came in time"],
        "event": None,
        "expires_at": None,
    }


def test_a_database_that_is_away_is_a_denial(tmp_path: Path) -> None:
    site = open_site(tmp_path, lock_timeout_ms=100)
    headers = bearer(site)
    with writing(site.desk.engine):
        answer = site.visitor().post("/api/access/requests", json=BODY, headers=headers)
    assert (answer.status_code, answer.json) == (200, UNRECORDED)


@pytest.mark.parametrize(
    ("status", "change", "scopes", "words"),
    [
        (401, None, None, "bearer token"),
        (403, None, ("events:read",), "lacks the scope access:request"),
        (400, {"factors": "0451"}, ("access:request",), "factors: should be a valid array"),
        (400, {"factors": [{"kind": "badge", "value": ""}]}, ("access:request",), "factors[0].value"),
        (404, {"door": "frnt"}, ("access:request",), "no door is called 'frnt'"),
    ],
)
def test_what_cannot_be_asked_is_a_problem_that_says_why(
    site: DashboardSite, status: int, change: dict[str, Any] | None, scopes: tuple[str, ...] | None, words: str
) -> None:
    headers = {} if scopes is None else bearer(site, *scopes)
    answer = site.visitor().post("/api/access/requests", json=BODY | (change or {}), headers=headers)
    assert (answer.status_code, answer.mimetype) == (status, "application/problem+json")
    assert answer.json is not None
    assert words in answer.json["detail"]
    assert "0451" not in answer.text


def test_no_json_is_a_bad_request_and_a_session_is_no_token(site: DashboardSite) -> None:
    assert site.visitor().post("/api/access/requests", data="x", headers=bearer(site)).status_code == 400
    assert site.user().post("/api/access/requests", json=BODY).status_code == 403
