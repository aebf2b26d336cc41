"""The event list, one event, the stream of new ones, and pictures."""

from __future__ import annotations

import re
from collections.abc import Generator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from dashboard_site import DashboardSite, now_decision, open_site
from flask.testing import FlaskClient
from ledger_samples import JPEG, decision, observation, shot

from surveillance.dashboard import DashboardSettings
from surveillance.dashboard.clock import moment
from surveillance.dashboard.wording import joined_by, reason_in_short, reasons, title, value_words
from surveillance.domain.geometry import Box
from surveillance.domain.values import Clause, Judged


@pytest.fixture
def site(tmp_path: Path) -> DashboardSite:
    return open_site(tmp_path)


def ids_on(page: str) -> list[str]:
    return re.findall(r'id="event-([^"]+)"', page)


def test_an_empty_list_says_what_to_do(site: DashboardSite) -> None:
    inbox = site.user().get("/events").text
    everything = site.user().get("/events?view=all").text
    assert "Nothing waits for you" in inbox
    assert "Nothing has happened yet" in everything
    assert ids_on(inbox) == ids_on(everything) == []


def test_the_list_shows_the_newest_first_and_pages_backwards(tmp_path: Path) -> None:
    site = open_site(tmp_path, DashboardSettings(page_size=2))
    made = [site.record(now_decision()) for _ in range(5)]
    user, link, seen = site.user(), "/events", []
    while link:
        page = user.get(link).text
        seen.append(ids_on(page))
        older = re.search(r'id="older" href="([^"]+)"', page)
        link = older[1].replace("&amp;", "&") if older else ""
    assert seen == [[made[4], made[3]], [made[2], made[1]], [made[0]]]


def test_filters_are_a_url(site: DashboardSite) -> None:
    alert = site.record(now_decision())
    denied = site.record(now_decision(kind="access.denied", verdict="deny", camera="gate", door="front", label=None))
    old = site.record(decision(at=datetime.now(UTC) - timedelta(days=2), label="vehicle"))
    user = site.user()
    found = {
        query: ids_on(user.get(f"/events?{query}").text)
        for query in (
            "verdict=alert",
            "view=all&verdict=deny",
            "camera=gate",
            "label=vehicle",
            "since=24h",
            "view=all&kind=access.",
            "rule=x",
        )
    }
    assert found == {
        "verdict=alert": [alert, old],
        "view=all&verdict=deny": [denied],
        "camera=gate": [denied],
        "label=vehicle": [old],
        "since=24h": [denied, alert],
        "view=all&kind=access.": [denied],
        "rule=x": [],
    }
    assert "Nothing matches" in user.get("/events?rule=x").text


def test_sign_ins_are_listed_only_when_asked_for(site: DashboardSite) -> None:
    user = site.user()
    assert ids_on(user.get("/events?view=all").text) == []
    assert "User signed in" in user.get("/events?view=all&kind=user.").text


def test_an_event_page_shows_picture_reasons_and_every_clause(site: DashboardSite) -> None:
    clause = Clause(
        'label == "person" and not schedule("office")',
        True,
        "",
        (
            Clause('label == "person"', True, 'label = "person"'),
            Clause(
                'not schedule("office")', True, "", (Clause('schedule("office")', False, 'schedule("office") = no'),)
            ),
        ),
    )
    judged = (Judged("night-yard", "alert", True, clause), Judged("other-rule", "alert", None, clause, "shadow"))
    made = now_decision(judged=judged, facts={"dwell_s": 4.25, "zones": ["yard"], "people": None})
    site.record(made, shot())
    page = site.user().get(f"/events/{made.id}").text
    assert f'src="/evidence/{made.id}.jpg"' in page
    assert '<rect class="box" x="240.0" y="180.0" width="320.0" height="630.0"/>' in page
    assert page.count("schedule(&#34;office&#34;) = no") == 2
    assert re.search(r"<strong>night-yard</strong>.*?decided", page, re.S)
    for words in ("a person stood in the yard", "unknown: ", "4.25", "version 4", "Track"):
        assert words in page


def test_the_path_is_that_of_this_visit_only(site: DashboardSite) -> None:
    made = now_decision(track=3)
    steps = [("appeared", -90, 0.9), ("appeared", -4, 0.2), ("heartbeat", -2, 0.3)]
    for change, offset_s, left in steps:
        at = made.at + timedelta(seconds=offset_s)
        box = Box(left, 0.2, left + 0.1, 0.5)
        site.desk.ledger([(observation(track=3, at=at, change=change, box=box), ())])
    entry = observation(track=3, at=made.at, box=Box(0.4, 0.2, 0.5, 0.6), shot=shot())
    site.desk.ledger([(entry, (made,))])
    later = observation(track=3, at=made.at + timedelta(seconds=60), change="appeared", box=Box(0.0, 0.0, 0.1, 0.1))
    site.desk.ledger([(later, ())])
    page = site.user().get(f"/events/{made.id}").text
    assert '<polyline class="path" points="400.0,450.0 560.0,450.0 720.0,540.0"/>' in page


def test_json_is_the_record(site: DashboardSite) -> None:
    made = now_decision()
    site.record(made)
    user = site.user()
    listed: Any = user.get("/api/events").json
    one: Any = user.get(f"/api/events/{made.id}").json
    assert listed["older"] is None
    assert listed["events"][0]["id"] == one["id"] == made.id
    assert one["judged"] == [judged.as_json() for judged in made.judged]
    assert one["rulebook_version"] == 4


def test_unknown_things_are_404_in_their_own_form(site: DashboardSite) -> None:
    user = site.user()
    page, data = user.get("/events/nope"), user.get("/api/events/nope")
    assert (page.status_code, "No event has this id" in page.text) == (404, True)
    assert (data.status_code, data.mimetype) == (404, "application/problem+json")
    assert user.get("/events?before=nonsense").status_code == 400


@pytest.mark.parametrize("name", ["../keys/sessions", "..%2Fsite.db", "x.jpg", "%2Fetc%2Fpasswd", "a" * 300])
def test_pictures_come_from_their_folder_only(site: DashboardSite, name: str) -> None:
    assert site.user().get(f"/evidence/{name}").status_code == 404


def test_a_picture_is_served_as_it_was_kept_and_missed_when_gone(site: DashboardSite) -> None:
    made = now_decision()
    site.record(made, shot())
    user = site.user()
    answer = user.get(f"/evidence/{made.id}.jpg")
    assert (answer.data, answer.mimetype) == (JPEG, "image/jpeg")
    answer.close()
    site.desk.evidence.path(f"{made.id}.jpg").unlink()
    assert "The picture is no longer kept" in user.get(f"/events/{made.id}").text
    assert user.get(f"/evidence/{made.id}.jpg").status_code == 404


# --- the stream ----------------------------------------------------------------------------------------------------


def messages(user: FlaskClient, url: str, **more: Any) -> Generator[str, None, None]:
    answer = user.get(url, **more)
    assert answer.mimetype == "text/event-stream"
    try:
        for part in answer.iter_encoded():
            yield part.decode()
    finally:
        answer.close()


def test_the_stream_brings_what_matches_and_counts_what_does_not(site: DashboardSite) -> None:
    user = site.user()
    seq = site.services.events.last_seq()
    alert = site.record(now_decision())
    site.record(now_decision(verdict="log", kind="sighting.logged"))
    stream = messages(user, f"/events/stream?verdict=alert&after={seq}")
    first, second = next(stream), next(stream)
    assert first.startswith(f"id: {seq + 1}\ndata: <li")
    assert f'id="event-{alert}"' in first
    assert second == f"id: {seq + 2}\n\n"
    late = site.record(now_decision())
    assert f'id="event-{late}"' in next(part for part in stream if "data:" in part)
    stream.close()


def test_a_browser_that_comes_back_misses_nothing(site: DashboardSite) -> None:
    user = site.user()
    made = [site.record(now_decision()) for _ in range(3)]
    seq = site.services.events.last_seq() - 2
    stream = messages(user, "/events/stream?after=0", headers={"Last-Event-ID": str(seq)})
    assert [ids_on(next(stream)) for _ in range(2)] == [[made[1]], [made[2]]]
    stream.close()


def test_streams_are_bounded_and_given_back(tmp_path: Path) -> None:
    site = open_site(tmp_path, DashboardSettings(max_streams=1, stream_poll_s=0.02))
    user = site.user()
    first = user.get("/events/stream")
    assert user.get("/events/stream").status_code == 503
    first.close()
    again = user.get("/events/stream")
    assert again.status_code == 200
    again.close()


def test_a_stream_ends_by_itself(tmp_path: Path) -> None:
    site = open_site(tmp_path, DashboardSettings(stream_minutes=0.0001, stream_poll_s=0.01))
    seq = site.services.events.last_seq() + 1  # the sign-in itself
    assert list(messages(site.user(), "/events/stream")) == [f"id: {seq}\n\n"]


# --- words ---------------------------------------------------------------------------------------------------------


def test_titles() -> None:
    event = {
        "kind": "sighting.alerted",
        "label": "person",
        "zones": ["gate", "yard"],
        "identity": None,
        "door": "front",
        "details": {},
    }
    assert title(event) == "Person in gate, yard"
    assert title(event | {"zones": []}) == "Person seen"
    assert title(event | {"kind": "access.denied"}) == "Somebody unknown at front"
    assert title(event | {"kind": "access.granted", "identity": "Ada"}) == "Ada at front"
    assert title(event | {"kind": "camera.lost", "camera": "yard"}) == "Camera lost: yard"
    changed = {"kind": "configuration.mode_changed", "details": {"mode": "armed", "before": "disarmed"}}
    assert title(event | changed) == "Arming mode changed: armed"
    assert title(event | {"kind": "health.degraded"}) == "Something fails"


def test_reasons_read_as_sentences() -> None:
    event = {
        "kind": "access.denied",
        "rule": "x",
        "reasons": ["credential_expired", "other", "deny rule x was true: people = 2"],
    }
    assert reasons(event) == ["The credential has expired.", "deny rule x was true: people = 2"]
    assert reason_in_short(event) == "The credential has expired."
    assert reason_in_short(event | {"reasons": ["unauthorized", "no rule was true"]}) == "no rule was true"
    assert reason_in_short(event | {"reasons": ["unauthorized"]}) == "Not authorized."
    assert reason_in_short(event | {"reasons": ["x: people = 1"]}) == "people = 1"
    assert reason_in_short({"kind": "sighting.logged", "reasons": ["a = 1", "b = 2"]}) == "a = 1, b = 2"


def test_clauses_say_how_they_join_and_values_read_short() -> None:
    assert [joined_by(text) for text in ("a and b", "(a or b)", "not a", "a == 1", "a ==")] == [
        "all of",
        "any of",
        "",
        "",
        "",
    ]
    assert [value_words(value) for value in (None, True, 4.25, 2.0, ["a", "b"], [], {"x": 1.5}, "")] == [
        *("unknown", "yes", "4.25", "2", "a, b", "none", "x 1.5", "none"),
    ]


def test_times_are_told_in_the_site_zone(site: DashboardSite) -> None:
    with site.app.app_context():
        from surveillance.dashboard.clock import site_zone

        zone = site_zone(site.services)
    told = moment("2026-07-01T22:30:05.250Z", zone)
    assert (told.clock, told.day, told.full) == ("00:30:05", "Thu 2 Jul 2026", "Thu 2 Jul 2026, 00:30:05 CEST")
