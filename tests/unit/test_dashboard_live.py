"""The live pages and the stream behind them: pictures as they come, states in words, and only what one may see."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from dashboard_site import NAME, PASSWORD, SITE, DashboardSite, now_decision, open_site, sign_in
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from surveillance.dashboard import DashboardSettings, live
from surveillance.domain.permissions import Reach

BOTH = "/live/stream?camera=front&camera=gate"
LOST = {"state": "lost", "since": "2026-11-21T12:00:05.000Z", "reason": "no route to host", "fps": 0.0}


@pytest.fixture
def site(tmp_path: Path) -> DashboardSite:
    return open_site(tmp_path)


def narrow(site: DashboardSite, reach: Reach) -> None:
    """Whoever asks from now on reaches only that."""
    site.services.accounts.add("root", "administrator", PASSWORD)
    site.services.accounts.set(NAME, "root", "guard", reach)


def show(site: DashboardSite, camera: str, **facts: Any) -> None:
    site.services.live.watch(camera, "tile")
    site.live.show(camera, lambda: {"camera": camera, **facts}, lambda size: f"{size} of {camera}".encode())


def told(answer: TestResponse, count: int) -> list[tuple[dict[str, Any], bytes]]:
    """The next messages of a stream, beats that say nothing left out."""
    found: list[tuple[dict[str, Any], bytes]] = []
    parts: Iterator[bytes] = answer.iter_encoded()
    while len(found) < count:
        part = next(parts)
        words, size = struct.unpack_from(">II", part)
        assert len(part) == 8 + words + size
        message = json.loads(part[8 : 8 + words])
        if message.get("status") != {}:
            found.append((message, part[8 + words :]))
    return found


def test_the_grid_shows_the_cameras_that_one_may_see(site: DashboardSite) -> None:
    site.applied["cameras"] = {"front": {"state": "live", "reason": "", "fps": 4.9}, "gate": LOST}
    page = site.user().get("/live").text
    assert [name for name in ("front", "gate") if f'data-camera="{name}"' in page] == ["front", "gate"]
    assert 'href="/cameras/front/live"' in page
    assert ">Live</a>" in page
    assert ("Lost" in page, "hidden@" in page) == (True, False)


def test_a_narrow_reach_is_another_site(site: DashboardSite) -> None:
    narrow(site, Reach(frozenset({"gate"})))
    client = site.user()
    page = client.get("/live").text
    assert ('data-camera="gate"' in page, 'data-camera="front"' in page) == (True, False)
    statuses = {
        path: client.get(path).status_code
        for path in ("/cameras/gate/live", "/cameras/front/live", BOTH, "/live/stream?camera=front")
    }
    assert statuses == {
        "/cameras/gate/live": 200,
        "/cameras/front/live": 404,
        BOTH: 404,
        "/live/stream?camera=front": 404,
    }


def test_one_camera_names_its_neighbors(site: DashboardSite) -> None:
    page = site.user().get("/cameras/front/live").text
    assert page.count('href="/cameras/gate/live"') == 2
    assert 'data-size="full"' in page


def test_pictures_come_with_their_facts_and_each_only_once(site: DashboardSite) -> None:
    user = site.user()
    show(site, "front", number=7)  # it is shown for three seconds
    with user.get(BOTH) as answer:
        assert answer.mimetype == "application/octet-stream"
        (status, nothing), (facts, jpeg) = told(answer, 2)
        assert (set(status["status"]), nothing) == ({"front", "gate"}, b"")
        assert (facts, jpeg) == ({"camera": "front", "number": 7}, b"tile of front")
        show(site, "gate", number=1)
        show(site, "front", number=8)
        assert sorted(facts["number"] for facts, _ in told(answer, 2)) == [1, 8]


def test_a_stream_asks_the_workers_for_its_size_only(site: DashboardSite) -> None:
    with site.user().get("/live/stream?camera=front&size=full") as answer:
        told(answer, 1)
    asked = {(name, size) for name in ("front", "gate") for size in live.SIZES if site.live.is_watched(name, size)}
    assert asked == {("front", "full")}


def test_a_state_is_told_when_it_changes_with_since_when(site: DashboardSite, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "BEAT_S", 0.0)
    site.applied["cameras"] = {"front": {"state": "live", "since": "2026-11-21T11:00:00.000Z", "reason": ""}}
    with site.user().get("/live/stream?camera=front") as answer:
        [(first, _)] = told(answer, 1)
        site.applied["cameras"] = {"front": LOST}
        [(second, _)] = told(answer, 1)
    assert first["status"]["front"]["note"] == ""
    assert second["status"]["front"]["note"] == "Lost since 13:00:05: no route to host"  # Europe/Berlin
    assert "Lost" in second["status"]["front"]["html"]


def test_an_event_marks_its_camera_for_ten_seconds(site: DashboardSite, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "BEAT_S", 0.0)
    with site.user().get(BOTH) as answer:
        told(answer, 1)
        made = site.record(now_decision(camera="gate"))
        [(marked, _)] = told(answer, 1)
        assert set(marked["status"]) == {"gate"}
        assert f'href="/events/{made}"' in marked["status"]["gate"]["html"]
        assert "Alert" in marked["status"]["gate"]["html"]
        monkeypatch.setattr(live, "RECENT", -live.RECENT)  # ten seconds later
        [(over, _)] = told(answer, 1)
        assert "Alert" not in over["status"]["gate"]["html"]


def test_an_event_of_a_door_out_of_reach_marks_nothing(site: DashboardSite) -> None:
    narrow(site, Reach(frozenset({"front"}), frozenset()))
    site.record(now_decision(kind="access.denied", verdict="deny", door="front"))
    with site.user().get("/live/stream?camera=front") as answer:
        [(status, _)] = told(answer, 1)
    assert "Denied" not in status["status"]["front"]["html"]


def test_watching_is_on_record_once(site: DashboardSite) -> None:
    user = site.user()
    for _ in range(2):
        user.get(BOTH).close()
    views = [event["details"] for event in site.services.events.after(0) if event["kind"] == "user.viewed"]
    assert [(view["actor"], view["thing"], view["name"]) for view in views] == [
        (NAME, "camera", "front"),
        (NAME, "camera", "gate"),
    ]


def test_a_closed_page_gives_its_place_to_the_next(tmp_path: Path) -> None:
    user = open_site(tmp_path, DashboardSettings(max_streams=1)).user()
    answer = user.get(BOTH)
    told(answer, 1)
    assert user.get(BOTH).status_code == 503
    answer.close()
    again = user.get(BOTH)
    assert again.status_code == 200
    again.close()


def test_after_a_minute_the_page_has_to_ask_again(site: DashboardSite, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "STREAM_S", 0.0)
    assert site.user().get(BOTH).data == b""


@pytest.mark.parametrize("query", ["", "?camera=front&size=huge"])
def test_a_stream_of_nothing_is_refused(query: str, site: DashboardSite) -> None:
    assert site.user().get(f"/live/stream{query}").status_code == 400


def test_without_a_session_a_stream_is_refused_and_not_redirected(site: DashboardSite) -> None:
    client: FlaskClient = site.visitor()
    assert client.get(BOTH, headers={"Accept": "application/octet-stream"}).status_code == 401


def test_a_camera_that_is_switched_off_is_not_in_the_grid(tmp_path: Path) -> None:
    front, gate = SITE.cameras
    page = open_site(tmp_path, site=replace(SITE, cameras=(front, replace(gate, enabled=False)))).user().get("/live")
    assert ('data-camera="front"' in page.text, 'data-camera="gate"' in page.text) == (True, False)


@pytest.mark.parametrize("path", ["/live/stream?camera=front", "/events/stream"])
@pytest.mark.parametrize("what", ["session", "account", "reach"])
def test_an_open_stream_ends_with_its_session(
    path: str, what: str, site: DashboardSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("surveillance.dashboard.guards.LOOK_AGAIN_S", 0.1)
    site.services.accounts.add("bob", "guard", "correct horse")
    bob = site.visitor()
    sign_in(bob, "bob")
    [user] = [known for known in site.services.accounts.list_users() if known.name == "bob"]
    with bob.get(path) as answer:
        assert next(iter(answer.response))
        if what == "session":
            site.services.sessions.end_all(user.id, "ada")
        elif what == "account":
            site.services.accounts.set_enabled("bob", False, "ada")
        else:
            site.services.accounts.set("bob", "ada", reach=Reach(frozenset(), frozenset()))
        for _ in answer.response:  # ends by itself, long before its minute is over
            pass
    status = bob.get("/events").status_code
    assert status == (200 if what == "reach" else 302)
